// Segments that are written over the files of others: behind what is written there are zeros and nothing of before, and what is read after
// a crash is what would be read of a new file.

import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { BLOCK_BYTES } from '../../../edge/journal/format.ts';
import type { Journal } from '../../../edge/journal/journal.ts';
import type { SegmentKeys } from '../../../edge/journal/keys.ts';
import { PAGE_BYTES, SPARE_WITHIN_MS, SPARES } from '../../../edge/journal/limits.ts';
import type { FileJournalOptions } from '../../../edge/journal/options.ts';
import { type Done, SYSTEM_SYNCS, type Syncs } from '../../../edge/syncs.ts';
import { plainKeys } from './keys.ts';
import {
  AT_ONCE,
  append,
  crashed,
  isOver,
  type Line,
  NOW,
  newDirectory,
  openFile,
  type Seen,
  seen,
  sent,
  writtenTo,
} from './support.ts';

const LIMITS = { segment_bytes: 9000, resend_retention: 20, block_bytes: 1000 };

const named = (directory: string, end: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith(end))
    .sort()
    .map((name) => join(directory, name));
const segments = (directory: string): string[] => named(directory, '.seg');
const spares = (directory: string): string[] => named(directory, '.spare');
const newest = (directory: string): string => segments(directory).at(-1)!;
const overs = (directory: string): string[] => segments(directory).filter((path) => isOver(readFileSync(path)));

let serial = 0;

/** Appends a message and flushes it. */
function write(journal: Journal, size = 300): void {
  append(journal.session('one'), `message ${serial++} `.padEnd(size, '.'));
  journal.flush();
}

/** Writes until the newest segment is one in the file of another, and then so much more. */
function writeOver(directory: string, journal: Journal, more: number): void {
  while (!isOver(readFileSync(newest(directory)))) write(journal);
  const path = newest(directory);
  while (writtenTo(path).length < more) write(journal);
  expect(newest(directory)).toBe(path);
}

const KINDS: Readonly<Record<string, () => SegmentKeys | undefined>> = {
  plain: () => undefined,
  encrypted: plainKeys,
};

/** All of a block's head, and some of the rest, its end among them. */
const placesIn = (from: number, end: number): number[] =>
  [...Array(end + 1 - from).keys()]
    .map((i) => from + i)
    .filter((at) => at < from + BLOCK_BYTES + 4 || at > end - 4 || at % 37 === 0);

interface Home {
  readonly directory: string;
  readonly journal: Journal;
  readonly keys: SegmentKeys | undefined;
  readonly lines: Line[];
}

function open(kind: string, more: Partial<FileJournalOptions> = {}): Home {
  const [directory, keys, lines] = [newDirectory(), KINDS[kind]!(), []];
  return { directory, keys, lines, journal: openFile(directory, LIMITS, lines, { keys, syncs: AT_ONCE, ...more }) };
}

/** What the next process finds, on a machine that has been up since. */
function found(directory: string, keys: SegmentKeys | undefined): Seen {
  return seen(openFile(directory, LIMITS, [], { keys, syncs: AT_ONCE, up: true }).session('one'));
}

