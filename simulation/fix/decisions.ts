/**
 * How long a Logon takes, from when it reaches the edge: until it is decided, which is when the session is that edge's or the
 * Logon is refused, and until it is answered.
 */
import { partsOf } from '../../adapters/keys.ts';
import type { LiveSession } from '../../core/sessions/model.ts';
import { FixMessage } from '../../local/fix-client.ts';
import type { Host } from '../host.ts';
import type { Process } from '../process.ts';
import type { Item } from '../store/expressions.ts';
import { TABLES } from '../wiring.ts';
import type { World } from '../world.ts';
import type { SimSocket } from './socket.ts';

/** By `duplicate_logon`. */
const DECIDED_WITHIN_MS = 4_000;
/** Where the edge that has it does not even acknowledge. */
const UNHEARD_WITHIN_MS = 1_000;
/**
 * Decided, and brought from the edge whose journal has it, since the Logon came, or that edge or the one where its client was on came
 * or went last, whichever was later…
 */
const ANSWERED_WITHIN_MS = 4_000;
/** …or so long after it was decided, where that took its time. */
const BROUGHT_WITHIN_MS = 500;
/**
 * What looks and calls add, in ways of the weather. One after the other: five calls prove who it is, four find the session held, one is
 * under way when the other edge's second is over, two look at that edge, and three and a half take the session.
 */
const CALLS = 34;
/** What was under way when the last trouble ended has been tried again by then. */
const RECOVERED_MS = 4_000;
const END = /\x0110=\d{3}\x01/;

interface Pending {
  readonly host: Host;
  readonly process: Process;
  /** SenderCompID and SenderSubID. */
  readonly key: string;
  /** True time. */
  readonly at: number;
  /** The other edge that has it, if there is one. */
  readonly holder: Host | undefined;
  /** That one has heard nothing since. */
  deaf: boolean;
  /** The other edge whose journal has its state, if there is one. Its client may have left it in order. */
  readonly home: Host | undefined;
  /** True time since which the session is this edge's; undefined: it is not. */
  wonAt: number | undefined;
}

const keyOf = (sender: string | undefined, sub: string | undefined): string => `${sender ?? ''} ${sub ?? ''}`;

export class Decisions {
  readonly #world: World;
  readonly #pending = new Map<SimSocket, Pending>();
  /** Whether an edge hears others, and since when. */
  readonly #hearing = new Map<Host, { readonly hears: boolean; readonly since: number }>();
  /** The edge whose journal has a session's state, as the store says, by SenderCompID and SenderSubID. */
  readonly #homes = new Map<string, string>();
  readonly #came = new WeakMap<SimSocket, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The first bytes on a connection. */
  came(host: Host, socket: SimSocket, bytes: Buffer): void {
    const { hosts, scheduler, oracle } = this.#world;
    const { process } = host;
    const text = bytes.toString('latin1');
    const end = END.exec(text);
    if (end === null || process === undefined) return;
    const logon = new FixMessage(text.slice(0, end.index + end[0].length));
    const key = keyOf(logon.get(49), logon.get(50));
    const holder = oracle.holderOf(key);
    const otherOf = (edge: string | undefined): Host | undefined =>
      hosts.find(({ name }) => name === edge && name !== host.name);
    const other = otherOf(holder?.edge_id);
    const home = otherOf(this.#homes.get(key));
    const deaf = other !== undefined && !this.#hears(other);
    const at = scheduler.now;
    this.#came.set(socket, at);
    this.#pending.set(socket, { host, process, key, at, holder: other, home, deaf, wonAt: undefined });
  }

  /** What the store has. */
  written(table: string, sk: string, item: Item | undefined): void {
    if (table !== TABLES.sessions || item?.home?.S === undefined) return;
    const [kind, _beginString, sender, sub] = partsOf(sk);
    if (kind === 'FIX') this.#homes.set(keyOf(sender, sub), item.home.S);
  }

  /** @returns when the Logon of this connection came */
  since(socket: SimSocket): number | undefined {
    return this.#came.get(socket);
  }

  /** Something is said on it, or it is over. */
  done(socket: SimSocket): void {
    this.#pending.delete(socket);
  }

  /** The store says whose the session is. */
  taken({ key, edge_id }: LiveSession): void {
    const name = keyOf(key.sender_comp_id, key.sender_sub_id);
    for (const [socket, pending] of this.#pending) {
      if (pending.key !== name) continue;
      if (pending.host.name === edge_id) pending.wonAt = this.#world.scheduler.now;
      // Decided for another, which has its time from now on.
      else this.#pending.delete(socket);
    }
  }

  #hears({ name, process }: Host): boolean {
    return process?.alive === true && !process.stopped && !this.#world.network.cut.has(name);
  }

  step(): void {
    const { hosts, scheduler, detainedUntil } = this.#world;
    const { now } = scheduler;
    for (const host of hosts) {
      const hears = this.#hears(host);
      if (this.#hearing.get(host)?.hears !== hears) this.#hearing.set(host, { hears, since: now });
    }
    for (const [socket, pending] of this.#pending) {
      const { host, process, at } = pending;
      const detained = Math.max(detainedUntil, host.detainedUntil, process.stoodStillUntil);
      if (!process.alive || at <= detained + RECOVERED_MS) this.#pending.delete(socket);
      else this.#look(pending, now);
    }
  }

  #look(pending: Pending, now: number): void {
    const { holder, home, wonAt, host, key, at } = pending;
    const won = wonAt !== undefined;
    const extra = CALLS * this.#world.plan.weather.delay[1];
    const within = (most: number, what: string, since: number = at): void => {
      const ms = now - since;
      if (ms <= most + extra) return;
      const text = `the Logon of ${key} at ${host.name} has not been ${what} for ${ms.toFixed(0)} ms, ${(most + extra).toFixed(0)} are allowed`;
      this.#world.fail('decision', text);
    };
    if (holder !== undefined && this.#hears(holder)) pending.deaf = false;
    if (pending.deaf && !won) within(UNHEARD_WITHIN_MS, `decided, and ${holder?.name} does not acknowledge,`);
    if (!won) within(DECIDED_WITHIN_MS, 'decided');
    const changed = [holder, home].map((edge) => (edge && this.#hearing.get(edge)?.since) ?? at);
    const brought = won ? wonAt + BROUGHT_WITHIN_MS - ANSWERED_WITHIN_MS : at;
    within(ANSWERED_WITHIN_MS, 'answered', Math.max(at, brought, ...changed));
  }
}
