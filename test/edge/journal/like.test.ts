// Messages of a run that are written as what differs from the one before them: whatever their bytes are, they are read as they came, wherever
// they have gone meanwhile; and what is damaged is none.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BY_VENUE, KEEP, type SessionStore, SUBMITTED } from '../../../edge/fix/session/ports.ts';
import { viewOf } from '../../../edge/fix/words.ts';
import { BLOCK_BYTES, RECORD_BYTES } from '../../../edge/journal/format.ts';
import { Before, endOf, mostBytes, patch } from '../../../edge/journal/like.ts';
import { carryRun, messagesIn, Run } from '../../../edge/journal/run.ts';
import { Tail } from '../../../edge/journal/tail.ts';
import { append, cleanUp, crashed, NOW, newDirectory, openFile, seen, sent, writtenTo } from './support.ts';

/** What a float may be taken for another by: 0, -0, and what is none. */
const HARD = [
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0, 0x80],
  [1, 0, 0, 0, 0, 0, 0xf0, 0x7f],
  [0, 0, 0, 0, 0, 0, 0xf8, 0xff],
  [1, 0, 0, 0, 0, 0, 0, 0],
];
const piece = fc.oneof(fc.constantFrom(...HARD), fc.array(fc.nat(255), { minLength: 8, maxLength: 8 }));
/** Of `length` bytes: those of a few, with some changed. */
const alike = (length: number) =>
  fc.array(fc.tuple(fc.nat(Math.max(0, length - 1)), piece), { maxLength: 4 }).map((changes) => {
    const bytes = Buffer.alloc(length, 'ABCDEFGHIJKLM');
    for (const [at, some] of changes) bytes.set(some.slice(0, length - at), at);
    return bytes;
  });

test('what differs makes the one of the other, for any bytes', () => {
  const pair = fc
    .integer({ min: 8, max: 2048 })
    .chain((length) => fc.array(alike(length), { minLength: 2, maxLength: 5 }));
  fc.assert(
    fc.property(pair, fc.nat(9), ([first, ...others], from) => {
      const { length } = first!;
      const before = new Before();
      before.set(viewOf(first!), 0, length);
      const message = Buffer.from(first!);
      for (const next of others) {
        const source = Buffer.concat([Buffer.alloc(from), next]);
        const into = Buffer.alloc(from + mostBytes(length), 0xee);
        const end = before.differ(viewOf(source), from, viewOf(into), from);
        expect(endOf(viewOf(into), from, length, end)).toBe(end);
        expect(endOf(viewOf(into), from, length, end - 1)).toBe(-1);
        expect(patch(viewOf(message), length, viewOf(into), from)).toBe(end);
        expect(message).toEqual(next);
      }
    }),
  );
});

test('what floats call the same, or none, is not the same', () => {
  for (const one of HARD) {
    for (const two of HARD) {
      const [first, next] = [one, two].map((some) => Buffer.from([...some, ...some])) as [Buffer, Buffer];
      const before = new Before();
      before.set(viewOf(first), 0, 16);
      const into = Buffer.alloc(mostBytes(16));
      before.differ(viewOf(next), 0, viewOf(into), 0);
      patch(viewOf(first), 16, viewOf(into), 0);
      expect(first).toEqual(next);
    }
  }
});

test('little of a message is written when little of it differs', () => {
  const [one, two] = [
    '11=ORD0000000001|38=100|44=25.50|60=20231114-22:13:20.000',
    '11=ORD0000000002|38=100|44=25.50|60=20231114-22:13:20.001',
  ];
  const before = new Before();
  before.set(viewOf(Buffer.from(one)), 0, one.length);
  const into = Buffer.alloc(mostBytes(one.length));
  expect(before.differ(viewOf(Buffer.from(two)), 0, viewOf(into), 0)).toBe(4 + 2 * 8);
  expect(before.differ(viewOf(Buffer.from(two)), 0, viewOf(into), 0)).toBe(4);
});

test('none is written after one that is too short or too long', () => {
  const before = new Before();
  for (const [length, expected] of [
    [7, 0],
    [8, 8],
    [2048, 2048],
    [2049, 0],
  ] as const) {
    before.set(viewOf(Buffer.alloc(length)), 0, length);
    expect(before.length).toBe(expected);
  }
});

function receive(store: SessionStore, body: Buffer): void {
  store.received(store.nextIn, body, 0, body.length, NOW, SUBMITTED, 0, 0);
  store.setNextIn(store.nextIn + 1);
}

