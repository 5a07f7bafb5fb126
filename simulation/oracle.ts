/**
 * What has to hold, looked at after every step with eyes that no part of the product has: true time, the store's rows as
 * they are, and every process at once. What it finds wrong ends the run.
 */
import { PARTITIONS } from '../adapters/dynamodb/edge-rows.ts';
import type { User } from '../core/credentials/model.ts';
import { CANCEL, type Kind, MESSAGE, ORDER } from '../core/limits/kinds.ts';
import { capacitiesOf, ratesOf } from '../core/limits/lease.ts';
import { DEFAULT_TIERS } from '../core/limits/model.ts';
import type { LiveSession } from '../core/sessions/model.ts';
import { START } from './scheduler.ts';
import type { Item } from './store/expressions.ts';
import { CALM, isRough } from './store/weather.ts';
import { TABLES } from './wiring.ts';
import type { World } from './world.ts';

/** Kills, locks and the like are in force on every edge within this, once nothing has been wrong for a while. */
const IN_FORCE_MS = 500;
/** Ways to the store and back that a change may have to wait for, beyond those that {@link IN_FORCE_MS} has room for. */
const CALLS = 12;
/** A dead edge's slots are free within this… */
const FREE_WITHIN_MS = 10_000;
/**
 * …and this many ways more, each of which may be the longest: its last heartbeat is still under way (1); a look at the edges, which is
 * two calls where rows are spread, is too early for it (3), the next shows it (4), one later is too early for the lease (4), the
 * next is not (4); the row is looked for in both places, behind a read for others (6); and it is written (1).
 */
const FREE_WAYS = 23;
const DRAINED_WITHIN_MS = 30_000;
/** A call that was under way when the last trouble ended may take so long: three tries, then the next look. */
const RECOVERY_MS = 4_000;

/** Where rows of edges may lie. */
const PLACES = ['EDGES', ...Array.from({ length: PARTITIONS }, (_, n) => `EDGES#${String(n).padStart(2, '0')}`)];

interface UserState {
  /** Its own; its tier may allow less. */
  readonly max: number;
  /** Sessions allowed now, and until when more may be there that had been allowed before. */
  allowed: number;
  lowered: { readonly from: number; readonly at: number } | undefined;
  epoch: number;
  assignment: number;
  /** Sessions of a lower epoch are to end… */
  endsBelow: number;
  /** …and have been since this true time. A change of tier raises the epoch and ends nobody. */
  endsAt: number;
  tier: string;
  tierAt: number;
  lockedAt: number | undefined;
  suspendedAt: number | undefined;
  readonly buckets: readonly Bucket[];
}

/** Admissions of one bucket of one user, held to what any window of time may hold: one comparison each. */
class Bucket {
  #rate = 0;
  #capacity = 0;
  #count = 0;
  #least = 0;

  /** From now on for the whole run the larger of what was and what is. @param rate per second */
  allow(rate: number, capacity: number, seconds: number): void {
    // Windows that began before are held to the larger rate, too: that can only let more pass.
    if (rate > this.#rate) this.#least = Math.min(0, this.#count - rate * seconds);
    this.#rate = Math.max(rate, this.#rate);
    this.#capacity = Math.max(capacity, this.#capacity);
  }

  get rate(): number {
    return this.#rate;
  }

  /** @returns by how much the fullest window that ends now holds more than `capacity + rate × Δ` */
  admit(seconds: number): number {
    const due = this.#count - this.#rate * seconds;
    this.#count += 1;
    this.#least = Math.min(this.#least, due);
    return due + 1 - this.#least - this.#capacity;
  }
}

export class Oracle {
  readonly #world: World;
  readonly #users = new Map<string, UserState>();
  /** Locks of tiers and of everybody, since when. */
  readonly #locks = new Map<string, number>();
  /** Sessions that others have taken over, since when. */
  readonly #superseded = new Map<string, number>();
  /** Incarnations of edges that the store calls dead, stopped or superseded, since when. */
  readonly #over = new Map<string, number>();
  /** By key of the row that says it. */
  readonly #keyHolders = new Map<string, LiveSession>();
  #unleased = false;
  admissions = 0;
  registrations = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get #now(): number {
    return this.#world.scheduler.now;
  }

  get #seconds(): number {
    return (this.#now - START) / 1000;
  }

  /** True time since which `what`, which happened then, can be expected to have got everywhere. */
  #known(what: number): number {
    return Math.max(what, this.#world.troubledUntil + RECOVERY_MS);
  }

