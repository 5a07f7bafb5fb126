// kill -9 while a segment is begun, while what is left of old ones is carried forward, and while they are taken away. Segments are tiny
// here, a busy session keeps few messages, and a quiet one has all of its few, which are carried from one segment to the next: all of this
// happens all the time.

import { afterAll, expect, test } from '@jest/globals';
import { type Column, columnsOf } from './cells.ts';
import type { KillAt } from './injury.ts';
import { endAll, World } from './world.ts';

afterAll(endAll);

const ON_DISK: readonly KillAt[] = [
  { at: 'begin', when: 'half', nth: 1 },
  { at: 'begin', when: 'before', nth: 2 },
  { at: 'begin', when: 'after', nth: 2 },
  { at: 'delete', when: 'before', nth: 1 },
  { at: 'delete', when: 'after', nth: 1 },
  { at: 'carry', when: 'before', nth: 2 },
  { at: 'carry', when: 'half', nth: 1 },
  { at: 'carry', when: 'half', nth: 3 },
  { at: 'carry', when: 'after', nth: 1 },
  { at: 'carry', when: 'after', nth: 2 },
];
/** Of segments in the files of others. */
const OVER: readonly KillAt[] = [
  { at: 'over', when: 'half', nth: 1 },
  { at: 'over', when: 'half', nth: 2 },
  { at: 'over', when: 'before', nth: 3 },
  { at: 'name', when: 'before', nth: 1 },
  { at: 'name', when: 'after', nth: 2 },
];
const IN_SHORT: readonly KillAt[] = [0, 2, 3, 4, 6, 8].map((i) => ON_DISK[i]!);
const IN_STORE: readonly KillAt[] = [
  { at: 'begin', when: 'half', nth: 2 },
  { at: 'carry', when: 'half', nth: 1 },
  { at: 'carry', when: 'after', nth: 2 },
  { at: 'delete', when: 'after', nth: 1 },
  { at: 'remove', when: 'before', nth: 1 },
  { at: 'remove', when: 'after', nth: 1 },
];
const POINTS: Readonly<Record<Column, readonly KillAt[]>> = {
  'file, before-send': [...ON_DISK, ...OVER],
  'file, reserve': IN_SHORT,
  file_sync: IN_SHORT,
  'store, before-send': IN_STORE,
  'store, reserve': IN_STORE,
  'both side by side': IN_STORE,
};

/** Kept for resends. */
const KEPT = 60;

test.each(columnsOf('killed while a segment is begun, carried forward, taken away'))(
  'killed while a segment is begun, carried forward, taken away: %s',
  async (column) => {
    const limits = { segment_bytes: 15_000, block_bytes: 1000, carry_bytes: 2000 };
    const profile = { resend_retention: KEPT };
    const world = await World.open(column, { archive: false, limits, profile, quiet: true });
    for (const client of world.quiet) client.turn();
    await world.inStep();
    for (const point of POINTS[column]) {
      await world.turns(1);
      await world.tell(point);
      await world.untilDead().catch((error: unknown) => {
        throw new Error(JSON.stringify(point), { cause: error });
      });
      await world.start();
    }
    await world.inStep();
    await world.reconcile((seq, { trader }) => seq <= trader.next - KEPT);
    expect(world.segments().length).toBeLessThan(20);
    await world.close();
  },
  120_000,
);
