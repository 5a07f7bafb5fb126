// Which edge speaks for a FIX session, and where its numbers and messages are.
import { describe, expect, test } from '@jest/globals';
import { toHeld } from '../../adapters/dynamodb/holdings.ts';
import type { Stores } from '../../adapters/stores.ts';
import type { SlotResult } from '../../core/ports.ts';
import type { EdgeIdentity, LiveSession } from '../../core/sessions/model.ts';
import { NOON, provision, STORES, session } from '../support/stores.ts';

type Asked = Omit<LiveSession, 'slot'>;

/** An edge, and a user on epoch 1. */
async function begin(make: () => Promise<Stores>) {
  const stores = await make();
  const edge = await stores.edges.register('e-1', '1.0', NOON);
  await provision(stores, 'ann');
  return { ...stores, edge };
}

const live = (asked: Asked, result: SlotResult): LiveSession => {
  if (result.result !== 'taken') throw new Error(`not taken: ${result.result}`);
  return { ...asked, slot: result.slot };
};

for (const [name, open] of STORES) {
  describe(name, () => {
    const make = open();
    const holdingOf = (result: SlotResult) => {
      if (result.result !== 'taken') throw new Error(`not taken: ${result.result}`);
      return result.holding;
    };

    test('all FIX sessions of a SenderCompID are known, with the edge whose journal has them', async () => {
      const { slots, edges, edge } = await begin(make);
      const names = ['A', 'B#%', 'C'];
      for (const name of names) await slots.take(session(edge, 'ann', name), 5);
      const other = await edges.register('e-2', '1.0', NOON);
      const moved = session(other, 'ann', 'C');
      await edges.declareDead(edge, 0);
      const taken = await slots.take(moved, 5);
      const home = (name: string, edge_id: string) => ({ key: session(edge, 'ann', name).key, edge_id });
      const { sender_comp_id } = moved.key;
      expect(await slots.homes('ann', [sender_comp_id])).toEqual(names.map((name) => home(name, 'e-1')));
      expect(await slots.settle(moved, holdingOf(taken).epoch)).toBe(true);
      const all = [home('A', 'e-1'), home('B#%', 'e-1'), home('C', 'e-2')];
      expect(await slots.homes('ann', ['OTHER', sender_comp_id])).toEqual(all);
      expect(await slots.homes('ann', ['OTHER'])).toEqual([]);
      expect(await slots.homes('ann', [])).toEqual([]);
    });

    test('keeps its epoch while it stays with one incarnation, and has a higher one with each other', async () => {
      const stores = await begin(make);
      const { slots, edges, edge } = stores;
      const other = await edges.register('e-2', '1.0', NOON);
      const again = async (by: EdgeIdentity, supersedes?: string) => {
        const one = session(by, 'ann', 'A');
        const result = await slots.take(one, 3, supersedes);
        return { one, held: live(one, result), holding: holdingOf(result) };
      };
      const first = await again(edge);
      expect(await slots.epoch(first.one)).toBe(first.holding.epoch);
      // Above the user's own, which is 1: that was the fence before there was this one.
      expect(first.holding).toEqual({ epoch: 2, home: 'e-1', from: 'e-1' });
      const local = await again(edge, first.one.session_id);
      expect(local.holding).toEqual(first.holding);
      await slots.release([local.held]);
      expect((await again(edge)).holding).toEqual(first.holding);

      const anew = await edges.register('e-1', '1.0', NOON);
      const reborn = await again(anew);
      expect(reborn.holding).toEqual({ epoch: 3, home: 'e-1', from: 'e-1' });
      const moved = await again(other, reborn.one.session_id);
      expect(moved.holding).toEqual({ epoch: 4, home: 'e-1', from: 'e-1' });
      // Not settled: whoever takes it next finds it at home where it was.
      const back = await again(anew, moved.one.session_id);
      expect(back.holding).toEqual({ epoch: 5, home: 'e-1', from: 'e-2' });
      expect(await slots.settle(moved.one, moved.holding.epoch)).toBe(false);
      expect(await slots.settle(back.one, back.holding.epoch)).toBe(true);
      const last = await again(other, back.one.session_id);
      expect(last.holding).toEqual({ epoch: 6, home: 'e-1', from: 'e-1' });
      expect(await slots.settle(last.one, last.holding.epoch)).toBe(true);
      expect(await slots.settle(last.one, last.holding.epoch)).toBe(true);
      await slots.release([last.held]);
      expect((await again(other)).holding).toEqual({ epoch: 6, home: 'e-2', from: 'e-2' });
      // Another session of the same user has its own.
      expect(holdingOf(await slots.take(session(other, 'ann', 'B'), 3)).epoch).toBe(2);
    });

    test('is not settled by an edge that begins again, when another had spoken for it meanwhile', async () => {
      const { slots, edges, edge } = await begin(make);
      const take = async (by: EdgeIdentity) => {
        const one = session(by, 'ann', 'A');
        const result = await slots.take(one, 3);
        await slots.release([live(one, result)]);
        return { one, holding: holdingOf(result) };
      };
      await take(edge);
      await take(await edges.register('e-2', '1.0', NOON));
      const back = await take(edge);
      expect(back.holding).toEqual({ epoch: 4, home: 'e-1', from: 'e-2' });
      // Its process ends before it has settled what became of what the venue has refused.
      const reborn = await take(await edges.register('e-1', '1.0', NOON));
      expect(reborn.holding).toEqual({ epoch: 5, home: 'e-1', from: 'e-2' });
      expect(await slots.settle(reborn.one, 5)).toBe(true);
      const again = await take(await edges.register('e-1', '1.0', NOON));
      expect(again.holding).toEqual({ epoch: 6, home: 'e-1', from: 'e-1' });
    });

    test('asked for by twenty edges one after the other and at once, no two with one epoch', async () => {
      const { slots, edges } = await begin(make);
      const epochs: number[] = [];
      const taken = async (n: number): Promise<void> => {
        const edge = await edges.register(`x-${n}`, '1.0', NOON);
        for (let supersedes: string | undefined; ; ) {
          const one = session(edge, 'ann', 'A');
          const result = await slots.take(one, 3, supersedes);
          if (result.result === 'taken') {
            epochs.push(result.holding.epoch);
            return;
          }
          if (result.result !== 'held') throw new Error(result.result);
          supersedes = result.holder.session_id;
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, n) => taken(n)));
      expect(new Set(epochs).size).toBe(8);
    }, 30_000);
  });
}

test('numbers that a release before has reserved are not of when those before them began', () => {
  const row = { pk: 'U', sk: 'FIX', epoch: 1, home: 'e-1', from_edge: 'e-1', edge_id: 'e-1', incarnation: 1 };
  const reserved = { reserved_out: 9, reserved_in: 2, reserved_generation: 4, reserved_by: 'e-1.1.1' };
  const beganOf = (more: Record<string, string>) => toHeld({ ...row, ...reserved, ...more }).reserved?.began;
  expect(beganOf({ reserved_began: `4 ${NOON}` })).toBe(NOON);
  expect(beganOf({ reserved_began: `3 ${NOON}` })).toBeUndefined();
  expect(beganOf({})).toBeUndefined();
});
