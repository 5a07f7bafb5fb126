// A session out of one journal and into another: it goes on there as if it had been there all along, also after a restart.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ANSWERED, BY_VENUE, SUBMITTED } from '../../../edge/fix/session/ports.ts';
import type { Journal } from '../../../edge/journal/journal.ts';
import { openMemoryJournal } from '../../../edge/journal/memory.ts';
import type { SessionState } from '../../../edge/journal/session-state.ts';
import { plainKeys } from './keys.ts';
import { append, cleanUp, crashed, enqueue, NOW, newDirectory, openFile, promote, seen, text } from './support.ts';

const KEY = 'FIX.4.4|GATEWAY|USER_1|';
const OTHER = 'FIX.4.4|GATEWAY|USER_2|';

const received = (
  journal: Journal,
  number: number,
  body: string,
  fate: typeof SUBMITTED | typeof ANSWERED = SUBMITTED,
) => {
  const buf = Buffer.from(body);
  journal.session(KEY).received(number, buf, 0, buf.length, NOW, fate, 0, 0);
};
const flushed = (journal: Journal): Journal => {
  journal.flush();
  return journal;
};
const stateOf = (journal: Journal, after?: { generation: number; msgSeqNum: number }): SessionState => {
  const state = flushed(journal).export(KEY, after);
  if (state === undefined) throw new Error('it is not there');
  return state;
};

describe.each(['file', 'memory'] as const)('into a journal of kind %s', (kind) => {
  const open = (): Journal =>
    kind === 'file'
      ? openFile(newDirectory(), {}, [], { keys: plainKeys(), inbound: true })
      : openMemoryJournal({ now: () => NOW });

  test('goes all that there is of it', () => {
    const [from, to] = [open(), open()];
    const store = from.session(KEY, { ids: 5, ids_s: 100, about: 'who it is' });
    store.setNextIn(7);
    append(store, 'one');
    store.setNextOut(5);
    append(store, 'five');
    enqueue(store, 'waits');
    enqueue(store, 'waits too');
    const order = Buffer.from('11=abc');
    store.received(6, order, 0, order.length, NOW, SUBMITTED, 3, 6);
    from.tell(KEY, 41);
    to.adopt(KEY, stateOf(from));
    to.flush();
    const there = to.session(KEY);
    expect(seen(there)).toEqual(seen(store));
    expect(to.told(KEY)).toBe(41);
    expect(there.knowsId(order, 3, 6, NOW)).toBe(true);
    promote(there, 'sent now');
    expect(there.pending).toBe(1);
    expect(text(there.peek() as never)).toBe('waits too');
  });

  test('goes what came meanwhile in place of what had been there before', () => {
    const [one, two] = [open(), open()];
    append(one.session(KEY), 'first');
    enqueue(one.session(KEY), 'of before');
    two.adopt(KEY, stateOf(one));
    const there = two.session(KEY);
    promote(there, 'promoted there');
    append(there, 'third');
    enqueue(there, 'fourth');
    // What this one still hears of it is nobody's.
    enqueue(one.session(KEY), 'heard too late');
    one.flush();
    one.adopt(KEY, stateOf(two));
    one.flush();
    expect(seen(one.session(KEY))).toEqual(seen(there));
  });

  test('goes nothing that is not there', () => {
    expect(open().export(KEY)).toBeUndefined();
    expect(open().told(KEY)).toBe(0);
  });
});

