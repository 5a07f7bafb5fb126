/**
 * Policy in force on live sessions: tiers that are defined or assigned anew reach limiter and sessions, a lowered maximum of
 * sessions ends some, and a new lock ends those that it is about.
 */
import type { User } from '../credentials/model.ts';
import type { Limiter } from '../limits/limiter.ts';
import type { Tier, UserLimits } from '../limits/model.ts';
import { inForce, type Lock, lockOf, lockText } from '../locks/model.ts';
import { maxSessions } from '../policy/assignment.ts';
import type { Policy } from '../ports.ts';
import type { Clock } from '../time.ts';
import type { OrdersOf } from './api.ts';
import { REFUSAL_TEXT } from './bounds.ts';
import type { Live, LiveTable } from './live.ts';
import type { EndCause } from './model.ts';
import type { Ended } from './registrar.ts';
import { SessionCap, type SessionCapParts } from './session-cap.ts';

export interface EnforcementParts extends Pick<SessionCapParts, 'slots' | 'timers' | 'log'> {
  readonly clock: Clock;
  readonly table: LiveTable;
  readonly admissions: Limiter;
  /** The policy as last read. Undefined before the first reading. */
  policy(): Policy | undefined;
  end(live: Live, cause: EndCause, text: string): void;
  /** Orders to be cancelled at the venue. The sessions concerned have ended. */
  cancelOrders(whose: OrdersOf, askedAt: number): void;
}

export class Enforcement {
  readonly #parts: EnforcementParts;
  readonly #cap: SessionCap;

  constructor(parts: EnforcementParts) {
    this.#parts = parts;
    const { slots, timers, log, table } = parts;
    this.#cap = new SessionCap({
      slots,
      timers,
      log,
      here: (userId) => table.ofUser(userId),
      max: (live) => this.maxSessions(live),
      end: (live, text) => parts.end(live, 'session_limit', text),
    });
  }

  /** A session has begun, and is in the table. */
  began(live: Live): void {
    this.#follow(live.session.user_id);
    this.#cap.began(live);
  }

  /** A user has these limits, or another tier. */
  limitsChanged(userId: string, tier: string, limits: UserLimits): void {
    const { table, admissions } = this.#parts;
    table.assigned(userId, tier, limits.assignment);
    admissions.updateLimits(userId, limits);
    this.#follow(userId);
    if (this.#enforceLock(userId) === undefined) this.#cap.look(userId);
  }

  /**
   * A new version of the policy was read. Tiers may be defined anew: limiter and sessions follow. Locks that are new in it end
   * the sessions of whom they lock, and may have the venue cancel orders.
   */
  policyRead({ locks }: Policy, before: Policy | undefined): void {
    const { table, clock, cancelOrders } = this.#parts;
    for (const userId of table.users()) this.#follow(userId);
    for (const userId of table.users()) this.#cap.look(userId);
    const now = clock.now();
    const fresh = locks.filter((lock) => inForce(lock, now) && lock.version > (before?.version ?? -1));
    if (fresh.length === 0) return;
    const ended = new Set<string>();
    for (const userId of [...table.users()]) if (this.#enforceLock(userId)?.cancel_orders) ended.add(userId);
    const all = fresh.some(({ target, cancel_orders }) => target.kind === 'everybody' && cancel_orders);
    const askedAt = Math.max(...fresh.map(({ locked_at }) => locked_at));
    if (all) cancelOrders({ of: 'everybody' }, askedAt);
    else if (ended.size > 0) cancelOrders({ of: 'users', user_ids: ended }, askedAt);
  }

  /** Why a user whose Logon has just got its slot may not have a session. Undefined: it may. */
  lockedOut(user: User): Ended | undefined {
    const lock = this.#lockOf(user);
    return lock && { cause: 'locked', text: `Logon refused: ${lockText(lock)}`.slice(0, REFUSAL_TEXT) };
  }

  /** How many sessions the user may have: by its tier's present definition, or as at its Logon while that is not known. */
  maxSessions({ session, ownMax, maxAtLogon }: Live): number {
    const name = this.#parts.table.tierOf(session.user_id);
    const tier = name === undefined ? undefined : this.#tierNamed(name);
    return tier === undefined ? maxAtLogon : maxSessions({ max_sessions: ownMax }, tier);
  }

  /** Ends the sessions of a user whose tier is locked. @returns that lock, if there is one */
  #enforceLock(userId: string): Lock | undefined {
    const { table, end } = this.#parts;
    const tier = table.tierOf(userId);
    const lock = tier === undefined ? undefined : this.#lockOf({ tier });
    if (lock) for (const live of table.ofUser(userId)) end(live, 'locked', lockText(lock));
    return lock;
  }

  #lockOf(user: Pick<User, 'tier' | 'lock'>): Lock | undefined {
    const { policy, clock } = this.#parts;
    return lockOf(user, policy()?.locks ?? [], clock.now());
  }

  #follow(userId: string): void {
    const { table, admissions } = this.#parts;
    table.follow(userId, admissions, (name) => this.#tierNamed(name));
  }

  /** A tier as last read. Undefined: it was removed. */
  #tierNamed(name: string): Tier | undefined {
    return this.#parts.policy()?.tiers.find((tier) => tier.name === name);
  }
}
