/** What the gate and the edge call for each message: small integers, no promise while tokens are in hand. */
import type { Kind, Three } from './kinds.ts';
import type { Buckets } from './lease.ts';
import type { UserLimits, ViolationType } from './model.ts';
import type { BucketUsage } from './usage.ts';
import type { OnLimitWarning } from './watch.ts';

export const ADMITTED = 0;
/** A grant is on its way: call `onGrant` at once; what follows on the connection waits behind it. */
export const WAIT = 1;
export const REFUSED_ORDER = 2;
export const REFUSED_MESSAGE = 3;
export const REFUSED_CANCEL = 4;
/** The store is away or slow; no violation of the client's. */
export const REFUSED_STORE = 5;
export type Refusal = typeof REFUSED_ORDER | typeof REFUSED_MESSAGE | typeof REFUSED_CANCEL | typeof REFUSED_STORE;
/** What the refusal of a bucket is called, by its index. */
export const REFUSAL_OF = [REFUSED_ORDER, REFUSED_MESSAGE, REFUSED_CANCEL] as const;
export type Decision = typeof ADMITTED | Refusal;
export type Admission = Decision | typeof WAIT;

/** The limits of one user on this edge, shared by all of the user's live sessions here. */
export interface UserAdmissions {
  readonly userId: string;
  /** The limits in force: the later of what the edge was told and what the shared item has. */
  readonly limits: UserLimits;

  /**
   * Decides one message. An order draws on the order and the message bucket, both or neither; a refused message
   * draws nothing and counts as a violation (REFUSED_STORE does not).
   *
   * @param nowMs the wall clock, Clock.now(); may be read once per batch of messages
   */
  admit(kind: Kind, nowMs: number): Admission;

  /**
   * Admits this many orders of a batch at once, if asking for each would admit all of them and do nothing else: no call to the
   * store, no warning, no wait.
   *
   * @returns false: none is admitted; ask for each
   */
  admitOrders(count: number, nowMs: number): boolean;
  /** Undoes {@link admitOrders} for orders that did not come: in the same turn of the event loop, before anything else is asked. */
  takeBack(orders: number): void;

  /**
   * After WAIT: `decided` is called once, later, with the final word: within 250 ms of the call that asks for it, which begins
   * within 250 ms (a cancel: 1250 in all), by the time in which this process runs. The tokens are drawn by then and refusals counted.
   *
   * @returns forgets the message (its connection is gone); `decided` is not called any more
   */
  onGrant(kind: Kind, decided: (decision: Decision) => void): () => void;

  /** Milliseconds until a message of this kind can hope to be admitted, for the Text of a refusal; 0: now. */
  retryAfterMs(kind: Kind, nowMs: number): number;

  /**
   * Where the buckets stand: what is in hand, and what the shared item would grant now. `read`: that item as it was
   * just read; without it, or when this edge has seen a later one, by what it saw last.
   */
  usage(read?: { readonly item: Buckets | undefined }): Three<BucketUsage>;

  /**
   * Warns when `percent` of a bucket's capacity is used up, once each time (watch.ts). `tell` may be called within
   * `admit` of any session of the user, and at any other time.
   *
   * @param percent 1 to 100
   * @returns ends it
   */
  watch(percent: number, tell: OnLimitWarning): () => void;

  /** Newer limits void the tokens in hand and are leased anew, keeping the filled fraction; older ones are ignored. */
  updateLimits(limits: UserLimits): void;
}

export interface ViolationCount {
  readonly userId: string;
  readonly type: ViolationType;
  readonly count: number;
  /** Epoch ms of the last of them. */
  readonly at: number;
}

/** Sums over all users since the limiter was made. */
export interface LimiterFigures {
  /** Users with a live session. */
  readonly users: number;
  /** Exchanges with the store. */
  readonly calls: number;
  /** Those that failed or stayed without an answer. */
  readonly failures: number;
  /** Tokens granted, all buckets. */
  readonly granted: number;
  /** Tokens granted but never spent: given back, expired or void. */
  readonly wasted: number;
  readonly admitted: number;
  /** Violations. */
  readonly refused: { readonly order: number; readonly message: number; readonly cancel: number };
  /** Messages refused because the store was away or slow. */
  readonly refusedStore: number;
  /** Messages admitted without a lease while the store was away. */
  readonly unleased: number;
  /** Messages that waited for a grant. */
  readonly waited: number;
}

/** The limiter of one edge. */
export interface Admissions {
  /** Called when a session starts; one call per live session. `limits` as read at logon. */
  attach(userId: string, limits: UserLimits): UserAdmissions;
  /** Called once when that session ends; the last one settles and gives back. */
  detach(user: UserAdmissions): void;
  /** A tier change that reached this edge; no-op for users without a session here. */
  updateLimits(userId: string, limits: UserLimits): void;
  /** Violations since the last drain, also of users that left meanwhile; to be flushed to ViolationCounters. */
  drainViolations(): ViolationCount[];
  /** Forgets violations that were not drained yet (an admin's reset). */
  resetViolations(userId: string): void;
  figures(): LimiterFigures;
  /** Settles and gives back everything; resolves when the store has answered for all users or failed to. */
  close(): Promise<void>;
}
