// A disk that is full refuses orders and keeps cancels, and nobody is told of what it has not; one that is slow makes answers late. A
// journal in the store has its working copy there, so that it is held to the same.

import { afterAll, expect, test } from '@jest/globals';
import { columnsOf } from './cells.ts';
import { endAll, World } from './world.ts';

afterAll(endAll);

test.each(
  columnsOf('a full disk').flatMap((column) => (['goes on', 'dies'] as const).map((what) => ({ column, what }))),
)(
  'a full disk: $column; the edge $what',
  async ({ column, what }) => {
    const world = await World.open(column);
    const cancelled = world.clients.map((client) => {
      const [id, resting] = client.order(1, 1, 10);
      client.trader.send([resting]);
      return id;
    });
    await world.inStep();
    await world.tell({ disk: 'full' });
    await world.turns(1);
    await world.pause(100);
    const heard = world.clients.map(({ trader }) => trader.reports.length);
    await world.turns(9);
    for (const [i, client] of world.clients.entries()) client.trader.send([client.cancel(cancelled[i]!)]);
    await world.pause(200);
    // Whoever is told of something that no disk holds could be told otherwise after a crash.
    expect(world.clients.map(({ trader }) => trader.reports.length)).toEqual(heard);
    expect(world.clients.map(({ trader }) => trader.refused)).toEqual(world.clients.map(() => []));
    if (what === 'goes on') await world.tell({ disk: 'well' });
    else {
      await world.kill();
      await world.start();
    }
    await world.inStep();
    for (const [i, { trader }] of world.clients.entries()) {
      if (what === 'dies') continue;
      expect(trader.refused.length).toBeGreaterThanOrEqual(9 * 4);
      const over = trader.reports.filter((report) => report.get(150) === '4').map((report) => report.get(41));
      expect(over).toContain(cancelled[i]);
    }
    await world.turns(2);
    await world.reconcile();
    await world.close();
  },
  60_000,
);

test.each(columnsOf('a slow disk'))(
  'a slow disk: %s',
  async (column) => {
    const world = await World.open(column);
    await world.tell({ disk: 'slow', ms: 50 });
    await world.turns(10);
    await world.inStep();
    expect(world.clients.map(({ trader }) => trader.refused)).toEqual(world.clients.map(() => []));
    // And it dies with what such a disk has been given.
    await world.turns(2);
    await world.kill();
    await world.start();
    await world.reconcile();
    await world.close();
  },
  60_000,
);