describe('a file journal', () => {
  const keys = plainKeys();
  const open = (directory = newDirectory()): Journal => openFile(directory, {}, [], { keys, inbound: true });

  test('gives what the venue has not had, from wherever it lies', () => {
    const directory = newDirectory();
    const journal = openFile(directory, { segment_bytes: 2048 }, [], { keys, inbound: true });
    append(journal.session(OTHER), 'kept', 1);
    for (let n = 1; n <= 40; n++) {
      received(journal, n, `order ${n} `.padEnd(200, '.'), n % 5 === 0 ? ANSWERED : SUBMITTED);
      flushed(journal);
    }
    const behind = (msgSeqNum: number) => stateOf(journal, { generation: 0, msgSeqNum }).submitted;
    expect(behind(36).map(({ msgSeqNum }) => msgSeqNum)).toEqual([37, 38, 39]);
    expect(behind(39)).toEqual([]);
    expect(stateOf(journal, { generation: 1, msgSeqNum: 0 }).submitted).toEqual([]);
    expect(stateOf(journal).submitted).toEqual([]);
    expect(behind(37)[0]).toMatchObject({ generation: 0, receivedAt: NOW });
    expect(behind(37)[0]?.message.toString()).toMatch(/^order 38 \.+$/);
  });

  test('has on record what goes to the venue once more', () => {
    const from = open();
    for (const n of [1, 2, 3]) received(from, n, `order ${n}`);
    const state = stateOf(from, { generation: 0, msgSeqNum: 1 });
    const directory = newDirectory();
    const to = open(directory);
    to.adopt(KEY, state);
    to.flush();
    expect(stateOf(to, { generation: 0, msgSeqNum: 2 }).submitted.map((one) => one.message.toString())).toEqual([
      'order 3',
    ]);
    const again = open(crashed(directory));
    expect(stateOf(again, { generation: 0, msgSeqNum: 1 }).submitted).toHaveLength(2);
  });

  test('gives nothing while something is not written', () => {
    const journal = open();
    append(journal.session(KEY), 'one');
    expect(() => journal.export(KEY)).toThrow('something waits to be flushed');
  });

  test('does not wait for the numbers of others', () => {
    const journal = open();
    append(journal.session(KEY), 'one');
    const other = journal.session(OTHER);
    journal.flush();
    other.noteNextIn(5);
    expect(journal.export(KEY)?.sent).toHaveLength(1);
    expect(() => journal.export(OTHER)).toThrow('something waits to be flushed');
  });

  test('takes all of it or nothing, as a flush is', () => {
    const from = open();
    append(from.session(KEY), 'one');
    const directory = newDirectory();
    const to = open(directory);
    to.adopt(KEY, stateOf(from));
    expect(open(crashed(directory)).has(KEY)).toBe(false);
    to.flush();
    expect(seen(open(crashed(directory)).session(KEY))).toEqual(seen(from.session(KEY)));
  });

  test('takes back how far it was told with the reports that the venue has not told', () => {
    const directory = newDirectory();
    const journal = open(directory);
    const store = journal.session(KEY);
    const report = (n: number): void => {
      const buf = Buffer.from(`report ${n}`);
      journal.tell(KEY, n);
      store.append(store.nextOut, buf, 0, buf.length, NOW, 1 | BY_VENUE);
    };
    report(7);
    journal.flush(3);
    journal.committed();
    report(8);
    journal.flush(4);
    report(9);
    journal.flush(4);
    // The venue has written up to 3: what it told last comes again.
    const undone = open(crashed(directory));
    expect(undone.told(KEY)).toBe(9);
    undone.settle(3);
    expect(undone.told(KEY)).toBe(7);
    undone.flush();
    const once = open(crashed(directory));
    once.settle(4);
    expect(once.told(KEY)).toBe(9);
  });
});

test('wherever it wanders, with restarts, it is what it would be had it stayed', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('append', 'enqueue', 'promote', 'in', 'skip', 'reset', 'stale') },
    { weight: 2, arbitrary: fc.constantFrom('move', 'restart') },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const keys = plainKeys();
      const open = (directory: string): Journal => openFile(directory, { segment_bytes: 1500 }, [], { keys });
      const directories = [newDirectory(), newDirectory()];
      const journals = directories.map(open);
      const stayed = openMemoryJournal({ now: () => NOW });
      let here = 0;
      let n = 0;
      // Times of creation are each journal's own until the first move.
      journals[0]!.adopt(KEY, stayed.session(KEY) && stateOf(stayed));
      for (const what of steps) {
        const body = `${what} ${n++}`;
        for (const store of [journals[here]!.session(KEY), stayed.session(KEY)]) {
          if (what === 'append') append(store, body);
          if (what === 'enqueue') enqueue(store, body);
          if (what === 'promote' && store.pending > 0) promote(store, body);
          if (what === 'in') store.setNextIn(store.nextIn + 1);
          if (what === 'skip') store.setNextOut(store.nextOut + 1);
          if (what === 'reset') store.reset(NOW + n);
        }
        journals[here]!.flush();
        const other = 1 - here;
        if (what === 'stale' && journals[other]!.has(KEY)) {
          enqueue(journals[other]!.session(KEY), body);
          journals[other]!.flush();
        }
        if (what === 'move') {
          journals[other]!.adopt(KEY, stateOf(journals[here]!));
          journals[other]!.flush();
          here = other;
        }
        if (what === 'restart') {
          directories[here] = crashed(directories[here]!);
          journals[here] = open(directories[here]!);
        }
        expect(seen(journals[here]!.session(KEY))).toEqual(seen(stayed.session(KEY)));
      }
      await cleanUp();
    }),
    { numRuns: 60 },
  );
}, 60_000);
