// Messages as long as the one before are framed by that one: whatever there is about them that a frame must have.

import { beforeEach, expect, test } from '@jest/globals';
import { Dictionary } from '../../../edge/fix/dictionary/dictionary.ts';
import { loadDictionaries, loadSource } from '../../../edge/fix/dictionary/index.ts';
import { FRAME_MORE, FRAME_OK, FRAME_TOO_LARGE, Frame } from '../../../edge/fix/framer.ts';
import { nextMessage } from '../../../edge/fix/incoming.ts';
import { Message } from '../../../edge/fix/message.ts';
import { TwoWays } from './dictionary/two-ways.ts';
import { framed } from './wire.ts';

const FIX44 = (await loadDictionaries(['FIX.4.4'])).get('FIX.4.4')!;
const NAMES = { begin: 'FIX.4.4', sender: 'USER', target: 'FIX' };
const MAX_BYTES = 65_536;

const order = (number: number | string, price = '25.50', id = 'ORD1'): Buffer =>
  framed(
    `35=D|34=${number}|49=USER|52=20260102-12:00:00.000|56=FIX|11=${id}|21=1|38=100|40=2|44=${price}|54=1|55=INTC|60=20260102-12:00:00|`,
  );

let two: TwoWays;

beforeEach(() => {
  two = new TwoWays(FIX44, NAMES);
  expect(two.read(order(1000))).toBeUndefined();
});

/** How many of them are like the one before; all are read as they would be without it. */
function likeOf(checkSumCounts: boolean, ...messages: readonly Buffer[]): number {
  const before = two.like;
  for (const message of messages) expect(two.read(message, checkSumCounts)).toBeUndefined();
  return two.like - before;
}

test('a trailer that is none, of a session whose CheckSums do not count', () => {
  for (const [at, byte] of ['1', '0', '=', 'x', 'x', 'x', 'x'].entries()) {
    const wrong = order(1001);
    wrong[wrong.length - 7 + at] = byte === 'x' ? 0x78 : byte.charCodeAt(0) ^ 1;
    expect(likeOf(false, wrong)).toBe(0);
    expect(likeOf(false, order(1002))).toBe(1);
  }
});

test('a BodyLength that is wrong and as long', () => {
  const wrong = order(1001);
  wrong[wrong.indexOf('\x0135=') - 1]! ^= 1;
  expect(likeOf(false, wrong)).toBe(0);
});

test('every byte changed, when the message that others are like has become a longer one', () => {
  for (let n = 0; n < 40; n++)
    expect(likeOf(true, order(1_000_000_000 + n, '1234567.25', 'another and longer'))).toBe(1);
  const right = order(1_000_000_050, '1234567.25', 'another and longer');
  for (let at = 0; at < right.length; at++) {
    for (const byte of [1, 0x2f, 0x30, 0x3a, 0x3d, 0x78]) {
      const wrong = Buffer.from(right);
      wrong[at] = byte;
      likeOf(false, wrong, right);
    }
  }
});

test('MsgSeqNum as the one before says, of few digits and many, and one that is none', async () => {
  expect(likeOf(true, order(1001), order(2000), order('0999'), order(1000))).toBe(4);
  for (let n = 0; n < 40; n++) expect(likeOf(true, order(1_000_000_000 + n))).toBe(1);
  expect(likeOf(true, order(9_999_999_999), order(1_000_000_000))).toBe(2);
  expect(likeOf(true, order('1000x00000'))).toBe(0);
  // A deployer's dictionary may have it a string: what is no number is for the session to refuse.
  const source = await loadSource('FIX.4.4');
  const fields = source.fields.map((field) => (field[0] === 34 ? ([34, 'MsgSeqNum', 'STRING'] as const) : field));
  two = new TwoWays(new Dictionary({ ...source, fields }), NAMES);
  expect(likeOf(true, order('1000'), order('10:0'), order('1.00'), order('2000'))).toBe(3);
});

test('a number as long as one with zeros ahead has too many digits', () => {
  expect(likeOf(true, order('0000000000001003'))).toBe(1);
  for (let n = 1004; n < 1100; n++) expect(likeOf(true, order(`000000000000${n}`))).toBe(1);
  expect(likeOf(true, order('1000000000001100'))).toBe(0);
});

test('a price as long as another, its point elsewhere, twice, not there, or a sign within', () => {
  expect(likeOf(true, order(1001, '2.550'), order(1002, '-1.50'), order(1003, '12345'), order(1004, '.5555'))).toBe(4);
  for (const price of ['2.5.0', '25.-0', '2-.50', 'x2.50', '25.5x', '-----']) {
    expect(likeOf(true, order(1005, price))).toBe(0);
    expect(likeOf(true, order(1006))).toBe(1);
  }
});

test('one that is longer than is taken, that has not all come, and that comes while bytes are dropped', () => {
  const first = order(1001);
  const stream = Buffer.concat([first, order(1002)]);
  const [message, frame] = [new Message(), new Frame()];
  const { patterns } = two;
  const next = (start: number, end: number, maxBytes: number): number =>
    nextMessage({ buf: stream, start, end }, maxBytes, frame, true, message, patterns);
  expect(next(0, stream.length, first.length - 1)).toBe(FRAME_TOO_LARGE);
  expect(next(0, first.length - 1, MAX_BYTES)).toBe(FRAME_MORE);
  frame.skipping = true;
  expect(next(0, stream.length, MAX_BYTES)).not.toBe(FRAME_OK);
  frame.skipping = false;
  expect(next(0, stream.length, first.length)).toBe(FRAME_OK);
  expect([message.like !== undefined, frame.resume, message.uint(message.msgSeqNum)]).toEqual([
    true,
    first.length,
    1001,
  ]);
});
