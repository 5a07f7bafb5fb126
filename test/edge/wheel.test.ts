// Deadlines of all connections on one timer.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TICK_MS } from '../../edge/limits.ts';
import { type Sleeper, Wheel } from '../../edge/wheel.ts';

describe('the wheel', () => {
  test('wakes everyone within a tick or two of its time, whatever was put off or brought forward', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(60_000), later: fc.option(fc.nat(60_000)), when: fc.nat(30_000) }), {
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 30 }),
        (plans, most) => {
          let now = 0;
          let woken = 0;
          const wheel = new Wheel(0);
          const sleepers = plans.map(({ at, later, when }) => {
            const one = { at, woke: -1, wakeAt: Number.POSITIVE_INFINITY, later, when };
            const sleeper: Sleeper & typeof one = Object.assign(one, {
              nextWake: () => (one.woke >= 0 ? Number.POSITIVE_INFINITY : one.at),
              wake: () => {
                one.woke = now;
                woken += 1;
              },
            });
            wheel.schedule(sleeper);
            return sleeper;
          });
          for (; now <= 95_000; now += TICK_MS) {
            for (const one of sleepers) {
              if (one.later === null || one.woke >= 0 || now < one.when) continue;
              one.at = Math.max(one.later, now);
              one.later = null;
              wheel.schedule(one);
            }
            for (let more = true; more; ) {
              woken = 0;
              more = wheel.turn(now, most);
              expect(woken).toBeLessThanOrEqual(most);
            }
          }
          for (const one of sleepers) {
            expect(one.woke).toBeGreaterThanOrEqual(one.at);
            expect(one.woke - one.at).toBeLessThanOrEqual(2 * TICK_MS);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

test('whom the wheel does not get to is woken by the next call, however late, and in between may go', () => {
  const wheel = new Wheel(0);
  const woke: string[] = [];
  const sleeper = (name: string, at: number): Sleeper => {
    let due = at;
    return {
      wakeAt: Number.POSITIVE_INFINITY,
      nextWake: () => due,
      wake: () => {
        woke.push(name);
        due = Number.POSITIVE_INFINITY;
      },
    };
  };
  const [a, b, c, d] = [sleeper('a', 100), sleeper('b', 100), sleeper('c', 100), sleeper('d', 200)];
  for (const one of [a, b, c, d]) wheel.schedule(one);
  expect([wheel.turn(100, 1), woke]).toEqual([true, ['a']]);
  wheel.forget(b);
  wheel.schedule(sleeper('e', 100));
  expect([wheel.turn(150, 1), woke]).toEqual([true, ['a', 'c']]);
  // Longer than once round.
  expect([wheel.turn(60_000), woke]).toEqual([false, ['a', 'c', 'e', 'd']]);
});

test('the wheel lets go of who is over: neither woken nor held in memory', async () => {
  const wheel = new Wheel(0);
  const woke: number[] = [];
  const sleeper = (at: number): Sleeper => ({
    wakeAt: Number.POSITIVE_INFINITY,
    nextWake: () => at,
    wake: () => void woke.push(at),
  });
  const [first, second, third] = [sleeper(100), sleeper(100), sleeper(100_000)] as const;
  for (const one of [first, second, third]) wheel.schedule(one);
  wheel.forget(first);
  wheel.forget(first);
  wheel.turn(100);
  expect(woke).toEqual([100]);
  wheel.forget(third);
  const gone = (() => {
    const one = sleeper(50_000);
    wheel.schedule(one);
    wheel.forget(one);
    return new WeakRef(one);
  })();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds on to its own turn
  collect();
  expect(gone.deref()).toBeUndefined();
});
