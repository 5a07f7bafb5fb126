/** The first day and the worst one, played on what is deployed: docs/RUNBOOK.md has each command that is called here. */
import type { AdminTarget } from '../../local/admin-client.ts';
import type { Running } from '../variants.ts';
import type { World } from '../world.ts';
import { breakGlass } from './break-glass.ts';
import { skewedClock } from './clock.ts';
import { directWrites } from './direct-writes.ts';
import { erasure } from './erasure.ts';
import { firstDay } from './first-day.ts';
import { keys } from './keys.ts';
import { restore } from './restore.ts';
import { stageOf } from './stage.ts';

/** @param running of the variant whose clients speak plain FIX @returns the edge that runs then */
export async function playWorstDay(world: World, operator: AdminTarget, running: Running): Promise<Running> {
  const stage = stageOf(world, operator, running);
  await firstDay(stage);
  await breakGlass(stage, running);
  await directWrites(stage);
  await keys(stage, running);
  await erasure(stage);
  const next = await restore(stage, running);
  // Last: its edge has a name and a journal of its own, which the next task might take.
  await skewedClock(stage);
  return next;
}
