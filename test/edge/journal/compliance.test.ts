// What every SessionStore promises, over the memory journal, the file journal before and after its flush and after a
// restart, and the store that the session's own tests run on.

import { beforeEach, describe, expect, test } from '@jest/globals';
import { INVALID, KEEP, REFUSED, type SessionStore, SUBMITTED } from '../../../edge/fix/session/ports.ts';
import { JournalError } from '../../../edge/journal/journal.ts';
import { openMemoryJournal } from '../../../edge/journal/memory.ts';
import { MemorySessionStore } from '../fix/session/memory-store.ts';
import { plainKeys } from './keys.ts';
import { append, crashed, enqueue, NOW, newDirectory, openFile, promote, seen, sent, text } from './support.ts';

interface Kind {
  readonly name: string;
  open(): { store: SessionStore; again(): SessionStore };
}

const KEY = 'FIX.4.4|GATEWAY|USER_1|';

const KINDS: readonly Kind[] = [
  {
    name: "the session tests' store",
    open() {
      const store = new MemorySessionStore();
      return { store, again: () => store };
    },
  },
  {
    name: 'memory',
    open() {
      const journal = openMemoryJournal({ now: () => 5 });
      return { store: journal.session(KEY), again: () => journal.session(KEY) };
    },
  },
  {
    name: 'file, not flushed',
    open() {
      const journal = openFile(newDirectory());
      return { store: journal.session(KEY), again: () => journal.session(KEY) };
    },
  },
  {
    name: 'file, flushed',
    open() {
      const journal = openFile(newDirectory());
      return {
        store: journal.session(KEY),
        again() {
          journal.flush();
          return journal.session(KEY);
        },
      };
    },
  },
  {
    name: 'file, killed and reopened',
    open() {
      let directory = newDirectory();
      let journal = openFile(directory);
      return {
        store: journal.session(KEY),
        again() {
          journal.flush();
          directory = crashed(directory);
          journal = openFile(directory);
          return journal.session(KEY);
        },
      };
    },
  },
  {
    name: 'file, encrypted in small blocks, killed and reopened',
    open() {
      const keys = plainKeys();
      let directory = newDirectory();
      const openOne = () => openFile(directory, { block_bytes: 100 }, [], { keys, archive: true, inbound: true });
      let journal = openOne();
      return {
        store: journal.session(KEY),
        again() {
          journal.flush();
          directory = crashed(directory);
          journal = openOne();
          return journal.session(KEY);
        },
      };
    },
  },
];

