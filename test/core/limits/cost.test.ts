// What limits ask of the store, counted: no more with more messages, whichever buckets are empty.
import { describe, expect, test } from '@jest/globals';
import { ADMITTED } from '../../../core/limits/admission.ts';
import { CANCEL, type Kind, MESSAGE, ORDER } from '../../../core/limits/kinds.ts';
import { ratesOf } from '../../../core/limits/lease.ts';
import { limitsOf, type SimEdge, World } from './world.ts';

const TIERS = [
  [5, 20, 10],
  [20, 100, 40],
  [100, 500, 200],
  [10_000, 50_000, 10_000],
] as const;
const MIXES: readonly (readonly Kind[])[] = [
  [ORDER],
  [MESSAGE],
  [CANCEL],
  [ORDER, MESSAGE],
  [ORDER, CANCEL],
  [MESSAGE, CANCEL],
  [ORDER, MESSAGE, CANCEL],
];
const NAMES = ['orders', 'messages', 'cancels'];
/** A stream sends no more than so many a second: the clock of the edge has whole milliseconds. */
const MOST_PER_SECOND = 20_000;

/** When the store was asked from now on, ms, by whichever edge. */
function watched({ leases, scheduler }: World): readonly number[] {
  const at: number[] = [];
  const exchange = leases.exchange.bind(leases);
  leases.exchange = (...args) => {
    at.push(scheduler.now);
    return exchange(...args);
  };
  return at;
}

const leastGap = (times: readonly number[]): number =>
  Math.min(...times.slice(1).map((at, i) => at - (times[i] as number)));

/** Each kind comes at `load` times its rate. */
function send(world: World, edge: SimEdge, mix: readonly Kind[], load: number, forMs: number): void {
  const rates = ratesOf(world.limits);
  for (const kind of mix) world.stream(() => edge, kind, 1000 / Math.min(MOST_PER_SECOND, load * rates[kind]), forMs);
}

const cases = TIERS.flatMap(([orders, messages, burst]) =>
  MIXES.flatMap((mix) =>
    [0.3, 0.9, 1.2, 5, 40]
      // More than the streams can send is no other case.
      .filter((load) => orders < 1000 || (load === 0.9 && mix.length === 1) || (load === 1.2 && mix.length === 3))
      .map((load) => ({ orders, messages, burst, mix, load, what: mix.map((kind) => NAMES[kind]).join(', ') })),
  ),
);

describe('one edge', () => {
  test.each(cases)('$load times $orders orders/s: $what: at most ten calls a second', async (one) => {
    const { orders, messages, burst, mix, load } = one;
    const world = new World(1, limitsOf(orders, messages, burst));
    const edge = world.addEdge();
    send(world, edge, mix, load, 12_000);
    await world.run(4000);
    const calls = watched(world);
    const from = world.scheduler.now;
    await world.run(8000);
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.length / 8).toBeLessThanOrEqual(10);
    if (load < 2) return;
    // All of them are empty, then: after a refusal or a part of what was asked, 100 ms.
    expect(leastGap(calls)).toBeGreaterThanOrEqual(100);
    const rates = ratesOf(world.limits);
    const used = (kind: Kind) => world.count(kind, from) / (8 * rates[kind]);
    if (mix.includes(CANCEL)) expect(used(CANCEL)).toBeGreaterThanOrEqual(0.94);
    if (mix.includes(ORDER) && !mix.includes(MESSAGE)) expect(used(ORDER)).toBeGreaterThanOrEqual(0.94);
    // Orders draw on the bucket of messages, too.
    const drawn = world.count(MESSAGE, from) + world.count(ORDER, from);
    if (mix.includes(MESSAGE)) expect(drawn / (8 * rates[MESSAGE])).toBeGreaterThanOrEqual(0.94);
  });

  test('a message whose token is in hand is decided at once, though the store does not answer any more', async () => {
    const world = new World(2, limitsOf(100, 500, 200));
    const edge = world.addEdge();
    send(world, edge, [ORDER], 0.9, 5000);
    await world.run(4999);
    world.leases.faults = { delay: [60_000, 60_000], lostRequests: 0, lostReplies: 0 };
    const { waited } = edge.limiter.figures();
    const before = world.leases.writes;
    const now = Math.floor(world.scheduler.now);
    const decisions = Array.from({ length: 4 }, () => edge.user.admit(ORDER, now));
    expect(decisions).toEqual(Array(4).fill(ADMITTED));
    expect(world.leases.writes).toBe(before);
    expect(edge.limiter.figures().waited).toBe(waited);
  });

  test('of a user who trades all the time nearly no message waits for the store', async () => {
    const world = new World(3, limitsOf(20, 100, 40));
    const edge = world.addEdge();
    send(world, edge, [ORDER, CANCEL], 0.8, 30_000);
    await world.run(30_000);
    const { admitted, waited } = edge.limiter.figures();
    expect(admitted).toBeGreaterThan(1400);
    expect(waited).toBeLessThanOrEqual(admitted / 100);
  });
});

describe('of edges that share a user', () => {
  const shared = TIERS.slice(0, 3).flatMap(([orders, messages, burst]) =>
    [2, 3, 5].map((edges) => ({ edges, orders, messages, burst })),
  );

  test.each(shared)('$edges, all buckets empty, $orders orders/s: each at most ten calls a second', async (one) => {
    const { edges, orders, messages, burst } = one;
    const world = new World(4, limitsOf(orders, messages, burst));
    for (let i = 0; i < edges; i++) send(world, world.addEdge(), [ORDER, MESSAGE, CANCEL], 5, 12_000);
    await world.run(4000);
    const before = world.edges.map(({ limiter }) => limiter.figures().calls);
    const from = world.scheduler.now;
    await world.run(8000);
    for (const [i, { limiter }] of world.edges.entries())
      expect((limiter.figures().calls - (before[i] as number)) / 8).toBeLessThanOrEqual(10);
    const rates = ratesOf(world.limits);
    expect(world.count(CANCEL, from) / (8 * rates[CANCEL])).toBeGreaterThanOrEqual(0.9);
    expect((world.count(ORDER, from) + world.count(MESSAGE, from)) / (8 * rates[MESSAGE])).toBeGreaterThanOrEqual(0.9);
  });
});
