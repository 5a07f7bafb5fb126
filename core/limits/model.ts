/** Tiers: what a user may send. */

export interface Tier {
  readonly name: string;
  readonly orders_per_second: number;
  readonly messages_per_second: number;
  readonly max_sessions: number;
  /** Capacity of the order bucket, in orders. */
  readonly burst: number;
  /** Logout when in each of `seconds` seconds running more than `multiple` times the rate was sent; undefined: never. */
  readonly disconnect?: { readonly multiple: number; readonly seconds: number };
  /** The policy version at which it was last put: monotonic over removals too. */
  readonly version: number;
}

export type LimitClass = 'order' | 'cancel' | 'message';
export type ViolationType = LimitClass;

/** Rates of a user with the version that orders them: later assignment wins, then later definition. */
export interface UserLimits {
  readonly orders_per_second: number;
  readonly messages_per_second: number;
  readonly burst: number;
  readonly assignment: number;
  readonly definition: number;
}

export const DEFAULT_TIERS: readonly Tier[] = [
  { name: 'basic', orders_per_second: 5, messages_per_second: 20, max_sessions: 1, burst: 10, version: 0 },
  { name: 'standard', orders_per_second: 20, messages_per_second: 100, max_sessions: 3, burst: 40, version: 0 },
  { name: 'premium', orders_per_second: 100, messages_per_second: 500, max_sessions: 10, burst: 200, version: 0 },
  {
    name: 'unlimited',
    orders_per_second: 10_000,
    messages_per_second: 50_000,
    max_sessions: 100,
    burst: 10_000,
    version: 0,
  },
];

/** What the violation counters of a user show. */
export interface Violations {
  readonly order: number;
  readonly cancel: number;
  readonly message: number;
  readonly last_at?: number;
  readonly last_type?: ViolationType;
  readonly version: number;
}
