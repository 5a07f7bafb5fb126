// Messages of a turn in one record: what each of them can still do alone, that is be asked for, forgotten, taken back, carried
// forward and moved; and the places that say where they lie, held against a list.

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BY_VENUE, KEEP, type SessionStore, SUBMITTED } from '../../../edge/fix/session/ports.ts';
import { BLOCK_BYTES, readHeader, segmentNumber } from '../../../edge/journal/format.ts';
import { JournalError } from '../../../edge/journal/journal.ts';
import { Places } from '../../../edge/journal/places.ts';
import { keysOf } from './keys.ts';
import { append, crashed, type Line, NOW, newDirectory, openFile, seen, sent, unlike } from './support.ts';

const files = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => segmentNumber(name) > 0)
    .map((name) => join(directory, name))
    .sort();
const size = (directory: string): number => files(directory).reduce((sum, file) => sum + statSync(file).size, 0);
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const numbers = (store: SessionStore): number[] => sent(store).map(([n]) => n);

function receive(store: SessionStore, body: string): void {
  const buf = Buffer.from(`..${body}..`);
  store.received(store.nextIn, buf, 2, buf.length - 2, NOW, SUBMITTED, 0, 0);
  store.setNextIn(store.nextIn + 1);
}

function report(store: SessionStore, body: string, how: number): void {
  const buf = Buffer.from(`..${body}..`);
  store.append(store.nextOut, buf, 2, buf.length - 2, NOW, how);
}

test('messages of a turn cost four bytes each beside their own, sent and received ones alike', () => {
  const directory = newDirectory();
  const journal = openFile(directory, {}, [], { inbound: true });
  const store = journal.session('one');
  journal.flush();
  const before = size(directory);
  for (let n = 0; n < 50; n++) {
    receive(store, 'order');
    append(store, 'report');
  }
  journal.flush();
  // The block, one run, and the numbers.
  expect(size(directory) - before).toBe(BLOCK_BYTES + 44 + 50 * (4 + 5 + 4 + 6) + 28);
  expect(sent(openFile(crashed(directory)).session('one'))).toEqual(range(1, 50).map((n) => [n, 'report']));
});

test('each is found before it is written and after it, one by one and backwards, also when others write between', () => {
  const directory = newDirectory();
  const journal = openFile(directory, { block_bytes: 700 });
  const [one, two] = [journal.session('one'), journal.session('two')];
  const body = (n: number): string => `${n}${'.'.repeat(n % 50)}`;
  for (let n = 1; n <= 100; n++) {
    append(one, body(n));
    if (n % 7 === 0) append(two, 'other');
    if (n === 60) one.setNextOut(one.nextOut + 3);
  }
  const expected = range(1, 100).map((n) => [n <= 60 ? n : n + 3, body(n)]);
  expect(sent(one)).toEqual(expected);
  journal.flush();
  expect(sent(one)).toEqual(expected);
  const again = openFile(crashed(directory)).session('one');
  for (const [n, text] of expected.toReversed()) {
    const found = again.next(n as number, n as number);
    if (found === undefined || found === 'loading') throw new Error(`${n} is not there`);
    expect(found.buf.toString('latin1', found.start, found.end)).toBe(text);
  }
  expect(again.next(61, 63)).toBeUndefined();
});

test('they are forgotten one by one, and carried forward without those that are', () => {
  const limits = { segment_bytes: 20_000, resend_retention: 25 };
  const directory = newDirectory();
  const journal = openFile(directory, limits);
  const [quiet, busy] = [journal.session('quiet'), journal.session('busy', { retention: 10 })];
  for (let n = 0; n < 30; n++) append(quiet, `quiet ${n}`);
  expect(numbers(quiet)).toEqual(range(6, 30));
  journal.flush();
  for (let n = 0; n < 3000; n++) {
    append(busy, unlike(n, 100));
    if (n % 20 === 0) journal.flush();
    if (n % 500 === 0) append(quiet, 'one more');
  }
  journal.flush();
  // The first segment is gone, and what was left of it is in a younger one.
  expect(segmentNumber(files(directory)[0]!.slice(-14))).toBeGreaterThan(5);
  expect(numbers(quiet)).toEqual(range(12, 36));
  expect(numbers(busy)).toEqual(range(2991, 3000));
  const again = openFile(crashed(directory), limits);
  expect([seen(again.session('quiet')), seen(again.session('busy'))]).toEqual([seen(quiet), seen(busy)]);
});