describe.each(Object.keys(KINDS))('%s', (kind) => {
  test('files of segments that have gone are used again, and hold nothing of them', () => {
    const { directory, journal, keys } = open(kind);
    const names = new Map<number, Set<string>>();
    for (let n = 0; n < 600; n++) {
      write(journal);
      for (const path of segments(directory)) {
        const { ino } = statSync(path);
        names.set(ino, (names.get(ino) ?? new Set()).add(path));
      }
    }
    // Five times that many segments have been there.
    expect(names.size).toBeLessThan(10);
    expect(Math.max(...[...names.values()].map((each) => each.size))).toBeGreaterThan(3);
    for (const path of overs(directory)) {
      const bytes = readFileSync(path);
      const { length } = writtenTo(path);
      expect(length).toBeLessThan(bytes.length);
      expect(bytes[length]).toBe(1);
      expect(bytes.subarray(length + 1).every((byte) => byte === 0)).toBe(true);
      expect(bytes.length % PAGE_BYTES).toBe(0);
    }
    expect(overs(directory).length).toBeGreaterThan(1);
    expect(sent(journal.session('one')).length).toBeGreaterThanOrEqual(20);
    expect(found(crashed(directory), keys)).toEqual(seen(journal.session('one')));
  });

  // In the middle of a page, and where it goes on to the next one.
  test.each([5000, 2 * PAGE_BYTES - 100])('a write that is broken off anywhere leaves what was there: %i', (size) => {
    const { directory, journal, keys } = open(kind);
    writeOver(directory, journal, size);
    const path = newest(directory);
    const [before, old] = [seen(journal.session('one')), readFileSync(path)];
    const from = writtenTo(path).length;
    write(journal);
    const [after, all] = [seen(journal.session('one')), readFileSync(path)];
    const end = writtenTo(path).length;
    expect(newest(directory)).toBe(path);
    for (const at of placesIn(from, end)) {
      const copy = crashed(directory);
      const torn = Buffer.concat([all.subarray(0, at), old.subarray(Math.min(at, old.length))]);
      writeFileSync(newest(copy), torn);
      // The last bytes of a tag may be zeros, which stand there anyway.
      const there = torn.subarray(0, end).equals(all.subarray(0, end)) ? after : before;
      expect(found(copy, keys)).toEqual(there);
      // What was cut off is gone for good.
      if (at % 5 === 0) expect(found(crashed(copy), keys)).toEqual(there);
    }
  });

  test('a bit that is not as it was stops the start, in the last flush as in the zeros behind it', () => {
    const { directory, journal, keys } = open(kind);
    writeOver(directory, journal, 5000);
    const path = newest(directory);
    const from = writtenTo(path).length;
    write(journal, 100);
    const end = writtenTo(path).length;
    const bytes = readFileSync(path);
    const flipped = (at: number): string => {
      const copy = crashed(directory);
      const wrong = Buffer.from(bytes);
      wrong[at]! ^= 1 << (at % 8);
      writeFileSync(newest(copy), wrong);
      return copy;
    };
    for (const at of [from - 1, ...placesIn(from, end - 1), end + BLOCK_BYTES, bytes.length - 1])
      expect(() => found(flipped(at), keys)).toThrow(/has a damaged/);
    // So the first bytes of the next write might look.
    for (const at of [end, end + 1, end + BLOCK_BYTES - 1])
      expect(found(flipped(at), keys)).toEqual(seen(journal.session('one')));
  });

  test('where a write has failed its part was cut off with the zeros behind it', () => {
    const { directory, journal, keys } = open(kind);
    writeOver(directory, journal, 5000);
    const copy = crashed(directory);
    writeFileSync(newest(copy), writtenTo(newest(directory)));
    expect(found(copy, keys)).toEqual(seen(journal.session('one')));
  });
});

test.each(Object.keys(KINDS))(
  'pages of before that a lost machine has in place of the last ones are cut off: %s',
  (kind) => {
    const { directory, journal, keys } = open(kind);
    const old = (): Buffer => readFileSync(segments(directory)[0]!);
    for (let n = 0; n < 100; n++) write(journal);
    const gone = old();
    writeOver(directory, journal, 5000);
    const before = seen(journal.session('one'));
    const from = writtenTo(newest(directory)).length;
    write(journal, 2000);
    expect(writtenTo(newest(directory)).length).toBeGreaterThan(from);
    const copy = crashed(directory);
    const bytes = readFileSync(newest(directory));
    const kept = Math.ceil((from + 1) / 512) * 512;
    writeFileSync(newest(copy), Buffer.concat([bytes.subarray(0, kept), gone.subarray(kept)]));
    const lines: Line[] = [];
    expect(seen(openFile(copy, LIMITS, lines, { keys }).session('one'))).toEqual(before);
    expect(lines.map(({ message }) => message)).toContain('the last block of the journal is damaged: cut off');
  },
);

