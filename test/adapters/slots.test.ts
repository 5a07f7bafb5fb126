import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { takeable } from '../../adapters/changes.ts';
import type { Stores } from '../../adapters/stores.ts';
import type { SlotResult } from '../../core/ports.ts';
import type { EdgeIdentity, LiveSession } from '../../core/sessions/model.ts';
import { change, EDGE_STORES, FIGURES, NOON, provision, readAll, session, user } from '../support/stores.ts';

type Asked = Omit<LiveSession, 'slot'>;

/** An edge, and a user on epoch 1. */
async function begin(make: () => Promise<Stores>) {
  const stores = await make();
  const edge = await stores.edges.register('e-1', '1.0', NOON);
  await provision(stores, 'ann');
  return { ...stores, edge };
}

const slotOf = (result: SlotResult): number => {
  if (result.result !== 'taken') throw new Error(`not taken: ${result.result}`);
  return result.slot;
};

const live = (asked: Asked, result: SlotResult): LiveSession => ({ ...asked, slot: slotOf(result) });

async function kill({ edges }: Pick<Stores, 'edges'>, edge: EdgeIdentity): Promise<void> {
  const row = (await edges.list()).find(({ edge_id }) => edge_id === edge.edge_id);
  expect(await edges.declareDead(edge, row?.heartbeat ?? -1)).toBe(true);
}