test.each([
  ['one segment', 1_000_000],
  ['segments that go', 6000],
])(
  'a session has what it had, in its process and the next, and after it has moved: in %s',
  async (_, segment_bytes) => {
    const step = fc.record({
      isSent: fc.boolean(),
      body: fc.oneof(alike(40), alike(41), alike(100), alike(5), alike(2100), alike(3000)),
      byVenue: fc.boolean(),
      other: fc.boolean(),
      flushes: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
        const limits = { block_bytes: 1500, segment_bytes, resend_retention: 30 };
        const directory = newDirectory();
        const journal = openFile(directory, limits, [], { inbound: true });
        const [store, other] = [journal.session('one'), journal.session('two')];
        const [out, into]: [Buffer[], Buffer[]] = [[], []];
        for (const { isSent, body, byVenue, other: others, flushes } of steps) {
          if (isSent) {
            store.append(store.nextOut, body, 0, body.length, NOW, byVenue ? KEEP | BY_VENUE : KEEP);
            out.push(body);
          } else {
            receive(store, body);
            into.push(body);
          }
          if (others) append(other, 'other');
          if (flushes) journal.flush();
        }
        const kept = out.map((body, i): [number, string] => [i + 1, body.toString('latin1')]).slice(-30);
        expect(sent(store)).toEqual(kept);
        journal.flush();
        expect(sent(store)).toEqual(kept);
        const again = openFile(crashed(directory), limits, [], { inbound: true });
        expect(sent(again.session('one'))).toEqual(kept);
        const since = Math.max(0, into.length - 3);
        const state = again.export('one', { generation: 0, msgSeqNum: since })!;
        const submitted = state.submitted.map(({ msgSeqNum, message }) => [msgSeqNum, message.toString('latin1')]);
        const expected = into.slice(since).map((body, i) => [since + i + 1, body.toString('latin1')]);
        // A segment goes that has nothing a client may ask for.
        if (segment_bytes > 6000) expect(submitted).toEqual(expected);
        else expect(expected).toEqual(expect.arrayContaining(submitted));
        const to = openFile(newDirectory());
        to.adopt('one', state);
        to.flush();
        expect(seen(to.session('one'))).toMatchObject({ nextOut: out.length + 1, sent: kept });
        await cleanUp();
      }),
      { numRuns: 40 },
    );
  },
);

test('a run whose differences are damaged is none', () => {
  const directory = newDirectory();
  const journal = openFile(directory);
  const store = journal.session('one');
  journal.flush();
  const path = `${directory}/0000000001.seg`;
  const from = writtenTo(path).length + BLOCK_BYTES;
  for (const body of ['A'.repeat(40), `${'A'.repeat(39)}B`, 'B'.repeat(40)]) append(store, body);
  journal.flush();
  const bytes = writtenTo(path).subarray(from);
  const size = bytes.readUInt32LE(4);
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy.writeUInt32LE(value, at);
    return copy;
  };
  const first = RECORD_BYTES + 32;
  const second = first + 4 + 40;
  expect(messagesIn(bytes, 0, size)).toBe(3);
  expect(bytes.readUInt32LE(second)).toBe(2 ** 30 + 40);
  expect(bytes.readUInt32LE(second + 4)).toBe(0b10000);
  // Nor is anything carried out of the run of another session, or a message that is not in it.
  const carry = (session: number, first: number): number =>
    carryRun(new Tail(1_000_000), session, new Run().of(bytes, 0), first, 2, NOW);
  expect(() => carry(1, 1)).toThrow('message 1 was to be carried');
  expect(() => carry(0, 4)).toThrow('message 4 was to be carried');
  expect(carry(0, 2)).toBe(BLOCK_BYTES);
  // Another length, of another kind, after none, a word more, a bit beyond the last word.
  expect(messagesIn(changed(second, 2 ** 30 + 39), 0, size)).toBe(0);
  expect(messagesIn(changed(second, 2 ** 31 + 2 ** 30 + 40), 0, size)).toBe(0);
  expect(messagesIn(changed(first, 2 ** 30 + 40), 0, size)).toBe(0);
  expect(messagesIn(changed(second + 4, 0b11000), 0, size)).toBe(0);
  expect(messagesIn(changed(second + 4, 0b100000), 0, size)).toBe(0);
});
