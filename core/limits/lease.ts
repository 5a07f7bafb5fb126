/**
 * The lease rule: pure functions over the one item that holds a user's three buckets. A bucket is a GCRA: rate r,
 * T = 1/r, capacity B, and a theoretical arrival time `tat`, the instant at which the bucket would be full again.
 * Edges prepay tokens; what they were granted and have not settled is O.
 *
 * Why it holds: with A = B − max(tat − t, O·T)/T what the store may still grant and H what the edges truly hold,
 * H ≤ O and A ≤ B − O, so A + H ≤ B. Time raises A by at most rΔ, a grant moves tokens from A to H, settling never
 * raises A beyond what time gave, an admission lowers H. So admissions in any window Δ are at most B + rΔ + 2rε,
 * ε the largest error of a clock, for any number of edges, through crashes and lost replies.
 */
import { CANCEL, type Kind, MESSAGE, ORDER, type Three } from './kinds.ts';
import type { UserLimits } from './model.ts';

/** What one edge was granted and has not settled. */
export interface Lease {
  readonly tokens: Three<number>;
  /** Epoch ns by the edge's clock; it spends none of them from then on. */
  readonly expires: bigint;
  /** The edge's number of the call that wrote it, by which it knows a write of its own whose reply was lost. */
  readonly call: number;
}

/** The item. */
export interface Buckets {
  /** Rises by one with each write. */
  readonly version: number;
  readonly limits: UserLimits;
  /** Epoch ns. */
  readonly tats: Three<bigint>;
  readonly edges: Readonly<Record<string, Lease>>;
}

export interface ExchangeRequest {
  /** Edge and incarnation: a restarted edge is another one. */
  readonly edge: string;
  /** The edge's number of this call. */
  readonly call: number;
  /** Epoch ns. */
  readonly now: bigint;
  /** The limits the edge goes by. */
  readonly limits: UserLimits;
  /** When the edge last spent a token of the bucket, epoch ns; 0n: not since its last settlement. */
  readonly spentAt: Three<bigint>;
  /** The reply to an earlier exchange was lost: all tokens that the edge does not hold count as spent now. */
  readonly unsure: boolean;
  /** What the edge still holds and wants to keep. */
  readonly held: Three<number>;
  /** Tokens that it was granted, will never spend, and gives back. */
  readonly returned: Three<number>;
  /** What it asks for beyond that. */
  readonly wanted: Three<number>;
  /** What it admitted without a lease while the store was away. */
  readonly unleased: Three<number>;
  /** The edge holds and wants nothing: its record is removed. */
  readonly leave: boolean;
  /** τ, ns. */
  readonly life: bigint;
  /** ε, ns. */
  readonly clockError: bigint;
}

export interface ExchangeReply {
  /** The limits in force; when they are not the presented ones, nothing was granted under the presented ones. */
  readonly limits: UserLimits;
  /** What the edge still holds: what it stated, or nothing if that was void. */
  readonly held: Three<number>;
  readonly granted: Three<number>;
  /** Epoch ns from which one more token may be there; 0n: there is one now. */
  readonly retryAt: Three<bigint>;
  /** Epoch ns at which held and granted tokens end. */
  readonly expires: bigint;
  /** k: edges with a record, the asking one counted. */
  readonly edges: number;
}

/** Rate and capacity of one bucket. */
export interface Shape {
  /** Tokens per 1000 s, so that a rate may have three decimals. */
  readonly milliRate: bigint;
  readonly capacity: bigint;
}

/** 10¹²: nanoseconds per second times the thousand of `milliRate`. */
const SCALE = 1_000_000_000_000n;
const KINDS: Three<Kind> = [ORDER, MESSAGE, CANCEL];
const NONE: Three<number> = [0, 0, 0];

function shape(rate: number, capacity: number): Shape {
  return {
    milliRate: BigInt(Math.max(1, Math.round(rate * 1000))),
    capacity: BigInt(Math.max(1, Math.floor(capacity))),
  };
}

/** Tokens per second of each bucket. Cancels have twice the order rate, so that a client over its limit can still get out. */
export function ratesOf(limits: UserLimits): Three<number> {
  return [limits.orders_per_second, limits.messages_per_second, 2 * limits.orders_per_second];
}

