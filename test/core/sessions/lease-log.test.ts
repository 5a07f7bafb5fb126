import { expect, test } from '@jest/globals';
import { leaseLog } from '../../../core/sessions/lease-log.ts';
import { SimTime } from './world.ts';

test('the first is told at once, then one in ten seconds, with how many were not', () => {
  const time = new SimTime();
  const told: unknown[] = [];
  const report = leaseLog(time, { warn: (details) => void told.push(details) });
  for (let error = 0; error < 250; error++) {
    report(error);
    time.jump(100);
  }
  expect(told).toEqual([
    { error: 0, untold: 0 },
    { error: 100, untold: 99 },
    { error: 200, untold: 99 },
  ]);
  time.jump(3_600_000);
  report('much later');
  expect(told.at(-1)).toEqual({ error: 'much later', untold: 49 });
});
