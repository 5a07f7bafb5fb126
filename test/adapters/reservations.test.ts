// Numbers that the home of a FIX session has reserved: with its slot, with its coming, and between.
import { describe, expect, test } from '@jest/globals';
import type { Stores } from '../../adapters/stores.ts';
import type { SlotResult } from '../../core/ports.ts';
import type {
  EdgeIdentity,
  Holding,
  LiveSession,
  Reservation,
  Reserved,
  Reserving,
} from '../../core/sessions/model.ts';
import { NOON, provision, STORES, session } from '../support/stores.ts';

type Asked = Omit<LiveSession, 'slot'>;

const numbers = (out: number, more: Partial<Reserving> = {}): Reserving => ({
  generation: 0,
  next_in: 1,
  out,
  began: NOON,
  known: true,
  ...more,
});

const reservedOf = (out: number, by: Asked, more: Partial<Reserved> = {}): Reserved => ({
  generation: 0,
  next_in: 1,
  out,
  began: NOON,
  by: by.session_id,
  ...more,
});

for (const [name, open] of STORES) {
  describe(name, () => {
    const make = open();

    /** Two edges and a user; who takes the session leaves its slot at once. */
    async function begin() {
      const stores: Stores = await make();
      const { slots, edges } = stores;
      const [one, two] = [await edges.register('e-1', '1.0', NOON), await edges.register('e-2', '1.0', NOON)];
      await provision(stores, 'ann');
      const take = async (by: EdgeIdentity, what?: Reserving | 'none'): Promise<{ asked: Asked; holding: Holding }> => {
        const asked = session(by, 'ann', 'A');
        const result: SlotResult = await slots.take(asked, 3, undefined, undefined, what);
        if (result.result !== 'taken') throw new Error(`not taken: ${result.result}`);
        await slots.release([{ ...asked, slot: result.slot }]);
        return { asked, holding: result.holding };
      };
      return { ...stores, one, two, take };
    }

    test('are reserved by who takes the session, and stay while nothing else is said', async () => {
      const { one, take, edges } = await begin();
      const first = await take(one, numbers(101));
      expect(first.holding).toEqual({ epoch: 2, home: 'e-1', from: 'e-1', reserved: reservedOf(101, first.asked) });
      expect((await take(one)).holding).toEqual(first.holding);
      // The same incarnation, under the same epoch, and more.
      const more = await take(one, numbers(250, { generation: 1, next_in: 7 }));
      const reserved = reservedOf(250, more.asked, { generation: 1, next_in: 7 });
      expect(more.holding).toEqual({ ...first.holding, reserved });
      const again = await edges.register('e-1', '1.0', NOON);
      // A process that has nothing of it does away with nothing; one that has, does.
      expect((await take(again, numbers(101, { known: false }))).holding).toEqual({ ...more.holding, epoch: 3 });
      const known = await take(again, numbers(300));
      expect(known.holding.reserved).toEqual(reservedOf(300, known.asked));
      expect((await take(again, 'none')).holding).toEqual({ epoch: 3, home: 'e-1', from: 'e-1' });
      expect((await take(again)).holding.reserved).toBeUndefined();
    });

    test('of a session that never began are anybody’s to reserve anew', async () => {
      const { one, take, edges } = await begin();
      await take(one, numbers(1));
      const again = await edges.register('e-1', '1.0', NOON);
      const taken = await take(again, numbers(101, { known: false }));
      expect(taken.holding.reserved).toEqual(reservedOf(101, taken.asked));
    });

    test('are their home’s until another has settled, with its own or none', async () => {
      const { one, two, take, slots } = await begin();
      const first = await take(one, numbers(101));
      const { reserved } = first.holding;
      const moved = await take(two, numbers(5));
      expect(moved.holding).toEqual({ epoch: 3, home: 'e-1', from: 'e-1', reserved });
      expect((await take(two, 'none')).holding).toEqual(moved.holding);
      const own = reservedOf(301, moved.asked, { generation: 4, next_in: 12 });
      expect(await slots.settle(moved.asked, 3, own)).toBe(true);
      expect((await take(two)).holding).toEqual({ epoch: 3, home: 'e-2', from: 'e-2', reserved: own });
      const back = await take(one);
      expect(back.holding.reserved).toEqual(own);
      expect(await slots.settle(moved.asked, 3, own)).toBe(false);
      expect(await slots.settle(back.asked, back.holding.epoch)).toBe(true);
      expect((await take(one)).holding).toEqual({ epoch: 4, home: 'e-1', from: 'e-1' });
    });

    test('are extended by their edge only, and by nothing that was on its way for long', async () => {
      const { one, two, take, slots, edges } = await begin();
      const { asked, holding } = await take(one, numbers(101));
      const extend = (out: number, more: Partial<Reserved> = {}, of = asked, epoch = holding.epoch): Reservation => ({
        kind: 'extend',
        session: of,
        epoch,
        reserved: reservedOf(out, asked, more),
      });
      expect(await slots.reserve([extend(201)])).toEqual([true]);
      expect(await slots.reserve([extend(201, { next_in: 9 })])).toEqual([true]);
      expect(await slots.reserve([extend(151)])).toEqual([false]);
      expect((await take(one)).holding.reserved).toEqual(reservedOf(201, asked, { next_in: 9 }));
      // Numbers that have begun anew.
      expect(await slots.reserve([extend(120, { generation: 1 })])).toEqual([true]);
      expect(await slots.reserve([extend(900)])).toEqual([false]);
      expect(await slots.reserve([extend(300, { generation: 1 }, session(two, 'ann', 'A'))])).toEqual([false]);
      const reborn = await edges.register('e-1', '1.0', NOON);
      expect((await take(reborn)).holding.epoch).toBe(3);
      expect(await slots.reserve([extend(300, { generation: 1 })])).toEqual([false]);
      expect(await slots.reserve([extend(300, { generation: 1 }, asked, 3)])).toEqual([false]);
      expect((await take(reborn)).holding.reserved).toEqual(reservedOf(120, asked, { generation: 1 }));
      expect(await slots.reserve([])).toEqual([]);
    });

    test('are given back, unless somebody has reserved anew since', async () => {
      const { one, take, slots } = await begin();
      const { asked, holding } = await take(one, numbers(101));
      const back = (by: Asked): Reservation => {
        const reserved = reservedOf(8, by, { next_in: 6 });
        return { kind: 'give_back', session: asked, epoch: holding.epoch, reserved };
      };
      expect(await slots.reserve([back(asked)])).toEqual([true]);
      const again = await take(one, numbers(108));
      expect(await slots.reserve([back(asked)])).toEqual([false]);
      expect((await take(one)).holding.reserved).toEqual(reservedOf(108, again.asked));
      expect(await slots.reserve([back(again.asked)])).toEqual([true]);
      expect((await take(one)).holding.reserved).toEqual(reservedOf(8, again.asked, { next_in: 6 }));
    });

    test('of many are changed together, each by itself where one cannot be', async () => {
      const { one, slots } = await begin();
      const many: Asked[] = [];
      for (let n = 0; n < 120; n++) {
        const asked = session(one, 'ann', `S${n}`);
        const result = await slots.take(asked, 1000, undefined, undefined, numbers(101));
        if (result.result === 'taken') many.push(asked);
      }
      const of = (asked: Asked, n: number): Reservation => ({
        kind: 'extend',
        session: asked,
        epoch: n === 60 ? 9 : 2,
        reserved: reservedOf(200 + n, asked),
      });
      const done = await slots.reserve(many.map(of));
      expect(done.map((one, n) => (one ? -1 : n)).filter((n) => n >= 0)).toEqual([60]);
      expect(done).toHaveLength(120);
    }, 30_000);

    test('end so much later after a restore, where there are any', async () => {
      const { one, take, slots } = await begin();
      const { key } = session(one, 'ann', 'A');
      await slots.passNumbers('ann', key, 1000);
      const { asked } = await take(one, 'none');
      expect((await take(one)).holding.reserved).toBeUndefined();
      await slots.passNumbers('ann', asked.key, 1000);
      expect((await take(one)).holding.reserved).toBeUndefined();
      const reserving = await take(one, numbers(101));
      await slots.passNumbers('ann', asked.key, 1000);
      expect((await take(one)).holding.reserved).toEqual(reservedOf(1101, reserving.asked));
    });
  });
}
