/** Live sessions of one gate: the handle that a connection holds, and the table of them by id and by user. */
import type { Credential, User } from '../credentials/model.ts';
import {
  ADMITTED,
  type Admission,
  type Admissions,
  type Decision,
  REFUSED_STORE,
  type UserAdmissions,
  WAIT,
} from '../limits/admission.ts';
import { ExcessMeter } from '../limits/excess-meter.ts';
import { type Kind, ORDER } from '../limits/kinds.ts';
import type { Tier, UserLimits } from '../limits/model.ts';
import type { OnLimitWarning } from '../limits/watch.ts';
import { limitsOf } from '../policy/assignment.ts';
import type { Timer } from '../time.ts';
import type { GateSession, LimitState, LiveCredential, OnEnd, SessionFigures } from './api.ts';
import { ORDERS_A_LOOK } from './bounds.ts';
import type { FixSessionKey, LiveSession, NoticeTarget } from './model.ts';

/** Totals of a gate since its incarnation began. */
export interface Totals {
  messages: number;
  orders: number;
  violations: number;
}

/** What all sessions of an incarnation share. */
export interface LiveHouse {
  /** Whether this edge may place an order of a batch that came at this time, epoch ms. */
  mayPlaceOrders(nowMs: number): boolean;
  readonly totals: Totals;
  /** Where the user's limits stand. */
  limits(live: Live): Promise<LimitState>;
  /** The client has exceeded its limits so far that its tier ends the session. Called once, from within admit. */
  onExcess(live: Live): void;
}

/** An edge may have ten thousand of them, so what only the Logon needs is not kept. */
export interface LiveParts {
  readonly session: LiveSession;
  readonly credential: Credential;
  readonly user: Pick<User, 'max_sessions'>;
  /** As at the Logon. */
  readonly max_sessions: number;
  readonly onEnd: OnEnd;
  readonly admissions: UserAdmissions;
  /** Of its FIX session, when it began: whoever takes that later has a higher one. */
  readonly epoch: number;
}

export class Live implements GateSession {
  readonly session: LiveSession;
  readonly credential: LiveCredential;
  /** The user's own maximum of sessions if it has one, and the maximum that applied at the Logon. */
  readonly ownMax: number | undefined;
  readonly maxAtLogon: number;
  readonly epoch: number;
  readonly onEnd: OnEnd;
  readonly admissions: UserAdmissions;
  expiry: Timer | undefined;
  #live = true;
  readonly #house: LiveHouse;
  #unwatch: (() => void) | undefined;
  #followed: UserLimits | undefined;
  #meter: ExcessMeter | undefined;
  readonly #own: Totals = { messages: 0, orders: 0, violations: 0 };

  constructor(house: LiveHouse, { session, credential, user, max_sessions, onEnd, admissions, epoch }: LiveParts) {
    const { user_id, sender_comp_id, target_comp_id, expires_at, expiry_recorded_at } = credential;
    this.#house = house;
    this.session = session;
    this.credential = { user_id, sender_comp_id, target_comp_id, expires_at, expiry_recorded_at };
    this.ownMax = user.max_sessions;
    this.maxAtLogon = max_sessions;
    this.epoch = epoch;
    this.onEnd = onEnd;
    this.admissions = admissions;
  }

  get live(): boolean {
    return this.#live;
  }

