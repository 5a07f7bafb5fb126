// The store takes its time, takes one of three commits, loses its answers, or takes none: what is said then is late, or not said, and
// never said otherwise later. While it takes none orders are refused and cancels taken. A store whose own disk is full is one that takes none.

import { afterAll, expect, test } from '@jest/globals';
import { columnsOf } from './cells.ts';
import { endAll, World } from './world.ts';

afterAll(endAll);

const ROW = 'the store slow, throttled, its answers lost, away';

test.each(columnsOf(ROW))(
  `${ROW}: %s`,
  async (column) => {
    const world = await World.open(column);
    for (const suffering of [{ store: 'slow', ms: 100 }, { store: 'throttled' }, { store: 'deaf' }] as const) {
      await world.tell(suffering);
      await world.turns(5);
      await world.inStep();
      expect(world.clients.map(({ trader }) => trader.refused)).toEqual(world.clients.map(() => []));
      // And it dies with what such a store has been given.
      await world.turns(2);
      await world.kill();
      await world.start();
    }
    const [client] = world.clients;
    const { trader } = client!;
    const [id, resting] = client!.order(1, 1, 10);
    trader.send([resting]);
    await world.inStep();
    await world.tell({ store: 'away' });
    await world.turns(2);
    await world.readiness('journal_store_unavailable');
    trader.send([client!.order(1, 1, 10)[1], client!.cancel(id)]);
    await world.pause(100);
    await world.tell({ store: 'well' });
    await trader.until(() => trader.reports.some((report) => report.get(41) === id && report.get(150) === '4'));
    expect(trader.refused.length).toBeGreaterThan(0);
    await world.readiness('ready');
    // Away once more, for good.
    await world.turns(1);
    await world.tell({ store: 'away' });
    await world.turns(2);
    await world.kill();
    await world.start();
    await world.reconcile();
    await world.close();
  },
  120_000,
);