  user(userId: string, max: number): void {
    const buckets = [new Bucket(), new Bucket(), new Bucket()];
    const state = {
      max,
      allowed: max,
      lowered: undefined,
      epoch: 0,
      assignment: 0,
      endsBelow: 0,
      endsAt: 0,
      tier: '',
      tierAt: 0,
      lockedAt: undefined,
      suspendedAt: undefined,
    };
    this.#users.set(userId, { ...state, buckets });
  }

  // What the store has

  written(table: string, pk: string, sk: string, item: Item | undefined): void {
    if (table === TABLES.credentials && sk === 'META') this.#account(pk, item);
    else if (table === TABLES.credentials && sk === 'CRED') this.#credential(item);
    else if (table === TABLES.policy && pk === 'LOCKS') this.#lock(sk, item);
    else if (table === TABLES.sessions && PLACES.includes(pk)) this.#edgeRow(sk, item);
    else if (table === TABLES.sessions && sk.startsWith('KEY#')) this.#keyRow(`${pk} ${sk}`, item);
  }

  #account(pk: string, item: Item | undefined): void {
    const state = this.#users.get(pk.slice('U#'.length));
    if (state === undefined || item?.user?.S === undefined) return;
    const { epoch, tier, tier_assignment, lock } = JSON.parse(item.user.S) as User;
    const assigned = tier_assignment !== state.assignment;
    if (epoch !== state.epoch && !assigned) Object.assign(state, { endsBelow: epoch, endsAt: this.#now });
    Object.assign(state, { epoch, assignment: tier_assignment });
    if (tier !== state.tier) {
      Object.assign(state, { tier, tierAt: this.#now });
      this.#allow(state);
      this.#room(state);
    }
    state.lockedAt = lock === undefined ? undefined : (state.lockedAt ?? this.#now);
  }

  #credential(item: Item | undefined): void {
    const { user_id, status } = JSON.parse(item?.credential?.S ?? '{}') as { user_id: string; status: string };
    const state = this.#users.get(user_id);
    if (state !== undefined) state.suspendedAt = status === 'active' ? undefined : (state.suspendedAt ?? this.#now);
  }

  #lock(name: string, item: Item | undefined): void {
    if (item === undefined) this.#locks.delete(name);
    else if (!this.#locks.has(name)) this.#locks.set(name, this.#now);
  }

  #edgeRow(edgeId: string, item: Item | undefined): void {
    const incarnation = Number(item?.incarnation?.N ?? 0);
    const state = item?.state?.S;
    const end = (one: number): void => {
      const name = `${edgeId}.${one}`;
      if (!this.#over.has(name)) this.#over.set(name, this.#now);
    };
    if (incarnation > 1) end(incarnation - 1);
    if (state === 'dead' || state === 'stopped') end(incarnation);
  }

  #keyRow(row: string, item: Item | undefined): void {
    const before = this.#keyHolders.get(row);
    if (item === undefined) {
      this.#keyHolders.delete(row);
      return;
    }
    const holder = JSON.parse(item.session?.S ?? '') as LiveSession;
    this.#keyHolders.set(row, holder);
    this.#world.decisions.taken(holder);
    if (before === undefined || before.session_id === holder.session_id || !this.#serves(before)) return;
    this.#superseded.set(before.session_id, this.#now);
  }

  #rowOf(edgeId: string): Item | undefined {
    for (const place of PLACES) {
      const row = this.#world.tables.peek(TABLES.sessions, place, edgeId);
      if (row !== undefined) return row;
    }
    return undefined;
  }

  /** Who has a FIX session. @param key SenderCompID and SenderSubID, with a space between */
  holderOf(key: string): LiveSession | undefined {
    for (const holder of this.#keyHolders.values())
      if (`${holder.key.sender_comp_id} ${holder.key.sender_sub_id}` === key) return holder;
    return undefined;
  }

  /** Whether the store says that the edge of this session serves it. */
  #serves({ edge_id, incarnation }: LiveSession): boolean {
    const row = this.#rowOf(edge_id);
    const alive = row?.state?.S === 'alive' || row?.state?.S === 'draining';
    return alive && Number(row?.incarnation?.N) === incarnation;
  }

  /** How many sessions its tier lets the user have; those that are too many have a moment to go. */
  #room(state: UserState): void {
    const tier = DEFAULT_TIERS.find(({ name }) => name === state.tier);
    const allowed = Math.min(state.max, tier?.max_sessions ?? 0);
    const { lowered } = state;
    // Lowered in two steps, what was allowed before the first may be there still.
    const from = Math.max(state.allowed, lowered !== undefined && this.#fresh(lowered.at) ? lowered.from : 0);
    if (allowed < from) state.lowered = { from, at: this.#now };
    state.allowed = allowed;
  }

  /** Whether what happened then need not have got everywhere. */
  #fresh(at: number): boolean {
    return this.#now <= this.#known(at) + this.#inForceWithin(at);
  }

  #mostOf({ allowed, lowered }: UserState): number {
    return lowered !== undefined && this.#fresh(lowered.at) ? Math.max(lowered.from, allowed) : allowed;
  }

  /** Some edge has lost the store, and goes on without leases: twice the rate is what is promised from now on. */
  #loosen(): void {
    this.#unleased = true;
    for (const state of this.#users.values()) if (state.tier !== '') this.#allow(state);
  }

  #allow(state: UserState): void {
    const tier = DEFAULT_TIERS.find(({ name }) => name === state.tier);
    if (tier === undefined) throw new RangeError(`no tier ${state.tier}`);
    const limits = { ...tier, assignment: 0, definition: 0 };
    const [rates, capacities] = [ratesOf(limits), capacitiesOf(limits)];
    for (const kind of [ORDER, MESSAGE, CANCEL] as const) {
      // Cancels go on without leases whatever is set.
      const twice = this.#unleased && (kind === CANCEL || this.#world.plan.limiter.storeAway === 'continue');
      state.buckets[kind]?.allow(rates[kind] * (twice ? 2 : 1), capacities[kind], this.#seconds);
    }
  }

  // What edges do

  /** @param unleased how many messages this edge has admitted without a lease so far */
  admitted(session: LiveSession, kind: Kind, unleased: number): void {
    this.admissions += 1;
    if (unleased > 0 && !this.#unleased) this.#loosen();
    const state = this.#users.get(session.user_id);
    if (state === undefined) throw new RangeError(`no user ${session.user_id}`);
    this.#bound(session, state, kind);
    if (kind === ORDER) this.#bound(session, state, MESSAGE);
    if (kind !== CANCEL) this.#mayStillSend(session, state);
  }

  #bound({ user_id, session_id }: LiveSession, state: UserState, kind: Kind): void {
    const bucket = state.buckets[kind];
    if (bucket === undefined || this.#world.plan.wildClocks) return;
    const over = bucket.admit(this.#seconds);
    const { clockErrorMs } = this.#world.plan;
    // A clock is read in whole milliseconds, on both sides; a thousandth of a token is what rounding is given.
    const slack = (2 * bucket.rate * (clockErrorMs + 1)) / 1000 + 0.01;
    if (over > slack)
      this.#fail(
        'limiter',
        `${user_id} was admitted ${over.toFixed(2)} ${['orders', 'messages', 'cancels'][kind]} more than any window may hold (${slack.toFixed(2)} are for clocks); the last by ${session_id}`,
      );
  }

  #mayStillSend(session: LiveSession, state: UserState): void {
    const late = (since: number | undefined): since is number =>
      since !== undefined && this.#now > this.#known(since) + this.#inForceWithin(since);
    const who = `${session.session_id} of ${session.user_id}`;
    if (session.epoch < state.endsBelow && late(state.endsAt))
      this.#fail(
        'kill',
        `${who} (epoch ${session.epoch}) still sends, ${this.#ago(state.endsAt)} after epoch ${state.endsBelow}`,
      );
    const superseded = this.#superseded.get(session.session_id);
    if (late(superseded))
      this.#fail('takeover', `${who} still sends, ${this.#ago(superseded)} after it was taken over`);
    const tier = this.#locks.get(`tier:${state.tier}`);
    const since = [this.#locks.get('everybody'), tier === undefined ? undefined : Math.max(tier, state.tierAt)];
    for (const one of since) if (late(one)) this.#fail('lock', `${who} still sends, ${this.#ago(one)} after the lock`);
  }

  #inForceWithin(since: number): number {
    return IN_FORCE_MS + this.#longer(CALLS, since);
  }

  /** What was asked for in slow weather takes so much longer; where calls are lost it counts from the end of that. */
  #longer(ways: number, since: number): number {
    const { plan, began } = this.#world;
    const slow = since < began + plan.busyMs && !isRough(plan.weather);
    return slow ? ways * (plan.weather.delay[1] - CALM.delay[1]) : 0;
  }

