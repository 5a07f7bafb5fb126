// Questions to an edge that does not hear: one is waited for, and the others are not until its heartbeat moves.
import { expect, test } from '@jest/globals';
import { createMemoryAdapters } from '../../adapters/memory/stores.ts';
import { createWorld } from '../../adapters/memory/world.ts';
import { NO_FIGURES } from '../../core/sessions/model.ts';
import { createLogger } from '../../edge/log.ts';
import { askingNeighbours } from '../../edge/takeover/neighbours.ts';
import { Standing } from '../../edge/takeover/standing.ts';
import { SimTime, seededRandom, settle } from '../core/sessions/world.ts';

const PROBE = { type: 'probe', session_id: 'e-1.1.1' } as const;

async function neighbours() {
  const { edges } = createMemoryAdapters(createWorld());
  const time = new SimTime();
  const ports = { edges, clock: time, timers: time, random: seededRandom(1) };
  const asking = askingNeighbours(ports, new Standing({ ...ports, log: createLogger('error', 'e-2') }));
  const one = await edges.register('e-1', 'test', time.now());
  const waiting = async (): Promise<number> => (await edges.commands('e-1', '')).length;
  /** What is said, and after how long. */
  const asked = async (patienceMs?: number): Promise<readonly [string, number]> => {
    const since = time.monotonic();
    let said: readonly [string, number] | undefined;
    void asking('e-1', PROBE, 4_000, patienceMs).then((reply) => {
      said = [reply.said, time.monotonic() - since];
    });
    await settle();
    for (let ms = 0; said === undefined && ms < 10_000; ms += 50) await time.advance(50);
    if (said === undefined) throw new Error('nothing is said');
    return said;
  };
  return { edges, time, one, asked, waiting };
}

test('one that has not heard is not waited for again before its heartbeat moves', async () => {
  const { edges, time, one, asked, waiting } = await neighbours();
  expect(await asked()).toEqual(['silent', 1_000]);
  expect(await asked()).toEqual(['silent', 0]);
  await time.advance(5_000);
  expect(await asked()).toEqual(['silent', 0]);
  expect(await waiting()).toBe(1);
  await edges.heartbeat(one, 1, 'alive', NO_FIGURES, time.now());
  // Rows are read twice a second.
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

test('who has patience asks all the same', async () => {
  const { asked, waiting } = await neighbours();
  await asked();
  expect(await asked(2_000)).toEqual(['silent', 2_000]);
  expect(await waiting()).toBe(2);
});
