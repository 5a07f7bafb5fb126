import { expect, test } from '@jest/globals';
import { ExcessMeter } from '../../../core/limits/excess-meter.ts';
import { CANCEL, MESSAGE, ORDER } from '../../../core/limits/kinds.ts';
import { limitsOf } from './world.ts';

const START = 1_700_000_000_000;

/** Sends so many orders in each second; the second (from 0) in which the meter says Logout. */
function firstLogout(perSecond: readonly number[], kind: 0 | 1 | 2 = ORDER): number {
  const meter = new ExcessMeter(limitsOf(5, 20, 10), { multiple: 2, seconds: 3 });
  for (const [second, count] of perSecond.entries()) {
    for (let sent = 0; sent < count; sent++) {
      if (meter.note(kind, START + 1000 * second + Math.floor((999 * sent) / count))) return second;
    }
  }
  return -1;
}

test('more than the multiple in each of so many seconds running, and not before', () => {
  expect(firstLogout([11, 11, 11])).toBe(2);
  expect(firstLogout([10, 10, 10, 10])).toBe(-1);
  expect(firstLogout([11, 11, 10, 11, 11])).toBe(-1);
  expect(firstLogout([11, 11, 0, 11, 11])).toBe(-1);
  expect(firstLogout([500, 500])).toBe(-1);
  expect(firstLogout([41, 41, 41], MESSAGE)).toBe(2);
  expect(firstLogout([20, 20, 20], CANCEL)).toBe(-1);
  expect(firstLogout([21, 21, 21], CANCEL)).toBe(2);
});
