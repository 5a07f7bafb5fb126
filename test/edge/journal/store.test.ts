// The journal in a store: whenever the machine dies, and whatever the store does, what is read on another machine is the
// state of a flush, not older than what had been released.

import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Revocation } from '../../../core/sessions/journal-store.ts';
import type { SessionStore } from '../../../edge/fix/session/ports.ts';
import type { Journal } from '../../../edge/journal/journal.ts';
import { openMemoryJournal } from '../../../edge/journal/memory.ts';
import { plainKeys } from './keys.ts';
import { type Fault, FaultyStore, forgetRemote, HandTimers, openRemote, shipped } from './remote.ts';
import { append, cleanUp, enqueue, type Line, NOW, newDirectory, promote, type Seen, seen, sent } from './support.ts';

afterEach(forgetRemote);

const LIMITS = { segment_bytes: 1500, resend_retention: 12, block_bytes: 300 };
const KEYS = ['a', 'b', 'c'];

type Change = 'in' | 'out' | 'append' | 'enqueue' | 'promote' | 'reset';
type Operation =
  | { readonly what: Change; readonly key: number; readonly size: number }
  | { readonly what: 'flush' | 'venue' }
  | { readonly what: 'pass'; readonly turns: number }
  | { readonly what: 'faults'; readonly faults: readonly Fault[] };

const change = (what: Change) =>
  fc.record({ what: fc.constant(what), key: fc.nat(KEYS.length - 1), size: fc.nat(200) });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 2, arbitrary: change('in') },
  { weight: 1, arbitrary: change('out') },
  { weight: 8, arbitrary: change('append') },
  { weight: 3, arbitrary: change('enqueue') },
  { weight: 3, arbitrary: change('promote') },
  { weight: 1, arbitrary: change('reset') },
  { weight: 6, arbitrary: fc.constant({ what: 'flush' as const }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('pass' as const), turns: fc.nat(60) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('faults' as const),
      faults: fc.array(fc.constantFrom<Fault>('refused', 'lost reply', 'late'), { maxLength: 3 }),
    }),
  },
);

let serial = 0;

/** Pieces of the edge in the store. */
async function piecesThere({ port }: FaultyStore): Promise<number> {
  const segments = await port.segments('edge-1');
  const pieces = await Promise.all(segments.map((segment) => port.pieces('edge-1', segment)));
  return pieces.flat().length;
}

function perform(store: SessionStore, what: Change, size: number, body: string): void {
  if (what === 'in') store.setNextIn(store.nextIn + size);
  else if (what === 'out') store.setNextOut(store.nextOut + (size % 3));
  else if (what === 'append') append(store, body);
  else if (what === 'enqueue') enqueue(store, body);
  else if (what === 'reset') store.reset(1000 + size);
  else if (store.pending > 0) promote(store, body);
}

const all = (journal: Journal): Seen[] => KEYS.map((key) => seen(journal.session(key)));

