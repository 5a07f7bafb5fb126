// How many sessions' numbers an edge tells at once, and whose come first: by the timers of this test.
import { expect, test } from '@jest/globals';
import { SILENT_LOG } from '../../core/sessions/api.ts';
import type { FixSessionKey, SessionNumbers } from '../../core/sessions/model.ts';
import type { Timers } from '../../core/time.ts';
import { LIVE_NUMBERS_AT_ONCE, NUMBERS_APART_MS, NUMBERS_AT_ONCE } from '../../edge/limits.ts';
import { Numbers, type NumbersParts } from '../../edge/numbers.ts';

const keyOf = (n: number): FixSessionKey => ({
  begin_string: 'FIX.4.4',
  sender_comp_id: `C${n}`,
  sender_sub_id: '',
  target_comp_id: 'GW',
});

class Scene {
  readonly told: (readonly SessionNumbers[])[] = [];
  readonly ended = new Set<string>();
  away = false;
  #due: (() => void)[] = [];
  readonly numbers: Numbers;

  constructor() {
    const timers: Pick<Timers, 'after'> = {
      after: (ms, run) => {
        expect(ms).toBe(NUMBERS_APART_MS);
        this.#due.push(run);
        return { cancel: () => {} };
      },
    };
    const sessions = {
      known: (id: string) => ({ holder: [...this.ended].some((name) => id.includes(name)) ? undefined : {} }),
      storeOf: () => ({ nextIn: 2, nextOut: 2 }),
    };
    this.numbers = new Numbers({
      edge_id: 'e-1',
      edges: {
        tellNumbers: async (numbers) => {
          if (this.away) throw new Error('away');
          this.told.push(numbers);
        },
      },
      sessions: sessions as unknown as NumbersParts['sessions'],
      turns: { touch: () => {}, now: { epochMs: 0 } } as unknown as NumbersParts['turns'],
      blocks: { note: () => {} },
      timers,
      log: SILENT_LOG as unknown as NumbersParts['log'],
    });
  }

  turn(from: number, to: number): void {
    for (let n = from; n < to; n++) this.numbers.note(keyOf(n));
    this.numbers.writeOut();
  }

  /** What was told in the next second, by SenderCompID. */
  async next(): Promise<readonly string[]> {
    // What is under way is over by then.
    await new Promise(setImmediate);
    const before = this.told.length;
    const due = this.#due;
    this.#due = [];
    for (const run of due) run();
    this.numbers.tell();
    await new Promise(setImmediate);
    return this.told.slice(before).flatMap((numbers) => numbers.map(({ key }) => key.sender_comp_id));
  }
}

test('of live ones few are told at once, in the order they came, each once', async () => {
  const scene = new Scene();
  scene.turn(0, 2 * LIVE_NUMBERS_AT_ONCE + 1);
  expect(scene.told).toEqual([]);
  scene.numbers.tell();
  for (let more = await scene.next(); more.length > 0; more = await scene.next())
    expect(more.length).toBeLessThanOrEqual(LIVE_NUMBERS_AT_ONCE);
  const told = scene.told.flat().map(({ key }) => key.sender_comp_id);
  expect(scene.told[0]).toHaveLength(LIVE_NUMBERS_AT_ONCE);
  expect(new Set(told).size).toBe(2 * LIVE_NUMBERS_AT_ONCE + 1);
  expect(told).toHaveLength(2 * LIVE_NUMBERS_AT_ONCE + 1);
  expect(told[0]).toBe('C0');
});

test('those that have ended come before the live ones, at once and many together', async () => {
  const scene = new Scene();
  scene.turn(0, 40);
  const end = 100 + NUMBERS_AT_ONCE + 5;
  for (let n = 100; n < end; n++) scene.ended.add(`C${n}`);
  // One of those that wait as live ones, too.
  scene.ended.add('C39');
  scene.turn(39, 40);
  scene.turn(100, end);
  await scene.next();
  await scene.next();
  // The first was told with the turn of its end, all others with the next.
  expect(scene.told.slice(0, 3).map((numbers) => numbers.length)).toEqual([1, NUMBERS_AT_ONCE, 5]);
  const order = scene.told.flat().map(({ key }) => key.sender_comp_id);
  expect(order[0]).toBe('C39');
  expect(order.slice(0, end - 100 + 1).every((name) => scene.ended.has(name))).toBe(true);
  while ((await scene.next()).length > 0);
  const all = scene.told.flat().map(({ key }) => key.sender_comp_id);
  expect(all.filter((name) => name === 'C39')).toHaveLength(1);
  expect(new Set(all).size).toBe(40 + end - 100);
});

test('what could not be told is told later; at the end all is, as far as the store takes it', async () => {
  const scene = new Scene();
  scene.turn(0, 35);
  scene.away = true;
  scene.numbers.tell();
  await scene.next();
  await scene.numbers.finish();
  expect(scene.told).toEqual([]);
  scene.away = false;
  await scene.numbers.finish();
  expect(scene.told.map((numbers) => numbers.length)).toEqual([35]);
});
