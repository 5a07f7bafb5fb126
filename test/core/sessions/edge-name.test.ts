import { describe, expect, test } from '@jest/globals';
import { createMemoryAdapters } from '../../../adapters/memory/stores.ts';
import { createWorld } from '../../../adapters/memory/world.ts';
import type { EdgeRegistry } from '../../../core/ports.ts';
import { SILENT_LOG } from '../../../core/sessions/api.ts';
import { CLAIM_WITHIN_MS, DEAD_AFTER_MS } from '../../../core/sessions/bounds.ts';
import { claimName, NoFreeName } from '../../../core/sessions/edge-name.ts';
import { Membership } from '../../../core/sessions/membership.ts';
import { NO_FIGURES } from '../../../core/sessions/model.ts';
import { SimTime } from './world.ts';

const NAMES = ['edge-1', 'edge-2', 'edge-3'];

function among(names = NAMES) {
  const time = new SimTime();
  const { edges } = createMemoryAdapters(createWorld());
  const ports = { edges, clock: time, timers: time, log: SILENT_LOG };
  const wait = (ms: number) => new Promise<void>((resolve) => void time.after(ms, resolve));
  const claim = (of: EdgeRegistry = edges) => claimName({ ...ports, edges: of, wait }, names, '1');
  /** Lets time pass until the name is there. */
  const claimed = async (of: EdgeRegistry = edges) => {
    const from = time.monotonic();
    const asked = claim(of);
    let done = false;
    asked.then(
      () => (done = true),
      () => (done = true),
    );
    for (await time.advance(0); !done; ) await time.advance(100);
    return { ...(await asked), ms: time.monotonic() - from };
  };
  const events = {
    figures: () => NO_FIGURES,
    draining: () => false,
    onCommand: () => undefined,
    onOrders() {},
    onFenced() {},
  };
  /** Claims, and serves from then on. */
  const serve = async () => {
    const { ms, ...taken } = await claimed();
    const membership = await Membership.join(ports, async () => taken, events);
    return { membership, name: taken.identity.edge_id, ms };
  };
  return { time, edges, claim, claimed, serve };
}

test('the first edges take the names in order, and none waits long for it', async () => {
  const { serve } = among();
  const taken = [await serve(), await serve(), await serve()];
  expect(taken.map(({ name }) => name)).toEqual(NAMES);
  // Whoever follows has seen the others beat once.
  for (const { ms } of taken) expect(ms).toBeLessThanOrEqual(2000);
});

test('one that has stopped is taken at once, before one that nobody has had', async () => {
  const { serve } = among();
  const [first] = [await serve(), await serve()];
  await first.membership.stop();
  const next = await serve();
  expect([next.name, next.ms]).toEqual(['edge-1', 0]);
  expect(next.membership.identity.incarnation).toBe(first.membership.identity.incarnation + 1);
});

test('of those that have ended the last one goes first: its sessions are the ones that come back', async () => {
  const { time, serve } = among();
  const [first, second] = [await serve(), await serve()];
  await first.membership.stop();
  await time.advance(60_000);
  await second.membership.stop();
  expect((await serve()).name).toBe('edge-2');
  expect((await serve()).name).toBe('edge-1');
});

test('one that was killed looks alive: it is declared dead when its heartbeat has stood still for so long, and taken', async () => {
  const { edges, claimed } = among();
  const gone = await edges.claim('edge-1', '1', 0);
  const { identity, ms } = await claimed();
  expect(identity.edge_id).toBe('edge-1');
  expect(identity.incarnation).toBeGreaterThan(gone!.incarnation);
  expect(ms).toBeGreaterThanOrEqual(DEAD_AFTER_MS);
  expect(ms).toBeLessThan(DEAD_AFTER_MS + 1500);
});

test('nor is one taken for dead that could not beat because the store was away', async () => {
  const { time, edges, claim } = among(['edge-1', 'edge-2']);
  const serving = (await edges.claim('edge-1', '1', 0))!;
  let away = false;
  const list: EdgeRegistry['list'] = async () => {
    const rows = await edges.list();
    // Asked while it is away, it answers when it is back.
    if (away) time.jump(30_000);
    away = false;
    return rows;
  };
  const waiting = claim({ ...edges, list });
  await time.advance(0);
  away = true;
  await time.advance(600);
  // Read once more before edge-1 beats again.
  await time.advance(600);
  await edges.heartbeat(serving, 1, 'alive', NO_FIGURES, 0);
  await time.advance(600);
  expect((await waiting).identity).toMatchObject({ edge_id: 'edge-2', incarnation: 1 });
  expect((await edges.list()).map(({ state }) => state)).toEqual(['alive', 'alive']);
});

test('a lost race is another try, of the next name', async () => {
  const { edges, claimed } = among();
  const late: EdgeRegistry = {
    ...edges,
    claim: async (name, ...rest) => {
      if (name === 'edge-1') await edges.claim(name, ...rest);
      return edges.claim(name, ...rest);
    },
  };
  expect((await claimed(late)).identity.edge_id).toBe('edge-2');
});

test('many at once have a name each', async () => {
  const { time, claim } = among();
  const all = Promise.all([claim(), claim(), claim()]);
  await time.advance(2000);
  expect(new Set((await all).map(({ identity }) => identity.edge_id))).toEqual(new Set(NAMES));
});

describe('when every name is served', () => {
  test('it waits for one', async () => {
    const { time, serve, claim } = among(['edge-1']);
    const { membership } = await serve();
    const waiting = claim();
    await time.advance(10_000);
    await membership.stop();
    await time.advance(1000);
    expect((await waiting).identity).toMatchObject({ edge_id: 'edge-1', incarnation: 2 });
  });

  test('and gives up in the end, without harm to who serves', async () => {
    const { time, serve, claim } = among(['edge-1']);
    const { membership } = await serve();
    const refused = expect(claim()).rejects.toThrow(NoFreeName);
    await time.advance(CLAIM_WITHIN_MS + 2000);
    await refused;
    expect([membership.state, membership.mayPlaceOrders]).toEqual(['member', true]);
  });
});

test('edges of other names are let alone', async () => {
  const { edges, claimed } = among();
  const other = await edges.register('ip-10-0-0-7', '1', 0);
  expect((await claimed()).identity.edge_id).toBe('edge-1');
  expect(await edges.heartbeat(other, 1, 'alive', NO_FIGURES, 0)).toBe(true);
});
