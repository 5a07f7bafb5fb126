// Messages that are like one before are read as they would be without it: whatever is changed about them.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadDictionaries } from '../../../../edge/fix/dictionary/index.ts';
import { byteSum } from '../../../../edge/fix/integers.ts';
import { Message } from '../../../../edge/fix/message.ts';
import { framed } from '../wire.ts';
import { TwoWays } from './two-ways.ts';

const FIX44 = (await loadDictionaries(['FIX.4.4'])).get('FIX.4.4')!;
const NAMES = { begin: 'FIX.4.4', sender: 'USER', target: 'FIX' };

type Values = Readonly<Record<number, string>>;
const ORDER: Values = { 11: 'ORD1', 21: '1', 38: '100', 40: '2', 44: '25.50', 54: '1', 55: 'INTC', 59: '0' };
const HEADER: Values = { 49: 'USER', 52: '20260102-12:00:00.000', 56: 'FIX' };

/** The fields in the order of `shape`, those that are not among the values left out. */
function message(type: string, number: number, shape: readonly number[], values: Values): Buffer {
  const all: Values = { ...HEADER, ...values };
  const body = shape.flatMap((tag) => (all[tag] === undefined ? [] : [`${tag}=${all[tag]}|`])).join('');
  return framed(`35=${type}|34=${number}|${body}`);
}

const PLAIN = [49, 52, 56, 1, 11, 21, 38, 40, 44, 54, 55, 59, 60, 58];
const TIME = '20260102-12:00:00';
const order = (number: number, values: Values = {}): Buffer =>
  message('D', number, PLAIN, { ...ORDER, 60: TIME, ...values });

const ways = (): TwoWays => new TwoWays(FIX44, NAMES);

function readAll(two: TwoWays, ...messages: readonly Buffer[]): number {
  const before = two.like;
  expect(two.read(Buffer.concat(messages))).toBeUndefined();
  return two.like - before;
}

test('the second of two orders is like the first, whatever its values', () => {
  const two = ways();
  expect(readAll(two, order(2))).toBe(0);
  expect(readAll(two, order(3))).toBe(1);
  expect(readAll(two, order(10, { 11: 'another and longer', 38: '7', 44: '-1', 55: 'F', 60: `${TIME}.123` }))).toBe(1);
  expect(readAll(two, order(999_999, { 11: '1' }), order(1_000_000), order(9))).toBe(3);
  expect(two.messages).toBe(6);
});

test('shapes by turns are each like one of before, also where one ends sooner', () => {
  const two = ways();
  const shapes: readonly Values[] = [{}, { 1: 'A1' }, { 58: 'text' }, { 1: 'A1', 58: 'text' }];
  for (const values of shapes) expect(readAll(two, order(2, values))).toBe(0);
  const cancel = (n: number) =>
    message('F', n, [49, 52, 56, 11, 41, 54, 55, 60], { 11: 'c', 41: 'ORD1', 54: '1', 55: 'INTC', 60: TIME });
  expect(readAll(two, cancel(6))).toBe(0);
  for (const [i, values] of [...shapes, ...shapes].entries()) {
    expect(readAll(two, order(10 + i, values))).toBe(1);
    expect(readAll(two, cancel(20 + i))).toBe(1);
  }
});

test('sessions that share one view are each read right, whoever was read before', () => {
  const text = fc.constantFrom('1', '12', '123', '1234');
  const said = fc.record({
    whose: fc.nat(2),
    values: fc.record({ 11: text, 38: text, 44: fc.constantFrom('9.99', '10.00', '100.00') }),
    garbled: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(said, { minLength: 20, maxLength: 60 }), (all) => {
      const view = new Message();
      const sessions = Array.from({ length: 3 }, () => new TwoWays(FIX44, NAMES, view));
      for (const [n, { whose, values, garbled }] of all.entries()) {
        const bytes = order(10 + n, values);
        if (garbled && n % 4 === 0) bytes[bytes.length - 2]! ^= 1;
        readAll(sessions[whose]!, bytes);
      }
    }),
  );
});

test('a wrong value, another name and a wrong CheckSum are not like anything', () => {
  const two = ways();
  readAll(two, order(2), order(3));
  const wrong: readonly Values[] = [
    { 54: 'x' },
    { 40: '' },
    { 44: '1.2.3' },
    { 60: '20260102-25:00:00' },
    { 49: 'USEX' },
    { 49: 'USE' },
    { 56: 'FIXX' },
    { 52: 'now' },
  ];
  for (const values of wrong) {
    expect(readAll(two, order(4, values))).toBe(0);
    expect(readAll(two, order(5))).toBe(1);
  }
  expect(readAll(two, framed(`35=D|34=x|49=USER|52=${TIME}|56=FIX|`))).toBe(0);
  const bytes = order(5);
  bytes[bytes.length - 2]! ^= 1;
  const before = two.like;
  expect(two.read(bytes)).toBeUndefined();
  expect(two.like).toBe(before);
  expect(two.read(bytes, false)).toBeUndefined();
  expect(two.like).toBe(before + 1);
});

