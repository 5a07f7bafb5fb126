// Segments at rest: nothing of a message can be read in them, each has a key of its own under the name of edge and segment,
// and what was changed in them is found though its CRC is right.

import { createSecretKey } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { blockCrc } from '../../../edge/journal/block.ts';
import { BLOCK_BYTES, readHeader, segmentNumber } from '../../../edge/journal/format.ts';
import { JournalError } from '../../../edge/journal/journal.ts';
import type { KeyBox } from '../../../edge/journal/keys.ts';
import { SHORT_BYTES } from '../../../edge/journal/short.ts';
import { BOX, keysOf } from './keys.ts';
import { append, crashed, enqueue, type Line, newDirectory, openFile, seen, sent, unlike } from './support.ts';

const SECRET = 'the price is 4711';

const files = (directory: string): string[] => readdirSync(directory).filter((name) => segmentNumber(name) > 0);

async function failure(work: () => unknown): Promise<JournalError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof JournalError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** A journal of many messages over some segments, killed. */
async function made(limits: object = {}): Promise<string> {
  const directory = newDirectory();
  const journal = openFile(directory, limits, [], { keys: await keysOf(directory) });
  const store = journal.session('one');
  for (let n = 1; n <= 40; n++) {
    append(store, `${n} ${SECRET}`);
    if (n % 3 === 0) journal.flush();
  }
  enqueue(store, `waits ${SECRET}`);
  journal.flush();
  return crashed(directory);
}

test('a message cannot be read in the files, and is there again for who has the key', async () => {
  const directory = await made();
  for (const name of files(directory)) {
    const bytes = readFileSync(join(directory, name));
    expect(bytes.includes('4711')).toBe(false);
    expect(bytes.includes('one')).toBe(false);
  }
  const journal = openFile(directory, {}, [], { keys: await keysOf(directory) });
  const store = journal.session('one');
  expect(sent(store)).toHaveLength(40);
  // By turns from far ends: blocks at hand and blocks not at hand.
  for (let n = 1; n <= 20; n++) {
    for (const one of [n, 41 - n]) {
      const found = store.next(one, one);
      if (found === undefined || found === 'loading') throw new Error(`${one} is not there`);
      expect(found.buf.toString('latin1', found.start, found.end)).toBe(`${one} ${SECRET}`);
    }
  }
  expect(seen(store).oldest).toBe(`waits ${SECRET}`);
});

test('without keys, with those of another edge, or another master key it does not open', async () => {
  const directory = await made();
  expect((await failure(() => openFile(directory))).code).toBe('no_key');
  const other = await failure(() => keysOf(directory, { edgeId: 'edge-2' }));
  expect(other).toMatchObject({ code: 'no_key', message: expect.stringContaining('segment 1') });
  const broken: KeyBox = { ...BOX, open: async () => new Uint8Array(31) };
  expect((await failure(() => keysOf(directory, { box: broken }))).code).toBe('no_key');
});

test('a segment under the name of another is found out', async () => {
  const directory = await made();
  writeFileSync(join(directory, '0000000002.seg'), readFileSync(join(directory, '0000000001.seg')));
  // The header names the segment, and so does the context of its key, which is not asked for then.
  const error = await failure(async () => openFile(directory, {}, [], { keys: await keysOf(directory) }));
  expect(error).toMatchObject({ code: 'damaged', message: expect.stringContaining('is segment 1 by its header') });
});

test('what was changed by somebody who made the CRC fit does not open', async () => {
  const directory = await made();
  const [name] = files(directory) as [string];
  const path = join(directory, name);
  const whole = readFileSync(path);
  const header = readHeader(whole, 1);
  if (!header.ok) throw new Error('the header is not in order');
  const second = header.bytes + whole.readUInt32LE(header.bytes + 4);
  const length = whole.readUInt32LE(second + 4);
  // Of the block: flags, nonce, what it depends on, its tag, a record; one bit each.
  for (const at of [16, 20, 24, 32, BLOCK_BYTES, length - 1]) {
    for (const file of files(directory)) rmSync(join(directory, file));
    const bytes = Buffer.from(whole);
    bytes[second + at]! ^= 2;
    bytes.writeUInt32LE(blockCrc({ ...header, key: createSecretKey(Buffer.alloc(32)) }, bytes, second, length), second);
    writeFileSync(path, bytes);
    const error = await failure(async () => openFile(directory, {}, [], { keys: await keysOf(directory) }));
    expect(error.message).toBe(`${path} has a damaged block at ${second}`);
  }
});

// Of long ones; for those of short ones see short.test.ts.
test('no nonce is used twice with one key', async () => {
  const directory = newDirectory();
  const journal = openFile(directory, { block_bytes: 4000 }, [], { keys: await keysOf(directory) });
  const store = journal.session('one');
  for (let n = 0; n < 30; n++) {
    for (let i = 0; i < 100; i++) append(store, unlike(n * 100 + i, 100));
    journal.flush();
  }
  const bytes = readFileSync(join(directory, files(directory)[0]!));
  const header = readHeader(bytes, 1);
  if (!header.ok) throw new Error('the header is not in order');
  const nonces: number[] = [];
  for (let at = header.bytes; at < bytes.length; at += bytes.readUInt32LE(at + 4))
    if (bytes.readUInt32LE(at + 4) > SHORT_BYTES) nonces.push(bytes.readUInt32LE(at + 20));
  expect(nonces.length).toBeGreaterThan(60);
  expect(new Set(nonces).size).toBe(nonces.length);
});

test('encryption may be turned on and off: what is there is read either way', async () => {
  const directory = newDirectory();
  const states: unknown[] = [];
  let home = directory;
  for (const encrypt of [false, true, false, true]) {
    const keys = await keysOf(home, { encrypt });
    const journal = openFile(home, {}, [], { keys, encrypt });
    const store = journal.session('one');
    if (states.length > 0) expect(seen(store)).toEqual(states.at(-1));
    append(store, SECRET);
    journal.flush();
    states.push(seen(store));
    const last = files(home).sort().at(-1)!;
    expect(readFileSync(join(home, last)).includes(SECRET)).toBe(!encrypt);
    home = crashed(home);
  }
  expect(seen(openFile(home, {}, [], { keys: await keysOf(home) }).session('one'))).toEqual(states.at(-1));
});

test('while no key can be had the segment grows, and is followed when there is one', async () => {
  const directory = newDirectory();
  const lines: Line[] = [];
  let away = false;
  const box: KeyBox = {
    ...BOX,
    seal: async (plain, context) => {
      if (away) throw new Error('the key service does not answer');
      return BOX.seal(plain, context);
    },
  };
  const keys = await keysOf(directory, { box, lines });
  away = true;
  const journal = openFile(directory, { segment_bytes: 2000 }, lines, { keys });
  const store = journal.session('one');
  const more = (): void => {
    append(store, 'y'.repeat(300));
    journal.flush();
  };
  for (let n = 0; n < 30; n++) more();
  expect(files(directory)).toEqual(['0000000001.seg']);
  expect(statSync(join(directory, '0000000001.seg')).size).toBeGreaterThan(9000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(lines.map(({ message }) => message)).toContain('the key of the next segment of the journal is not there yet');
  away = false;
  while (files(directory).length < 2) {
    more();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(sent(store).length).toBe(store.nextOut - 1);
}, 20_000);
