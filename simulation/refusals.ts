/**
 * What a client is told whose Logon an edge refuses: that has to be a text of the product's own, and it has to be so. And nobody gets on
 * whom the edge cannot have asked the store about.
 */
import type { User } from '../core/credentials/model.ts';
import { DEFAULT_TIERS } from '../core/limits/model.ts';
import type { FixSessionKey, LiveSession } from '../core/sessions/model.ts';
import type { Host } from './host.ts';
import type { Item } from './store/expressions.ts';
import { TABLES } from './wiring.ts';
import type { World } from './world.ts';

/** What was under way when the last trouble ended has been tried again by then. */
const RECOVERED_MS = 4_000;
/** So long after an edge died its journal may be out of reach: until it is declared dead, and whoever waits for that is answered. */
const DEAD_MS = 14_000;
/** An edge that stood still, or was cut off, hears of an admin's act so late. */
const HEARD_MS = 20_000;
/** A Logon that has waited for so long for others before it is refused as if the store were away. */
const WAITED_MS = 5_500;
/** A clock of an edge that is read, and a text's milliseconds. */
const CLOCK_MS = 15;

/** A Logon that is refused by a Logout. */
export interface Refused {
  readonly host: Host;
  readonly key: Pick<FixSessionKey, 'sender_comp_id' | 'sender_sub_id'>;
  /** True time at which it reached the edge. */
  readonly since: number;
  readonly text: string;
}

/** One that has had a FIX session by the rows of the store. */
interface Holder {
  readonly session: LiveSession;
  readonly from: number;
  until: number;
}

/** A text, and whether it is so. */
interface Reason {
  readonly text: RegExp;
  fits(refusals: Refusals, refused: Refused, said: RegExpExecArray): boolean;
}

/** What is not here is no text of the product's own. Passwords, names and addresses of all clients are right. */
const REASONS: readonly Reason[] = [
  {
    text: /^Logon refused: credential suspended$/,
    fits: (all, refused) => all.was(`suspended ${all.userOf(refused)}`, refused),
  },
  { text: /^(Logon refused: )?Locked: simulated$/, fits: (all, refused) => all.wasLocked(refused) },
  { text: /^simulated$/, fits: (all, refused) => all.was(`acted on ${all.userOf(refused)}`, refused) },
  {
    text: /^No more than \d+ sessions are allowed now$/,
    fits: (all, refused) => all.was(`acted on ${all.userOf(refused)}`, refused),
  },
  {
    text: /^Logon refused: session limit reached \(\d+ at once\)$/,
    fits: (all, refused) => all.was(`full ${all.userOf(refused)}`, refused),
  },
  { text: /^Logon refused: session in use$|^Another Logon took this session over$/, fits: (all, r) => all.wasHeld(r) },
  {
    text: /^Logon refused: another gateway still has this session, try again$/,
    fits: (all, refused) => refused.since < all.unreachedUntil(),
  },
  { text: /^Service temporarily unavailable, try again$/, fits: (all, refused) => all.mayBeUnavailable(refused) },
  { text: /^Gateway is (going|shutting) down, log on again$/, fits: (_all, { host }) => host.draining !== undefined },
  {
    text: /^This gateway has lost its sessions, log on again$/,
    fits: (all, refused) => all.was(`lost ${refused.host.name}`, refused),
  },
  {
    text: /^Outside of session hours, the next session begins at (.*)$/,
    fits: (all, refused, [, opens = '']) => all.isClosed(refused, opens),
  },
  { text: /^MsgSeqNum too low, expecting (\d+) but received \d+$/, fits: (all, r, [, next]) => all.isTooLow(r, next) },
  { text: /^NextExpectedMsgSeqNum \(789\) is wrong, next to send is \d+ but/, fits: (all) => all.beginsAnew },
  { text: /^Logon refused: SenderCompID, TargetCompID, password or address not accepted$/, fits: () => false },
];