test('who never repeats a shape is read all the same, and who begins to is found again', () => {
  const two = ways();
  const tags = [58, 110, 111, 15, 18, 126, 168, 423, 528];
  const shape = (n: number): Values =>
    Object.fromEntries(tags.filter((_, i) => ((n >> i) & 1) === 1).map((tag) => [tag, VALUES[tag] ?? 'x']));
  const VALUES: Values = { 110: '1', 111: '2', 15: 'USD', 18: '1', 126: TIME, 168: TIME, 423: '1', 528: 'A' };
  const shaped = (number: number, n: number) =>
    message('D', number, [...PLAIN.slice(0, 13), ...tags], { ...ORDER, 60: TIME, ...shape(n) });
  for (let n = 0; n < 600; n++) readAll(two, shaped(2 + n, n));
  const before = two.like;
  for (let n = 0; n < 300; n++) readAll(two, shaped(1000 + n, 5));
  expect(two.like - before).toBeGreaterThan(100);
});

/** One change of the bytes of a message; `refit`: BodyLength and CheckSum are made right afterwards. */
type Change =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: string }
  | { readonly kind: 'remove'; readonly at: number; readonly length: number }
  | { readonly kind: 'swap'; readonly one: number; readonly other: number };

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(400), bit: fc.nat(7) }),
  fc.record({
    kind: fc.constant('set' as const),
    at: fc.nat(400),
    byte: fc.constantFrom(1, 0x3d, 0x30, 0x39, 0x2e, 0x2d, 0),
  }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.nat(400),
    bytes: fc.constantFrom('\x01', '0', '9', '=', '\x0158=x', '\x0144=1', '\x0110=000', 'x'.repeat(9), '1'),
  }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(400), length: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('swap' as const), one: fc.nat(20), other: fc.nat(20) }),
);

function changed(bytes: Buffer, one: Change): Buffer {
  const copy = Buffer.from(bytes);
  switch (one.kind) {
    case 'flip':
      copy[one.at % copy.length]! ^= 1 << one.bit;
      return copy;
    case 'set':
      copy[one.at % copy.length] = one.byte;
      return copy;
    case 'insert': {
      const at = one.at % copy.length;
      return Buffer.concat([copy.subarray(0, at), Buffer.from(one.bytes, 'latin1'), copy.subarray(at)]);
    }
    case 'remove': {
      const at = one.at % copy.length;
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + one.length)]);
    }
    case 'swap': {
      const fields = copy.toString('latin1').split('\x01');
      const [a, b] = [one.one % fields.length, one.other % fields.length];
      [fields[a], fields[b]] = [fields[b]!, fields[a]!];
      return Buffer.from(fields.join('\x01'), 'latin1');
    }
  }
}

function refit(bytes: Buffer): Buffer {
  const parts = /^(8=[^\x01]*\x019=)\d*(\x01)(.*\x01)10=\d*\x01$/s.exec(bytes.toString('latin1'));
  if (parts === null) return bytes;
  const head = Buffer.from(`${parts[1]}${parts[3]!.length}${parts[2]}${parts[3]}`, 'latin1');
  const sum = String(byteSum(head, 0, head.length) & 0xff).padStart(3, '0');
  return Buffer.concat([head, Buffer.from(`10=${sum}\x01`, 'latin1')]);
}

const values = fc.record(
  {
    1: fc.constantFrom('A1', 'DESK-7'),
    11: fc.stringMatching(/^[A-Za-z0-9-]{1,24}$/),
    38: fc.integer({ min: 1, max: 10_000_000 }).map(String),
    44: fc.stringMatching(/^-?[0-9]{1,6}(\.[0-9]{0,4})?$/),
    54: fc.constantFrom('1', '2', '5'),
    55: fc.constantFrom('F', 'IBM', 'BTCUSDT'),
    58: fc.stringMatching(/^[ -~]{1,40}$/),
    60: fc.constantFrom(TIME, '20260102-12:00:01', `${TIME}.999`),
  },
  { requiredKeys: ['11'] },
);
const sent = fc.record({ number: fc.integer({ min: 1, max: 2_000_000 }), values });

test('whatever is done to a message, both ways read it alike', () => {
  let like = 0;
  fc.assert(
    fc.property(
      fc.array(sent, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(sent, fc.array(change, { maxLength: 2 }), fc.boolean()), { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      (first, then, checkSumCounts) => {
        const two = ways();
        readAll(two, ...first.map((one) => order(one.number, one.values)));
        for (const [one, changes, fit] of then) {
          const bytes = changes.reduce(changed, order(one.number, one.values));
          expect(two.read(fit ? refit(bytes) : bytes, checkSumCounts)).toBeUndefined();
          // What follows is read as if nothing had been.
          expect(two.read(order(one.number, one.values), checkSumCounts)).toBeUndefined();
        }
        like += two.like;
      },
    ),
    { numRuns: 1500 },
  );
  expect(like).toBeGreaterThan(5_000);
});

test('every single byte of a message changed to every other one', () => {
  const two = ways();
  readAll(two, order(2), order(3));
  const bytes = order(4);
  for (let at = 0; at < bytes.length; at++) {
    for (const byte of [0, 1, 0x2d, 0x2e, 0x30, 0x31, 0x39, 0x3a, 0x3d, 0x41, 0x7f, 0x80, 0xff]) {
      const other = Buffer.from(bytes);
      other[at] = byte;
      expect([at, byte, two.read(refit(other))]).toEqual([at, byte, undefined]);
      readAll(two, bytes);
    }
  }
  expect(two.like - bytes.length * 13).toBeGreaterThan(200);
});
