/**
 * One user's limits on one edge: tokens in memory, leased from the item in the store that all edges share (lease.ts). While there
 * are tokens a message costs one subtraction; everything else happens off the path of messages.
 */
import { StoreUnavailable } from '../errors.ts';
import { afterRunning } from '../running-time.ts';
import type { Timer } from '../time.ts';
import type { Admission, Decision, UserAdmissions } from './admission.ts';
import * as admission from './admission.ts';
import { Allowance, NONE_UNLEASED } from './allowance.ts';
import type { Call } from './call.ts';
import type { LimiterHouse } from './house.ts';
import { CANCEL, KINDS, type Kind, MESSAGE, ORDER, type Three, three } from './kinds.ts';
import { type Buckets, compareLimits, type ExchangeReply, exchange } from './lease.ts';
import type { Exchanged, ExchangeOutcome } from './leases-port.ts';
import type { UserLimits } from './model.ts';
import { Pace } from './pace.ts';
import { NS_PER_MS, Purse, type Statement } from './purse.ts';
import { type BucketUsage, usageOf } from './usage.ts';
import { type Waiter, Waiters } from './waiters.ts';
import { type OnLimitWarning, Watchers } from './watch.ts';

export class UserLimiter implements UserAdmissions {
  readonly userId: string;
  limits: UserLimits;
  /** Live sessions. */
  sessions = 0;

  readonly #house: LimiterHouse;
  readonly #purse: Purse;
  #unleased = NONE_UNLEASED;
  #known: Buckets | undefined;
  /** True at first: an earlier limiter of this user on this edge may have left a lease. */
  #unsure = true;
  #calls = 0;
  #call: Call | undefined;
  #away: Allowance | undefined;
  /** For cancels that have waited too long, until the next answer. */
  #slow: Allowance | undefined;
  /** Checks whether the user has stopped sending, or the store is back. */
  #look: Timer | undefined;
  readonly #waiters: Waiters;
  /** Serves cancels that wait for their turn while the store is away. */
  #turn: Timer | undefined;
  /** Waiting messages are being decided. Calls wait until that is done, to ask for what is still wanted then. */
  #serving = false;
  readonly #pace: Pace;
  /** Asks for waiting messages once the other edges have had their turn. */
  #asking: Timer | undefined;
  readonly #watchers = new Watchers();

  constructor(house: LimiterHouse, userId: string, limits: UserLimits) {
    this.#house = house;
    this.#waiters = new Waiters(house);
    this.userId = userId;
    this.limits = limits;
    this.#pace = new Pace(house.edgeKey);
    this.#purse = new Purse(limits, this.#pace);
  }