describe.each(KINDS)('$name', ({ open }) => {
  test('a new session begins at 1 and has nothing', () => {
    const { store, again } = open();
    for (const each of [store, again()]) {
      expect(seen(each)).toMatchObject({ nextIn: 1, nextOut: 1, generation: 0, sent: [], pending: 0 });
      expect(each.peek()).toBeUndefined();
      expect(each.next(1, 100)).toBeUndefined();
    }
  });

  test('numbers are kept', () => {
    const { store, again } = open();
    store.setNextIn(7);
    store.setNextOut(5);
    store.setNextIn(900_000_000_000_000);
    expect(again()).toMatchObject({ nextIn: 900_000_000_000_000, nextOut: 5 });
  });

  test('sent messages are found by range, with holes where numbers went to others', () => {
    const { store, again } = open();
    append(store, 'one');
    store.setNextOut(4);
    append(store, 'four');
    append(store, 'five');
    const reopened = again();
    expect(sent(reopened)).toEqual([
      [1, 'one'],
      [4, 'four'],
      [5, 'five'],
    ]);
    expect(reopened.next(2, 3)).toBeUndefined();
    expect(reopened.next(2, 4)).toMatchObject({ msgSeqNum: 4 });
    expect(reopened.next(6, 9)).toBeUndefined();
    expect(reopened.nextOut).toBe(6);
  });

  test('bytes come back as they were, whatever they are', () => {
    const { store, again } = open();
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) & 255));
    store.append(1, bytes, 0, bytes.length, NOW, KEEP);
    bytes.copy(Buffer.alloc(bytes.length));
    const expected = Buffer.from(bytes);
    bytes.fill(0);
    const found = again().next(1, 1);
    if (found === undefined || found === 'loading') throw new Error('nothing was found');
    expect(found.buf.subarray(found.start, found.end).equals(expected)).toBe(true);
  });

  test('a sent message that is not kept uses its number', () => {
    const { store, again } = open();
    append(store, 'one');
    store.append(2, Buffer.from('two'), 0, 3, NOW, 0);
    append(store, 'three');
    expect(seen(again())).toMatchObject({
      nextOut: 4,
      sent: [
        [1, 'one'],
        [3, 'three'],
      ],
    });
  });

  test('what was received and what was sent again changes nothing', () => {
    const { store, again } = open();
    append(store, 'one');
    const message = Buffer.from('35=D');
    for (const fate of [SUBMITTED, REFUSED, INVALID] as const) store.received(1, message, 0, 4, NOW, fate, 0, 0);
    store.resent(1, NOW);
    expect(seen(again())).toMatchObject({ nextIn: 1, nextOut: 2, sent: [[1, 'one']], pending: 0 });
  });

  test('a number that is not the next is refused and changes nothing', () => {
    const { store } = open();
    append(store, 'one');
    expect(() => append(store, 'again', 1)).toThrow('not the next number');
    expect(() => append(store, 'later', 3)).toThrow('not the next number');
    expect(seen(store)).toMatchObject({ nextOut: 2, sent: [[1, 'one']] });
  });

  test('pending messages wait in order and are promoted one by one', () => {
    const { store, again } = open();
    for (const body of ['a', 'b', 'c', 'd']) enqueue(store, body);
    expect(store.peek()).toMatchObject({ msgSeqNum: 0 });
    promote(store, 'A');
    promote(store, 'B', false);
    const reopened = again();
    expect(seen(reopened)).toMatchObject({ nextOut: 3, sent: [[1, 'A']], pending: 2, oldest: 'c' });
    promote(reopened, 'C');
    enqueue(reopened, 'e');
    promote(reopened, 'D');
    expect(seen(again())).toMatchObject({ nextOut: 5, pending: 1, oldest: 'e' });
  });

  test('what peek gave may be promoted as it is', () => {
    const { store } = open();
    enqueue(store, 'as it is');
    const found = store.peek();
    if (found === undefined || found === 'loading') throw new Error('nothing is pending');
    store.promote(1, found.buf, found.start, found.end, NOW, KEEP);
    expect(sent(store)).toEqual([[1, 'as it is']]);
  });

  test('a reset starts the next generation: sent messages are forgotten, pending ones stay', () => {
    const { store, again } = open();
    append(store, 'old');
    enqueue(store, 'waiting');
    store.setNextIn(9);
    store.reset(77);
    const reopened = again();
    expect(seen(reopened)).toEqual({
      nextIn: 1,
      nextOut: 1,
      generation: 1,
      createdAt: 77,
      sent: [],
      pending: 1,
      oldest: 'waiting',
    });
    append(reopened, 'new');
    reopened.setNextIn(2);
    expect(seen(reopened)).toMatchObject({ nextIn: 2, nextOut: 2, sent: [[1, 'new']] });
    reopened.reset(78);
    expect(again()).toMatchObject({ generation: 2, createdAt: 78, nextIn: 1, nextOut: 1 });
  });
});

describe.each([
  ['memory', () => openMemoryJournal({ now: () => 5, limits: { resend_retention: 3, sessions: 2 } })],
  ['file', () => openFile(newDirectory(), { resend_retention: 3, sessions: 2 })],
] as const)('the %s journal', (_name, open) => {
  test('keeps as many sent messages as it may, and none when it may none', () => {
    const journal = open();
    const store = journal.session('a');
    for (let n = 1; n <= 10; n++) append(store, `m${n}`);
    enqueue(store, 'p');
    promote(store, 'm11');
    expect(sent(store).map(([n]) => n)).toEqual([9, 10, 11]);
    journal.session('a', { retention: 1 });
    expect(sent(store)).toEqual([[11, 'm11']]);
    const none = journal.session('b', { retention: 0 });
    append(none, 'x');
    enqueue(none, 'y');
    promote(none, 'y');
    expect(seen(none)).toMatchObject({ nextOut: 3, sent: [], pending: 0 });
  });

  test('refuses one session too many, numbers that go back, and work after its end', async () => {
    const journal = open();
    const store = journal.session('a');
    expect(journal.session('a')).toBe(store);
    journal.session('b');
    expect(() => journal.session('c')).toThrow('may have no more');
    store.setNextOut(4);
    expect(() => store.setNextOut(3)).toThrow(RangeError);
    expect(() => store.setNextIn(0)).toThrow(RangeError);
    expect(() => promote(store, 'nothing')).toThrow(RangeError);
    expect(journal.healthy).toBe(true);
    await journal.close();
    expect(journal.healthy).toBe(false);
    expect(() => journal.flush()).toThrow(JournalError);
    expect(() => journal.session('a')).toThrow(JournalError);
  });
});

