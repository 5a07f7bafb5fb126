// kill -9 while an edge drains: while sessions are told, while blocks of numbers are given back, at the last commit. Who logs on
// afterwards finds everything as after any other end.

import { afterAll, expect, test } from '@jest/globals';
import { type Column, columnsOf } from './cells.ts';
import type { KillAt } from './injury.ts';
import { endAll, World } from './world.ts';

afterAll(endAll);

const ON_DISK: readonly KillAt[] = [
  { at: 'journal', when: 'before', nth: 1 },
  { at: 'journal', when: 'half', nth: 1 },
  { at: 'journal', when: 'after', nth: 1 },
];
const IN_STORE: readonly KillAt[] = [
  { at: 'journal', when: 'half', nth: 1 },
  { at: 'store', when: 'before', nth: 1 },
  { at: 'store', when: 'after', nth: 1 },
];
const POINTS: Readonly<Record<Column, readonly KillAt[]>> = {
  'file, before-send': ON_DISK,
  'file, reserve': [...ON_DISK, { at: 'sync', when: 'before', nth: 1 }],
  file_sync: [...ON_DISK, { at: 'sync', when: 'after', nth: 1 }],
  'store, before-send': IN_STORE,
  'store, reserve': IN_STORE,
  'both side by side': [...IN_STORE, { at: 'beside', when: 'half', nth: 1 }],
};

test.each(columnsOf('killed in a drain'))(
  'killed in a drain: %s',
  async (column) => {
    const world = await World.open(column);
    for (const point of POINTS[column]) {
      await world.turns(3);
      await world.tell({ drain: point });
      expect(await world.ended()).toBe('SIGKILL');
      await world.start();
    }
    // And one that comes to its end: sessions were told, and their numbers go on.
    await world.turns(1);
    await world.tell({ drain: null });
    expect(await world.ended()).toBe(0);
    await world.start();
    await world.reconcile();
    await world.close();
  },
  120_000,
);
