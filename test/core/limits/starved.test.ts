// Orders that wait for a store that answers in time: they are not refused, whatever else took time.

import { describe, expect, test } from '@jest/globals';
import { REFUSED_STORE } from '../../../core/limits/admission.ts';
import { ORDER } from '../../../core/limits/kinds.ts';
import { limitsOf, World } from './world.ts';

/** Nobody gets there. */
const UNLIMITED = limitsOf(1e9, 1e9, 1e9);
const NEVER: readonly [number, number] = [1e9, 1e9];

/** A store that is so far away, there and back, ms. */
function world(tripMs: number): World {
  const made = new World(31, UNLIMITED);
  made.leases.faults = { delay: [tripMs / 2, tripMs / 2], lostRequests: 0, lostReplies: 0 };
  return made;
}

describe('the process stands still while an order waits', () => {
  /** The answer is there when the process goes on, and is read after the timers that are due. */
  test.each([300, 400, 600, 1_500])('for %d ms: the answer is read before anybody is refused', async (stoodMs) => {
    const made = world(2);
    const edge = made.addEdge();
    made.send(edge, ORDER);
    made.leases.faults = { ...made.leases.faults, delay: [stoodMs, stoodMs] };
    await made.run(10);
    made.scheduler.standStill(stoodMs);
    await made.run(20);
    expect([made.count(ORDER), made.refused, made.failures]).toEqual([1, [], []]);
    expect(edge.limiter.figures().unleased).toBe(0);
  });

  test('a store that does not answer then either is slow after 250 ms and away after 500', async () => {
    const made = world(2);
    const edge = made.addEdge();
    made.leases.faults = { ...made.leases.faults, delay: NEVER };
    made.send(edge, ORDER);
    await made.run(10);
    made.scheduler.standStill(600);
    await made.run(150);
    expect([made.refused, made.failures]).toEqual([[], []]);
    await made.run(100);
    expect([made.refused, made.failures]).toEqual([[REFUSED_STORE], []]);
    await made.run(250);
    expect(made.failures).toHaveLength(1);
  });
});

describe('an edge leaves the store to others for a while before it asks again', () => {
  test.each([100, 160, 200, 240])(
    'an answer after %d ms is in time for the orders that waited for that',
    async (trip) => {
      const made = world(trip);
      const edge = made.addEdge();
      made.stream(() => edge, ORDER, 5, 3_000);
      await made.run(4_000);
      expect([made.refused, made.failures]).toEqual([[], []]);
    },
  );

  test('what comes while it gives back what it does not need waits for that answer and its own', async () => {
    const made = world(160);
    const edge = made.addEdge();
    made.send(edge, ORDER);
    const calls = () => edge.limiter.figures().calls;
    while (calls() < 2) await made.run(1);
    const [before, since] = [made.count(ORDER), made.scheduler.now];
    made.send(edge, ORDER);
    await made.run(600);
    expect([made.count(ORDER), made.refused]).toEqual([before + 1, []]);
    expect(made.admitted.at(-1)!.at - since).toBeGreaterThan(300);
  });

  test('a store that is slow by itself is no better for it', async () => {
    const made = world(20);
    const edge = made.addEdge();
    made.send(edge, ORDER);
    await made.run(30);
    made.leases.faults = { ...made.leases.faults, delay: NEVER };
    const sentAt = made.scheduler.now;
    let decidedAt = 0;
    made.send(edge, ORDER, () => (decidedAt = made.scheduler.now));
    await made.run(600);
    expect(made.refused).toEqual([REFUSED_STORE]);
    // What is left of the others' turn, and the time for an answer.
    expect(decidedAt - sentAt).toBeGreaterThanOrEqual(250);
    expect(decidedAt - sentAt).toBeLessThan(270);
  });
});