async function run(operations: readonly Operation[], encrypted: boolean): Promise<void> {
  const store = new FaultyStore();
  const timers = new HandTimers();
  const keys = encrypted ? { keys: plainKeys() } : {};
  const options = { limits: LIMITS, timers, ...keys };
  const journal = await openRemote(store, options);
  const model = openMemoryJournal({ now: () => NOW, limits: LIMITS });
  /** After each flush: the batch that it is in, and what it left. */
  const states: { readonly ticket: number; readonly state: Seen[] }[] = [];
  const flushed = (): void => {
    journal.flush();
    states.push({ ticket: journal.later!.ticket, state: all(model) });
  };
  journal.later!.attend({ closing: flushed, written: () => journal.committed(), released() {}, revoked() {} });
  all(journal);
  all(model);
  flushed();
  await shipped(journal, timers);
  for (const each of operations) {
    if ('key' in each) {
      const body = `${serial++}:`.padEnd(each.size, '.');
      const key = KEYS[each.key]!;
      perform(journal.session(key), each.what, each.size, body);
      perform(model.session(key), each.what, each.size, body);
    } else if (each.what === 'flush') flushed();
    else if (each.what === 'pass') await timers.pass(each.turns);
    else if (each.what === 'faults') store.faults = [...each.faults, 'none'];
  }
  // The machine dies now, and the edge begins on another.
  const { released } = journal.later!;
  const copy = store.copy();
  copy.faults = ['none'];
  const again = await openRemote(copy, { ...options, timers: new HandTimers() });
  const found = all(again);
  const possible = states.slice(states.findLastIndex(({ ticket }) => ticket <= released));
  expect(possible.map(({ state }) => state)).toContainEqual(found);
  // And a third time: what was cut off stays away.
  const third = await openRemote(copy.copy(), { ...options, timers: new HandTimers() });
  expect(all(third)).toEqual(found);
  // The first one goes on once the store lets it: nothing is lost by it.
  store.faults = ['none'];
  flushed();
  await shipped(journal, timers);
  const last = await openRemote(store.copy(), { ...options, timers: new HandTimers() });
  expect(all(last)).toEqual(all(model));
}

test('whatever was done and whenever the machine died: a flush is read, and nothing older than what had left', () => {
  const runs = Number(process.env.FIXGATE_PROPERTY_RUNS ?? 25);
  return fc.assert(
    fc
      .asyncProperty(fc.array(operation, { minLength: 20, maxLength: 150, size: 'max' }), fc.boolean(), run)
      .afterEach(async () => {
        forgetRemote();
        await cleanUp();
      }),
    { numRuns: runs, interruptAfterTimeLimit: 40_000 },
  );
}, 120_000);

