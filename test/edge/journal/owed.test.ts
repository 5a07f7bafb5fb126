// Orders that a venue elsewhere may not have are in the journal until it has, however many segments follow.

import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { SUBMITTED } from '../../../edge/fix/session/ports.ts';
import type { Journal } from '../../../edge/journal/journal.ts';
import type { JournalLimits } from '../../../edge/journal/limits.ts';
import { resubmit } from '../../../edge/resubmit.ts';
import { append, crashed, type Line, NOW, newDirectory, openFile } from './support.ts';

const KEY = 'one';
const SEGMENT_BYTES = 2000;

const open = (directory: string, limits: Partial<JournalLimits> = {}, lines: Line[] = []): Journal =>
  openFile(directory, { segment_bytes: SEGMENT_BYTES, ...limits }, lines, { inbound: true });

/** An order, in a flush that depends on this one of the venue's, which has been written; no such has been had. */
function order(journal: Journal, name: string, mark: number): void {
  const store = journal.session(KEY);
  const buf = Buffer.from(name);
  store.received(store.nextIn, buf, 0, buf.length, NOW, SUBMITTED, 0, 0);
  store.setNextIn(store.nextIn + 1);
  journal.flush(mark);
  journal.committed(0);
}

/** What the session is sent, of which it keeps the last few. */
function traffic(journal: Journal, segments: number): void {
  const store = journal.session(KEY, { retention: 3 });
  for (let bytes = 0; bytes < segments * SEGMENT_BYTES; bytes += 100) {
    append(store, 'x'.repeat(100));
    journal.flush();
  }
}

/** Orders behind the first so many. */
const orders = (journal: Journal, msgSeqNum = 0): string[] =>
  journal.export(KEY, { generation: 0, msgSeqNum })!.submitted.map(({ message }) => message.toString());

const files = (directory: string): number => readdirSync(directory).filter((name) => name.endsWith('.seg')).length;

test('they outlast any number of segments until the venue has them, and no longer', () => {
  const directory = newDirectory();
  const journal = open(directory);
  order(journal, 'first', 1);
  traffic(journal, 6);
  order(journal, 'second', 2);
  traffic(journal, 6);
  expect(orders(journal)).toEqual(['first', 'second']);
  expect(orders(open(crashed(directory)))).toEqual(['first', 'second']);
  journal.committed(1);
  traffic(journal, 4);
  expect(orders(journal)).toEqual(['second']);
  journal.committed(2);
  traffic(journal, 4);
  expect(files(directory)).toBeLessThan(5);
  expect(orders(open(crashed(directory)), 0)).toEqual([]);
});

test('a venue in the process of the edge has all that is flushed', () => {
  const directory = newDirectory();
  const journal = open(directory);
  order(journal, 'first', 1);
  journal.committed();
  traffic(journal, 6);
  expect(files(directory)).toBeLessThan(5);
});

test('where the marks of before say nothing any more, they stay', () => {
  const directory = newDirectory();
  const journal = open(directory);
  for (let mark = 1; mark <= 9; mark++) order(journal, `order ${mark}`, mark);
  const heir = open(crashed(directory));
  heir.settle(0);
  expect(heir.astray).toBe(true);
  heir.committed(50);
  traffic(heir, 6);
  expect(orders(heir, 7)).toEqual(['order 8', 'order 9']);
});

test('marks that begin anew are those of another log: none of it is confused with one of before', () => {
  const directory = newDirectory();
  const journal = open(directory);
  for (let mark = 1; mark <= 9; mark++) order(journal, `order ${mark}`, mark);
  const lost = crashed(directory);
  const heir = open(lost);
  expect(heir.settle(0)).toEqual([]);
  for (let mark = 1; mark <= 8; mark++) order(heir, `later ${mark}`, mark);
  // The venue has all of its own, which is one less than the journal had once.
  const next = open(crashed(lost));
  expect(next.settle(8)).toEqual([]);
  expect(next.astray).toBe(true);
  const again = open(crashed(lost));
  expect(again.settle(7).map(({ message }) => message.toString())).toEqual(['later 8']);
});

test('so they are where nothing in the journal has named the new ones yet', () => {
  const directory = newDirectory();
  const journal = open(directory);
  for (let mark = 1; mark <= 9; mark++) order(journal, `order ${mark}`, mark);
  const lost = crashed(directory);
  const heir = open(lost);
  heir.settle(0);
  heir.flush();
  // The venue has flushed eight times since, each time without the journal.
  const next = open(crashed(lost));
  expect([next.settle(8), next.astray]).toEqual([[], true]);
});

test('of a log that has no flush nothing is taken back, not even by its first mark', () => {
  const directory = newDirectory();
  order(open(directory), 'told long ago', 1);
  const lost = crashed(directory);
  const heir = open(lost);
  const turns = { run: (work: () => void) => work(), touch() {} };
  const settled: unknown[] = [];
  const settle = (mark: number | undefined) => {
    settled.push(...heir.settle(mark));
    return [];
  };
  resubmit({ journal: { settle }, turns, venue: { mark: 0, claim() {} } } as never);
  expect(settled).toEqual([]);
  heir.flush();
  order(heir, 'later', 1);
  expect(
    open(crashed(lost))
      .settle(0)
      .map(({ message }) => message.toString()),
  ).toEqual(['later']);
});

test('they go when there is no room for them, and the log says so', () => {
  const lines: Line[] = [];
  const directory = newDirectory();
  const journal = open(directory, { total_bytes: SEGMENT_BYTES * 8 }, lines);
  for (let mark = 1; mark <= 20; mark++) {
    order(journal, `order ${mark}`, mark);
    traffic(journal, 1);
  }
  expect(files(directory)).toBeLessThan(12);
  expect(orders(journal)).toContain('order 20');
  expect(lines.filter(({ level }) => level === 'error')[0]!.message).toContain('orders that the venue may not have');
});