  #ago(since: number): string {
    return `${(this.#now - since).toFixed(0)} ms`;
  }

  /** A session has begun, by a Logon that was first heard at `since`. */
  registered(session: LiveSession, since: number): void {
    this.registrations += 1;
    this.#world.refusals.accepted(session.edge_id, since);
    const state = this.#users.get(session.user_id);
    if (state === undefined) throw new RangeError(`no user ${session.user_id}`);
    const before = (at: number | undefined): boolean => at !== undefined && at < since;
    const who = `${session.session_id} of ${session.user_id}`;
    if (before(this.#over.get(`${session.edge_id}.${session.incarnation}`)))
      this.#fail('fence', `${who} began on an incarnation that was over before`);
    if (before(state.lockedAt)) this.#fail('lock', `${who} began although its user is locked`);
    if (before(state.suspendedAt)) this.#fail('suspend', `${who} began although its credential is suspended`);
    if (before(this.#locks.get('everybody'))) this.#fail('lock', `${who} began although everybody is locked out`);
    const tier = this.#locks.get(`tier:${state.tier}`);
    if (before(tier) && before(state.tierAt)) this.#fail('lock', `${who} began although tier ${state.tier} is locked`);
  }

  /** The edge says that the session is over and its slot free, or about to be. */
  leftCleanly(session: LiveSession): void {
    if (this.#now < this.#world.troubledUntil + RECOVERY_MS) return;
    const sk = `SLOT#${String(session.slot).padStart(6, '0')}`;
    const row = this.#world.tables.peek(TABLES.sessions, `U#${session.user_id}`, sk);
    if (row?.session_id?.S === session.session_id)
      this.#fail('slot', `${session.session_id} of ${session.user_id} has left, and holds slot ${session.slot}`);
  }

  // After every step

  step(): void {
    const placing = new Map<string, number>();
    const keys = new Set<string>();
    for (const { gate, process, name } of this.#world.hosts) {
      if (gate === undefined || process === undefined || process.stopped || !gate.mayPlaceOrders) continue;
      for (const { session, live } of gate.sessions()) {
        if (!live || this.#superseded.has(session.session_id)) continue;
        const count = (placing.get(session.user_id) ?? 0) + 1;
        placing.set(session.user_id, count);
        const state = this.#users.get(session.user_id);
        const max = state === undefined ? 0 : this.#mostOf(state);
        if (count > max)
          this.#fail(
            'session count',
            `${session.user_id} has ${count} sessions that may place orders, ${max} are allowed; one is ${session.session_id} at ${name}`,
          );
        const { sender_comp_id, sender_sub_id } = session.key;
        const key = `${sender_comp_id} ${sender_sub_id}`;
        if (keys.has(key)) this.#fail('session count', `the FIX session ${key} may place orders twice`);
        keys.add(key);
      }
    }
    this.#edges();
  }

  #edges(): void {
    const { hosts, troubledUntil } = this.#world;
    let changedAt = troubledUntil > 0 ? troubledUntil + RECOVERY_MS : 0;
    for (const host of hosts) changedAt = Math.max(changedAt, host.changedAt);
    const freeAt = changedAt + FREE_WITHIN_MS + this.#longer(FREE_WAYS, changedAt);
    const watched = hosts.some(({ gate, process }) => gate !== undefined && process?.stopped === false);
    for (const { name, process, draining } of hosts) {
      if (draining !== undefined && process?.stopped === false && this.#now > draining.since + DRAINED_WITHIN_MS)
        if (this.#now > troubledUntil + DRAINED_WITHIN_MS)
          this.#fail('drain', `${name} has not stopped ${this.#ago(draining.since)} after it was told to`);
      if (process?.alive || !watched || this.#now <= freeAt) continue;
      const state = this.#rowOf(name)?.state?.S;
      if (state === 'alive' || state === 'draining')
        this.#fail('dead edge', `${name} has been dead for ${this.#ago(changedAt)}, and its slots are not free`);
    }
  }

  /** At the end, when nothing has been wrong for long: everybody who may is on. */
  atRest(): void {
    for (const { name, gate } of this.#world.hosts)
      if (gate?.state !== 'running' || !gate.mayPlaceOrders)
        this.#fail('liveness', `${name} does not serve at the end`);
    for (const client of this.#world.clients) {
      if (client.retired || client.state === 'on') continue;
      this.#fail('liveness', `${client.name} is ${client.state} at the end (${client.refusedFor || 'never refused'})`);
    }
  }

  broken(chain: string, text: string): void {
    this.#fail('audit', `chain ${chain} ${text}`);
  }

  #fail(promise: string, text: string): void {
    this.#world.fail(promise, text);
  }
}