/** Time that a test lets pass, epoch ms. */
let time = NOW;

describe.each([
  [
    'memory',
    () => {
      const journal = openMemoryJournal({ now: () => time });
      return { journal, again: () => journal };
    },
  ],
  [
    'file, reopened',
    () => {
      let directory = newDirectory();
      let journal = openFile(directory, { segment_bytes: 3000 }, [], { now: () => time });
      return {
        journal,
        again() {
          journal.flush();
          directory = crashed(directory);
          journal = openFile(directory, { segment_bytes: 3000 }, [], { now: () => time });
          return journal;
        },
      };
    },
  ],
] as const)('%s: by age', (_name, open) => {
  beforeEach(() => {
    time = NOW;
  });

  const at = (store: SessionStore, body: string): void =>
    store.append(store.nextOut, Buffer.from(body), 0, body.length, time, KEEP);

  test('sent messages are kept for so many seconds', () => {
    const { journal, again } = open();
    const store = journal.session('a', { retention_s: 60 });
    for (const minute of [0, 1, 2]) {
      time = NOW + minute * 59_000;
      at(store, `minute ${minute}`);
      journal.flush();
    }
    expect(sent(store).map(([n]) => n)).toEqual([2, 3]);
    time += 30_000;
    const reopened = again().session('a');
    expect(sent(reopened).map(([n]) => n)).toEqual([3]);
    expect(reopened.nextOut).toBe(4);
    time += 60_000;
    expect(sent(reopened)).toEqual([]);
  });

  const use = (store: SessionStore, id: string): void => {
    const text = `35=D|11=${id}|`;
    const start = text.indexOf(id);
    store.received(1, Buffer.from(text), 0, text.length, time, SUBMITTED, start, start + id.length);
  };
  const known = (store: SessionStore, ids: readonly string[]): string[] =>
    ids.filter((id) => store.knowsId(Buffer.from(`x${id}x`), 1, id.length + 1, time));

  test('ClOrdIDs are known within a window of number and age, over restarts and resets', () => {
    const { journal, again } = open();
    const store = journal.session('a', { ids: 100, ids_s: 60 });
    const other = journal.session('b');
    const ids = Array.from({ length: 300 }, (_, i) => `id-${i}`);
    for (const id of ids) {
      use(store, id);
      use(other, id);
      journal.flush();
    }
    expect(known(store, ids)).toEqual(ids.slice(200));
    expect(known(other, ids)).toEqual([]);
    store.reset(time);
    store.received(2, Buffer.from('35=D|11=refused|'), 0, 16, time, REFUSED, 8, 15);
    time += 30_000;
    use(store, 'later');
    const reopened = again().session('a');
    expect(known(reopened, [...ids, 'later', 'refused', 'id-', 'id-2990'])).toEqual([...ids.slice(201), 'later']);
    time += 30_000;
    expect(known(reopened, [...ids, 'later'])).toEqual(['later']);
    const third = again().session('a');
    expect(known(third, [...ids, 'later'])).toEqual(['later']);
    expect(known(again().session('a', { ids: 0 }), ['later'])).toEqual([]);
  });
});

test('one session does not see what another has', () => {
  const journal = openFile(newDirectory());
  const [one, two] = [journal.session('one'), journal.session('two')];
  append(one, 'first of one');
  append(two, 'first of two');
  journal.flush();
  append(two, 'second of two');
  const found = two.next(2, 2);
  expect(found === undefined || found === 'loading' ? '' : text(found)).toBe('second of two');
  expect(sent(one)).toEqual([[1, 'first of one']]);
});

test.each([
  ['memory', () => openMemoryJournal({ now: () => 5 })],
  [
    'file, reopened',
    () => {
      const directory = newDirectory();
      const journal = openFile(directory);
      journal.session('old');
      journal.flush();
      return openFile(crashed(directory));
    },
  ],
])('%s: knows which sessions it has, and asking makes none', (_name, open) => {
  const journal = open();
  const before = [...journal.keys()];
  expect(journal.has('new')).toBe(false);
  expect([...journal.keys()]).toEqual(before);
  journal.session('new');
  expect(journal.has('new')).toBe(true);
  expect([...journal.keys()]).toEqual([...before, 'new']);
});
