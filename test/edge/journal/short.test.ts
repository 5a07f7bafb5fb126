// Short blocks: sealed as AES-256-CTR and HMAC-SHA-256 would have it, opened only unchanged, and no keystream of a segment is used twice.

import { createCipheriv, createHmac, createSecretKey, hkdfSync, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type BlockFields,
  type Home,
  openBlock,
  readBlock,
  resealBlock,
  sealBlock,
} from '../../../edge/journal/block.ts';
import type { KeyedHome } from '../../../edge/journal/derived-keys.ts';
import { BLOCK_BYTES, VERSION } from '../../../edge/journal/format.ts';
import { SHORT_BYTES, ShortSealer } from '../../../edge/journal/short.ts';
import { keysOf } from './keys.ts';
import { append, blocksIn, crashed, newDirectory, openFile, sent, unlike } from './support.ts';

const SHORT = 2;
const homeOf = (number = 7): Home & KeyedHome => ({
  version: VERSION,
  number,
  salt: randomBytes(4).readUInt32LE(),
  key: createSecretKey(randomBytes(32)),
});

/** Seals `records` at `from` of a buffer of its own. */
function sealed(home: Home, sealer: ShortSealer | undefined, records: Uint8Array, nonce = 0, from = 0): Buffer {
  const length = BLOCK_BYTES + records.length;
  const plain = Buffer.concat([Buffer.alloc(from + BLOCK_BYTES), records, Buffer.alloc(8)]);
  const into = Buffer.alloc(plain.length);
  const fields: BlockFields = { length, ordinal: 3, records: 1, last: true, nonce, depends: 12 };
  sealBlock(home, { plain, into, from }, fields, { short: sealer, streamed: undefined });
  return into.subarray(from, from + length);
}

const isShort = (block: Buffer): boolean => (block.readUInt32LE(16) & SHORT) !== 0;
/** Units of 16 bytes of keystream that it has: from, to. */
const units = (block: Buffer): [number, number] => [
  block.readUInt32LE(20),
  block.readUInt32LE(20) + Math.ceil((block.length - BLOCK_BYTES) / 16),
];

const some = fc.uint8Array({ minLength: 1, maxLength: SHORT_BYTES + 500, size: 'max' });

test('a block is what the library makes of it, and opens as what it was', () => {
  fc.assert(
    fc.property(fc.array(some, { minLength: 1, maxLength: 12 }), fc.nat(13), (all, from) => {
      const home = homeOf();
      const sealer = new ShortSealer(home);
      all.forEach((records, nonce) => {
        const block = sealed(home, sealer, records, nonce, from);
        expect(isShort(block)).toBe(block.length <= SHORT_BYTES);
        expect(Buffer.from(openBlock(home, block, 0, block.length))).toEqual(Buffer.from(records));
        expect(readBlock(VERSION, block, 0)).toMatchObject({ length: block.length, last: true, depends: 12 });
        const again = Buffer.concat([block.subarray(0, BLOCK_BYTES), records]);
        resealBlock(home, again, 0, again.length);
        expect(again).toEqual(block);
        if (!isShort(block)) return;
        const segment = Buffer.alloc(8);
        segment.writeUInt32LE(home.number, 0);
        segment.writeUInt32LE(home.salt, 4);
        const keys = Buffer.from(hkdfSync('sha256', home.key, segment, 'fixgate journal, short blocks', 64));
        const iv = Buffer.alloc(16);
        iv.writeUInt32BE(units(block)[0], 12);
        const encrypted = createCipheriv('aes-256-ctr', keys.subarray(0, 32), iv).update(records);
        expect(block.subarray(BLOCK_BYTES)).toEqual(encrypted);
        const mac = createHmac('sha256', keys.subarray(32));
        mac.update(segment).update(block.subarray(4, 32)).update(encrypted);
        expect(block.subarray(32, 48)).toEqual(mac.digest().subarray(0, 16));
      });
    }),
    { numRuns: 30 },
  );
});

test('whatever is prepared, sealed and thrown away in whatever order, no keystream comes twice', () => {
  const step = fc.oneof(fc.constant('prepare' as const), fc.integer({ min: 1, max: SHORT_BYTES - BLOCK_BYTES }));
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 120, size: 'max' }), (steps) => {
      const home = homeOf();
      const sealer = new ShortSealer(home);
      let end = 0;
      for (const one of steps) {
        if (one === 'prepare') {
          sealer.prepare();
          continue;
        }
        const [from, to] = units(sealed(home, sealer, Buffer.alloc(one)));
        expect(from).toBeGreaterThanOrEqual(end);
        end = to;
      }
    }),
  );
});

test('the same records are never encrypted alike, in two segments of one key neither', () => {
  const one = homeOf(1);
  const two = { ...one, number: 2 };
  const [first, second] = [new ShortSealer(one), new ShortSealer(two)];
  const records = Buffer.alloc(200, 'x');
  const all = [sealed(one, first, records), sealed(one, first, records), sealed(two, second, records)];
  expect(new Set(all.map((block) => block.toString('latin1', BLOCK_BYTES))).size).toBe(3);
});

test('with one bit changed, under another key or at another place, a block does not open', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), fc.nat(7), (records, where, bit) => {
      const home = homeOf();
      const block = sealed(home, new ShortSealer(home), records);
      // What stands before byte 4 is the CRC, which is proved by itself.
      const at = 4 + (where % (block.length - 4));
      const changed = Buffer.from(block);
      changed[at]! ^= 1 << bit;
      expect(() => openBlock(home, changed, 0, block.length)).toThrow();
      const elsewhere: Home[] = [
        { ...home, number: 8 },
        { ...home, salt: home.salt ^ 1 },
        { ...home, key: homeOf().key },
        { ...home, version: 3 },
      ];
      for (const other of elsewhere) expect(() => openBlock(other, block, 0, block.length)).toThrow();
    }),
  );
});

test('records that are not those that were sealed are not sealed again under that tag', () => {
  const home = homeOf();
  const block = sealed(home, new ShortSealer(home), Buffer.from('one'));
  const other = Buffer.concat([block.subarray(0, BLOCK_BYTES), Buffer.from('two')]);
  expect(() => resealBlock(home, other, 0, other.length)).toThrow('is not as it was');
});

test('a journal of short and long blocks, over several segments, is read as it was written', async () => {
  const directory = newDirectory();
  const keys = await keysOf(directory);
  const journal = openFile(directory, { segment_bytes: 40_000 }, [], { keys });
  const store = journal.session('one');
  for (let n = 1; n <= 200 || blocksIn(directory).length < 3; n++) {
    for (let i = 0; i < (n % 4) + 1; i++) append(store, unlike(n * 4 + i, n % 7 === 0 ? 900 : 100));
    journal.flush();
    for (let i = 0; i < n % 3; i++) journal.prepare?.();
    // The key of the next segment comes in its own time.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const segments = blocksIn(directory);
  expect(new Set(segments.flat().map(isShort))).toEqual(new Set([true, false]));
  for (const blocks of segments) {
    let end = 0;
    for (const block of blocks.filter(isShort)) {
      const [from, to] = units(block);
      expect(from).toBeGreaterThanOrEqual(end);
      end = to;
    }
    const nonces = blocks.filter((block) => !isShort(block)).map((block) => block.readUInt32LE(20));
    expect(new Set(nonces).size).toBe(nonces.length);
  }
  const copy = crashed(directory);
  const again = openFile(copy, {}, [], { keys: await keysOf(copy) }).session('one');
  expect(sent(again)).toEqual(sent(store));
  expect(again.nextOut).toBe(store.nextOut);
});
