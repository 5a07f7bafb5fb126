// Cancels that wait for the store longer than they may: it answers, but each time another edge was written first.

import { expect, test } from '@jest/globals';
import { REFUSED_STORE } from '../../../core/limits/admission.ts';
import { CANCEL, ORDER } from '../../../core/limits/kinds.ts';
import { limitsOf, World } from './world.ts';

/** 10 cancels a second. */
const BASIC = limitsOf(5, 20, 10);
/** Shorter than a write is waited for. */
const TRY_MS = 300;

/** Every write finds that another edge's was first, for as long as it is tried. */
function contended(): World {
  const world = new World(23, BASIC);
  world.leases.exchange = async (_user, known, compute) => {
    while (compute(known) !== undefined) await world.scheduler.sleep(TRY_MS);
    return { outcome: 'abandoned' };
  };
  return world;
}

test('one that has waited as long as it may passes, an order is refused', async () => {
  const world = contended();
  const edge = world.addEdge();
  world.send(edge, CANCEL);
  world.send(edge, ORDER);
  await world.run(1_000);
  expect([world.count(CANCEL), world.refused]).toEqual([0, [REFUSED_STORE]]);
  await world.run(300);
  expect([world.count(CANCEL), world.refused]).toEqual([1, [REFUSED_STORE]]);
});

test('so many pass as the rate allows, and no burst', async () => {
  const world = contended();
  const edge = world.addEdge();
  for (let sent = 0; sent < 20; sent++) world.send(edge, CANCEL);
  world.stream(() => edge, CANCEL, 100, 3_000);
  await world.run(6_000);
  expect(world.count(CANCEL)).toBeGreaterThan(1);
  expect(world.excess(CANCEL, 10, 1)).toBeLessThanOrEqual(1);
});
