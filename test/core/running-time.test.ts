// Waits by the time in which a process runs.

import { expect, test } from '@jest/globals';
import { afterRunning } from '../../core/running-time.ts';
import { Scheduler, simClock, simTimers } from '../support/sim.ts';

/** A wait of 250 ms in a world of its own. */
function wait() {
  const scheduler = new Scheduler(0);
  const time = { clock: simClock(scheduler), timers: simTimers(scheduler) };
  const ended: number[] = [];
  const timer = afterRunning(time, 250, () => ended.push(scheduler.now));
  return { scheduler, ended, timer };
}

test('of a process that runs all the time, a wait is as long as it says', async () => {
  const { scheduler, ended } = wait();
  await scheduler.run(1_000);
  expect(ended).toEqual([250]);
});

test.each([
  ['at the beginning', 0, 850],
  ['amid it', 120, 820],
  // What has come meanwhile is read before the end.
  ['at the end', 220, 870],
  ['at its very end', 249, 899],
])('a standstill %s does not count', async (_when, fromMs, endMs) => {
  const { scheduler, ended } = wait();
  await scheduler.run(fromMs);
  scheduler.standStill(600 + (fromMs === 0 ? 50 : 0));
  await scheduler.run(2_000);
  expect(ended).toEqual([endMs]);
});

test('it ends even if the process stands still again and again', async () => {
  const { scheduler, ended } = wait();
  for (let i = 0; i < 20; i++) {
    await scheduler.run(scheduler.now + 1);
    scheduler.standStill(100);
  }
  await scheduler.run(3_000);
  expect(ended).toHaveLength(1);
});

test('one that is cancelled has no end', async () => {
  const { scheduler, ended, timer } = wait();
  await scheduler.run(120);
  timer.cancel();
  await scheduler.run(1_000);
  expect(ended).toEqual([]);
});