for (const [name, open] of EDGE_STORES) {
  describe(name, () => {
    const make = open();
    describe('taking', () => {
      test('gives each session a slot of its own, then refuses and says who holds them', async () => {
        const { slots, edge } = await begin(make);
        const asked = [1, 2, 3].map(() => session(edge, 'ann'));
        const taken: LiveSession[] = [];
        for (const one of asked) taken.push(live(one, await slots.take(one, 3)));
        expect(taken.map(({ slot }) => slot).sort()).toEqual([0, 1, 2]);
        const full = await slots.take(session(edge, 'ann'), 3);
        expect(full.result).toBe('full');
        if (full.result !== 'full') throw new Error();
        const bySlot = (a: LiveSession, b: LiveSession) => a.slot - b.slot;
        expect([...full.holders].sort(bySlot)).toEqual([...taken].sort(bySlot));
        expect(await slots.ofUser('ann')).toEqual([...taken].sort(bySlot));
        expect(await slots.session(taken[1]!.session_id)).toEqual(taken[1]);
        expect(await slots.session('e-1.1.999999')).toBeUndefined();
        expect(await slots.session('nonsense')).toBeUndefined();
        expect(await slots.ofUser('bob')).toEqual([]);
      });

      test('repeated takes nothing more', async () => {
        const { slots, edge } = await begin(make);
        const asked = session(edge, 'ann');
        const first = await slots.take(asked, 5);
        expect(await slots.take(asked, 5)).toEqual(first);
        expect(await slots.ofUser('ann')).toHaveLength(1);
      });

      test('with no slot allowed is full', async () => {
        const { slots, edge } = await begin(make);
        expect(await slots.take(session(edge, 'ann'), 0)).toEqual({ result: 'full', holders: [] });
      });

      test('by fifty at once never exceeds the maximum, nor falls short of it', async () => {
        const stores = await begin(make);
        const other = await stores.edges.register('e-2', '1.0', NOON);
        const asked = Array.from({ length: 50 }, (_, n) => session(n % 2 ? stores.edge : other, 'ann'));
        const results = await Promise.all(asked.map((one) => stores.slots.take(one, 7)));
        const taken = results.filter(({ result }) => result === 'taken').map(slotOf);
        expect(taken.sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
        expect(results.filter(({ result }) => result === 'full')).toHaveLength(43);
        expect(await stores.slots.ofUser('ann')).toHaveLength(7);
      }, 30_000);

      test('by fifty at once, when there are fifty slots, gives all of them', async () => {
        const stores = await begin(make);
        const asked = Array.from({ length: 50 }, () => session(stores.edge, 'ann'));
        const taken = (await Promise.all(asked.map((one) => stores.slots.take(one, 50)))).map(slotOf);
        expect(new Set(taken).size).toBe(50);
      }, 30_000);

      test('on another epoch of the user takes nothing', async () => {
        const stores = await begin(make);
        const { user: found } = await stores.directory.account('ann');
        await stores.directory.commit(change('ann', found.chain, { user: user('ann', { epoch: 2 }) }));
        const asked = session(stores.edge, 'ann');
        expect(await stores.slots.take(asked, 3)).toEqual({ result: 'epoch_changed' });
        expect(await stores.slots.take({ ...asked, epoch: 3 }, 3)).toEqual({ result: 'epoch_changed' });
        expect(await stores.slots.take(session(stores.edge, 'nobody'), 3)).toEqual({ result: 'epoch_changed' });
        expect(await stores.slots.ofUser('ann')).toEqual([]);
        expect((await stores.slots.take({ ...asked, epoch: 2 }, 3)).result).toBe('taken');
      });

      test('racing with a suspension: whoever took it did so before', async () => {
        const stores = await begin(make);
        for (let round = 1; round <= 5; round++) {
          const { user: found } = await stores.directory.account('ann');
          const asked = { ...session(stores.edge, 'ann'), epoch: round };
          const [took, committed] = await Promise.all([
            stores.slots.take(asked, 50),
            stores.directory.commit(change('ann', found.chain, { user: user('ann', { epoch: round + 1 }) })),
          ]);
          expect(committed).toEqual({ result: 'committed' });
          expect(['taken', 'epoch_changed']).toContain(took.result);
          const late = await stores.slots.take({ ...session(stores.edge, 'ann'), epoch: round }, 50);
          expect(late).toEqual({ result: 'epoch_changed' });
        }
      });

      test('by an edge that has ended or begun anew is fenced', async () => {
        const stores = await begin(make);
        const anew = await stores.edges.register('e-1', '1.0', NOON);
        expect(await stores.slots.take(session(stores.edge, 'ann'), 3)).toEqual({ result: 'fenced' });
        expect((await stores.slots.take(session(anew, 'ann'), 3)).result).toBe('taken');
        await kill(stores, anew);
        expect(await stores.slots.take(session(anew, 'ann'), 3)).toEqual({ result: 'fenced' });
        const third = await stores.edges.register('e-1', '1.0', NOON);
        await stores.edges.stop(third, FIGURES, NOON);
        expect(await stores.slots.take(session(third, 'ann'), 3)).toEqual({ result: 'fenced' });
        expect(await stores.slots.take(session({ edge_id: 'none', incarnation: 1 }, 'ann'), 3)).toEqual({
          result: 'fenced',
        });
      });

      test('by an edge that drains still counts', async () => {
        const stores = await begin(make);
        await stores.edges.heartbeat(stores.edge, 1, 'draining', FIGURES, NOON);
        expect((await stores.slots.take(session(stores.edge, 'ann'), 3)).result).toBe('taken');
        expect(await stores.slots.ofUser('ann')).toHaveLength(1);
      });
    });

    describe('one FIX session', () => {
      test('is held by whoever has it, on whatever edge', async () => {
        const stores = await begin(make);
        const other = await stores.edges.register('e-2', '1.0', NOON);
        const first = session(stores.edge, 'ann', 'SUB');
        const holder = live(first, await stores.slots.take(first, 3));
        expect(await stores.slots.take(session(other, 'ann', 'SUB'), 3)).toEqual({ result: 'held', holder });
        // One of another key is no reason to take it over.
        expect(await stores.slots.take(session(other, 'ann', 'SUB'), 3, 'e-9.9.9')).toEqual({ result: 'held', holder });
        expect(await stores.slots.ofUser('ann')).toHaveLength(1);
      });

      test('asked for by twenty at once is one', async () => {
        const stores = await begin(make);
        const asked = Array.from({ length: 20 }, () => session(stores.edge, 'ann', 'SUB'));
        const results = await Promise.all(asked.map((one) => stores.slots.take(one, 20)));
        expect(results.filter(({ result }) => result === 'taken')).toHaveLength(1);
        expect(results.filter(({ result }) => result === 'held')).toHaveLength(19);
        expect(await stores.slots.ofUser('ann')).toHaveLength(1);
      }, 30_000);

      test('taken over keeps its slot, though all are held; the one before is gone', async () => {
        const stores = await begin(make);
        const other = await stores.edges.register('e-2', '1.0', NOON);
        const before = [session(stores.edge, 'ann', 'A'), session(stores.edge, 'ann', 'B')];
        const held: LiveSession[] = [];
        for (const one of before) held.push(live(one, await stores.slots.take(one, 2)));
        const heir = session(other, 'ann', 'A');
        const result = await stores.slots.take(heir, 2, held[0]?.session_id);
        expect(result).toMatchObject({ result: 'taken', slot: held[0]?.slot });
        expect(await stores.slots.session(held[0]!.session_id)).toBeUndefined();
        expect(await stores.slots.session(heir.session_id)).toEqual(live(heir, result));
        // The loser's release comes late and must not free what is another's by now.
        await stores.slots.release([held[0]!]);
        expect((await stores.slots.ofUser('ann')).map(({ session_id }) => session_id).sort()).toEqual(
          [heir.session_id, held[1]!.session_id].sort(),
        );
        expect((await stores.slots.take(session(other, 'ann', 'A'), 2)).result).toBe('held');
        expect((await stores.slots.take(session(other, 'ann', 'C'), 2)).result).toBe('full');
      });

      test('taken over tells the edge that had it, in one go with the taking; otherwise nobody is told', async () => {
        const stores = await begin(make);
        const other = await stores.edges.register('e-2', '1.0', NOON);
        const first = session(stores.edge, 'ann', 'A');
        await stores.slots.take(first, 3);
        const end = { type: 'end_session', session_id: first.session_id, cause: 'superseded', reason: 'x' } as const;
        const told = { edge_id: stores.edge.edge_id, command: { id: '01K0000000000000000000000A', at: NOON, ...end } };
        const take = (sub: string) => stores.slots.take(session(other, 'ann', sub), 3, first.session_id, told);
        expect((await take('B')).result).toBe('taken');
        expect(await stores.edges.commands(stores.edge.edge_id, '')).toEqual([]);
        expect((await take('A')).result).toBe('taken');
        expect(await stores.edges.commands(stores.edge.edge_id, '')).toEqual([told.command]);
        await stores.edges.acknowledge(stores.edge.edge_id, [told.command.id]);
        // Another has it by now: it is not the one to give way.
        expect((await take('A')).result).toBe('held');
        expect(await stores.edges.commands(stores.edge.edge_id, '')).toEqual([]);
      });

      test('taken over by ten at once has one heir', async () => {
        const stores = await begin(make);
        const first = session(stores.edge, 'ann', 'A');
        await stores.slots.take(first, 3);
        const heirs = Array.from({ length: 10 }, () => session(stores.edge, 'ann', 'A'));
        const results = await Promise.all(heirs.map((one) => stores.slots.take(one, 3, first.session_id)));
        expect(results.filter(({ result }) => result === 'taken')).toHaveLength(1);
        expect(results.filter(({ result }) => result === 'held')).toHaveLength(9);
        expect(await stores.slots.ofUser('ann')).toHaveLength(1);
      }, 30_000);

      test('to be taken over that has gone meanwhile is taken as a new one', async () => {
        const stores = await begin(make);
        const first = session(stores.edge, 'ann', 'A');
        await stores.slots.release([live(first, await stores.slots.take(first, 1))]);
        expect((await stores.slots.take(session(stores.edge, 'ann', 'A'), 1, first.session_id)).result).toBe('taken');
      });
    });

    describe('what is free', () => {
      test('a released slot, at once and as often as one likes', async () => {
        const { slots, edge } = await begin(make);
        const first = session(edge, 'ann', 'A');
        const held = live(first, await slots.take(first, 1));
        for (let n = 0; n < 3; n++) await slots.release([held]);
        expect(await slots.ofUser('ann')).toEqual([]);
        expect(await slots.session(held.session_id)).toBeUndefined();
        expect((await slots.take(session(edge, 'ann', 'A'), 1)).result).toBe('taken');
      });

      test.each(['dead', 'stopped', 'begun anew'] as const)('slots and keys of an edge that is %s', async (end) => {
        const stores = await begin(make);
        const other = await stores.edges.register('e-2', '1.0', NOON);
        for (const sub of ['A', 'B']) await stores.slots.take(session(stores.edge, 'ann', sub), 2);
        expect((await stores.slots.take(session(other, 'ann', 'C'), 2)).result).toBe('full');
        if (end === 'dead') await kill(stores, stores.edge);
        if (end === 'stopped') await stores.edges.stop(stores.edge, FIGURES, NOON);
        if (end === 'begun anew') await stores.edges.register('e-1', '1.0', NOON);
        expect(await stores.slots.ofUser('ann')).toEqual([]);
        expect((await stores.slots.list({ limit: 10 })).items).toEqual([]);
        const racing = ['A', 'B', 'C', 'D', 'A'].map((sub) => session(other, 'ann', sub));
        const results = await Promise.all(racing.map((one) => stores.slots.take(one, 2)));
        expect(results.filter(({ result }) => result === 'taken')).toHaveLength(2);
        expect(await stores.slots.ofUser('ann')).toHaveLength(2);
        // And again and again: nothing of the dead stands in the way of the living for good.
        for (const one of await stores.slots.ofUser('ann')) await stores.slots.release([one]);
        for (const sub of ['A', 'B'])
          expect((await stores.slots.take(session(other, 'ann', sub), 2)).result).toBe('taken');
      });

      test('many given back together are free, but for those that another holds by then', async () => {
        const { slots, edges, edge } = await begin(make);
        const held = await Promise.all(
          Array.from({ length: 80 }, async (_, n) => {
            const one = session(edge, 'ann', `s${n}`);
            return live(one, await slots.take(one, 100));
          }),
        );
        const other = await edges.register('e-2', '1.0', NOON);
        const taker = session(other, 'ann', 's40');
        expect((await slots.take(taker, 100, held[40]!.session_id)).result).toBe('taken');
        await slots.release([...held, held[3]!]);
        expect((await slots.ofUser('ann')).map((one) => one.session_id)).toEqual([taker.session_id]);
        expect((await slots.list({ limit: 100 })).items).toHaveLength(1);
        await slots.release(held);
        expect(await slots.ofUser('ann')).toHaveLength(1);
      });

      test('after the maximum was lowered: nothing until enough have gone', async () => {
        const { slots, edge } = await begin(make);
        const held: LiveSession[] = [];
        for (let n = 0; n < 5; n++) {
          const one = session(edge, 'ann');
          held.push(live(one, await slots.take(one, 5)));
        }
        held.sort((a, b) => a.slot - b.slot);
        expect((await slots.take(session(edge, 'ann'), 2)).result).toBe('full');
        for (const one of held.slice(0, 3)) await slots.release([one]);
        // Slots 3 and 4 are still held, and two are allowed.
        expect((await slots.take(session(edge, 'ann'), 2)).result).toBe('full');
        await slots.release([held[4]!]);
        const racing = await Promise.all([1, 2, 3].map(() => slots.take(session(edge, 'ann'), 2)));
        expect(racing.filter(({ result }) => result === 'taken')).toHaveLength(1);
        expect(await slots.ofUser('ann')).toHaveLength(2);
      });
    });

    test('the list shows live sessions only, in pages of any size', async () => {
      const stores = await begin(make);
      const edges = [
        stores.edge,
        await stores.edges.register('e.2', '1', NOON),
        await stores.edges.register('e-3', '1', NOON),
      ];
      const ids: string[] = [];
      for (let n = 0; n < 30; n++) {
        const one = session(edges[n % 3] as EdgeIdentity, 'ann');
        await stores.slots.take(one, 100);
        ids.push(one.session_id);
      }
      const paged = await readAll((page) => stores.slots.list(page), 4);
      expect(paged.items.map(({ session_id }) => session_id).sort()).toEqual([...ids].sort());
      expect(await stores.slots.session(ids[1] as string)).toBeDefined();
      await kill(stores, edges[1] as EdgeIdentity);
      const rest = await readAll((page) => stores.slots.list(page), 1000);
      expect(rest.items).toHaveLength(20);
      expect(await stores.slots.session(ids[1] as string)).toBeUndefined();
    }, 30_000);
  });
}

test('slots chosen from stale readings never exceed the maximum', () => {
  // Takers read at any time and write later, if their slot is still as they saw it; slots above `max` only go.
  const kind = fc.constantFrom('read', 'read', 'write', 'write', 'release');
  const step = fc.record({ kind, taker: fc.nat(2), pick: fc.nat(9) });
  const world = fc.record({
    max: fc.integer({ min: 1, max: 4 }),
    held: fc.uniqueArray(fc.nat(6)),
    steps: fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
  });
  fc.assert(
    fc.property(world, ({ max, held, steps }) => {
      const slots = new Set(held);
      const plans = new Map<number, number>();
      let bound = Math.max(max, slots.size);
      for (const { kind, taker, pick } of steps) {
        const free = takeable(slots, max);
        if (kind === 'read' && slots.size < max && free.count > 0) plans.set(taker, free.at(pick % free.count));
        const planned = plans.get(taker);
        if (kind === 'write' && planned !== undefined) {
          if (!slots.has(planned)) slots.add(planned);
          plans.delete(taker);
        }
        if (kind === 'release') slots.delete([...slots][pick % Math.max(1, slots.size)] as number);
        if (slots.size > bound) return false;
        bound = Math.max(max, Math.min(bound, slots.size));
      }
      return true;
    }),
    { numRuns: 2000 },
  );
});

test('the slots that may be taken are the lowest free ones, as many as the maximum leaves', () => {
  const input = fc.record({ max: fc.integer({ min: 1, max: 12 }), held: fc.uniqueArray(fc.nat(15)) });
  fc.assert(
    fc.property(input, ({ max, held }) => {
      const found = takeable(new Set(held), max);
      const all = Array.from({ length: max }, (_, slot) => slot);
      const free = all.filter((slot) => !held.includes(slot));
      const expected = free.slice(0, Math.max(0, free.length - held.filter((slot) => slot >= max).length));
      expect(Array.from({ length: found.count }, (_, place) => found.at(place))).toEqual(expected);
      expect(all.filter(found.has)).toEqual(expected);
    }),
  );
});
