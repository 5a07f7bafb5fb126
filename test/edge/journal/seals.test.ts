// Seals of blocks: whatever is made ahead, dropped or used, no two have the same nonce under one key, and each opens what it sealed.

import { createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BLOCK_BYTES, readHeader, segmentNumber } from '../../../edge/journal/format.ts';
import { IV_BYTES, type Sealed, Seals, writeIv } from '../../../edge/journal/seals.ts';
import { keysOf } from './keys.ts';
import { append, crashed, newDirectory, openFile, sent } from './support.ts';

const segmentOf = (salt: number): Sealed => ({ salt, key: createSecretKey(randomBytes(32)), nonce: 0 });

test('whatever is prepared and taken in whatever order, no nonce of a segment comes twice', () => {
  const step = fc.record({ what: fc.constantFrom('prepare' as const, 'take' as const), segment: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const segments = [segmentOf(1), segmentOf(2), segmentOf(3)];
      const seals = new Seals();
      const used = segments.map(() => new Set<number>());
      for (const { what, segment } of steps) {
        const of = segments[segment]!;
        if (what === 'prepare') {
          seals.prepare(of);
          continue;
        }
        const { nonce, cipher } = seals.take(of);
        expect(used[segment]!.has(nonce)).toBe(false);
        used[segment]!.add(nonce);
        // It is a cipher of this segment's key and of this nonce.
        const plain = Buffer.from(`${segment} ${nonce}`);
        const sealed = Buffer.concat([cipher!.update(plain), cipher!.final()]);
        const iv = Buffer.alloc(IV_BYTES);
        writeIv(iv, of.salt, nonce);
        const decipher = createDecipheriv('aes-256-gcm', of.key!, iv, { authTagLength: 16 });
        decipher.setAuthTag(cipher!.getAuthTag());
        expect(Buffer.concat([decipher.update(sealed), decipher.final()])).toEqual(plain);
      }
    }),
  );
});

test('a seal that has been used seals nothing more', () => {
  const seals = new Seals();
  const { cipher } = seals.take(segmentOf(1));
  cipher!.update(Buffer.from('one'));
  cipher!.final();
  expect(() => cipher!.update(Buffer.from('two'))).toThrow();
});

test('a segment that is not encrypted uses up no nonce ahead', () => {
  const plain: Sealed = { salt: 1, key: undefined, nonce: 0 };
  const seals = new Seals();
  seals.prepare(plain);
  expect(seals.take(plain)).toEqual({ nonce: 0, cipher: undefined });
});

/** Nonces of the blocks of each segment that is there. */
function noncesIn(directory: string): number[][] {
  return readdirSync(directory)
    .map(segmentNumber)
    .filter((number) => number > 0)
    .map((number) => {
      const bytes = readFileSync(join(directory, `${String(number).padStart(10, '0')}.seg`));
      const header = readHeader(bytes, number);
      if (!header.ok) throw new Error('the header is not in order');
      const nonces: number[] = [];
      for (let at = header.bytes; at + BLOCK_BYTES <= bytes.length; at += bytes.readUInt32LE(at + 4))
        nonces.push(bytes.readUInt32LE(at + 20));
      return nonces;
    });
}

test('a journal that prepares after each flush, over several segments, is read as it was written', async () => {
  const directory = newDirectory();
  const keys = await keysOf(directory);
  const journal = openFile(directory, { segment_bytes: 4000, block_bytes: 400 }, [], { keys });
  const store = journal.session('one');
  for (let n = 1; n <= 120; n++) {
    for (let i = 0; i < (n % 4) + 1; i++) append(store, `${n} ${'x'.repeat(100)}`);
    journal.flush();
    for (let i = 0; i < n % 3; i++) journal.prepare?.();
    // The key of the next segment comes in its own time.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const segments = noncesIn(directory);
  expect(segments.length).toBeGreaterThan(2);
  for (const nonces of segments) expect(new Set(nonces).size).toBe(nonces.length);
  const copy = crashed(directory);
  const again = openFile(copy, {}, [], { keys: await keysOf(copy) }).session('one');
  expect(sent(again)).toEqual(sent(store));
  expect(again.nextOut).toBe(store.nextOut);
});