describe('a batch', () => {
  test('is closed while the one before is on its way, and sent when that is there', async () => {
    const store = new FaultyStore();
    const timers = new HandTimers();
    const journal = await openRemote(store, { timers });
    const later = journal.later!;
    const one = journal.session('one');
    const gate = Promise.withResolvers<void>();
    store.before = () => gate.promise;
    const before = store.appends;
    append(one, 'first');
    journal.flush();
    const first = later.ticket;
    await timers.pass(50);
    for (let n = 0; n < 100; n++) {
      append(one, `later ${n}`);
      journal.flush();
    }
    await timers.pass(50);
    expect([later.ticket, later.released, store.appends]).toEqual([first + 1, first - 1, before]);
    gate.resolve();
    await timers.pass(50);
    expect([later.ticket, later.released, later.waiting, store.appends]).toEqual([first + 1, first + 1, 0, before + 2]);
  });

  test('larger than a transaction goes in several; what is there of it when the machine dies is not read', async () => {
    const store = new FaultyStore();
    const timers = new HandTimers();
    const options = { timers, limits: { block_bytes: 64 * 1024 } };
    const journal = await openRemote(store, options);
    const one = journal.session('one');
    append(one, 'small');
    await shipped(journal, timers);
    for (let n = 0; n < 60; n++) append(one, `${n}`.padEnd(100_000, '.'));
    const { appends } = store;
    store.before = () => (store.appends > appends ? new Promise(() => {}) : undefined);
    journal.flush();
    await timers.pass(50);
    expect(store.appends).toBe(appends + 1);
    const copy = store.copy();
    const again = await openRemote(copy, { ...options, timers: new HandTimers() });
    expect(sent(again.session('one'))).toEqual([[1, 'small']]);
    append(again.session('one'), 'other');
    await shipped(again, new HandTimers());
    const third = await openRemote(copy.copy(), { ...options, timers: new HandTimers() });
    expect(sent(third.session('one')).map(([n, text]) => [n, text.length])).toEqual([
      [1, 5],
      [2, 5],
    ]);
  });

  test('that does not get to the store for long: orders are refused until it does, and nothing is released', async () => {
    const store = new FaultyStore();
    const timers = new HandTimers();
    const lines: Line[] = [];
    const journal = await openRemote(store, { timers, lines });
    const later = journal.later!;
    store.faults = ['refused'];
    append(journal.session('one'), 'waits');
    journal.flush();
    await timers.pass(1500);
    expect([later.stuck, later.released < later.ticket]).toEqual([false, true]);
    await timers.pass(1500);
    expect([later.stuck, later.released < later.ticket]).toEqual([true, true]);
    store.faults = ['none'];
    await timers.pass(2000);
    expect([later.stuck, later.released]).toEqual([false, later.ticket]);
    expect(lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      'the store does not take the journal: replies are withheld',
      'the journal does not get to the store: orders are refused',
    ]);
  });

  test('while this process stands still: no order is refused for that, nor before its answer has been read', async () => {
    const store = new FaultyStore();
    const timers = new HandTimers();
    const journal = await openRemote(store, { timers });
    const later = journal.later!;
    const { promise, resolve } = Promise.withResolvers<void>();
    store.before = () => promise;
    append(journal.session('one'), 'waits');
    journal.flush();
    await timers.pass(1900);
    timers.now += 3000;
    await timers.pass(0);
    expect([later.stuck, later.released < later.ticket]).toEqual([false, true]);
    // Nor is one that has none at all waited for longer.
    await timers.pass(200);
    expect(later.stuck).toBe(true);
    resolve();
    await timers.pass(0);
    expect([later.stuck, later.released]).toEqual([false, later.ticket]);
  });

  test('waits for the venue, which is asked again at each turn', async () => {
    const store = new FaultyStore();
    const timers = new HandTimers();
    const journal = await openRemote(store, { timers });
    const later = journal.later!;
    const disk = { full: true };
    let released = 0;
    later.attend({
      closing: () => journal.flush(),
      written: () => {
        if (disk.full) throw new Error('the disk is full');
        journal.committed();
      },
      released: () => {
        released += 1;
      },
      revoked() {},
    });
    append(journal.session('one'), 'waits');
    journal.flush();
    await timers.pass(50);
    expect(() => later.retry()).toThrow(/full/);
    expect([later.released < later.ticket, released]).toEqual([true, 0]);
    disk.full = false;
    later.retry();
    expect([later.released, released]).toEqual([later.ticket, 1]);
    later.retry();
    expect(released).toBe(1);
  });
});

describe('an edge that has been declared dead', () => {
  test('goes on under its next incarnation when nobody else has the log, and has sent nothing meanwhile', async () => {
    const store = new FaultyStore();
    const timers = new HandTimers();
    let identity = store.register();
    const journal = await openRemote(store, { timers, edge: () => identity });
    const later = journal.later!;
    append(journal.session('one'), 'before');
    await shipped(journal, timers);
    store.world.edges.set('edge-1', { ...store.world.edges.get('edge-1')!, state: 'dead' });
    append(journal.session('one'), 'while dead');
    journal.flush();
    await timers.pass(5000);
    expect([later.stuck, later.released < later.ticket]).toEqual([true, true]);
    identity = store.register();
    await timers.pass(2000);
    expect([later.stuck, later.released]).toEqual([false, later.ticket]);
    const again = await openRemote(store.copy());
    expect(sent(again.session('one')).map(([, text]) => text)).toEqual(['before', 'while dead']);
  });

  test('and whose log another process has claimed: it ends, and has changed nothing', async () => {
    const store = new FaultyStore();
    const timers = new HandTimers();
    let identity = store.register();
    let lost = '';
    const journal = await openRemote(store, { timers, edge: () => identity, onLost: (error) => (lost = error.code) });
    append(journal.session('one'), 'before');
    await shipped(journal, timers);
    const other = new HandTimers();
    const heir = await openRemote(store, { timers: other });
    append(heir.session('one'), 'of the heir');
    await shipped(heir, other);
    append(journal.session('one'), 'of the first');
    journal.flush();
    await timers.pass(1000);
    expect(lost).toBe('');
    identity = store.register();
    await timers.pass(2000);
    expect(lost).toBe('in_use');
    const again = await openRemote(store.copy());
    expect(sent(again.session('one')).map(([, text]) => text)).toEqual(['before', 'of the heir']);
  });
});