test('what the venue has not done is taken back out of them, and what it was given comes again', () => {
  const directory = newDirectory();
  const journal = openFile(directory, {}, [], { inbound: true });
  const store = journal.session('one');
  report(store, 'before', KEEP);
  journal.flush(6);
  receive(store, 'first');
  report(store, 'done 1', KEEP | BY_VENUE);
  report(store, 'done 2', KEEP | BY_VENUE);
  report(store, 'own', KEEP);
  receive(store, 'second');
  report(store, 'done 3', KEEP | BY_VENUE);
  journal.flush(7);
  const next = openFile(crashed(directory), {}, [], { inbound: true });
  const accepted = next.settle(6);
  expect(accepted.map(({ msgSeqNum, message }) => [msgSeqNum, message.toString()])).toEqual([
    [1, 'first'],
    [2, 'second'],
  ]);
  const expected = [
    [1, 'before'],
    [4, 'own'],
  ];
  expect(sent(next.session('one'))).toEqual(expected);
  next.flush();
  expect(sent(openFile(crashed(directory), {}, [], { inbound: true }).session('one'))).toHaveLength(5);
  expect(next.session('one').nextOut).toBe(6);
});

test('a session that moves takes each of them along', () => {
  const [from, to] = [openFile(newDirectory(), {}, [], { inbound: true }), openFile(newDirectory())];
  const store = from.session('one', { retention: 8 });
  for (let n = 1; n <= 12; n++) {
    receive(store, `order ${n}`);
    report(store, `report ${n}`, KEEP | BY_VENUE);
  }
  from.flush();
  const state = from.export('one', { generation: 0, msgSeqNum: 9 });
  if (state === undefined) throw new Error('the session is not there');
  expect(state.submitted.map(({ msgSeqNum, message }) => [msgSeqNum, message.toString()])).toEqual(
    range(10, 12).map((n) => [n, `order ${n}`]),
  );
  to.adopt('one', state);
  to.flush();
  expect(seen(to.session('one'))).toEqual(seen(store));
});

test('encrypted, one flipped bit anywhere is found, though no CRC is of the records', async () => {
  const directory = newDirectory();
  const journal = openFile(directory, {}, [], { keys: await keysOf(directory) });
  const store = journal.session('one');
  journal.flush();
  for (const body of ['first', 'second', 'third']) {
    append(store, body);
    append(store, `${body} again`);
    journal.flush();
  }
  const copy = crashed(directory);
  const [file] = files(copy) as [string];
  const bytes = readFileSync(file);
  const header = readHeader(bytes, 1);
  if (!header.ok) throw new Error('the header is not in order');
  let last = header.bytes;
  for (let at = last; at < bytes.length; at += bytes.readUInt32LE(at + 4)) last = at;
  const keys = await keysOf(copy);
  const made = keys.take(2);
  for (let at = header.bytes; at < bytes.length; at++) {
    for (const name of files(copy)) rmSync(name);
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1 << (at % 8);
    writeFileSync(file, flipped);
    const lines: Line[] = [];
    let error: unknown;
    try {
      const again = openFile(copy, {}, lines, { keys: { of: keys.of.bind(keys), take: () => made } });
      expect(numbers(again.session('one'))).toEqual([1, 2, 3, 4]);
      expect(lines).toContainEqual(expect.objectContaining({ message: expect.stringContaining('cut off') }));
      await again.close();
    } catch (thrown) {
      error = thrown;
    }
    if (at >= last) expect(error).toBeUndefined();
    else expect(error).toMatchObject({ code: 'damaged', message: expect.stringContaining(file) });
    if (error !== undefined && !(error instanceof JournalError)) throw error;
  }
});

