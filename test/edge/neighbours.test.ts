// Questions to an edge that does not hear: one is waited for, and the others are not until its heartbeat moves.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMemoryAdapters } from '../../adapters/memory/stores.ts';
import { createWorld } from '../../adapters/memory/world.ts';
import { NO_FIGURES } from '../../core/sessions/model.ts';
import { createLogger } from '../../edge/log.ts';
import { askingNeighbours } from '../../edge/takeover/neighbours.ts';
import { Standing } from '../../edge/takeover/standing.ts';
import { SimTime, seededRandom, settle } from '../core/sessions/world.ts';

const PROBE = { type: 'probe', session_id: 'e-1.1.1' } as const;

/** @param acknowledges whether the other edge hears at once, and then says nothing more */
async function neighbours(acknowledges = false) {
  const { edges } = createMemoryAdapters(createWorld());
  const time = new SimTime();
  const ports = { edges, clock: time, timers: time, random: seededRandom(1) };
  const asking = askingNeighbours(ports, new Standing({ ...ports, log: createLogger('error', 'e-2') }));
  const one = await edges.register('e-1', 'test', time.now());
  const waiting = async (): Promise<number> => (await edges.commands('e-1', '')).length;
  /** A heartbeat after `first` ms and then after every so many, as long as none is due later than `until` from now. */
  const beats = (every: number, until: number, first = 0): void => {
    const since = time.monotonic();
    let n = 0;
    const beat = (): void => {
      if (time.monotonic() - since > until) return;
      n += 1;
      void edges.heartbeat(one, n, 'alive', NO_FIGURES, time.now());
      time.after(every, beat);
    };
    time.after(first, beat);
  };
  if (acknowledges) {
    const { send } = edges;
    edges.send = async (addressed) => {
      await send.call(edges, addressed);
      for (const { command } of addressed) await edges.tellAnswer(command.id, { said: 'acknowledged' }, time.now());
    };
  }
  /** What is said, and after how long. */
  const asked = async (patienceMs?: number): Promise<readonly [string, number]> => {
    const since = time.monotonic();
    let said: readonly [string, number] | undefined;
    void asking('e-1', PROBE, patienceMs ?? 4_000, patienceMs).then((reply) => {
      said = [reply.said, time.monotonic() - since];
    });
    await settle();
    for (let ms = 0; said === undefined && ms < 12_000; ms += 50) await time.advance(50);
    if (said === undefined) throw new Error('nothing is said');
    return said;
  };
  return { edges, time, one, ports, asked, waiting, beats };
}

test('one that has not heard is not waited for again before its heartbeat moves', async () => {
  const { edges, time, one, asked, waiting } = await neighbours();
  expect(await asked()).toEqual(['silent', 1_000]);
  expect(await asked()).toEqual(['silent', 0]);
  await time.advance(5_000);
  expect(await asked()).toEqual(['silent', 0]);
  expect(await waiting()).toBe(1);
  await edges.heartbeat(one, 1, 'alive', NO_FIGURES, time.now());
  await time.advance(1_000);
  expect(await asked()).toEqual(['silent', 1_000]);
  expect(await waiting()).toBe(2);
});

test('one that has begun anew is asked', async () => {
  const { edges, time, asked, waiting } = await neighbours();
  await asked();
  await edges.register('e-1', 'test', time.now());
  await time.advance(1_000);
  expect(await asked()).toEqual(['silent', 1_000]);
  expect(await waiting()).toBe(2);
});

test('one that has begun anew, and is kept from its heartbeat by that, lives for as long as one that has been seen to beat', async () => {
  const { edges, time, ports } = await neighbours();
  const standing = new Standing({ ...ports, log: createLogger('error', 'e-2') });
  await standing.now('e-1');
  await time.advance(1_000);
  await standing.now('e-1');
  expect(standing.beat('e-1')).toBe('unknown');
  await edges.register('e-1', 'test', time.now());
  const seen = [];
  for (let ms = 0; ms <= 2_000; ms += 250) {
    await standing.now('e-1');
    seen.push(standing.beat('e-1'));
    await time.advance(250);
  }
  expect(seen).toEqual([...Array(8).fill('moves'), 'stands']);
});

test('who has patience asks all the same, for as long as it beats', async () => {
  const { asked, waiting, beats } = await neighbours();
  await asked();
  beats(1_000, Number.POSITIVE_INFINITY);
  expect(await asked(4_500)).toEqual(['silent', 4_500]);
  expect(await waiting()).toBe(2);
});

// Two heartbeats missed, two looks and one for the answer.
const SEEN_WITHIN_MS = 2_000 + 2 * 250 + 50;

describe.each([
  ['that it does not hear', false],
  ['that it has acknowledged', true],
])('a question %s, of an edge that hangs', (_, acknowledged) => {
  test('is given up within two and a half seconds of that, whenever it is', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(1_000), fc.nat(5_000), async (untilBeat, hangs) => {
        const { asked, beats } = await neighbours(acknowledged);
        beats(1_000, hangs, untilBeat);
        const [said, after] = await asked(10_000);
        expect(said).toBe('silent');
        expect(after).toBeLessThanOrEqual(hangs + SEEN_WITHIN_MS);
        // Not before it hangs, and never before it has had its second.
        expect(after).toBeGreaterThanOrEqual(Math.max(hangs, 1_000));
      }),
    ));
});

test('one whose heartbeats are late, each by less than another, keeps what it has', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 500, max: 1_100 }),
      fc.integer({ min: 500, max: 1_900 }),
      async (first, every) => {
        const { asked, beats } = await neighbours();
        beats(every, Number.POSITIVE_INFINITY, first);
        expect(await asked(4_900)).toEqual(['silent', 4_900]);
      },
    ),
  ));

describe('of many who come together', () => {
  test('one asks an edge that does not hear, and all know it when that one does', async () => {
    const { time, asked, waiting } = await neighbours();
    const all = [asked()];
    await time.advance(400);
    for (let n = 0; n < 20; n++) all.push(asked());
    for (let ms = 400; ms < 1_050; ms += 50) await time.advance(50);
    const said = await Promise.all(all);
    expect(said[0]).toEqual(['silent', 1_000]);
    for (const [word, after] of said.slice(1)) {
      expect(word).toBe('silent');
      expect(after).toBeLessThanOrEqual(700);
    }
    expect(await waiting()).toBe(1);
  });

  test('all ask one that has heard the first, and none is told later than it would be alone', async () => {
    const { edges, time, one, ports, waiting } = await neighbours();
    const asking = askingNeighbours(ports, new Standing({ ...ports, log: createLogger('error', 'e-2') }));
    const said = Array.from({ length: 5 }, async () => {
      const { said: word } = await asking('e-1', PROBE, 4_000);
      return [word, time.monotonic()] as const;
    });
    for (let n = 1; n <= 90; n++) {
      await time.advance(50);
      await edges.heartbeat(one, n, 'alive', NO_FIGURES, time.now());
      // It acknowledges with its looks for commands, and decides nothing.
      if (n % 5 === 0)
        for (const { id } of await edges.commands('e-1', ''))
          if ((await edges.answer(id)) === undefined) await edges.tellAnswer(id, { said: 'acknowledged' }, time.now());
      if (n === 4) expect(await waiting()).toBe(1);
    }
    expect(await waiting()).toBe(5);
    for (const [word, at] of await Promise.all(said)) {
      expect(word).toBe('late');
      expect(at).toBeLessThanOrEqual(4_050);
    }
  });
});
