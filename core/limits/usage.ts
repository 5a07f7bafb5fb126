/** Where a user's buckets stand, as an edge sees them: what clients are told when they ask, and what warnings go by. */

import { type Three, three } from './kinds.ts';
import {
  type Buckets,
  capacitiesOf,
  charge,
  compareLimits,
  type ExchangeRequest,
  exchange,
  ratesOf,
  shapesOf,
} from './lease.ts';

/** One bucket. */
export interface BucketUsage {
  /** Tokens per second. */
  readonly rate: number;
  /** Tokens. */
  readonly capacity: number;
  /** Whole tokens that this edge could spend now: those in hand, and those that the shared bucket would still grant. */
  readonly left: number;
  /** Milliseconds until there is a token again; 0: there is one. */
  readonly next_ms: number;
  /** Milliseconds until the bucket is full, when nothing more is sent. */
  readonly full_ms: number;
}

const NONE: Three<number> = [0, 0, 0];
const NS_PER_MS = 1_000_000n;

/** What an edge tells of itself for {@link usageOf}: an exchange that asks for nothing yet. */
export type Asker = Omit<ExchangeRequest, 'wanted' | 'leave' | 'call'>;

/**
 * The buckets, by index. Computes, without writing, the exchange by which the edge would take everything that is left (lease.ts): so
 * it shows exactly what would be granted.
 *
 * @param item as the store has it; undefined: the user has sent nothing yet
 */
export function usageOf(item: Buckets | undefined, asker: Asker): Three<BucketUsage> {
  const { now } = asker;
  // Tokens of older limits are void.
  const outdated = item !== undefined && compareLimits(item.limits, asker.limits) > 0;
  const limits = outdated ? item.limits : asker.limits;
  const own = outdated ? { ...asker, limits, held: NONE, returned: NONE } : asker;
  const capacities = capacitiesOf(limits);
  const { next, reply } = exchange(item, { ...own, wanted: capacities, leave: false, call: 0 });
  const shapes = shapesOf(limits);
  const rates = ratesOf(limits);
  // Charges are rounded up, each by a nanosecond at most: that is no millisecond more.
  const ms = (ns: bigint) => (ns <= 1000n ? 0 : Number((ns + NS_PER_MS - 1n) / NS_PER_MS));
  return three((kind) => {
    const left = reply.held[kind] + reply.granted[kind];
    return {
      rate: rates[kind],
      capacity: capacities[kind],
      left,
      next_ms: left >= 1 ? 0 : ms(reply.retryAt[kind] - now),
      // Undo the computed taking.
      full_ms: ms(next.tats[kind] - now - charge(left, shapes[kind].milliRate)),
    };
  });
}
