// Long blocks out of keystream that another thread makes: sealed as AES-256-CTR and GMAC would have it, opened only unchanged, none of it used twice.

import { spawnSync } from 'node:child_process';
import { createCipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Home, openBlock, resealBlock, sealBlock } from '../../../edge/journal/block.ts';
import type { KeyedHome } from '../../../edge/journal/derived-keys.ts';
import { BLOCK_BYTES, VERSION } from '../../../edge/journal/format.ts';
import { Keystream, Ring } from '../../../edge/journal/keystream.ts';
import { SHORT_BYTES } from '../../../edge/journal/short.ts';
import { StreamedSealer } from '../../../edge/journal/streamed.ts';
import { keysOf } from './keys.ts';
import { append, blocksIn, crashed, type Line, logInto, newDirectory, openFile, sent, unlike } from './support.ts';

const STREAMED = 4;
const PIECE = 16_384;

const homeOf = (): Home & KeyedHome => ({
  version: VERSION,
  number: 7,
  salt: randomBytes(4).readUInt32LE(),
  key: createSecretKey(randomBytes(32)),
});

/** What the thread does, at once and only when asked. */
class Made {
  #ring = new Ring();
  #asked = this.#ring.asked(createSecretKey(randomBytes(32)));
  #cipher = createCipheriv('aes-256-ctr', randomBytes(32), Buffer.alloc(16));

