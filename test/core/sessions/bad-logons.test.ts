import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BadLogons, isLoopback, LeastRecent } from '../../../core/sessions/bad-logons.ts';

function counting(limit: number, realAddresses = true) {
  const alarms: [string, number][] = [];
  const bad = new BadLogons({ limit, realAddresses, onAlarm: (name, count) => alarms.push([name, count]) });
  return { bad, alarms };
}

test('the window slides: never more than the limit is verified in any 30 s', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (gaps, limit) => {
        const { bad } = counting(limit);
        const verified: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          if (bad.refuses('192.0.2.1', 'A', now)) continue;
          verified.push(now);
          bad.bad('192.0.2.1', 'A', now);
        }
        for (const from of verified) {
          expect(verified.filter((at) => at >= from && at < from + 30_000).length).toBeLessThanOrEqual(limit);
        }
      },
    ),
  );
});

test('per address only where addresses are real, and never for loopback', () => {
  const names = ['A', 'B', 'C'];
  const spread = (address: string, real: boolean) => {
    const { bad } = counting(3, real);
    for (const name of names) bad.bad(address, name, 0);
    return bad.refuses(address, 'D', 1);
  };
  expect(spread('192.0.2.1', true)).toBe(true);
  expect(spread('192.0.2.1', false)).toBe(false);
  for (const loopback of ['127.0.0.1', '127.8.0.1', '::1', '::ffff:127.0.0.1']) {
    expect(isLoopback(loopback)).toBe(true);
    expect(spread(loopback, true)).toBe(false);
  }
});

test('other pairs are not touched, and a limit of 0 refuses nobody', () => {
  const { bad } = counting(2, false);
  for (let i = 0; i < 5; i++) bad.bad('192.0.2.1', 'A', 0);
  expect(bad.refuses('192.0.2.1', 'A', 1)).toBe(true);
  expect(bad.refuses('192.0.2.1', 'B', 1)).toBe(false);
  expect(bad.refuses('192.0.2.2', 'A', 1)).toBe(false);
  const { bad: off } = counting(0);
  for (let i = 0; i < 100; i++) off.bad('192.0.2.1', 'A', 0);
  expect(off.refuses('192.0.2.1', 'A', 1)).toBe(false);
});

test('many for one name over many addresses: one alarm a window', () => {
  const { bad, alarms } = counting(15);
  for (let i = 0; i < 100; i++) bad.bad(`192.0.2.${i}`, 'A', i);
  expect(alarms).toEqual([['A', 30]]);
  for (let i = 0; i < 100; i++) bad.bad(`192.0.2.${i}`, 'A', 40_000 + i);
  expect(alarms).toHaveLength(2);
});

test('memory is bounded, and what is used stays longest', () => {
  const { bad } = counting(15);
  for (let i = 0; i < 50_000; i++) bad.bad(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, `N${i}`, i);
  expect(bad.size).toBeLessThanOrEqual(40_000);
  const least = new LeastRecent<number>(2);
  least.set('a', 1);
  least.set('b', 2);
  least.get('a');
  least.set('c', 3);
  expect([least.get('a'), least.get('b'), least.get('c'), least.size]).toEqual([1, undefined, 3, 2]);
});
