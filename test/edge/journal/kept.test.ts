// What stays on disk, how it is found when it is damaged, and who may use it.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { KEEP, type SessionStore, SUBMITTED } from '../../../edge/fix/session/ports.ts';
import { BLOCK_BYTES, HEADER_BYTES } from '../../../edge/journal/format.ts';
import { JournalError } from '../../../edge/journal/journal.ts';
import {
  append,
  crashed,
  enqueue,
  type Line,
  NOW,
  newDirectory,
  openFile,
  promote,
  seen,
  sent,
  unlike,
} from './support.ts';

const segments = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.seg'))
    .sort();

const failure = (work: () => unknown): JournalError => {
  try {
    work();
  } catch (error) {
    if (error instanceof JournalError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

/** A journal of three flushed messages in three blocks behind the first two. */
function small(): { directory: string; file: string; bytes: Buffer } {
  const directory = newDirectory();
  const journal = openFile(directory);
  const store = journal.session('one');
  journal.flush();
  for (const body of ['first', 'second', 'third']) {
    append(store, body);
    journal.flush();
  }
  const copy = crashed(directory);
  const file = join(copy, segments(copy)[0]!);
  return { directory: copy, file, bytes: readFileSync(file) };
}

test('files are for their owner only', () => {
  const { directory } = small();
  openFile(newDirectory());
  for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
});

test.each([
  [true, 'the start stops, naming the file'],
  [false, 'so it does, or the last block goes: a machine that died may have left anything there'],
])('the machine up since: %s; one flipped bit anywhere is found: %s', (up) => {
  const { directory, file, bytes } = small();
  const lastBlock = up ? bytes.length : lastBlockAt(bytes);
  for (let at = 0; at < bytes.length; at++) {
    for (const name of segments(directory)) rmSync(join(directory, name));
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1 << (at % 8);
    writeFileSync(file, flipped);
    if (at < lastBlock) {
      const error = failure(() => openFile(directory, {}, [], { up }));
      expect(['damaged', 'unknown_version']).toContain(error.code);
      expect(error.message).toContain(file);
    } else {
      const lines: Line[] = [];
      const journal = openFile(directory, {}, lines);
      expect(sent(journal.session('one')).map(([n]) => n)).toEqual([1, 2]);
      expect(lines).toContainEqual(expect.objectContaining({ message: expect.stringContaining('cut off') }));
      void journal.close();
    }
  }
});

function lastBlockAt(bytes: Buffer): number {
  let at = HEADER_BYTES;
  for (;;) {
    const next = at + bytes.readUInt32LE(at + 4);
    if (next >= bytes.length) return at;
    at = next;
  }
}

test('damage says where it is', () => {
  const { directory, file, bytes } = small();
  const second = HEADER_BYTES + bytes.readUInt32LE(HEADER_BYTES + 4);
  bytes[second + BLOCK_BYTES]! ^= 1;
  writeFileSync(file, bytes);
  expect(failure(() => openFile(directory))).toMatchObject({
    code: 'damaged',
    message: `${file} has a damaged block at ${second}`,
  });
});

test('a segment from a later release is not guessed at', () => {
  const { directory, file, bytes } = small();
  bytes[3] = 9;
  writeFileSync(file, bytes);
  expect(failure(() => openFile(directory)).message).toContain(file);
});

test.each([0, 10, HEADER_BYTES, HEADER_BYTES + 20])(
  'a next segment of which only %d bytes were written is taken back',
  (length) => {
    const limits = { segment_bytes: 600 };
    const directory = newDirectory();
    const journal = openFile(directory, limits);
    const store = journal.session('one');
    let before = crashed(directory);
    let state = seen(store);
    while (segments(directory).length < 3) {
      before = crashed(directory);
      append(store, 'x'.repeat(100));
      state = seen(store);
      journal.flush();
    }
    // The flush itself was whole; what it began thereafter was not.
    const [, second, third] = segments(directory) as [string, string, string];
    for (const name of [second, third]) writeFileSync(join(before, name), readFileSync(join(directory, name)));
    truncateSync(join(before, third), length);
    const lines: Line[] = [];
    expect(seen(openFile(before, limits, lines).session('one'))).toEqual(state);
    expect(lines.map(({ message }) => message)).toContain('a segment of the journal was never complete: deleted');
  },
);

test('segments go when their messages are dead, and the few of a quiet session are carried forward', () => {
  const limits = { segment_bytes: 20_000, resend_retention: 50 };
  const directory = newDirectory();
  const journal = openFile(directory, limits);
  const quiet = journal.session('quiet');
  const busy = journal.session('busy');
  append(quiet, 'kept for long');
  enqueue(quiet, 'waits for long');
  enqueue(quiet, 'promoted early');
  promote(quiet, 'promoted');
  for (let n = 0; n < 10_000; n++) {
    append(busy, unlike(n, 100));
    if (n % 10 === 0) journal.flush();
  }
  journal.flush();
  // By where it ends: one whose messages are dead goes at the second rotation thereafter.
  expect(segments(directory).length).toBeLessThanOrEqual(4);
  expect(Number.parseInt(segments(directory)[0]!, 10)).toBeGreaterThan(50);
  const again = openFile(crashed(directory), limits);
  for (const store of [quiet, again.session('quiet')])
    expect(seen(store)).toMatchObject({
      sent: [
        [1, 'kept for long'],
        [2, 'promoted'],
      ].slice(0, 2),
      pending: 1,
      oldest: 'promoted early',
    });
  expect(sent(again.session('busy')).map(([n]) => n)).toEqual(Array.from({ length: 50 }, (_, i) => 9951 + i));
});

test('what is carried forward comes a little after each flush, and is there at any moment of it', () => {
  const limits = { segment_bytes: 60_000, carry_bytes: 500 };
  const directory = newDirectory();
  const journal = openFile(directory, limits);
  const quiet = Array.from({ length: 20 }, (_, i) => journal.session(`quiet-${i}`));
  const busy = journal.session('busy', { retention: 10 });
  for (const store of quiet) for (let n = 0; n < 5; n++) append(store, `${n}`.padEnd(100, '.'));
  const before = quiet.map(seen);
  const grown: number[] = [];
  let last = '';
  let size = 0;
  while (segments(directory).length > 1 || grown.length < 300) {
    append(busy, 'x'.repeat(200));
    journal.flush();
    const [name] = segments(directory).slice(-1) as [string];
    const now = statSync(join(directory, name)).size;
    if (name === last) grown.push(now - size);
    [last, size] = [name, now];
    if (grown.length % 50 === 0) {
      const again = openFile(crashed(directory), limits);
      expect(quiet.map((_, i) => seen(again.session(`quiet-${i}`)))).toEqual(before);
    }
    if (grown.length > 2000) break;
  }
  // A flush with one message, and behind it what is carried: the last message of that may be beyond its share.
  expect(Math.max(...grown)).toBeLessThan(400 + 500 + 300);
  expect(grown.some((bytes) => bytes > 600)).toBe(true);
  expect(Number.parseInt(segments(directory)[0]!, 10)).toBeGreaterThan(1);
  expect(quiet.map(seen)).toEqual(before);
});

test('a block that is opened for each of many sessions counts each time', () => {
  const limits = { segment_bytes: 200_000, carry_bytes: 2000 };
  const directory = newDirectory();
  const journal = openFile(directory, limits);
  const quiet = Array.from({ length: 15 }, (_, i) => journal.session(`quiet-${i}`));
  const busy = journal.session('busy', { retention: 10 });
  // Each flush is one block of 2 KB with a message of each.
  for (let n = 0; n < 20; n++) {
    for (const store of quiet) append(store, `${n}`.padEnd(100, '.'));
    journal.flush();
  }
  const before = quiet.map(seen);
  // While the first segment is carried into the second; there they lie together.
  let [last, size, most] = ['', 0, 0];
  for (let n = 0; n < 3000; n++) {
    append(busy, 'x'.repeat(200));
    journal.flush();
    const [name] = segments(directory).slice(-1) as [string];
    const now = statSync(join(directory, name)).size;
    if (name === last && segments(directory).length === 2) most = Math.max(most, now - size);
    [last, size] = [name, now];
  }
  // By what is copied alone it would be 15 messages after each flush; it is two or three.
  expect(most).toBeLessThan(400 + 4 * 150);
  expect(Number.parseInt(segments(directory)[0]!, 10)).toBeGreaterThan(1);
  expect(quiet.map(seen)).toEqual(before);
});

test('a ClOrdID that is carried forward late puts out no younger one at the next start', () => {
  const limits = { segment_bytes: 20_000, carry_bytes: 1 };
  const terms = { ids: 100, ids_s: 3600 };
  const directory = newDirectory();
  const journal = openFile(directory, limits);
  const store = journal.session('one', terms);
  const busy = journal.session('busy', { retention: 5 });
  const use = (id: string, i: number): void => {
    const text = `35=D|11=${id}|58=${'.'.repeat(60)}|`;
    store.received(1, Buffer.from(text), 0, text.length, NOW + i * 100, SUBMITTED, 8, 8 + id.length);
  };
  const ids = Array.from({ length: 400 }, (_, i) => `id-${i}`);
  const known = (of: SessionStore): string[] =>
    ids.filter((id) => of.knowsId(Buffer.from(id), 0, Buffer.byteLength(id), NOW));
  for (const [i, id] of ids.entries()) {
    use(id, i);
    append(busy, 'x'.repeat(500));
    journal.flush();
    if (i % 5 !== 4) continue;
    expect(known(store)).toEqual(ids.slice(Math.max(0, i - 99), i + 1));
    expect(known(openFile(crashed(directory), limits).session('one', terms))).toEqual(known(store));
  }
});

test('beyond total_bytes the oldest sent messages are forgotten, never one that waits', () => {
  const limits = { segment_bytes: 10_000, total_bytes: 50_000 };
  const directory = newDirectory();
  const lines: Line[] = [];
  const journal = openFile(directory, limits, lines);
  const store = journal.session('one');
  enqueue(store, 'waits');
  for (let n = 0; n < 2000; n++) {
    append(store, 'x'.repeat(100));
    journal.flush();
  }
  const bytes = segments(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  expect(bytes).toBeLessThan(70_000);
  const [first] = sent(store)[0]!;
  expect(first).toBeGreaterThan(1000);
  expect(lines.map(({ message }) => message)).toContain('the journal is full: the oldest are forgotten');
  const again = openFile(crashed(directory), limits);
  expect(seen(again.session('one'))).toEqual(seen(store));
  expect(seen(store)).toMatchObject({ nextOut: 2001, pending: 1, oldest: 'waits' });
});

test('5,000 sessions: one write, one snapshot, all there again', () => {
  const limits = { segment_bytes: 1_000_000 };
  const directory = newDirectory();
  const journal = openFile(directory, limits);
  const keys = Array.from({ length: 5000 }, (_, i) => `FIX.4.4|GATEWAY|USER_${i}|`);
  const stores = keys.map((key) => journal.session(key));
  for (let round = 1; round <= 3; round++) {
    stores.forEach((store, i) => {
      store.setNextIn(round * 10 + (i % 7));
      append(store, `${i}/${round}`);
    });
    journal.flush();
  }
  expect(segments(directory).length).toBeGreaterThan(1);
  const again = openFile(crashed(directory), limits);
  keys.forEach((key, i) => {
    const store = again.session(key);
    expect([store.nextIn, store.nextOut]).toEqual([30 + (i % 7), 4]);
    expect(sent(store).map(([, body]) => body)).toEqual([`${i}/1`, `${i}/2`, `${i}/3`]);
  });
});

test('numbers of a flush cost one small record per session', () => {
  const directory = newDirectory();
  const journal = openFile(directory);
  const store = journal.session('one');
  journal.flush();
  const file = join(directory, segments(directory)[0]!);
  const before = statSync(file).size;
  for (let n = 2; n < 1000; n++) {
    store.setNextIn(n);
    store.setNextOut(n);
  }
  journal.flush();
  journal.flush();
  expect(statSync(file).size - before).toBe(BLOCK_BYTES + 28);
});

test('one process at a time: refused while it lives, free when it is gone', async () => {
  const directory = newDirectory();
  const journal = openFile(directory);
  expect(failure(() => openFile(directory)).code).toBe('in_use');
  const program = `
    import { openJournal } from ${JSON.stringify(new URL('../../../edge/journal/file.ts', import.meta.url).href)};
    const none = () => {};
    try {
      openJournal({ directory: ${JSON.stringify(directory)}, now: () => 1, log: { info: none, warn: none, error: none } });
      console.log('opened');
      process.kill(process.pid, 'SIGKILL');
    } catch (error) {
      console.log(error.code);
    }`;
  const other = () =>
    new Promise<string>((resolve) => {
      execFile(process.execPath, ['--input-type=module', '-e', program], (_error, out, err) =>
        resolve(out.trim() || err),
      );
    });
  expect(await other()).toBe('in_use');
  await journal.close();
  expect(await other()).toBe('opened');
  openFile(directory).flush();
});

test('a directory that cannot be one stops the start', () => {
  const file = join(newDirectory(), 'file');
  writeFileSync(file, '');
  expect(failure(() => openFile(join(file, 'journal'))).code).toBe('unusable');
});

test('who asks for what is kept no longer, by number or by age, gets what there is, and the log says so; also after a restart', () => {
  let directory = newDirectory();
  let time = NOW;
  const lines: Line[] = [];
  const open = () => openFile(directory, {}, lines, { now: () => time });
  const asked = (session: SessionStore, from: number, to: number): [number | undefined, object[]] => {
    lines.length = 0;
    const found = session.next(from, to);
    const said = lines.filter(({ message }) => message === 'asked for messages kept no longer: gap-filled');
    return [found === undefined || found === 'loading' ? undefined : found.msgSeqNum, said.map(({ fields }) => fields)];
  };
  let journal = open();
  let [few, young] = [journal.session('few', { retention: 2 }), journal.session('young', { retention_s: 60 })];
  for (let n = 1; n <= 4; n++) {
    append(few, `${n}`);
    const body = Buffer.from(`${n}`);
    young.append(n, body, 0, body.length, time, KEEP);
    if (n < 4) time += 30_000;
    journal.flush();
  }
  for (const when of ['as it is', 'after a restart']) {
    expect([when, asked(few, 1, 4)]).toEqual([when, [3, [{ session: 'few', from: 1, to: 2 }]]]);
    expect([when, asked(few, 1, 1)]).toEqual([when, [undefined, [{ session: 'few', from: 1, to: 1 }]]]);
    expect([when, asked(few, 3, 4)]).toEqual([when, [3, []]]);
    expect([when, asked(young, 1, 4)]).toEqual([when, [2, [{ session: 'young', from: 1, to: 1 }]]]);
    directory = crashed(directory);
    journal = open();
    [few, young] = [journal.session('few'), journal.session('young')];
  }
  time += 45_000;
  expect(asked(young, 1, 4)).toEqual([4, [{ session: 'young', from: 1, to: 3 }]]);
});