  get figures(): SessionFigures {
    return { ...this.#own };
  }

  admit(kind: Kind, nowMs: number): Admission {
    this.count();
    if (this.#meter?.note(kind, nowMs)) {
      this.#meter = undefined;
      this.#house.onExcess(this);
    }
    if (!this.#may(kind, nowMs)) return REFUSED_STORE;
    const answer = this.admissions.admit(kind, nowMs);
    if (answer !== WAIT) this.#settle(kind, answer);
    return answer;
  }

  admitAhead(nowMs: number): number {
    // A session that is measured for too much is measured message by message.
    if (this.#meter !== undefined || !this.admissions.admitOrders(ORDERS_A_LOOK, nowMs)) return 0;
    // No time: the lease is held against the clock now, as it is for each of so many orders.
    if (!this.#may(ORDER, Number.NaN)) {
      this.admissions.takeBack(ORDERS_A_LOOK);
      return 0;
    }
    this.#counted(ORDERS_A_LOOK);
    return ORDERS_A_LOOK;
  }

  giveBack(orders: number): void {
    this.admissions.takeBack(orders);
    this.#counted(-orders);
  }

  #counted(orders: number): void {
    for (const sums of [this.#own, this.#house.totals]) {
      sums.messages += orders;
      sums.orders += orders;
    }
  }

  onGrant(kind: Kind, decided: (decision: Decision) => void): () => void {
    return this.admissions.onGrant(kind, (decision) => {
      // The lease, or the session, can end while a message waits.
      const final = decision === ADMITTED && !this.#may(kind, Number.NaN) ? REFUSED_STORE : decision;
      this.#settle(kind, final);
      decided(final);
    });
  }

  retryAfterMs(kind: Kind, nowMs: number): number {
    return this.admissions.retryAfterMs(kind, nowMs);
  }

  count(): void {
    this.#own.messages += 1;
    this.#house.totals.messages += 1;
  }

  limits(): Promise<LimitState> {
    return this.#house.limits(this);
  }

  watchLimits(percent: number, tell: OnLimitWarning): void {
    this.#unwatch?.();
    this.#unwatch = this.#live ? this.admissions.watch(percent, tell) : undefined;
  }

  /** Uses this definition of the session's tier from now on. */
  follow(tier: Tier, limits: UserLimits): void {
    if (limits.definition === this.#followed?.definition && limits.assignment === this.#followed.assignment) return;
    this.#followed = limits;
    this.#meter = tier.disconnect && new ExcessMeter(limits, tier.disconnect);
  }

  /** Ends the session: nothing is admitted any more. False: it had ended before. */
  end(): boolean {
    const was = this.#live;
    this.#live = false;
    this.#unwatch?.();
    this.expiry?.cancel();
    this.expiry = undefined;
    return was;
  }

  #may(kind: Kind, nowMs: number): boolean {
    return this.#live && (kind !== ORDER || this.#house.mayPlaceOrders(nowMs));
  }

  #settle(kind: Kind, decision: Decision): void {
    if (decision === ADMITTED) {
      if (kind !== ORDER) return;
      this.#own.orders += 1;
      this.#house.totals.orders += 1;
    } else if (decision !== REFUSED_STORE) {
      this.#own.violations += 1;
      this.#house.totals.violations += 1;
    }
  }
}

/** A user with live sessions here, and its tier. */
interface LiveUser {
  tier: string;
  assignment: number;
  readonly sessions: Set<Live>;
}

/** Names a FIX session: no value of a field has the byte that ends one. */
export const nameOf = ({ begin_string, sender_comp_id, sender_sub_id, target_comp_id }: FixSessionKey): string =>
  [begin_string, sender_comp_id, sender_sub_id, target_comp_id].join('\x01');

export class LiveTable {
  readonly #sessions = new Map<string, Live>();
  readonly #users = new Map<string, LiveUser>();
  readonly #fixSessions = new Map<string, Live>();
  /** Number of sessions by tier. Counted as they come and go: each heartbeat of the edge tells it. */
  readonly #tiers = new Map<string, number>();
  #peak = 0;

  get size(): number {
    return this.#sessions.size;
  }

  get peak(): number {
    return this.#peak;
  }

  all(): Iterable<Live> {
    return this.#sessions.values();
  }

  get(sessionId: string): Live | undefined {
    return this.#sessions.get(sessionId);
  }

  /** The one of this FIX session. @param name see {@link nameOf} */
  ofFixSession(name: string): Live | undefined {
    return this.#fixSessions.get(name);
  }

  ofUser(userId: string): readonly Live[] {
    return [...(this.#users.get(userId)?.sessions ?? [])];
  }

  /** The live sessions that an announcement is for. */
  addressed(to: NoticeTarget): readonly Live[] {
    if ('user_id' in to) return this.ofUser(to.user_id);
    if ('tier' in to)
      return [...this.#users.values()].flatMap((user) => (user.tier === to.tier ? [...user.sessions] : []));
    const all = [...this.#sessions.values()];
    return 'all' in to ? all : all.filter((live) => live.credential.sender_comp_id === to.sender_comp_id);
  }

  add(live: Live, user: User): void {
    this.#sessions.set(live.session.session_id, live);
    this.#fixSessions.set(nameOf(live.session.key), live);
    this.#peak = Math.max(this.#peak, this.#sessions.size);
    let known = this.#users.get(user.user_id);
    if (known === undefined) {
      known = { tier: user.tier, assignment: user.tier_assignment, sessions: new Set() };
      this.#users.set(user.user_id, known);
    } else this.assigned(user.user_id, user.tier, user.tier_assignment);
    known.sessions.add(live);
    this.#count(known.tier, 1);
  }

  remove(live: Live): void {
    const { session_id, user_id, key } = live.session;
    this.#sessions.delete(session_id);
    const name = nameOf(key);
    if (this.#fixSessions.get(name) === live) this.#fixSessions.delete(name);
    const user = this.#users.get(user_id);
    if (!user?.sessions.delete(live)) return;
    this.#count(user.tier, -1);
    if (user.sessions.size === 0) this.#users.delete(user_id);
  }

  /** Notes that the user has this tier, unless a later assignment is known already. */
  assigned(userId: string, tier: string, assignment: number): void {
    const user = this.#users.get(userId);
    if (!user || assignment < user.assignment) return;
    this.#count(user.tier, -user.sessions.size);
    this.#count(tier, user.sessions.size);
    user.tier = tier;
    user.assignment = assignment;
  }

  #count(tier: string, more: number): void {
    const count = (this.#tiers.get(tier) ?? 0) + more;
    if (count === 0) this.#tiers.delete(tier);
    else this.#tiers.set(tier, count);
  }

  /** The name of the user's present tier. */
  tierOf(userId: string): string | undefined {
    return this.#users.get(userId)?.tier;
  }

  users(): Iterable<string> {
    return this.#users.keys();
  }

  /** Number of live sessions by tier. */
  byTier(): Record<string, number> {
    return Object.fromEntries(this.#tiers);
  }

  /** Passes the present definition of a user's tier on to limiter and sessions. `tierNamed`: undefined for a tier that was removed. */
  follow(userId: string, admissions: Admissions, tierNamed: (name: string) => Tier | undefined): void {
    const user = this.#users.get(userId);
    const tier = user && tierNamed(user.tier);
    if (!tier) return;
    const limits = limitsOf(tier, user.assignment);
    admissions.updateLimits(userId, limits);
    for (const live of user.sessions) live.follow(tier, limits);
  }
}
