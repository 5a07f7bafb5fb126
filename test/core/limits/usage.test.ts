import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ADMITTED } from '../../../core/limits/admission.ts';
import { CANCEL, type Kind, MESSAGE, ORDER } from '../../../core/limits/kinds.ts';
import type { BucketUsage } from '../../../core/limits/usage.ts';
import { limitsOf, World } from './world.ts';

const BASIC = limitsOf(5, 20, 10);

describe('where the buckets stand', () => {
  test('full before the first message, and as much less afterwards as was sent', async () => {
    const world = new World(1, BASIC);
    const edge = world.addEdge();
    const full: BucketUsage[] = [
      { rate: 5, capacity: 10, left: 10, next_ms: 0, full_ms: 0 },
      { rate: 20, capacity: 40, left: 40, next_ms: 0, full_ms: 0 },
      { rate: 10, capacity: 20, left: 20, next_ms: 0, full_ms: 0 },
    ];
    expect(edge.user.usage()).toEqual(full);
    world.burst(edge, ORDER, 4);
    await world.run(100);
    const [orders, messages, cancels] = edge.user.usage();
    expect(orders.left).toBe(6);
    expect(messages.left).toBeGreaterThanOrEqual(36); // 2 come back in the time
    expect(messages.left).toBeLessThanOrEqual(38);
    expect(cancels).toEqual(full[CANCEL]);
    // Four orders at five a second, less what has passed.
    expect(orders.full_ms).toBeGreaterThan(600);
    expect(orders.full_ms).toBeLessThanOrEqual(800);
  });

  test('an empty bucket says when there is one again, and that is true', async () => {
    const world = new World(2, BASIC);
    const edge = world.addEdge();
    world.burst(edge, ORDER, 12);
    await world.run(50);
    const [orders] = edge.user.usage();
    expect(orders.left).toBe(0);
    expect(orders.next_ms).toBeGreaterThan(0);
    expect(orders.next_ms).toBeLessThanOrEqual(200);
    const before = world.count(ORDER);
    await world.run(orders.next_ms);
    expect(edge.user.usage({ item: world.leases.items.get('u1') })[ORDER].left).toBe(1);
    world.burst(edge, ORDER, 1);
    await world.run(250);
    expect(world.count(ORDER)).toBe(before + 1);
  });

  test('what another edge has spent is seen by reading the item', async () => {
    const world = new World(3, BASIC);
    const [one, other] = [world.addEdge(), world.addEdge()];
    world.burst(other, ORDER, 6);
    await world.run(50);
    expect(one.user.usage()[ORDER].left).toBe(10);
    const { left } = one.user.usage({ item: world.leases.items.get('u1') })[ORDER];
    expect(left).toBeGreaterThanOrEqual(3); // the other may hold a token in hand
    expect(left).toBeLessThanOrEqual(4);
  });

  test('newer limits in the item count, tokens of older ones do not', async () => {
    const world = new World(4, BASIC);
    const [one, other] = [world.addEdge(), world.addEdge()];
    world.burst(one, ORDER, 2);
    await world.run(30);
    const newer = { ...limitsOf(50, 200, 100), definition: 9 };
    other.user.updateLimits(newer);
    world.burst(other, ORDER, 1);
    await world.run(30);
    const [orders] = one.user.usage({ item: world.leases.items.get('u1') });
    expect(orders).toMatchObject({ rate: 50, capacity: 100 });
    expect(orders.left).toBeGreaterThan(60);
    expect(orders.left).toBeLessThan(80);
  });

  test('what is said to be left is admitted at once, and no more', async () => {
    const shapes = fc.record({ rate: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 60 }) });
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.integer({ min: 0, max: 80 }),
        fc.integer({ min: 0, max: 900 }),
        async (of, sent, ms) => {
          const world = new World(sent + ms, limitsOf(of.rate, of.rate * 4, of.burst));
          const edge = world.addEdge();
          world.burst(edge, ORDER, sent);
          await world.run(300 + ms);
          const { left } = edge.user.usage({ item: world.leases.items.get('u1') })[ORDER];
          const before = world.count(ORDER);
          const since = world.scheduler.now;
          let refusedAt = 0;
          const next = () =>
            world.send(edge, ORDER, (decision) => {
              if (decision === ADMITTED) world.scheduler.after(0.01, next);
              else refusedAt = world.scheduler.now;
            });
          next();
          await world.run(3000);
          const admitted = world.count(ORDER) - before;
          expect(refusedAt).toBeGreaterThan(0);
          expect(admitted).toBeGreaterThanOrEqual(left);
          expect(admitted).toBeLessThanOrEqual(left + 1 + (of.rate * (refusedAt - since)) / 1000);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('warnings', () => {
  const warned = (world: World, percent: number) => {
    const edge = world.addEdge();
    const told: { kind: Kind; left: number; at: number }[] = [];
    const forget = edge.user.watch(percent, (kind, { left }) => {
      told.push({ kind, left, at: world.scheduler.now });
    });
    return { edge, told, forget };
  };

  test('80 % of a burst: one warning, with what is left', async () => {
    const world = new World(5, limitsOf(5, 50, 10));
    const { edge, told } = warned(world, 80);
    world.burst(edge, ORDER, 7);
    await world.run(60);
    expect(told).toEqual([]);
    world.burst(edge, ORDER, 1);
    await world.run(20);
    expect(told).toEqual([{ kind: ORDER, left: 2, at: expect.any(Number) }]);
    world.burst(edge, ORDER, 5);
    await world.run(20);
    expect(told).toHaveLength(1);
  });

  test('again only after less than half of that was used, and not sooner than five seconds', async () => {
    const world = new World(6, limitsOf(20, 200, 20));
    const { edge, told } = warned(world, 80);
    const fill = async (orders: number) => {
      world.burst(edge, ORDER, orders);
      await world.run(100);
    };
    await fill(19);
    expect(told).toHaveLength(1);
    await world.run(1000); // full again
    await fill(19);
    expect(told).toHaveLength(1); // within five seconds
    await world.run(6000);
    await fill(19);
    expect(told).toHaveLength(2);
    await world.run(300); // 60 % used: not armed
    await fill(8);
    expect(told).toHaveLength(2);
  });

  test('a burst in one batch warns as it crosses, before the store is asked again', async () => {
    const world = new World(7, limitsOf(1000, 5000, 400));
    const { edge, told } = warned(world, 50);
    world.burst(edge, ORDER, 50);
    await world.run(10);
    for (let sent = 50; sent < 380 && told.length === 0; sent += 10) {
      world.burst(edge, ORDER, 10);
      await world.run(2);
    }
    expect(told[0]).toMatchObject({ kind: ORDER });
    expect(told[0]!.left).toBeLessThanOrEqual(200);
    expect(told[0]!.left).toBeGreaterThan(150);
  });

  test('the use of another edge counts as soon as this one exchanges', async () => {
    const world = new World(8, limitsOf(5, 50, 10));
    const { edge, told } = warned(world, 80);
    const other = world.addEdge();
    world.burst(other, ORDER, 7);
    await world.run(60);
    world.burst(edge, ORDER, 1);
    await world.run(20);
    expect(told.map(({ kind }) => kind)).toEqual([ORDER]);
  });

  test('cancels and messages warn of their own buckets', async () => {
    const world = new World(9, limitsOf(5, 20, 10));
    const { edge, told } = warned(world, 80);
    world.burst(edge, CANCEL, 16);
    world.burst(edge, MESSAGE, 35);
    await world.run(100);
    expect(told.map(({ kind }) => kind).sort()).toEqual([MESSAGE, CANCEL]);
  });

  test('nobody is told who has stopped listening', async () => {
    const world = new World(10, limitsOf(5, 20, 10));
    const { edge, told, forget } = warned(world, 10);
    forget();
    world.burst(edge, ORDER, 10);
    await world.run(50);
    expect(told).toEqual([]);
  });
});