test('segments go from the store when the one that stands for them is there, and not before', async () => {
  const store = new FaultyStore();
  const timers = new HandTimers();
  const journal = await openRemote(store, { timers, limits: { segment_bytes: 2000, resend_retention: 3 } });
  journal.later!.attend({
    closing: () => journal.flush(),
    written: () => journal.committed(),
    released() {},
    revoked() {},
  });
  for (let n = 0; n < 300; n++) {
    append(journal.session('one'), `${n}`.padEnd(100, '.'));
    await shipped(journal, timers);
    const there = await store.port.segments('edge-1');
    expect(there.length).toBeLessThanOrEqual(4);
    if (n % 60 !== 0) continue;
    const again = await openRemote(store.copy());
    expect(sent(again.session('one')).at(-1)![1]).toBe(`${n}`.padEnd(100, '.'));
  }
}, 20_000);

test('a copy on the disk of an earlier process is not read', async () => {
  const store = new FaultyStore();
  const directory = newDirectory();
  const timers = new HandTimers();
  const journal = await openRemote(store, { timers, directory });
  append(journal.session('one'), 'in the store');
  await shipped(journal, timers);
  store.before = () => new Promise(() => {});
  append(journal.session('one'), 'on the disk only');
  journal.flush();
  const copy = store.copy();
  await expect(openRemote(copy, { directory })).rejects.toMatchObject({ code: 'in_use' });
  const elsewhere = await openRemote(copy);
  expect(sent(elsewhere.session('one')).map(([, text]) => text)).toEqual(['in the store']);
});

test('nothing is committed or released after a revocation before it has been heard, and then all of it is', async () => {
  const store = new FaultyStore();
  const timers = new HandTimers();
  const journal = await openRemote(store, { timers });
  const heard: (readonly Revocation[])[] = [];
  const told: string[] = [];
  let thereThen = -1;
  journal.later!.attend({
    closing: () => journal.flush(),
    written: () => journal.committed(),
    released: () => told.push('released'),
    revoked: (some) => {
      heard.push(some);
      const { segments } = store.world.journals.get('edge-1')!;
      thereThen = [...segments.values()].reduce((sum, pieces) => sum + pieces.size, 0);
      told.push('revoked');
    },
  });
  const edge = { edge_id: 'edge-1', incarnation: store.world.edges.get('edge-1')!.incarnation };
  for (let round = 1; round <= 2; round++) {
    told.length = 0;
    await store.port.revoke(edge, [{ session: 'one', epoch: round }], NOW);
    await store.port.revoke(edge, [{ session: 'two', epoch: round }], NOW);
    const before = await piecesThere(store);
    append(journal.session('one'), `round ${round}`);
    journal.flush();
    await shipped(journal, timers);
    expect(thereThen).toBe(before);
    expect(await piecesThere(store)).toBeGreaterThan(before);
    expect(told).toEqual(['revoked', 'released']);
    expect(heard.at(-1)).toEqual([
      { session: 'one', epoch: round },
      { session: 'two', epoch: round },
    ]);
  }
  await journal.close();
});

test('a revocation that is there when the process begins keeps nothing back', async () => {
  const store = new FaultyStore();
  let revoked = false;
  store.before = async () => {
    if (revoked) return;
    revoked = true;
    const { incarnation } = store.world.edges.get('edge-1')!;
    expect(await store.port.revoke({ edge_id: 'edge-1', incarnation }, [{ session: 'one', epoch: 1 }], NOW)).toBe(
      'done',
    );
  };
  // No timer is let go off: the first snapshot gets there without one.
  const journal = await openRemote(store, { timers: new HandTimers() });
  expect(await piecesThere(store)).toBeGreaterThan(0);
  await journal.close();
});
