// A wall clock that is set back by seconds: its edge may not keep what waits until that clock is where it was.

import { expect, test } from '@jest/globals';
import { CANCEL, ORDER } from '../../../core/limits/kinds.ts';
import { limitsOf, World } from './world.ts';

const BASIC = limitsOf(5, 20, 10);
const BACK_MS = 3_000;

test('the store is asked again as soon as before', async () => {
  const world = new World(21, BASIC);
  world.leases.faults = { delay: [20, 40], lostRequests: 0, lostReplies: 0 };
  const edge = world.addEdge();
  world.burst(edge, ORDER, 1);
  await world.run(200);
  expect(world.count(ORDER)).toBe(1);
  edge.skewMs = -BACK_MS;
  world.send(edge, CANCEL);
  await world.run(300);
  expect(world.refused).toEqual([]);
  expect(world.count(CANCEL)).toBe(1);
});

test('while the store is away cancels get their turns', async () => {
  const world = new World(22, BASIC);
  const edge = world.addEdge();
  world.leases.away = true;
  world.send(edge, CANCEL);
  await world.run(1_000);
  expect(world.count(CANCEL)).toBe(1);
  edge.skewMs = -BACK_MS;
  for (let sent = 0; sent < 5; sent++) world.send(edge, CANCEL);
  await world.run(1_200);
  expect(world.refused).toEqual([]);
  expect(world.count(CANCEL)).toBe(6);
  // And no more than that.
  for (let sent = 0; sent < 40; sent++) world.send(edge, CANCEL);
  await world.run(2_000);
  expect(world.excess(CANCEL, 10, 20)).toBeLessThanOrEqual(1);
});
