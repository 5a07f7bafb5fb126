import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteSums } from '../../../edge/fix/byte-sums.ts';

const plain = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum + byte, 0) % 256;

test('every byte counts once, wherever buffer and range begin', () => {
  const range = fc.tuple(fc.nat(2000), fc.nat(2000));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 2000 }), fc.nat(7), fc.array(range), (bytes, skip, ranges) => {
      const sums = new ByteSums();
      const buf = Buffer.from(bytes).subarray(Math.min(skip, bytes.length));
      for (const [one, other] of ranges) {
        const from = Math.min(one, other, buf.length);
        const to = Math.min(Math.max(one, other), buf.length);
        expect(sums.modulo256(buf, from, to)).toBe(plain(buf.subarray(from, to)));
      }
    }),
  );
});

test('the highest bytes overflow nothing', () => {
  const sums = new ByteSums();
  const bytes = Buffer.alloc(100_003, 0xff);
  sums.modulo256(bytes, 0, 20);
  for (const length of [511, 512, 513, 2047, 100_003]) {
    expect(sums.modulo256(bytes, 0, length)).toBe(plain(bytes.subarray(0, length)));
  }
});

test('buffers by turns are not mixed up, nor one that is written anew', () => {
  const sums = new ByteSums();
  const [one, other] = [Buffer.alloc(64, 1), Buffer.alloc(64, 3)];
  for (let i = 0; i < 3; i++) {
    expect(sums.modulo256(one, 0, 64)).toBe(64);
    expect(sums.modulo256(one, 0, 64)).toBe(64);
    expect(sums.modulo256(other, 0, 64)).toBe(192);
  }
  other.fill(2);
  expect(sums.modulo256(other, 0, 64)).toBe(128);
});