/** What {@link Places} is held against: each message by itself. */
interface Known {
  readonly number: number;
  readonly segment: number;
  readonly offset: number;
}

function proveFound(places: Places, known: readonly Known[]): void {
  for (const { number, segment, offset } of known) {
    const i = places.find(number);
    expect([places.segment(i), places.offset(i)]).toEqual([segment, offset]);
    expect(number).toBeGreaterThanOrEqual(places.number(i));
    expect(number).toBeLessThanOrEqual(places.last(i));
  }
  expect(places.find((known.at(-1)?.number ?? 0) + 1)).toBe(places.count);
}

const step = fc.oneof(
  fc.record({ does: fc.constant('push' as const), skip: fc.nat(2), size: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ does: fc.constant('extend' as const) }),
  fc.record({ does: fc.constant('forget' as const), count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ does: fc.constant('remove' as const), which: fc.nat(40) }),
  fc.record({ does: fc.constant('drop' as const), which: fc.nat(3) }),
  fc.record({ does: fc.constant('again' as const), which: fc.nat(40), size: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ does: fc.constant('void' as const), which: fc.nat(40) }),
  fc.record({ does: fc.constant('settle' as const), least: fc.nat(20) }),
);

test('places say of each message where it lies, as a list would', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const places = new Places();
      let known: Known[] = [];
      let [next, offset, bytes] = [1, 0, 0];
      const lost = (length: number): void => {
        bytes -= length;
      };
      const push = (first: number, size: number): void => {
        offset += 100;
        const segment = 1 + (Math.floor(offset / 300) % 4);
        places.push(first, segment, 0, offset, size * 10 + 3, 7, size);
        bytes += size * 10 + 3;
        for (let n = 0; n < size; n++) known.push({ number: first + n, segment, offset });
      };
      /** As recovery does: of two with one number the later one counts. */
      const settle = (least: number): void => {
        const last = new Map(known.map((one) => [one.number, one]));
        known = [...last.values()].filter((one) => one.number >= least && one.segment > 0);
        known.sort((a, b) => a.number - b.number);
        places.settle(least);
        bytes = range(0, places.count - 1).reduce((sum, i) => sum + places.length(i), 0);
      };
      for (const one of steps) {
        if (one.does === 'push') {
          push(next + one.skip, one.size);
          next += one.skip + one.size;
        } else if (one.does === 'extend' && known.at(-1)?.number === next - 1) {
          places.extend(10);
          bytes += 10;
          known.push({ ...known.at(-1)!, number: next++ });
        } else if (one.does === 'forget' && known.length > 0) {
          const count = Math.min(one.count, known.length);
          expect(places.forget(count, (_, length) => lost(length))).toBe(known[count - 1]!.number);
          known.splice(0, count);
        } else if (one.does === 'remove') {
          const number = (known[0]?.number ?? 1) + one.which;
          const entries = places.count;
          expect(
            places.remove(number, (_, length, fewer) => {
              lost(length);
              expect(places.count).toBe(entries - fewer);
            }),
          ).toBe(known.some((each) => each.number === number));
          known = known.filter((each) => each.number !== number);
        } else if (one.does === 'drop') {
          const left = known.filter((each) => each.segment !== one.which + 1);
          expect(places.drop(one.which + 1, lost)).toBe(known.length - left.length);
          known = left;
        } else if (one.does === 'again') {
          const size = Math.min(one.size, next - 1);
          if (size > 0) push(1 + (one.which % (next - size)), size);
          settle(0);
        } else if (one.does === 'void') {
          known.push({ number: one.which, segment: 0, offset: 0 });
          places.pushVoid(one.which);
          settle(0);
        } else if (one.does === 'settle') settle(one.least);
        expect(places.messages).toBe(known.length);
        expect(range(0, places.count - 1).reduce((sum, i) => sum + places.length(i), 0)).toBe(bytes);
      }
      proveFound(places, known);
    }),
    { numRuns: 2000 },
  );
});
