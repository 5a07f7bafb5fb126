import { describe, expect, test } from '@jest/globals';
import { type EdgeCommand, type EdgeIdentity, QUESTIONS } from '../../core/sessions/model.ts';
import { EDGE_STORES, FIGURES, NOON, provision, session } from '../support/stores.ts';

const command = (id: string): EdgeCommand => ({
  id,
  at: NOON,
  type: 'end_session',
  session_id: 's',
  cause: 'killed',
  reason: 'because',
});

/** Whose circle goes by partition first. */
const SPREAD = EDGE_STORES.at(-1)?.[0];

for (const [name, open] of EDGE_STORES) {
  describe(name, () => {
    const make = open();
    test('numbers of sessions are those told last, by SenderCompID', async () => {
      const { edges } = await make();
      const of = (sender_comp_id: string, sender_sub_id: string, next_in: number) => ({
        key: { begin_string: 'FIX.4.4', sender_comp_id, sender_sub_id, target_comp_id: 'GW' },
        edge_id: 'e-1',
        next_in,
        next_out: 9,
        at: NOON,
      });
      expect(await edges.numbers('A')).toEqual([]);
      await edges.tellNumbers([of('A', '', 1), of('A', 'desk#1', 2), of('B', '', 3)]);
      await edges.tellNumbers([of('A', '', 4)]);
      expect(await edges.numbers('A')).toEqual([of('A', '', 4), of('A', 'desk#1', 2)]);
      expect(await edges.numbers('B')).toEqual([of('B', '', 3)]);
    });

    describe('an edge', () => {
      test('no incarnation comes that was passed, and passing what is behind changes nothing', async () => {
        const { edges } = await make();
        await edges.passIncarnation('e', 7);
        await edges.passIncarnation('e', 3);
        expect(await edges.register('e', '1', NOON)).toEqual({ edge_id: 'e', incarnation: 8 });
        await edges.passIncarnation('e', 2);
        expect(await edges.register('e', '1', NOON)).toEqual({ edge_id: 'e', incarnation: 9 });
      });

      test('begins alive, tells its figures, and stops', async () => {
        const { edges } = await make();
        expect(await edges.list()).toEqual([]);
        const edge = await edges.register('e-1', '1.2.3', NOON);
        const [row] = await edges.list();
        expect(row).toMatchObject({ ...edge, state: 'alive', version: '1.2.3', started_at: NOON, seen_at: NOON });
        expect(row?.questions).toBe(QUESTIONS);
        expect(await edges.heartbeat(edge, 1, 'alive', FIGURES, NOON + 5)).toBe(true);
        expect(await edges.heartbeat(edge, 2, 'draining', FIGURES, NOON + 9)).toBe(true);
        expect(await edges.list()).toEqual([
          { ...row, state: 'draining', heartbeat: 2, seen_at: NOON + 9, figures: FIGURES },
        ]);
        await edges.stop(edge, { ...FIGURES, sessions: 0 }, NOON + 10);
        await edges.stop(edge, { ...FIGURES, sessions: 0 }, NOON + 10);
        expect(await edges.list()).toMatchObject([{ state: 'stopped', figures: { sessions: 0 } }]);
        expect(await edges.heartbeat(edge, 3, 'alive', FIGURES, NOON)).toBe(false);
        expect(await edges.declareDead(edge, 2)).toBe(false);
      });

      test('that begins anew fences what it was before', async () => {
        const { edges } = await make();
        const first = await edges.register('e-1', '1', NOON);
        await edges.heartbeat(first, 7, 'alive', FIGURES, NOON);
        const second = await edges.register('e-1', '2', NOON + 1);
        expect(second.incarnation).toBeGreaterThan(first.incarnation);
        expect(await edges.heartbeat(first, 8, 'alive', FIGURES, NOON)).toBe(false);
        await edges.stop(first, FIGURES, NOON);
        expect(await edges.declareDead(first, 7)).toBe(false);
        expect(await edges.list()).toMatchObject([{ ...second, state: 'alive', version: '2' }]);
        expect(await edges.heartbeat(second, 1, 'alive', FIGURES, NOON)).toBe(true);
      });

      test('begun by five processes at once has five incarnations, of which the highest serves', async () => {
        const { edges } = await make();
        const all = await Promise.all(Array.from({ length: 5 }, () => edges.register('e-1', '1', NOON)));
        expect(new Set(all.map(({ incarnation }) => incarnation)).size).toBe(5);
        const highest = Math.max(...all.map(({ incarnation }) => incarnation));
        for (const edge of all) {
          expect(await edges.heartbeat(edge, 1, 'alive', FIGURES, NOON)).toBe(edge.incarnation === highest);
        }
      }, 30_000);

      test('is declared dead only while its heartbeat stands still', async () => {
        const { edges } = await make();
        const edge = await edges.register('e-1', '1', NOON);
        await edges.heartbeat(edge, 5, 'alive', FIGURES, NOON);
        expect(await edges.declareDead(edge, 4)).toBe(false);
        expect(await edges.declareDead({ ...edge, edge_id: 'other' }, 5)).toBe(false);
        const declared = await Promise.all([1, 2, 3].map(() => edges.declareDead(edge, 5)));
        expect(declared).toEqual([true, true, true]);
        expect(await edges.list()).toMatchObject([{ state: 'dead', heartbeat: 5 }]);
        expect(await edges.heartbeat(edge, 6, 'alive', FIGURES, NOON)).toBe(false);
        await edges.stop(edge, FIGURES, NOON);
        expect(await edges.list()).toMatchObject([{ state: 'dead' }]);
        const anew = await edges.register('e-1', '1', NOON);
        expect(anew.incarnation).toBeGreaterThan(edge.incarnation);
      });

      test('that has ended is cleared of its sessions; those of the incarnation after it stay', async () => {
        const stores = await make();
        const { edges, slots } = stores;
        for (const user of ['ann', 'bob']) await provision(stores, user);
        const first = await edges.register('e-1', '1', NOON);
        expect((await slots.take(session(first, 'ann'), 1)).result).toBe('taken');
        const second = await edges.register('e-1', '1', NOON);
        expect((await slots.list({ limit: 9 })).items).toEqual([]);
        const taken = session(second, 'bob');
        expect((await slots.take(taken, 1)).result).toBe('taken');
        await edges.removeSessions(first);
        await edges.removeSessions(first);
        expect((await slots.list({ limit: 9 })).items).toMatchObject([{ session_id: taken.session_id }]);
        // Its slot is free by rule, and its session can be taken without its row.
        expect((await slots.take(session(second, 'ann'), 1)).result).toBe('taken');
      });

      test('has those after it that serve, in a circle that is the same for all of them', async () => {
        const { edges } = await make();
        const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
        const all = new Map<string, EdgeIdentity>();
        for (const id of names) all.set(id, await edges.register(id, '1', NOON));
        const ids = async (id: string, count: number) =>
          (await edges.following(id, count)).map(({ edge_id }) => edge_id);
        const circle = ['a', ...(await ids('a', 6))];
        if (name !== SPREAD) expect(circle).toEqual(names);
        expect([...circle].sort()).toEqual(names);
        const after = (id: string, count: number) => {
          const at = circle.indexOf(id);
          return [...circle.slice(at + 1), ...circle.slice(0, at)].slice(0, count);
        };
        for (const id of names)
          for (const count of [1, 3, 6, 9]) expect(await ids(id, count)).toEqual(after(id, count));
        expect(await ids('nobody', 2)).toHaveLength(2);
        // Those that have ended stand between for a week.
        const ended = [circle[2], circle[3], circle[4], circle[6]] as string[];
        for (const id of ended.slice(0, 3)) expect(await edges.declareDead(all.get(id)!, 0)).toBe(true);
        await edges.stop(all.get(ended[3] as string)!, FIGURES, NOON);
        expect(await ids(circle[1] as string, 3)).toEqual([circle[5], circle[0]]);
        expect(await ids(circle[1] as string, 1)).toEqual([circle[5]]);
        const listed = await edges.list();
        expect(listed.map(({ edge_id }) => edge_id)).toEqual(names);
        for (const row of listed) expect(await edges.find(row.edge_id)).toEqual(row);
        expect(await edges.following(circle[0] as string, 1)).toEqual([
          listed.find((row) => row.edge_id === circle[1]),
        ]);
        expect(await edges.find('h')).toBeUndefined();
      });

      test('of a beat and a death at once: one of them holds', async () => {
        const { edges } = await make();
        for (let n = 0; n < 10; n++) {
          const edge = await edges.register('e-1', '1', NOON);
          const [beat, dead] = await Promise.all([
            edges.heartbeat(edge, 1, 'alive', FIGURES, NOON),
            edges.declareDead(edge, 0),
          ]);
          expect(beat).toBe(!dead);
          expect(await edges.list()).toMatchObject([{ state: dead ? 'dead' : 'alive' }]);
        }
      });

      test('is claimed only while nobody serves under its name', async () => {
        const { edges } = await make();
        const first = await edges.claim('e-1', '1', NOON);
        expect(first).toMatchObject({ edge_id: 'e-1' });
        expect(await edges.claim('e-1', '1', NOON)).toBeUndefined();
        await edges.heartbeat(first!, 1, 'draining', FIGURES, NOON);
        expect(await edges.claim('e-1', '1', NOON)).toBeUndefined();
        expect(await edges.heartbeat(first!, 2, 'alive', FIGURES, NOON)).toBe(true);
        await edges.stop(first!, FIGURES, NOON);
        const second = await edges.claim('e-1', '2', NOON + 1);
        expect(second!.incarnation).toBeGreaterThan(first!.incarnation);
        expect(await edges.list()).toMatchObject([{ ...second, state: 'alive', version: '2', heartbeat: 0 }]);
        await edges.declareDead(second!, 0);
        const third = await edges.claim('e-1', '2', NOON + 1);
        expect(third!.incarnation).toBeGreaterThan(second!.incarnation);
        expect(await edges.heartbeat(second!, 1, 'alive', FIGURES, NOON)).toBe(false);
        expect(await edges.heartbeat(third!, 1, 'alive', FIGURES, NOON)).toBe(true);
      });

      test('claimed by five processes at once is one’s', async () => {
        const { edges } = await make();
        for (let round = 0; round < 3; round++) {
          const all = await Promise.all(Array.from({ length: 5 }, () => edges.claim('e-1', '1', NOON)));
          const [only, ...others] = all.filter((one) => one !== undefined);
          expect(others).toEqual([]);
          expect(await edges.heartbeat(only!, 1, 'alive', FIGURES, NOON)).toBe(true);
          await edges.stop(only!, FIGURES, NOON);
        }
      }, 30_000);

      test('that dies takes its sessions out of the list, not those of others', async () => {
        const stores = await make();
        await provision(stores, 'ann');
        const [a, b] = [await stores.edges.register('a', '1', NOON), await stores.edges.register('b', '1', NOON)];
        for (let n = 0; n < 30; n++) await stores.slots.take(session(n % 3 ? a : b, 'ann'), 100);
        await stores.edges.declareDead(a, 0);
        expect((await stores.slots.list({ limit: 100 })).items).toHaveLength(10);
      });
    });

    test('receipts of a notice come by edge, the later one of an edge counts', async () => {
      const { edges } = await make();
      expect(await edges.receipts('n1')).toEqual([]);
      const receipt = (notice_id: string, edge_id: string, told: number) => ({ notice_id, edge_id, told, not_told: 1 });
      for (const one of [receipt('n1', 'e-2', 5), receipt('n1', 'e-1', 0), receipt('n2', 'e-1', 9)])
        await edges.tellReceipt(one, NOON);
      await edges.tellReceipt(receipt('n1', 'e-1', 3), NOON);
      expect(await edges.receipts('n1')).toEqual([receipt('n1', 'e-1', 3), receipt('n1', 'e-2', 5)]);
    });

    test('the answer to a question is the one that was told last', async () => {
      const { edges } = await make();
      expect(await edges.answer('q1')).toBeUndefined();
      await edges.tellAnswer('q1', { said: 'acknowledged' }, NOON);
      await edges.tellAnswer('q2', { said: 'gone' }, NOON);
      expect(await edges.answer('q1')).toEqual({ said: 'acknowledged' });
      await edges.tellAnswer('q1', { said: 'there' }, NOON);
      expect(await edges.answer('q1')).toEqual({ said: 'there' });
      expect(await edges.answer('q2')).toEqual({ said: 'gone' });
    });

    describe('commands', () => {
      test('come in the order of their ids, after the one named, and go when acknowledged', async () => {
        const { edges } = await make();
        expect(await edges.commands('e-1', '')).toEqual([]);
        await edges.send([]);
        const ids = Array.from({ length: 60 }, (_, n) => String(n).padStart(3, '0'));
        await edges.send([...ids].reverse().map((id) => ({ edge_id: 'e-1', command: command(id) })));
        await edges.send([{ edge_id: 'e-2', command: command('000') }]);
        expect(await edges.commands('e-1', '')).toEqual(ids.map(command));
        expect((await edges.commands('e-1', '050')).map(({ id }) => id)).toEqual(ids.slice(51));
        await edges.acknowledge('e-1', ids.slice(0, 58));
        await edges.acknowledge('e-1', [...ids.slice(0, 3), 'never', '058', '058']);
        await edges.acknowledge('e-1', []);
        expect(await edges.commands('e-1', '')).toEqual([command('059')]);
        expect(await edges.commands('e-2', '')).toEqual([command('000')]);
      });
    });
  });
}
