import { describe, expect, test } from '@jest/globals';
import { ADMITTED, REFUSED_MESSAGE, REFUSED_ORDER, REFUSED_STORE } from '../../../core/limits/admission.ts';
import { CANCEL, MESSAGE, ORDER } from '../../../core/limits/kinds.ts';
import { tokensNow } from '../../../core/limits/lease.ts';
import { limitsOf, World } from './world.ts';

const BASIC = limitsOf(5, 20, 10);

describe('one edge', () => {
  test('a burst of 30 orders from rest: the burst is admitted, the rest refused with a wait; cancels pass', async () => {
    const world = new World(1, BASIC);
    const edge = world.addEdge();
    world.burst(edge, ORDER, 30);
    await world.run(150);
    expect(world.count(ORDER)).toBe(10);
    expect(world.refused).toEqual(Array(20).fill(REFUSED_ORDER));
    const wait = edge.user.retryAfterMs(ORDER, Math.floor(world.scheduler.now));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(200);
    world.burst(edge, CANCEL, 10);
    await world.run(100);
    expect(world.count(CANCEL)).toBe(10);
    expect(edge.limiter.drainViolations()).toEqual([
      { userId: 'u1', type: 'order', count: 20, at: expect.any(Number) },
    ]);
    expect(edge.limiter.drainViolations()).toEqual([]);
  });

  test.each([
    [5, 20, 10],
    [20, 100, 40],
    [100, 500, 200],
    [10_000, 50_000, 10_000],
    [3, 7, 11],
  ])('a burst from rest gets all of B: %d/s, %d/s, burst %d', async (orders, messages, burst) => {
    const world = new World(2, limitsOf(orders, messages, burst));
    const edge = world.addEdge();
    const start = world.scheduler.now;
    world.burst(edge, ORDER, 2 * burst);
    await world.run(5000);
    const last = world.admitted.findIndex((_one, index) => index + 1 === burst);
    const taken = (world.admitted[last]!.at - start) / 1000;
    expect(world.count(ORDER)).toBeGreaterThanOrEqual(burst);
    expect(world.excess(ORDER, orders, burst)).toBeLessThanOrEqual(0.001);
    expect(taken).toBeLessThan(0.5);
  });

  test.each([
    [5, 20, 10],
    [20, 100, 40],
    [100, 500, 200],
  ])(
    'steady load above the rate: at least 94 %% usable, at most ten calls a second: %d/s',
    async (orders, messages, burst) => {
      const world = new World(3, limitsOf(orders, messages, burst));
      const edge = world.addEdge();
      world.stream(() => edge, ORDER, 200 / orders, 30_000);
      await world.run(10_000);
      const calls = edge.limiter.figures().calls;
      const from = world.scheduler.now;
      await world.run(20_000);
      expect(world.count(ORDER, from)).toBeGreaterThanOrEqual(0.94 * orders * 20);
      expect(edge.limiter.figures().calls - calls).toBeLessThanOrEqual(200);
    },
  );

  test.each([0.4, 0.77, 0.9])('who stays below the rate is never refused: %d of it', async (part) => {
    const world = new World(4, BASIC);
    const edge = world.addEdge();
    world.stream(() => edge, ORDER, 200 / part, 60_000);
    await world.run(60_000);
    expect(world.refused).toEqual([]);
    expect(world.count(ORDER)).toBeGreaterThan(0.98 * part * 5 * 60);
  });

  test('the message limit refuses a message, and an order draws on it too', async () => {
    const world = new World(5, limitsOf(100, 10, 100));
    const edge = world.addEdge();
    world.burst(edge, MESSAGE, 15);
    await world.run(100);
    expect(world.count(MESSAGE)).toBe(10);
    world.burst(edge, ORDER, 1);
    await world.run(20);
    expect(world.refused).toEqual(Array(6).fill(REFUSED_MESSAGE));
  });

  test('rest gives everything back, and leaving removes the record', async () => {
    const world = new World(6, BASIC);
    const edge = world.addEdge();
    world.burst(edge, ORDER, 3);
    await world.run(50);
    expect(Object.keys(world.leases.items.get('u1')!.edges)).toEqual(['edge-0.1']);
    await world.run(1000);
    const item = world.leases.items.get('u1')!;
    expect(item.edges).toEqual({});
    const now = BigInt(Math.floor(world.scheduler.now)) * 1_000_000n;
    expect(tokensNow(item, BASIC, now)).toEqual({ order: 10, message: 40, cancel: 20 });
    world.burst(edge, ORDER, 3);
    await world.run(50);
    edge.limiter.detach(edge.user);
    await world.run(50);
    expect(world.leases.items.get('u1')!.edges).toEqual({});
    expect(edge.limiter.figures().users).toBe(0);
  });

  test('a tier change voids what is in hand and keeps the filled fraction', async () => {
    const world = new World(7, BASIC);
    const edge = world.addEdge();
    world.burst(edge, ORDER, 5);
    await world.run(50);
    edge.limiter.updateLimits('u1', limitsOf(50, 200, 100, 2));
    world.burst(edge, ORDER, 200);
    await world.run(100);
    // About half of the bucket was left, what was in hand is void: half of 100 less that, and what 150 ms refill.
    expect(world.count(ORDER) - 5).toBeGreaterThanOrEqual(40);
    expect(world.count(ORDER) - 5).toBeLessThanOrEqual(61);
    expect(edge.user.limits.burst).toBe(100);
    edge.limiter.updateLimits('u1', BASIC);
    expect(edge.user.limits.burst).toBe(100);
  });

  test('an edge with older limits adopts those of the item', async () => {
    const world = new World(8, limitsOf(50, 200, 100, 2));
    const first = world.addEdge();
    world.burst(first, ORDER, 1);
    await world.run(50);
    world.limits = BASIC;
    const second = world.addEdge();
    world.burst(second, ORDER, 30);
    await world.run(150);
    expect(second.user.limits.burst).toBe(100);
    expect(world.count(ORDER)).toBe(31);
  });
});

