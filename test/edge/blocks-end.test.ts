// How an edge that ends gives back the numbers that it has reserved.
import { expect, test } from '@jest/globals';
import type { Holding, LiveSession, Reservation } from '../../core/sessions/model.ts';
import { Blocks, type BlocksParts } from '../../edge/blocks.ts';

/** Looks at the clock that no end needs more of. */
const LOOKS = 3_000;

function blocksOf(taken: Reservation[]): Blocks {
  let looks = 0;
  const parts = {
    journal: { inStore: false, place: undefined, has: () => false },
    sessions: { known: () => undefined },
    slots: {
      reserve: async (some: readonly Reservation[]) => {
        taken.push(...some);
        return some.map(() => true);
      },
    },
    clock: {
      now: () => 0,
      monotonic: () => {
        looks += 1;
        if (looks > LOOKS) throw new Error('it goes round and round');
        return 1000;
      },
    },
    log: { info() {}, warn() {}, error() {} },
    lost: () => {},
  };
  return new Blocks(parts as unknown as BlocksParts);
}

test('a session that is another edge’s by then, and was here a moment ago, holds up no end', async () => {
  const taken: Reservation[] = [];
  const blocks = blocksOf(taken);
  const reserved = { generation: 1, next_in: 1, out: 100, by: 'x' };
  for (const id of ['gone', 'stays']) {
    blocks.asked(id, { journal: undefined, reset_on_logon: false } as never, false);
    blocks.taken(id, { session_id: id } as LiveSession, { epoch: 1, reserved } as unknown as Holding);
    blocks.note(id);
  }
  blocks.gone('gone');
  await blocks.finish();
  expect(taken.map(({ kind, session }) => [kind, session.session_id])).toEqual([['give_back', 'stays']]);
});

test('a Logon that would have begun numbers anew, and came to nothing, leaves their generation as it was, at once', async () => {
  const taken: Reservation[] = [];
  const blocks = blocksOf(taken);
  blocks.entering('one');
  const asked = blocks.asked('one', { journal: undefined, reset_on_logon: false } as never, true);
  expect(asked).toMatchObject({ generation: 1, next_in: 1 });
  const reserved = { generation: 1, next_in: 1, out: 100, by: 'x' };
  blocks.taken('one', { session_id: 'x' } as LiveSession, { epoch: 1, reserved } as unknown as Holding);
  blocks.left('one');
  await new Promise(setImmediate);
  expect(taken).toMatchObject([{ kind: 'give_back', reserved: { generation: 0, next_in: 1, out: 1, by: 'x' } }]);
});

test('thousands that nobody gives back hold up none of the others', async () => {
  const taken: Reservation[] = [];
  const blocks = blocksOf(taken);
  for (let n = 0; n < 600; n++) {
    const [id, out] = n === 599 ? ['last', 100] : [`s-${n}`, 1];
    blocks.asked(id, { journal: undefined, reset_on_logon: false } as never, false);
    const reserved = { generation: 0, next_in: 1, out, by: 'x' };
    blocks.taken(id, { session_id: id } as LiveSession, { epoch: 1, reserved } as unknown as Holding);
  }
  await blocks.finish();
  expect(taken.map(({ session }) => session.session_id)).toEqual(['last']);
});