/** Capacities in whole tokens, each at least one. */
export function capacitiesOf(limits: UserLimits): Three<number> {
  const messages = (limits.burst * limits.messages_per_second) / limits.orders_per_second;
  const capacities = [limits.burst, messages, 2 * limits.burst] as const;
  const whole = (capacity: number) => Math.max(1, Math.floor(capacity));
  return [whole(capacities[0]), whole(capacities[1]), whole(capacities[2])];
}

export function shapesOf(limits: UserLimits): Three<Shape> {
  const rates = ratesOf(limits);
  const capacities = capacitiesOf(limits);
  return map((kind) => shape(rates[kind], capacities[kind]));
}

/** Later assignment wins, then later definition: negative when `a` is older than `b`. */
export function compareLimits(a: UserLimits, b: UserLimits): number {
  return a.assignment - b.assignment || a.definition - b.definition;
}

function map<T>(of: (kind: Kind) => T): Three<T> {
  return [of(ORDER), of(MESSAGE), of(CANCEL)];
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function ceilDiv(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

/** ⌈nT⌉ in ns. */
export function charge(tokens: number, milliRate: bigint): bigint {
  return ceilDiv(BigInt(tokens) * SCALE, milliRate);
}

/** Whole tokens left below `base`; charges round up, and a thousandth of a token makes up for it where T is no integer. */
function available(base: bigint, now: bigint, { milliRate, capacity }: Shape): number {
  const slack = SCALE % milliRate === 0n ? 0n : SCALE / 1000n;
  const left = (capacity * SCALE - (base - now) * milliRate + slack) / SCALE;
  return left > 0n ? Number(left) : 0;
}

/** The item while an exchange works on it. */
class Draft {
  limits: UserLimits;
  shapes: Three<Shape>;
  readonly tats: [bigint, bigint, bigint];
  readonly edges: Map<string, Lease>;

  constructor(item: Buckets | undefined, limits: UserLimits) {
    this.limits = item?.limits ?? limits;
    this.shapes = shapesOf(this.limits);
    this.tats = item === undefined ? [0n, 0n, 0n] : [...item.tats];
    this.edges = new Map(Object.entries(item?.edges ?? {}));
  }

  /** O·T in ns. */
  outstanding(kind: Kind): bigint {
    let tokens = 0;
    for (const lease of this.edges.values()) tokens += lease.tokens[kind];
    return charge(tokens, this.shapes[kind].milliRate);
  }

  raise(kind: Kind, to: bigint): void {
    this.tats[kind] = max(this.tats[kind], to);
  }

  /** Step 1: a lease that ended 2ε ago is settled as if all of it had been spent at its end. */
  settleExpired(now: bigint, clockError: bigint, except?: string): void {
    const ended = [...this.edges]
      .filter(([edge, lease]) => edge !== except && lease.expires + 2n * clockError <= now)
      .sort(([, a], [, b]) => (a.expires < b.expires ? -1 : a.expires > b.expires ? 1 : 0));
    for (const [edge, lease] of ended) {
      for (const kind of KINDS) this.raise(kind, lease.expires + this.outstanding(kind));
      this.edges.delete(edge);
    }
  }

  /** A later version of the limits: older tokens are void and count as spent now; the filled fraction is kept. */
  adopt(limits: UserLimits, now: bigint): void {
    for (const kind of KINDS) this.raise(kind, now + this.outstanding(kind));
    const before = this.shapes;
    this.edges.clear();
    this.limits = limits;
    this.shapes = shapesOf(limits);
    for (const kind of KINDS) {
      const owed = this.tats[kind] - now;
      if (owed <= 0n) continue;
      const from = before[kind];
      const to = this.shapes[kind];
      const scaled = ceilDiv(owed * to.capacity * from.milliRate, from.capacity * to.milliRate);
      this.tats[kind] = now + scaled;
    }
  }
}

/**
 * Step 2: the writer settles what it has spent and keeps what it holds; returns what is truly its own. What it
 * returns unspent lowers `tat` by its charge: every `tat` since its grant is at least that much higher than it would
 * be, had it never been granted, so the bound stands, and a client that sends little is not charged for prefetching.
 */
function settleOwn(draft: Draft, request: ExchangeRequest): Three<number> {
  const { edge, now } = request;
  const own = draft.edges.get(edge);
  const valid = compareLimits(request.limits, draft.limits) === 0 && own !== undefined && own.expires > now;
  const held = valid ? map((kind) => Math.min(request.held[kind], own.tokens[kind])) : NONE;
  if (own !== undefined) {
    for (const kind of KINDS) {
      const at = request.unsure || request.spentAt[kind] > now ? now : request.spentAt[kind];
      if (at > 0n) draft.raise(kind, at + draft.outstanding(kind));
      const back = request.unsure ? 0 : Math.min(request.returned[kind], own.tokens[kind] - held[kind]);
      draft.tats[kind] -= (BigInt(back) * SCALE) / draft.shapes[kind].milliRate;
    }
    draft.edges.set(edge, { tokens: held, expires: own.expires, call: request.call });
  }
  return held;
}

/** What was admitted while the store was away is owed now, to an empty bucket at most. */
function chargeUnleased(draft: Draft, request: ExchangeRequest): void {
  for (const kind of KINDS) {
    if (request.unleased[kind] === 0) continue;
    const { milliRate, capacity } = draft.shapes[kind];
    const owed = max(draft.tats[kind], request.now) + charge(request.unleased[kind], milliRate);
    const empty = request.now + ceilDiv(capacity * SCALE, milliRate);
    draft.raise(kind, min(owed, empty));
  }
}

/**
 * One exchange between an edge and the item, in the order that the proof above needs: settle leases that ended,
 * settle the writer, adopt later limits, grant. Pure; the caller writes `next` under the condition that `item` is
 * still the current one.
 *
 * @param item undefined: all buckets are full
 */
export function exchange(
  item: Buckets | undefined,
  request: ExchangeRequest,
): { readonly next: Buckets; readonly reply: ExchangeReply } {
  const { edge, now } = request;
  const draft = new Draft(item, request.limits);
  draft.settleExpired(now, request.clockError, edge);
  let held = settleOwn(draft, request);
  const order = compareLimits(request.limits, draft.limits);
  if (order > 0) {
    draft.adopt(request.limits, now);
    held = NONE;
  }
  chargeUnleased(draft, request);
  // Step 3. What was asked under older limits was measured by them: nothing is granted, the edge asks anew.
  const granted: [number, number, number] = [0, 0, 0];
  const retryAt: [bigint, bigint, bigint] = [0n, 0n, 0n];
  for (const kind of KINDS) {
    const of = draft.shapes[kind];
    const base = max(draft.tats[kind], now + draft.outstanding(kind));
    const left = available(base, now, of);
    const tokens = order < 0 || request.leave ? 0 : Math.min(request.wanted[kind], left);
    granted[kind] = tokens;
    if (tokens > 0) draft.tats[kind] = base + charge(tokens, of.milliRate);
    if (left - tokens < 1) {
      const one = draft.tats[kind] - ceilDiv((of.capacity - 1n) * SCALE, of.milliRate);
      retryAt[kind] = max(one, now + 1n);
    }
  }
  const expires = now + request.life;
  const kept = map((kind) => held[kind] + granted[kind]);
  draft.edges.set(edge, { tokens: kept, expires, call: request.call });
  const edges = draft.edges.size;
  if (request.leave) draft.edges.delete(edge);
  const next: Buckets = {
    version: (item?.version ?? 0) + 1,
    limits: draft.limits,
    tats: draft.tats,
    edges: Object.fromEntries(draft.edges),
  };
  return { next, reply: { limits: draft.limits, held, granted, retryAt, expires, edges } };
}

/** Tokens that an edge could be granted now, per bucket, as shown to admins. Changes nothing. */
export function tokensNow(
  item: Buckets | undefined,
  limits: UserLimits,
  now: bigint,
  clockError = 0n,
): { readonly order: number; readonly message: number; readonly cancel: number } {
  const draft = new Draft(item, limits);
  draft.settleExpired(now, clockError);
  if (compareLimits(limits, draft.limits) > 0) draft.adopt(limits, now);
  const left = (kind: Kind) => available(max(draft.tats[kind], now + draft.outstanding(kind)), now, draft.shapes[kind]);
  return { order: left(ORDER), message: left(MESSAGE), cancel: left(CANCEL) };
}