  begin(key: KeyObject): void {
    this.#ring = new Ring();
    this.#asked = this.#ring.asked(key);
    this.#cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  }

  ring(_key: KeyObject, bytes: number): Ring | undefined {
    return this.#ring.has(bytes) ? this.#ring : undefined;
  }

  prepare(): void {
    const { state, ring } = this.#asked;
    for (; state[0]! * 16 + PIECE - state[1]! * 16 <= ring.length; state[0]! += PIECE / 16)
      ring.set(this.#cipher.update(Buffer.alloc(PIECE)), (state[0]! * 16) % ring.length);
  }
}

/** Seals `records` at `from` of a buffer of its own. */
function sealed(home: Home, streamed: StreamedSealer, records: Uint8Array, nonce = 0, from = 0): Buffer {
  const length = BLOCK_BYTES + records.length;
  const plain = Buffer.concat([Buffer.alloc(from + BLOCK_BYTES), records]);
  const into = Buffer.alloc(plain.length);
  const fields = { length, ordinal: 3, records: 1, last: true, nonce, depends: 12 };
  sealBlock(home, { plain, into, from }, fields, { short: undefined, streamed });
  return into.subarray(from, from + length);
}

const isStreamed = (block: Buffer): boolean => (block.readUInt32LE(16) & STREAMED) !== 0;
/** Units of 16 bytes of keystream that it has: from, to. */
const units = (block: Buffer): [number, number] => [
  block.readUInt32LE(20),
  block.readUInt32LE(20) + Math.ceil((block.length - BLOCK_BYTES) / 16),
];

function derived({ key, number, salt }: KeyedHome): { segment: Buffer; stream: Buffer; mac: Buffer } {
  const segment = Buffer.alloc(8);
  segment.writeUInt32LE(number, 0);
  segment.writeUInt32LE(salt, 4);
  const keys = Buffer.from(hkdfSync('sha256', key, segment, 'fixgate journal, long blocks', 64));
  return { segment, stream: keys.subarray(0, 32), mac: keys.subarray(32) };
}

/** Records and tag as the library makes them. */
function byTheLibrary(home: KeyedHome, block: Buffer, records: Uint8Array): [Buffer, Buffer] {
  const { segment, stream, mac } = derived(home);
  const [counter, iv] = [Buffer.alloc(16), Buffer.alloc(12)];
  counter.writeUInt32BE(units(block)[0], 12);
  iv.writeUInt32LE(units(block)[0], 8);
  const encrypted = createCipheriv('aes-256-ctr', stream, counter).update(records);
  const gmac = createCipheriv('aes-256-gcm', mac, iv);
  gmac.setAAD(Buffer.concat([segment, block.subarray(4, 32), encrypted]));
  gmac.final();
  return [encrypted, gmac.getAuthTag()];
}

const LENGTH = fc.integer({ min: SHORT_BYTES, max: 70_000 });

test('a block is what the library makes of it, where keystream is there, and GCM where none is', () => {
  const step = fc.oneof(fc.constant('prepare' as const), LENGTH, LENGTH, LENGTH);
  fc.assert(
    fc.property(fc.array(step, { minLength: 4, maxLength: 60, size: 'max' }), fc.nat(13), (steps, from) => {
      const home = homeOf();
      const made = new Made();
      const sealer = new StreamedSealer(home, made);
      let [end, nonce] = [0, 0];
      for (const one of steps) {
        if (one === 'prepare') {
          made.prepare();
          continue;
        }
        const records = randomBytes(one);
        const lies = made.ring(home.key, one) !== undefined;
        const block = sealed(home, sealer, records, nonce++, from);
        expect(isStreamed(block)).toBe(lies);
        expect(openBlock(home, block, 0, block.length).equals(records)).toBe(true);
        const again = Buffer.concat([block.subarray(0, BLOCK_BYTES), records]);
        resealBlock(home, again, 0, again.length);
        expect(again.equals(block)).toBe(true);
        if (!lies) continue;
        expect(units(block)[0]).toBe(end);
        end = units(block)[1];
        const [encrypted, tag] = byTheLibrary(home, block, records);
        expect(block.subarray(BLOCK_BYTES).equals(encrypted)).toBe(true);
        expect(block.subarray(32, 48)).toEqual(tag);
      }
    }),
    { numRuns: 30 },
  );
});

/** One such block, and what it was. */
function one(length: number): { home: Home & KeyedHome; block: Buffer; records: Buffer } {
  const [home, made] = [homeOf(), new Made()];
  const sealer = new StreamedSealer(home, made);
  made.prepare();
  sealed(home, sealer, randomBytes(SHORT_BYTES));
  const records = randomBytes(length);
  return { home, block: sealed(home, sealer, records), records };
}

test('with one bit changed, under another key or at another place, a block does not open', () => {
  const places = fc.oneof(fc.integer({ min: 4, max: 47 }), fc.nat());
  fc.assert(
    fc.property(fc.integer({ min: SHORT_BYTES, max: 9000 }), places, fc.nat(7), (length, where, bit) => {
      const { home, block } = one(length);
      // What stands before byte 4 is the CRC, which is proved by itself.
      const at = 4 + ((where + block.length - 8) % (block.length - 4));
      const changed = Buffer.from(block);
      changed[at]! ^= 1 << bit;
      expect(() => openBlock(home, changed, 0, block.length)).toThrow();
      expect(() => resealBlock(home, Buffer.from(changed), 0, block.length)).toThrow();
      const elsewhere: Home[] = [
        { ...home, number: 8 },
        { ...home, salt: home.salt ^ 1 },
        { ...home, key: homeOf().key },
        { ...home, version: 6 },
      ];
      for (const other of elsewhere) expect(() => openBlock(other, block, 0, block.length)).toThrow();
    }),
  );
});

test('a journal with the thread, over several segments, is read as it was written', async () => {
  const directory = newDirectory();
  const lines: Line[] = [];
  const keys = await keysOf(directory);
  const limits = { segment_bytes: 2_000_000, resend_retention: 1_000_000 };
  const journal = openFile(directory, limits, lines, {
    keys,
    keystream: new Keystream(logInto(lines)),
  });
  const store = journal.session('one');
  const long = () => blocksIn(directory).map((blocks) => blocks.filter(({ length }) => length > SHORT_BYTES));
  // Two segments with such blocks, and one with others as well: the thread brings what a segment needs in its own time.
  const hasAll = (): boolean =>
    long().filter((blocks) => blocks.some(isStreamed)).length >= 2 &&
    long().some((blocks) => new Set(blocks.map(isStreamed)).size === 2);
  for (let n = 1; n % 50 !== 0 || !hasAll(); n++) {
    for (let i = 0; i < 20; i++) append(store, unlike(n * 20 + i, 900));
    journal.flush();
    journal.prepare?.();
    // The key of the next segment comes in its own time.
    await new Promise((resolve) => setImmediate(resolve));
  }
  // On a machine that has other work a key may come late: then the next segment is tried again.
  const late = 'a new segment of the journal could not be made complete: tried again later';
  expect(lines.filter(({ level, message }) => level !== 'info' && message !== late)).toEqual([]);
  for (const blocks of long()) {
    let end = 0;
    for (const block of blocks.filter(isStreamed)) {
      expect(units(block)[0]).toBeGreaterThanOrEqual(end);
      end = units(block)[1];
    }
  }
  const copy = crashed(directory);
  const again = openFile(copy, limits, [], { keys: await keysOf(copy) }).session('one');
  expect(sent(again)).toEqual(sent(store));
  expect(again.nextOut).toBe(store.nextOut);
});

const FAILING = new URL('data:text/javascript,throw new Error("gone")');

test('a thread that fails is told of once, and blocks are sealed without', async () => {
  const lines: Line[] = [];
  const keystream = new Keystream(logInto(lines), FAILING);
  const sealer = new StreamedSealer(homeOf(), keystream);
  expect(sealer.ring(5000)).toBeUndefined();
  while (lines.length === 0) await new Promise((resolve) => setImmediate(resolve));
  new StreamedSealer(homeOf(), keystream);
  expect(sealer.ring(5000)).toBeUndefined();
  expect(lines).toMatchObject([{ level: 'warn', fields: { error: { message: 'gone' } } }]);
});

test('a segment has no keystream of one that was to follow it and could not be begun', async () => {
  const keystream = new Keystream(logInto([]));
  const [home, next] = [homeOf(), homeOf()];
  const sealer = new StreamedSealer(home, keystream);
  const following = new StreamedSealer(next, keystream);
  while (following.ring(5000) === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  const records = randomBytes(5000);
  const block = sealed(home, sealer, records);
  keystream.end();
  expect([isStreamed(block), openBlock(home, block, 0, block.length).equals(records)]).toEqual([false, true]);
});

test('the thread keeps no process alive', () => {
  const script = `
    const { Keystream } = await import(${JSON.stringify(new URL('../../../edge/journal/keystream.ts', import.meta.url).href)});
    const { createSecretKey, randomBytes } = await import('node:crypto');
    const keystream = new Keystream({ info() {}, warn() {}, error() {} });
    const key = createSecretKey(randomBytes(32));
    keystream.begin(key);
    while (keystream.ring(key, 5000) === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    process.stdout.write('made');`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
  expect([stdout.toString(), status]).toEqual(['made', 0]);
}, 30_000);
