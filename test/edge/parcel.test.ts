// Sessions as bytes on their way: back as they were, and readable to nobody but who takes this session under this epoch, or
// has asked this question.
import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SessionState } from '../../edge/journal/session-state.ts';
import { type ParcelParts, unwrapped, unwrappedMany, wrapped, wrappedMany } from '../../edge/takeover/parcel.ts';
import { BOX } from './journal/keys.ts';

const PARTS: ParcelParts = { box: BOX, session: 'FIX.4.4|GATEWAY|USER_1|', epoch: 7 };
const random = (length: number): Uint8Array => randomBytes(length);

const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const bytes = fc.uint8Array({ maxLength: 300 }).map((all) => Buffer.from(all));
const state: fc.Arbitrary<SessionState> = fc.record({
  nextIn: whole,
  nextOut: whole,
  generation: whole,
  createdAt: whole,
  forgotten: whole,
  told: whole,
  lostAt: whole,
  terms: fc.record({ retention: whole, retention_s: whole, ids: whole, ids_s: whole, about: fc.string() }),
  sent: fc.array(fc.record({ msgSeqNum: whole, second: whole, message: bytes })),
  waiting: fc.array(fc.record({ msgSeqNum: fc.constant(0), second: whole, message: bytes })),
  ids: fc.array(fc.record({ second: whole, id: bytes })),
  submitted: fc.array(fc.record({ generation: whole, msgSeqNum: whole, receivedAt: whole, message: bytes })),
});

test('it comes back as it was', async () => {
  await fc.assert(
    fc.asyncProperty(state, async (one) => {
      expect(await unwrapped(PARTS, await wrapped(PARTS, one, random))).toEqual(one);
    }),
    { numRuns: 100 },
  );
});

test('it opens for no other session and no other epoch, nor when a byte of it is another', async () => {
  const [one] = fc.sample(state, 1);
  const parcel = await wrapped(PARTS, one!, random);
  await expect(unwrapped({ ...PARTS, epoch: 8 }, parcel)).rejects.toThrow();
  await expect(unwrapped({ ...PARTS, session: 'FIX.4.4|GATEWAY|USER_2|' }, parcel)).rejects.toThrow();
  const all = Buffer.concat(parcel);
  for (const at of [0, 1, 10, all.length - 40, all.length - 1]) {
    const other = Buffer.from(all);
    other[at]! ^= 1;
    await expect(unwrapped(PARTS, [other])).rejects.toThrow();
  }
  await expect(unwrapped(PARTS, [all.subarray(0, all.length - 1)])).rejects.toThrow();
  await expect(unwrapped(PARTS, [])).rejects.toThrow('a parcel of version undefined');
});

test('nothing of it can be read on the way', async () => {
  const message = Buffer.from('8=FIX.4.4|11=SECRET-ORDER|');
  const [one] = fc.sample(state, 1);
  const sent = [{ msgSeqNum: 1, second: 1, message }];
  const parcel = Buffer.concat(await wrapped(PARTS, { ...one!, sent }, random));
  expect(parcel.includes('SECRET-ORDER')).toBe(false);
});

const MANY = { box: BOX, ask: '01J000000000000000000000AB' };
const moved = fc.record({ session: fc.string(), epoch: whole, state: fc.option(state, { nil: undefined }) });

test('several come back as they were, with those of which nothing was kept', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(moved, { maxLength: 6 }), async (some) => {
      expect(await unwrappedMany(MANY, await wrappedMany(MANY, some, random))).toEqual(some);
    }),
    { numRuns: 100 },
  );
});

test('several open for no other question, nor when a byte of them is another, nor as one', async () => {
  const some = fc.sample(moved, 3);
  const parcel = await wrappedMany(MANY, some, random);
  await expect(unwrappedMany({ ...MANY, ask: '01J000000000000000000000AC' }, parcel)).rejects.toThrow();
  const all = Buffer.concat(parcel);
  for (const at of [0, 1, 10, all.length - 40, all.length - 1]) {
    const other = Buffer.from(all);
    other[at]! ^= 1;
    await expect(unwrappedMany(MANY, [other])).rejects.toThrow();
  }
  await expect(unwrapped(PARTS, parcel)).rejects.toThrow('a parcel of version 2');
  const [one] = fc.sample(state, 1);
  await expect(unwrappedMany(MANY, await wrapped(PARTS, one!, random))).rejects.toThrow('a parcel of version 1');
});