export class Refusals {
  readonly #world: World;
  /** True time until which something was so; infinity: it is. */
  readonly #until = new Map<string, number>();
  readonly #tiers = new Map<string, string>();
  readonly #slots = new Map<string, Set<string>>();
  readonly #holders = new Map<string, Holder[]>();
  /** Edges that cannot reach the store, and since when. */
  readonly #cutSince = new Map<string, number>();
  readonly #incarnations = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  get #now(): number {
    return this.#world.scheduler.now;
  }

  // What is so, by the rows of the store

  written(table: string, pk: string, sk: string, item: Item | undefined): void {
    const user = pk.slice('U#'.length);
    if (table === TABLES.policy && pk === 'LOCKS') this.#note(`locked ${sk}`, item !== undefined);
    else if (table === TABLES.credentials && sk === 'META' && item?.user?.S !== undefined)
      this.#account(user, item.user.S);
    else if (table === TABLES.credentials && sk === 'CRED' && item?.credential?.S !== undefined)
      this.#credential(item.credential.S);
    else if (table === TABLES.sessions && pk.startsWith('EDGES') && item?.incarnation?.N !== undefined)
      this.#edge(sk, Number(item.incarnation.N), item.state?.S ?? '');
    else if (table === TABLES.sessions && sk.startsWith('SLOT#')) this.#slot(user, sk, item);
    else if (table === TABLES.sessions && sk.startsWith('KEY#')) this.#holder(`${pk} ${sk}`, item);
  }

  #note(what: string, is: boolean): void {
    if (is) this.#until.set(what, Number.POSITIVE_INFINITY);
    else if (this.#until.get(what) === Number.POSITIVE_INFINITY) this.#until.set(what, this.#now);
  }

  #edge(name: string, incarnation: number, state: string): void {
    const what = `lost ${name}`;
    if (incarnation > (this.#incarnations.get(name) ?? incarnation)) this.#until.set(what, this.#now);
    this.#incarnations.set(name, incarnation);
    this.#note(what, state === 'dead' || state === 'stopped');
  }

  #account(id: string, row: string): void {
    const { tier, lock } = JSON.parse(row) as User;
    this.#note(`locked user:${id}`, lock !== undefined);
    const before = this.#tiers.get(id);
    if (before !== undefined && before !== tier) this.#note(`${id} of ${before}`, false);
    this.#tiers.set(id, tier);
    this.#note(`${id} of ${tier}`, true);
    this.#room(id);
  }

  #credential(row: string): void {
    const { user_id, status } = JSON.parse(row) as { readonly user_id: string; readonly status: string };
    this.#note(`suspended ${user_id}`, status !== 'active');
  }

  #slot(user: string, sk: string, item: Item | undefined): void {
    const slots = this.#slots.get(user) ?? new Set();
    this.#slots.set(user, slots);
    if (item === undefined) slots.delete(sk);
    else slots.add(sk);
    this.#room(user);
  }

  #room(user: string): void {
    const own = this.#world.plan.users.find(({ user_id }) => user_id === user)?.max_sessions ?? 0;
    const tier = DEFAULT_TIERS.find(({ name }) => name === this.#tiers.get(user))?.max_sessions ?? 0;
    this.#note(`full ${user}`, (this.#slots.get(user)?.size ?? 0) >= Math.min(own, tier));
  }

  #holder(row: string, item: Item | undefined): void {
    const holders = this.#holders.get(row) ?? [];
    this.#holders.set(row, holders);
    const last = holders.at(-1);
    const session = item?.session?.S === undefined ? undefined : (JSON.parse(item.session.S) as LiveSession);
    if (last?.session.session_id === session?.session_id) return;
    if (last !== undefined) last.until = Math.min(last.until, this.#now);
    if (session !== undefined) holders.push({ session, from: this.#now, until: Number.POSITIVE_INFINITY });
  }

  /** An admin's act on this user is under way. @returns called when it is done */
  acts(user: string): () => void {
    this.#note(`acted on ${user}`, true);
    return () => this.#until.set(`acted on ${user}`, this.#now + HEARD_MS);
  }

  step(): void {
    const { network, hosts } = this.#world;
    for (const { name } of hosts) {
      if (!network.away && !network.cut.has(name)) this.#cutSince.delete(name);
      else if (!this.#cutSince.has(name)) this.#cutSince.set(name, this.#now);
    }
  }

  // What is said

  refused(refused: Refused): void {
    const { host, key, since, text } = refused;
    const who = `the Logon of ${key.sender_comp_id}/${key.sender_sub_id} at ${host.name}`;
    for (const reason of REASONS) {
      const said = reason.text.exec(text);
      if (said === null) continue;
      if (!reason.fits(this, refused, said))
        this.#fail(
          `${who}, which came ${(this.#now - since).toFixed(0)} ms ago, is refused by "${text}", and it is not so`,
        );
      return;
    }
    this.#fail(`${who} is refused by ${text === '' ? 'a Logout without a Text' : `"${text}", which nothing explains`}`);
  }

  /** A Logon that reached the edge at `since` is answered. */
  accepted(edge: string, since: number): void {
    const cut = this.#cutSince.get(edge);
    if (cut !== undefined && cut < since)
      this.#fail(`a Logon gets on at ${edge}, which has not reached the store for ${(this.#now - cut).toFixed(0)} ms`);
  }

  #fail(text: string): void {
    this.#world.fail('refusal', text);
  }

  // Whether it is so

  /** At some time since the Logon came. */
  was(what: string, { since }: Refused): boolean {
    return (this.#until.get(what) ?? 0) >= since;
  }

  userOf({ key }: Refused): string {
    const { clients } = this.#world;
    return clients.find(({ account }) => account.sender_comp_id === key.sender_comp_id)?.account.user_id ?? '';
  }

  wasLocked(refused: Refused): boolean {
    const user = this.userOf(refused);
    const tier = ({ name }: { readonly name: string }): boolean =>
      this.was(`${user} of ${name}`, refused) && this.was(`locked tier:${name}`, refused);
    return (
      this.was('locked everybody', refused) || this.was(`locked user:${user}`, refused) || DEFAULT_TIERS.some(tier)
    );
  }

  /** By another session than the one that this Logon may have begun. */
  wasHeld({ host, key, since }: Refused): boolean {
    const { sender_comp_id, sender_sub_id } = key;
    const all = [...this.#holders.values()].flat().filter(({ session, until }) => {
      const { key: held } = session;
      return held.sender_comp_id === sender_comp_id && held.sender_sub_id === sender_sub_id && until >= since;
    });
    return all.length > 1 || all.some(({ session, from }) => from < since || session.edge_id !== host.name);
  }

  /** True time until which some edge's journal, or the venue, may be out of reach. */
  unreachedUntil(): number {
    const { hosts, troubledUntil, detainedUntil } = this.#world;
    const until = hosts.map(({ process, changedAt, draining }) => {
      if (draining !== undefined) return Number.POSITIVE_INFINITY;
      const stood = (process?.stoodStillUntil ?? 0) + RECOVERED_MS;
      return Math.max(stood, changedAt + (process?.alive ? RECOVERED_MS : DEAD_MS));
    });
    return Math.max(troubledUntil + RECOVERED_MS, detainedUntil + RECOVERED_MS, ...until);
  }

  mayBeUnavailable(refused: Refused): boolean {
    const { host, since } = refused;
    const { troubledUntil } = this.#world;
    const stood = host.process?.stoodStillUntil ?? 0;
    if (troubledUntil > 0 && since < Math.max(troubledUntil, stood) + RECOVERED_MS) return true;
    return this.#now - since > WAITED_MS || this.was(`lost ${host.name}`, refused);
  }

  isClosed({ since }: Refused, opens: string): boolean {
    const { overAt, opensAt } = this.#world.plan.fix?.day ?? {};
    if (overAt === undefined || opensAt === undefined || Date.parse(opens) !== opensAt) return false;
    return since <= opensAt + CLOCK_MS && this.#now >= overAt - CLOCK_MS;
  }

  /** Numbers may begin anew in this run, and of which day they are is for others to see. */
  get beginsAnew(): boolean {
    return this.#world.plan.fix?.day !== undefined;
  }

  /** Its client knows of no message that the edge could be counting. */
  isTooLow({ key }: Refused, next = ''): boolean {
    return (
      this.beginsAnew || Number(next) <= (this.#world.traderOf(key.sender_comp_id, key.sender_sub_id)?.nextOut ?? 0)
    );
  }
}
