// kill -9 at the write that names the end of a block of numbers, and at the sync or the commit that makes it durable: the first of a session,
// and, with small blocks, those that follow. Nobody's numbers jump for it, as the machine is still up.

import { afterAll, expect, test } from '@jest/globals';
import { columnsOf } from './cells.ts';
import type { KillAt } from './injury.ts';
import { endAll, World } from './world.ts';

afterAll(endAll);

const POINTS: readonly KillAt[] = [
  { at: 'reserve', when: 'before', nth: 1 },
  { at: 'reserve', when: 'half', nth: 1 },
  { at: 'reserve', when: 'after', nth: 1 },
  { at: 'reserve', when: 'after', nth: 2 },
];

test.each(columnsOf('killed at the write of a reserved block'))(
  'killed at the write of a reserved block: %s',
  async (column) => {
    const numbers = 64;
    const world = await World.open(column, { numbers, logon: false });
    // At the first one there is: that of the first Logon.
    for (const point of POINTS.slice(0, 3)) {
      await world.tell(point);
      expect(await world.logons()).toBe(false);
      await world.ended();
      await world.start(false);
    }
    expect(await world.logons()).toBe(true);
    for (const point of POINTS) {
      await world.turns(2);
      await world.inStep();
      await world.tell(point);
      await world.untilDead();
      const { next } = world;
      await world.start();
      await world.inStep();
      // What was on its way, and the Logon.
      expect(world.next - next).toBeLessThan(numbers);
    }
    await world.reconcile();
    await world.close();
  },
  120_000,
);