test('so many are kept at most, and none of a journal that has ended', async () => {
  const { directory, journal } = open('plain');
  const most: number[] = [];
  for (let n = 0; n < 300; n++) {
    write(journal);
    most.push(spares(directory).length);
  }
  expect(Math.max(...most)).toBeLessThanOrEqual(SPARES);
  expect(spares(directory).length).toBeGreaterThan(0);
  const killed = crashed(directory);
  await journal.close();
  expect(spares(directory)).toEqual([]);
  // How far those of a process that was killed had been filled is not known.
  expect(spares(killed).length).toBeGreaterThan(0);
  openFile(killed, LIMITS);
  expect(spares(killed)).toEqual([]);
});

test.each<readonly [string, Partial<FileJournalOptions>]>([
  ['are to be on the disk', { sync: true }],
  ['go to the archive', { archive: true }],
])('segments that %s are in files of their own', (_, more) => {
  const { directory, journal } = open('plain', more);
  for (let n = 0; n < 200; n++) write(journal);
  expect(overs(directory)).toEqual([]);
  expect(spares(directory)).toEqual([]);
});

test('a journal that is not busy has new files, and leaves none', () => {
  let now = NOW;
  const { directory, journal } = open('plain', { now: () => now });
  for (let n = 0; n < 300; n++) {
    now += SPARE_WITHIN_MS / 20;
    write(journal);
  }
  expect(segments(directory).length).toBeGreaterThan(1);
  expect(overs(directory)).toEqual([]);
  expect(spares(directory)).toEqual([]);
});

/** Fills with zeros when it is told to. */
function held(): { readonly syncs: Syncs; end(error: Error | null): void } {
  const waiting: Done[] = [];
  return {
    syncs: { ...SYSTEM_SYNCS, zeros: (_fd, _bytes, done) => void waiting.push(done) },
    end(error) {
      for (const done of waiting.splice(0)) done(error);
    },
  };
}

test('nothing is written over a file that is not full of zeros yet, or cannot be', async () => {
  const { syncs, end } = held();
  const { directory, journal, lines } = open('plain', { syncs });
  for (let n = 0; n < 200; n++) write(journal);
  expect(overs(directory)).toEqual([]);
  expect(spares(directory).length).toBe(SPARES);
  end(new Error('EIO'));
  expect(spares(directory)).toEqual([]);
  expect(lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual(
    Array(SPARES).fill('a segment of the journal that has gone cannot be filled with zeros'),
  );
  for (let n = 0; n < 200; n++) write(journal);
  await journal.close();
  expect(spares(directory)).toEqual([]);
  // Filled after the end: closed, and not kept.
  end(null);
  expect(spares(directory)).toEqual([]);
});

test('another thread of the system fills files with zeros while the journal goes on', async () => {
  const { directory, journal, keys } = open('plain', { syncs: SYSTEM_SYNCS });
  for (let n = 0; n < 60 || overs(directory).length < 3; n++) {
    write(journal, 5000);
    await nextTurn();
  }
  expect(sent(journal.session('one')).length).toBeGreaterThanOrEqual(20);
  expect(found(crashed(directory), keys)).toEqual(seen(journal.session('one')));
});

// More than one call takes, and no whole number of what is written at a time.
test.each([0, 1, 65_536, 67_108_864, 67_174_405])('so many bytes are zeros then, and no more: %i', async (bytes) => {
  const path = join(newDirectory(), 'file');
  const places = [0, bytes >> 1, Math.max(0, bytes - 1), bytes, bytes + 4096];
  const fd = openSync(path, 'w+');
  for (const at of places) writeSync(fd, Buffer.from([7]), 0, 1, at);
  const error = await new Promise((resolve) => SYSTEM_SYNCS.zeros(fd, bytes, resolve));
  closeSync(fd);
  expect(error).toBeNull();
  const left = readFileSync(path);
  expect(places.map((at) => left[at])).toEqual(places.map((at) => (at < bytes ? 0 : 7)));
  expect(left.subarray(0, bytes).equals(Buffer.alloc(bytes))).toBe(true);
});