describe('the store is away', () => {
  test('orders go on at the rate without new burst, close after the grace, and come back; cancels keep on', async () => {
    const world = new World(9, BASIC, { graceMs: 5000 });
    const edge = world.addEdge();
    world.burst(edge, ORDER, 10);
    await world.run(100);
    world.leases.away = true;
    const lost = world.scheduler.now;
    world.stream(() => edge, ORDER, 20, 20_000);
    await world.run(5000);
    expect(world.count(ORDER, lost)).toBeGreaterThan(20);
    expect(world.count(ORDER, lost)).toBeLessThanOrEqual(26);
    await world.run(1000);
    const closed = world.scheduler.now;
    world.stream(() => edge, CANCEL, 20, 4000);
    await world.run(4000);
    expect(world.count(ORDER, closed)).toBe(0);
    expect(world.count(CANCEL, closed)).toBeGreaterThan(35);
    expect(world.refused.at(-1)).toBe(REFUSED_STORE);
    world.leases.away = false;
    const back = world.scheduler.now;
    await world.run(8000);
    expect(world.count(ORDER, back)).toBeGreaterThan(33);
    expect(world.excess(ORDER, 5, 10)).toBeLessThanOrEqual(1);
  });

  test('the first cancels of an outage wait for their turn at the rate of cancels, and pass', async () => {
    const world = new World(16, BASIC);
    const edge = world.addEdge();
    world.burst(edge, ORDER, 1);
    await world.run(100);
    world.leases.away = true;
    // At once, as by a client that wants out: twice five a second may pass.
    for (let sent = 0; sent < 5; sent++) world.send(edge, CANCEL);
    await world.run(1200);
    expect(world.refused).toEqual([]);
    expect(world.count(CANCEL)).toBe(5);
    for (let sent = 0; sent < 40; sent++) world.send(edge, CANCEL);
    await world.run(2000);
    expect(world.count(CANCEL)).toBeGreaterThan(5 + 11);
    expect(world.excess(CANCEL, 10, 20)).toBeLessThanOrEqual(1);
    expect(world.refused.length + world.count(CANCEL)).toBe(45);
    // It is back: what waits is decided by the item.
    world.leases.away = false;
    await world.run(1000);
    world.send(edge, CANCEL);
    await world.run(200);
    expect(world.refused.length + world.count(CANCEL)).toBe(46);
  });

  test('cancels that wait while a store hangs are not lost with the call', async () => {
    const world = new World(17, BASIC);
    const edge = world.addEdge();
    world.leases.faults = { delay: [60_000, 60_000], lostRequests: 0, lostReplies: 0 };
    for (let sent = 0; sent < 3; sent++) world.send(edge, CANCEL);
    await world.run(1249);
    expect(world.count(CANCEL)).toBe(3);
    expect(world.refused).toEqual([]);
  });

  test('fails closed at once by setting', async () => {
    const world = new World(10, BASIC, { storeAway: 'refuse' });
    world.leases.away = true;
    const edge = world.addEdge();
    world.stream(() => edge, ORDER, 50, 3000);
    world.stream(() => edge, CANCEL, 50, 3000);
    await world.run(3000);
    expect(world.count(ORDER)).toBe(0);
    expect(world.count(CANCEL)).toBeGreaterThan(20);
  });

  test('tokens in hand end with their lease, though the store cannot be asked', async () => {
    const world = new World(13, limitsOf(100, 500, 200), { storeAway: 'refuse', leaseMs: 1000, awayRetryMs: 5000 });
    const edge = world.addEdge();
    world.burst(edge, ORDER, 21);
    await world.run(200);
    world.leases.away = true;
    // Traffic, so that the edge does not rest, but too little to make it ask, but for more time: once, in vain.
    for (let sent = 1; sent <= 4; sent++) {
      world.send(edge, ORDER);
      expect(world.count(ORDER)).toBe(21 + sent);
      await world.run(200);
    }
    await world.run(30);
    const failures = world.failures.length;
    world.send(edge, ORDER);
    await world.run(100);
    expect(failures).toBe(1);
    expect(world.count(ORDER)).toBe(25);
  });

  test('a lease in use is renewed before it ends: no message waits for a slow store', async () => {
    const world = new World(15, limitsOf(1000, 5000, 2000));
    const edge = world.addEdge();
    // A busy second, so that leases are as large as they get.
    world.stream(() => edge, ORDER, 1, 1000);
    await world.run(1000);
    const { waited, calls } = edge.limiter.figures();
    world.leases.faults = { delay: [180, 200], lostRequests: 0, lostReplies: 0 };
    world.stream(() => edge, ORDER, 40, 20_000);
    await world.run(20_000);
    expect(edge.limiter.figures().waited).toBe(waited);
    expect(world.refused).toEqual([]);
    // Two seconds' leases, renewed when a third is left, and now and then for tokens.
    expect(edge.limiter.figures().calls - calls).toBeLessThan(35);
  });

  test('a message waits no longer than the setting for a store that hangs', async () => {
    const world = new World(11, BASIC);
    world.leases.faults = { delay: [400, 400], lostRequests: 0, lostReplies: 0 };
    const edge = world.addEdge();
    const start = world.scheduler.now;
    let decidedAt = 0;
    world.send(edge, ORDER, (decision) => {
      expect(decision).not.toBe(ADMITTED);
      decidedAt = world.scheduler.now;
    });
    await world.run(1000);
    expect(decidedAt - start).toBe(250);
  });

  test('a cancel waits for a slow store, an order does not', async () => {
    const world = new World(14, BASIC);
    const edge = world.addEdge();
    world.leases.faults = { delay: [180, 200], lostRequests: 0, lostReplies: 0 };
    world.burst(edge, ORDER, 1);
    world.burst(edge, CANCEL, 1);
    await world.run(300);
    expect(world.refused).toEqual([REFUSED_STORE]);
    expect(world.count(CANCEL)).toBe(0);
    await world.run(800);
    expect(world.count(CANCEL)).toBe(1);
  });

  test('close gives everything back and resolves, also when the store is gone', async () => {
    for (const away of [false, true]) {
      const world = new World(12, BASIC);
      const edge = world.addEdge();
      world.burst(edge, ORDER, 3);
      await world.run(50);
      world.leases.away = away;
      let closed = false;
      void edge.limiter.close().then(() => {
        closed = true;
      });
      await world.run(1000);
      expect(closed).toBe(true);
      expect(Object.keys(world.leases.items.get('u1')!.edges)).toHaveLength(away ? 1 : 0);
    }
  });
});
