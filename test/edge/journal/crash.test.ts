// Whatever was done and whenever the process died: what is read afterwards is the state of a flush, the last one that
// is whole. Segments are tiny here, so that rotation, carrying and deletion happen all the time, and most are written over the files of others.

import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SessionStore } from '../../../edge/fix/session/ports.ts';
import type { Journal } from '../../../edge/journal/journal.ts';
import { openMemoryJournal } from '../../../edge/journal/memory.ts';
import { plainKeys } from './keys.ts';
import {
  AT_ONCE,
  append,
  cleanUp,
  crashed,
  enqueue,
  isOver,
  newDirectory,
  openFile as openAny,
  promote,
  type Seen,
  seen,
  writtenTo,
} from './support.ts';

const LIMITS = { segment_bytes: 1500, resend_retention: 12, block_bytes: 300, carry_bytes: 150 };
const KEYS = ['a', 'b', 'c', 'd'];

type Operation =
  | {
      readonly what: 'in' | 'out' | 'append' | 'enqueue' | 'promote' | 'use' | 'reset';
      readonly key: number;
      readonly size: number;
    }
  | { readonly what: 'flush' | 'reopen' };

const session = (what: 'in' | 'out' | 'append' | 'enqueue' | 'promote' | 'use' | 'reset') =>
  fc.record({ what: fc.constant(what), key: fc.nat(KEYS.length - 1), size: fc.nat(200) });

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: session('in') },
  { weight: 2, arbitrary: session('out') },
  { weight: 8, arbitrary: session('append') },
  { weight: 3, arbitrary: session('enqueue') },
  { weight: 3, arbitrary: session('promote') },
  { weight: 1, arbitrary: session('use') },
  { weight: 1, arbitrary: session('reset') },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('reopen' as const) }) },
);

let serial = 0;

function perform(store: SessionStore, { what, size }: Extract<Operation, { key: number }>, body: string): void {
  if (what === 'in') store.setNextIn(store.nextIn + size);
  else if (what === 'out') store.setNextOut(store.nextOut + (size % 3));
  else if (what === 'append') append(store, body);
  else if (what === 'enqueue') enqueue(store, body);
  else if (what === 'reset') store.reset(1000 + size);
  else if (store.pending > 0) promote(store, body, what === 'promote');
}

const all = (journal: Journal): Seen[] => KEYS.map((key) => seen(journal.session(key)));

interface Flushed {
  readonly file: string;
  readonly size: number;
  /** With what was carried after it. */
  readonly end: number;
  readonly state: Seen[];
}

/** The last segment, and its size once it holds the flush after `last`; what is carried comes behind, as a flush of its own. */
function atFlush(directory: string, journal: Journal, last?: Flushed): Flushed {
  const file = readdirSync(directory)
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .at(-1)!;
  const path = join(directory, file);
  const from = last?.file === file ? last.end : 0;
  return { file, size: flushEnd(path, from), end: writtenTo(path).length, state: all(journal) };
}

/** Where the first flush behind `from` ends, by the lengths and marks of its blocks. */
function flushEnd(path: string, from: number): number {
  const bytes = writtenTo(path);
  let at = from === 0 ? 32 + bytes.readUInt16LE(22) : from;
  for (let isLast = false; at < bytes.length && !isLast; ) {
    isLast = (bytes.readUInt32LE(at + 16) & 1) === 1;
    at += bytes.readUInt32LE(at + 4);
  }
  return at;
}

/** Only so many bytes of a segment have been written. */
function brokenOff(path: string, size: number): void {
  const bytes = readFileSync(path);
  if (isOver(bytes)) writeFileSync(path, bytes.fill(0, size));
  else truncateSync(path, size);
}

async function run(operations: readonly Operation[], cut: number, encrypted: boolean): Promise<void> {
  const directory = newDirectory();
  const more = { syncs: AT_ONCE, up: true, ...(encrypted ? { keys: plainKeys() } : {}) };
  const openFile = (home: string, limits: typeof LIMITS): Journal => openAny(home, limits, [], more);
  const model = openMemoryJournal({ now: () => 1_700_000_000_000, limits: LIMITS });
  let home = directory;
  let journal = openFile(home, LIMITS);
  all(journal);
  all(model);
  journal.flush();
  let flushes = [atFlush(home, model)];
  for (const each of operations) {
    if ('key' in each) {
      const body = `${serial++}:`.padEnd(each.size, '.');
      const key = KEYS[each.key]!;
      perform(journal.session(key), each, body);
      perform(model.session(key), each, body);
      continue;
    }
    journal.flush();
    expect(all(journal)).toEqual(all(model));
    flushes.push(atFlush(home, model, flushes.at(-1)));
    if (each.what === 'reopen') {
      home = crashed(home);
      journal = openFile(home, LIMITS);
      expect(all(journal)).toEqual(all(model));
      flushes = [atFlush(home, model)];
    }
  }
  // The process dies in the middle of a write: some of the flushes of the last segment are not there.
  const last = flushes.at(-1)!;
  const here = flushes.filter(({ file }) => file === last.file);
  const least = here[0]!.size;
  const size = Math.max(least, last.end - cut);
  const copy = crashed(home);
  brokenOff(join(copy, last.file), size);
  const expected = here.filter((flushed) => flushed.size <= size).at(-1)!;
  expect(all(openFile(copy, LIMITS))).toEqual(expected.state);
  // And a second time: what was cut off is gone for good.
  expect(all(openFile(crashed(copy), LIMITS))).toEqual(expected.state);
}

test('recovery gives the state of the last whole flush', () => {
  const runs = Number(process.env.FIXGATE_PROPERTY_RUNS ?? 40);
  return fc.assert(
    fc
      .asyncProperty(
        fc.array(operation, { minLength: 20, maxLength: 200, size: 'max' }),
        fc.nat(600),
        fc.boolean(),
        run,
      )
      .afterEach(cleanUp),
    {
      numRuns: runs,
      interruptAfterTimeLimit: 30_000,
    },
  );
}, 120_000);
