// Every store answers as a table kept by hand does, and a store that does not is found out.
import { describe, expect, test } from '@jest/globals';
import type { Stores } from '../../adapters/stores.ts';
import type { SessionSlots } from '../../core/ports.ts';
import type { LiveSession } from '../../core/sessions/model.ts';
import { checkSlots } from '../support/slots-model.ts';
import { NOON, STORES } from '../support/stores.ts';

for (const [name, open] of STORES) {
  describe(name, () => {
    const make = open();
    test('answers as a table kept by hand', async () => {
      await checkSlots(await make(), name === 'memory' ? 300 : 30);
    }, 120_000);
  });
}

type Take = SessionSlots['take'];

/** With another way to take a slot, over the store's own. */
const taking =
  (how: (take: Take, stores: Stores) => Take) =>
  (stores: Stores): Partial<SessionSlots> => ({ take: how(stores.slots.take.bind(stores.slots), stores) });

/** Slots as somebody could have written them. */
const MUTANTS: readonly [what: string, mutant: (stores: Stores) => Partial<SessionSlots>][] = [
  [
    'lets one more in than there is room for',
    taking(
      (take) =>
        (one, max, ...more) =>
          take(one, max + 1, ...more),
    ),
  ],
  [
    'lets one less in',
    taking(
      (take) =>
        (one, max, ...more) =>
          take(one, Math.max(0, max - 1), ...more),
    ),
  ],
  ['keeps a slot that was given back', () => ({ release: async () => {} })],
  [
    'gives back the first of those that leave together, and no other',
    ({ slots }) => ({ release: (sessions) => slots.release(sessions.slice(0, 1)) }),
  ],
  [
    'counts holders on edges that are dead',
    ({ slots }) => {
      const held = new Map<string, LiveSession>();
      return {
        async take(one, max, supersedes, told) {
          const others = [...held.values()].filter(
            (other) =>
              other.user_id === one.user_id &&
              other.session_id !== one.session_id &&
              other.session_id !== supersedes &&
              other.key.sender_sub_id !== one.key.sender_sub_id,
          );
          if (others.length >= max && max > 0) return { result: 'full', holders: await slots.ofUser(one.user_id) };
          const result = await slots.take(one, max, supersedes, told);
          if (result.result === 'taken') held.set(one.session_id, { ...one, slot: result.slot });
          return result;
        },
        async release(sessions) {
          for (const { session_id } of sessions) held.delete(session_id);
          await slots.release(sessions);
        },
      };
    },
  ],
  [
    'counts the one that is taken over',
    taking((take, { slots }) => async (one, max, supersedes, told) => {
      const holders = await slots.ofUser(one.user_id);
      const result = await take(one, max, supersedes, told);
      return supersedes !== undefined && result.result === 'taken' && holders.length >= max
        ? { result: 'full', holders }
        : result;
    }),
  ],
  [
    'takes a FIX session over from whoever has it',
    taking((take, { slots }) => async (one, max) => {
      const holders = await slots.ofUser(one.user_id);
      return take(one, max, holders.find(({ key }) => key.sender_sub_id === one.key.sender_sub_id)?.session_id);
    }),
  ],
  [
    'does not ask whether the edge still counts',
    taking((take, { edges }) => async (one, ...more) => {
      const result = await take(one, ...more);
      if (result.result !== 'fenced') return result;
      return take({ ...one, ...(await edges.register(one.edge_id, '1', NOON)) }, ...more);
    }),
  ],
  [
    'does not ask whether the account is as the logon saw it',
    taking((take, { directory }) => async (one, ...more) => {
      const { user } = await directory.account(one.user_id);
      return take({ ...one, epoch: user.state === 'present' ? user.epoch : 0 }, ...more);
    }),
  ],
  [
    'forgets that it has answered, and takes a slot more',
    taking((take) => {
      let asked = 0;
      return (one, ...more) => take({ ...one, session_id: `${one.session_id}${++asked}` }, ...more);
    }),
  ],
  [
    'speaks for a session under the epoch before',
    taking((take) => async (one, ...more) => {
      const result = await take(one, ...more);
      if (result.result !== 'taken') return result;
      return { ...result, holding: { ...result.holding, epoch: result.holding.epoch - 1 } };
    }),
  ],
  [
    'takes who had it last for who has left something to be settled',
    taking((take) => async (one, ...more) => {
      const result = await take(one, ...more);
      if (result.result !== 'taken' || result.holding.home !== one.edge_id) return result;
      return { ...result, holding: { ...result.holding, from: one.edge_id } };
    }),
  ],
  ['settles what somebody else speaks for by now', () => ({ settle: async () => true })],
];

/** Where the steps are found that tell each from a store that is right. */
const SEED = 1;

describe('a store that is wrong is found out', () => {
  const [, open] = STORES.find(([name]) => name === 'memory')!;
  const make = open();
  test.each(MUTANTS)('it %s', async (_what, mutant) => {
    const stores = await make();
    const slots = { ...stores.slots, ...mutant(stores) };
    await expect(checkSlots({ ...stores, slots }, 300, SEED)).rejects.toThrow('Property failed');
  });
});
