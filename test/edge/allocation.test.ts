// 267,000 messages through the whole edge (bench/way-process.ts): arrival, dictionary, limiter, venue, encrypted journal, answer. What each
// leaves behind once garbage is collected is nothing. Nothing is timed.

import { expect, test } from '@jest/globals';
import { through } from '../../bench/way.ts';

/** Three quarters of them are 200,000. */
const COUNTED = 266_667;
/** Before these: the engine has compiled what it will, and whatever is bounded by number has as many. Three of ten, as there. */
const ALL = Math.ceil(COUNTED / 0.7);
/**
 * A message, over all but the first quarter, in which the engine is still compiling: what it does beside is some hundred kilobytes in all.
 * A list of numbers that grows by one a message, 8 bytes, is twice that.
 */
const NOISE_BYTES = 4;

test.each([
  ['echo', 'rests', 1],
  ['simulator', 'fills', 2],
] as const)(
  '%s: no message leaves anything on the heap',
  async (venue, messages, replies) => {
    const found = await through({ venue, messages, count: ALL, heap: true });
    // All of them were taken and answered.
    expect(found.replies_per_message).toBeCloseTo(replies, 3);
    const [, ...later] = found.left_bytes!;
    expect(later).toHaveLength(3);
    expect(later.reduce((sum, bytes) => sum + bytes, 0) / later.length).toBeLessThan(NOISE_BYTES);
  },
  120_000,
);
