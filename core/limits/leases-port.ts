/** The store behind the limiter: one item per user, changed only by conditional writes on its version. */
import type { Buckets } from './lease.ts';

export type ExchangeOutcome<R> =
  | { readonly outcome: 'written'; readonly buckets: Buckets; readonly result: R }
  /** `compute` gave undefined: nothing more was written. */
  | { readonly outcome: 'abandoned' }
  /** Others wrote first each time; nothing was written. `current`: the item as it was then. */
  | { readonly outcome: 'contended'; readonly current: Buckets | undefined };

/** What a computation wants written and what it answers when that write holds. */
export interface Exchanged<R> {
  /** Its version must be the current one's plus one (1 when there was no item). */
  readonly next: Buckets;
  readonly result: R;
}

export interface TokenLeases {
  /**
   * Writes what `compute` makes of the current item, under the condition that it is still the current one. Begins
   * with `known`, the item the caller saw last: one write in the good case, no read. When the condition fails,
   * `compute` runs again at once on the item that the failure returned, a bounded number of times.
   * Rejects with StoreUnavailable when the store does not answer or throttles: the caller then does not know whether
   * its write holds.
   */
  exchange<R>(
    userId: string,
    known: Buckets | undefined,
    compute: (current: Buckets | undefined) => Exchanged<R> | undefined,
  ): Promise<ExchangeOutcome<R>>;

  /** The item, read consistently; undefined: the user has sent nothing yet, so all buckets are full. */
  read(userId: string): Promise<Buckets | undefined>;
}

/** Conditional writes that one exchange may try. */
export const MAX_EXCHANGE_TRIES = 8;
