// kill -9 while a segment is begun, while what is left of old ones is carried forward, and while they are taken away. Segments are tiny
// here and a session keeps few messages, so that all of this happens all the time.

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
];
const IN_SHORT: readonly KillAt[] = [ON_DISK[0]!, ON_DISK[2]!, ON_DISK[3]!, ON_DISK[4]!];
const IN_STORE: readonly KillAt[] = [
  { at: 'begin', when: 'half', nth: 2 },
  { at: 'delete', when: 'after', nth: 1 },
  { at: 'remove', when: 'before', nth: 1 },
  { at: 'remove', when: 'after', nth: 1 },
];
const POINTS: Readonly<Record<Column, readonly KillAt[]>> = {
  'file, before-send': ON_DISK,
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
    const world = await World.open(column, { archive: false, limits, profile: { resend_retention: KEPT } });
    for (const point of POINTS[column]) {
      await world.turns(1);
      await world.tell(point);
      await world.untilDead().catch((error: unknown) => {
        throw new Error(JSON.stringify(point), { cause: error });
      });
      await world.start();
    }
    await world.inStep();
    await world.reconcile((seq) => seq <= world.next - KEPT);
    expect(world.segments().length).toBeLessThan(20);
    await world.close();
  },
  120_000,
);