  admit(kind: Kind, nowMs: number): Admission {
    if (!this.#draw(kind, nowMs)) return this.#withoutTokens(kind, nowMs);
    if (this.#purse.alerted) this.#watch(nowMs, true);
    if (this.#call === undefined && this.#shouldFill(kind, nowMs)) this.#ask(nowMs);
    return admission.ADMITTED;
  }

  admitOrders(count: number, nowMs: number): boolean {
    if (this.#away !== undefined || this.sessions === 0 || !this.#purse.drawOrders(count, nowMs)) return false;
    this.#house.tally.admitted += count;
    return true;
  }

  takeBack(orders: number): void {
    this.#purse.putBack(orders);
    this.#house.tally.admitted -= orders;
  }

  #draw(kind: Kind, nowMs: number): boolean {
    if (!this.#purse.draw(kind, nowMs)) return false;
    this.#house.tally.admitted++;
    return true;
  }

  #shouldFill(kind: Kind, nowMs: number): boolean {
    if (this.#away !== undefined || this.#serving || this.sessions === 0) return false;
    return this.#purse.shouldFill(kind, nowMs) || (kind === ORDER && this.#purse.shouldFill(MESSAGE, nowMs));
  }

  #withoutTokens(kind: Kind, nowMs: number): Admission {
    this.#purse.seek(kind, nowMs);
    const decision = this.#decideNow(kind, nowMs);
    if (decision !== undefined) return decision;
    if (this.sessions === 0 || this.#waiters.size >= this.#house.settings.maxWaiting) return this.#refuseForStore();
    return admission.WAIT;
  }

  onGrant(kind: Kind, decided: (decision: Decision) => void): () => void {
    const { waitMs, callTimeoutMs } = this.#house.settings;
    const since = this.#house.clock.now();
    // A cancel is how a client gets out: it waits until the call under way and the one that asks for it are answered or
    // lost, and while the store is away until its turn at the rate of cancels.
    const waiter =
      kind === CANCEL
        ? this.#waiters.add(kind, decided, 2 * callTimeoutMs + waitMs, () => decided(this.#late(since)))
        : this.#waiters.add(kind, decided, waitMs, () => decided(this.#refuseForStore()), waitMs);
    this.#house.tally.waited++;
    if (this.#away !== undefined) this.#serveInTurn(this.#away);
    else if (this.#call === undefined && !this.#serving) this.#ask(this.#house.clock.now());
    return () => void this.#waiters.forget(waiter);
  }

  retryAfterMs(kind: Kind, nowMs: number): number {
    return this.#away?.retryAfterMs(kind, nowMs, this.#house.settings) ?? this.#purse.waitMs(kind, nowMs);
  }

  updateLimits(limits: UserLimits): void {
    if (compareLimits(limits, this.limits) <= 0) return;
    this.limits = limits;
    this.#purse.changeLimits(limits);
    if (this.#away === undefined) return;
    this.#away = new Allowance(this.#away.since, this.#house.clock.now(), this.#purse.rates, this.#purse.edges);
  }

  usage(read?: { readonly item: Buckets | undefined }): Three<BucketUsage> {
    const known = this.#known;
    const newer = read !== undefined && (read.item?.version ?? 0) >= (known?.version ?? 0);
    const nowMs = this.#house.clock.now();
    this.#purse.expire(nowMs);
    const unleased = three((kind) => this.#unleased[kind]!);
    const asker = { ...this.#asker(), ...this.#purse.held(), unleased, unsure: this.#unsure };
    const usage = usageOf(newer ? read.item : known, asker);
    // Until then this edge refuses, even if the shared item has tokens again.
    const wait = (kind: Kind) => this.#purse.waitMs(kind, nowMs);
    return three((kind) => (wait(kind) > 0 ? { ...usage[kind], left: 0, next_ms: wait(kind) } : usage[kind]));
  }

  /** What this edge tells about itself in every exchange with the shared item. */
  #asker() {
    const { clock, settings, edgeKey } = this.#house;
    return {
      edge: edgeKey,
      now: clock.nowNanos(),
      limits: this.limits,
      spentAt: this.#purse.spentAt(),
      life: BigInt(settings.leaseMs) * NS_PER_MS,
      clockError: BigInt(settings.clockErrorMs) * NS_PER_MS,
    };
  }

  watch(percent: number, tell: OnLimitWarning): () => void {
    const forget = this.#watchers.add(percent, tell);
    this.#watch(this.#house.clock.now(), false);
    return () => {
      forget();
      if (this.#watchers.size === 0) this.#purse.unwatch();
    };
  }

  /** Warns sessions whose mark is reached. `spaced`, on the path of messages: not each message near the mark checks it. */
  #watch(nowMs: number, spaced: boolean): void {
    this.#purse.alerted = false;
    if (this.#watchers.size === 0 || this.#away !== undefined || (spaced && !this.#watchers.due(nowMs))) return;
    this.#watchers.look(this.usage(), this.#purse.held().held, this.#purse.alert, nowMs);
  }

  /** The last session has ended: settle, give tokens back, and tell the house. */
  leave(): void {
    for (const waiter of this.#waiters.list()) if (this.#waiters.forget(waiter)) waiter.decided(this.#refuseForStore());
    if (this.#call === undefined) this.#settleAndGo();
  }

  #settleAndGo(): void {
    const leased = this.#known?.edges[this.#house.edgeKey] !== undefined;
    if (leased || this.#unleased.some((count) => count > 0)) this.#exchange();
    else this.#go();
  }

  #go(): void {
    this.#look?.cancel();
    this.#turn?.cancel();
    this.#asking?.cancel();
    this.#look = undefined;
    this.#purse.tallied(this.#house.tally);
    this.#house.gone(this);
  }

  #refuse(kind: Kind, nowMs: number): Decision {
    this.#house.violated(this.userId, kind, nowMs);
    this.#house.tally.refused[kind]! += 1;
    return admission.REFUSAL_OF[kind];
  }

  #refuseForStore(): Decision {
    this.#house.tally.refusedStore++;
    return admission.REFUSED_STORE;
  }

  // The store is away

  /** Undefined: a cancel that waits for its turn. The allowance begins empty; were cancels refused at once, the first would all be. */
  #whileAway(kind: Kind, nowMs: number, away: Allowance): Decision | undefined {
    if (away.isClosed(kind, nowMs, this.#house.settings)) return this.#refuseForStore();
    if (!away.draw(kind, nowMs)) return kind === CANCEL ? undefined : this.#refuseForStore();
    if (this.#unleased === NONE_UNLEASED) this.#unleased = new Float64Array(3);
    this.#unleased[kind]! += 1;
    if (kind === ORDER) this.#unleased[MESSAGE]! += 1;
    this.#house.tally.admitted++;
    this.#house.tally.unleased++;
    return admission.ADMITTED;
  }

  /** A cancel has waited as long as it may, for other edges were written first time and again: it passes as if the store were away. */
  #late(since: number): Decision {
    this.#slow ??= new Allowance(since, since, this.#purse.rates, this.#purse.edges);
    return this.#whileAway(CANCEL, this.#house.clock.now(), this.#away ?? this.#slow) ?? this.#refuseForStore();
  }

  #serveInTurn(away: Allowance): void {
    const { clock, timers } = this.#house;
    this.#turn ??= timers.after(Math.max(1, away.waitMs(CANCEL, clock.now())), () => {
      this.#turn = undefined;
      if (this.#away !== undefined) this.#serve();
    });
  }

  // Exchanges with the shared item

  /** Asks now, or after the other edges have had their turn. If nothing waits, one of the next messages asks. */
  #ask(nowMs: number): void {
    const waitMs = this.#pace.waitMs(nowMs);
    if (waitMs === 0) this.#exchange();
    else if (this.#waiters.size > 0)
      this.#asking ??= this.#house.timers.after(waitMs, () => {
        this.#asking = undefined;
        if (this.#call === undefined && this.#away === undefined && this.#waiters.size > 0) this.#exchange();
      });
  }

  #exchange(): void {
    const { leases, tally, clock } = this.#house;
    const startedMs = clock.now();
    this.#pace.begun(startedMs);
    tally.calls++;
    const call: Call = { number: ++this.#calls, startedMs, timer: undefined, said: undefined, leave: false };
    this.#call = call;
    leases
      .exchange(this.userId, this.#known, (current) => this.#compute(call, current))
      .then(
        (outcome) => this.#replied(call, outcome),
        (error: unknown) => this.#failed(call, error),
      );
  }

  /** A write begins. A conflict with another edge is an answer, so each write gets the full time for one. */
  #tried(call: Call, nowMs: number): void {
    const { settings } = this.#house;
    this.#pace.tried(nowMs);
    call.timer?.cancel();
    call.timer = afterRunning(this.#house, settings.callTimeoutMs, () => {
      this.#failed(call, new StoreUnavailable(`the store has not answered within ${settings.callTimeoutMs} ms`));
    });
  }

  /** Runs anew on each item that the store hands back, so it reads clock and tokens anew. */
  #compute(call: Call, current: Buckets | undefined): Exchanged<ExchangeReply> | undefined {
    if (this.#call !== call) return undefined;
    const { clock, settings, edgeKey } = this.#house;
    const nowMs = clock.now();
    this.#tried(call, nowMs);
    const waiting = this.#waiters.asked();
    const rests = nowMs - this.#purse.soughtMs() >= settings.idleMs;
    call.leave = this.sessions === 0 || (this.#waiters.size === 0 && rests);
    // The store said otherwise, but this call was written already: what it gave back must not be given back twice.
    const repeated = current?.edges[edgeKey]?.call === call.number;
    if (repeated) this.#purse.unsettled();
    const said: Statement = {
      ...this.#purse.state(nowMs, settings.idleMs, waiting, call.leave),
      unleased: three((kind) => this.#unleased[kind]!),
    };
    call.said = said;
    const unsure = this.#unsure || repeated;
    const { number, leave } = call;
    const { next, reply } = exchange(current, { ...this.#asker(), ...said, call: number, unsure, leave });
    return { next, result: reply };
  }

  #replied(call: Call, outcome: ExchangeOutcome<ExchangeReply>): void {
    if (this.#call !== call || call.said === undefined || outcome.outcome === 'abandoned') return;
    const { clock, settings } = this.#house;
    call.timer?.cancel();
    this.#call = undefined;
    this.#away = undefined;
    this.#slow = undefined;
    if (outcome.outcome === 'contended') {
      this.#contended(outcome.current);
      return;
    }
    const { buckets, result: reply } = outcome;
    this.#unsure = false;
    this.#pace.written(clock.now(), call.leave ? 0 : reply.edges, call.number);
    this.#known = buckets;
    if (this.#unleased !== NONE_UNLEASED) for (const kind of KINDS) this.#unleased[kind]! -= call.said.unleased[kind];
    const order = compareLimits(reply.limits, this.limits);
    if (order > 0) this.updateLimits(reply.limits);
    // If the limits changed while the call was under way, what it granted is void.
    if (order === 0) {
      this.#purse.settled(call.said);
      this.#purse.take(call.said, reply, call.startedMs, this.#pace.spacingMs(settings.spacingMs, call.number));
    }
    this.#purse.expire(clock.now());
    this.#purse.tallied(this.#house.tally);
    if (this.sessions > 0) this.#watch(clock.now(), false);
    if (this.sessions === 0) {
      if (call.leave) this.#go();
      else this.#settleAndGo();
      return;
    }
    this.#lookAfter(call.leave ? undefined : settings.idleMs);
    this.#serve();
  }

  /** The store answers, but other edges keep changing the item. Waiting messages try again. After the last session the lease just expires. */
  #contended(current: Buckets | undefined): void {
    this.#known = current;
    if (this.sessions === 0) {
      this.#go();
      return;
    }
    this.#lookAfter(this.#house.settings.idleMs);
    this.#serve();
  }

  /** Decides waiting messages in the order in which they came. If some remain undecided, asks the store again. */
  #serve(): void {
    const nowMs = this.#house.clock.now();
    this.#serving = true;
    const ready: { readonly waiter: Waiter; readonly decision: Decision }[] = [];
    for (const waiter of this.#waiters.list()) {
      const decision = this.#decide(waiter.kind, nowMs);
      if (decision !== undefined && this.#waiters.forget(waiter)) ready.push({ waiter, decision });
    }
    try {
      for (const { waiter, decision } of ready) waiter.decided(decision);
    } finally {
      this.#serving = false;
    }
    if (this.#purse.alerted) this.#watch(nowMs, false);
    if (this.#away !== undefined && this.#waiters.size > 0) this.#serveInTurn(this.#away);
    if (this.#call !== undefined || this.#away !== undefined) return;
    const fill = ready.some(
      ({ waiter, decision }) => decision === admission.ADMITTED && this.#shouldFill(waiter.kind, nowMs),
    );
    if (fill || this.#waiters.size > 0) this.#ask(nowMs);
  }

  #decide(kind: Kind, nowMs: number): Decision | undefined {
    return this.#draw(kind, nowMs) ? admission.ADMITTED : this.#decideNow(kind, nowMs);
  }

  /** Decides without tokens. Undefined: the message has to wait. */
  #decideNow(kind: Kind, nowMs: number): Decision | undefined {
    if (this.#away !== undefined) return this.#whileAway(kind, nowMs, this.#away);
    const empty = this.#purse.emptyOf(kind, nowMs);
    return empty === undefined ? undefined : this.#refuse(empty, nowMs);
  }

  #failed(call: Call, error: unknown): void {
    if (this.#call !== call) return;
    const { clock, tally, report, settings } = this.#house;
    call.timer?.cancel();
    this.#call = undefined;
    this.#unsure = true;
    this.#purse.unsettled();
    tally.failures++;
    report(error);
    if (this.sessions === 0) {
      this.#go();
      return;
    }
    const nowMs = clock.now();
    this.#away ??= new Allowance(nowMs, nowMs, this.#purse.rates, this.#purse.edges);
    this.#lookAfter(settings.awayRetryMs);
    this.#serve();
  }

  #lookAfter(ms: number | undefined): void {
    this.#look?.cancel();
    this.#look = ms === undefined ? undefined : this.#house.timers.after(ms, () => this.#lookNow());
  }

  #lookNow(): void {
    this.#look = undefined;
    if (this.#call !== undefined) return;
    const nowMs = this.#house.clock.now();
    const restsAt = this.#purse.soughtMs() + this.#house.settings.idleMs;
    if (this.#away === undefined && nowMs < restsAt) this.#lookAfter(restsAt - nowMs);
    else this.#exchange();
  }
}
