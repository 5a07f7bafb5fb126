// The archive: every application message once, as it was sent or received; segments that are sealed, moved, and never deleted.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { readConfig } from '../../../edge/config.ts';
import { BY_VENUE, INVALID, KEEP, REFUSED, type SessionStore, SUBMITTED } from '../../../edge/fix/session/ports.ts';
import { Archive, archiveFiles, type Seal } from '../../../edge/journal/archive.ts';
import { readHeader } from '../../../edge/journal/format.ts';
import { type Journal, JournalError } from '../../../edge/journal/journal.ts';
import type { SegmentKeys } from '../../../edge/journal/keys.ts';
import { eventsOf } from '../../../edge/journal/messages.ts';
import { until } from '../support/desk.ts';
import { plainKeys } from './keys.ts';
import { FaultyStore, forgetRemote, HandTimers, openRemote, shipped } from './remote.ts';
import { append, crashed, enqueue, type Line, logInto, NOW, newDirectory, openFile, promote, seen } from './support.ts';

test('a journal that has no archive does not start with one, nor does an edge whose disk is another than its name', () => {
  const env = { FIXGATE_ARCHIVE: 'on' };
  expect(() => readConfig({ ...env, FIXGATE_JOURNAL: 'memory' })).toThrow('FIXGATE_ARCHIVE: needs a journal');
  const pool = { FIXGATE_EDGE_POOL: 'edge:2', FIXGATE_JOURNAL: 'store' };
  expect(() => readConfig({ ...env, ...pool })).toThrow('FIXGATE_ARCHIVE: not together with FIXGATE_EDGE_POOL');
  for (const journal of ['file', 'file_sync', 'store'])
    expect(readConfig({ ...env, FIXGATE_JOURNAL: journal }).archive).toBe('on');
});

afterEach(forgetRemote);

interface Kept {
  readonly journal: Journal;
  readonly archive: Archive;
}

function open(home: string, keys: SegmentKeys, limits: object = {}, lines: Line[] = [], on = true): Kept {
  const archive = new Archive({ directory: join(home, 'archive'), log: logInto(lines) });
  const more = { keys, archive: on, inbound: true, completed: archive.complete, archiveDirectory: archive.directory };
  return { journal: openFile(join(home, 'journal'), limits, lines, more), archive };
}

const files = (home: string) => archiveFiles([join(home, 'archive'), join(home, 'journal')]);

/** Everything that the archive has: `kind number text`. */
function told(home: string, keys: SegmentKeys): string[] {
  return files(home).flatMap(({ number, path }) => {
    const bytes = readFileSync(path);
    const header = readHeader(bytes, number);
    if (!header.ok) throw new Error(`${path} has no header`);
    const key = header.wrapped && keys.of(header.wrapped);
    const newest = number === files(home).at(-1)?.number;
    return [...eventsOf({ ...header, key, path, bytes, headerBytes: header.bytes, newest })].map((event) => {
      const text = 'raw' in event ? ` ${event.raw}` : '';
      const fate = event.kind === 'in' ? ` ${event.fate}` : '';
      return `${event.session.key}: ${event.kind} ${event.msgSeqNum}${fate}${text}`;
    });
  });
}

function receive(store: SessionStore, text: string, fate: typeof SUBMITTED | typeof REFUSED | typeof INVALID): void {
  const buf = Buffer.from(`..${text}..`);
  store.received(store.nextIn, buf, 2, buf.length - 2, NOW, fate, 0, 0);
  store.setNextIn(store.nextIn + 1);
}

test('has what came and what went, kept for resends or not, once and in order', () => {
  let home = newDirectory();
  const keys = plainKeys();
  // Every few messages a segment: what is alive is carried forward again and again.
  const limits = { segment_bytes: 700, resend_retention: 3, block_bytes: 200 };
  let { journal } = open(home, keys, limits);
  const expected: string[] = [];
  let store = journal.session('a', { about: '{}' });
  let quiet = journal.session('quiet', { retention: 0 });
  append(quiet, 'not kept');
  enqueue(quiet, 'waits');
  expected.push('quiet: out 1 not kept');
  for (let n = 1; n <= 60; n++) {
    receive(store, `order ${n}`, n % 7 === 0 ? INVALID : n % 5 === 0 ? REFUSED : SUBMITTED);
    expected.push(`a: in ${n} ${n % 7 === 0 ? 'invalid' : n % 5 === 0 ? 'refused' : 'submitted'} order ${n}`);
    append(store, `report ${n}`);
    expected.push(`a: out ${n} report ${n}`);
    if (n % 10 === 0) {
      store.resent(n, NOW);
      expected.push(`a: resent ${n}`);
    }
    journal.flush();
    if (n % 25 !== 0) continue;
    home = crashed(home);
    ({ journal } = open(home, keys, limits));
    store = journal.session('a');
    quiet = journal.session('quiet');
  }
  promote(quiet, 'waited', false);
  expected.push('quiet: out 2 waited');
  journal.flush();
  expect(told(home, keys)).toEqual(expected);
  expect(seen(store).sent).toHaveLength(3);
});

test('a message that was taken back is said never to have left', () => {
  const home = newDirectory();
  const keys = plainKeys();
  const first = open(home, keys).journal;
  const store = first.session('a', { about: '{}' });
  first.flush();
  receive(store, 'order', SUBMITTED);
  const report = Buffer.from('report');
  store.append(1, report, 0, report.length, NOW, KEEP | BY_VENUE);
  first.flush(8);
  const left = crashed(home);
  const second = open(left, keys).journal;
  expect(second.settle(7)).toHaveLength(1);
  const again = second.session('a');
  again.append(2, report, 0, report.length, NOW, KEEP | BY_VENUE);
  second.flush(8);
  expect(told(left, keys)).toEqual(['a: in 1 submitted order', 'a: out 1 report', 'a: void 1', 'a: out 2 report']);
});

test('a segment is sealed when it is complete, is moved when it is on record, and is never deleted', async () => {
  const home = newDirectory();
  const keys = plainKeys();
  const limits = { segment_bytes: 2000, resend_retention: 2 };
  const { journal, archive } = open(home, keys, limits);
  const store = journal.session('a');
  const seals: Seal[] = [];
  const work = (count: number): void => {
    for (let n = 0; n < count; n++) {
      append(store, 'x'.repeat(100));
      journal.flush();
    }
  };
  work(60);
  const before = files(home).length;
  expect(before).toBeGreaterThan(3);
  // Nothing is on record: nothing has gone.
  expect(existsSync(join(home, 'archive'))).toBe(false);
  archive.start(async (seal) => void seals.push(seal));
  await until('all are sealed but the one that is written', () => seals.length === before - 1);
  await until('and marked', () => readdirSync(join(home, 'archive')).length === before - 1);
  work(60);
  const moved = readdirSync(join(home, 'archive')).filter((name) => name.endsWith('.seg'));
  expect(moved.length).toBeGreaterThan(2);
  expect(files(home).map(({ number }) => number)).toEqual(files(home).map((_, i) => i + 1));
  for (const { segment, sha256, bytes, messages, first_at, last_at } of seals) {
    const path = [join(home, 'archive', segment), join(home, 'journal', segment)].find(existsSync)!;
    const there = readFileSync(path);
    expect(createHash('sha256').update(there).digest('hex')).toBe(sha256);
    expect(there.length).toBe(bytes);
    expect(messages).toBeGreaterThan(5);
    expect([first_at, last_at]).toEqual([NOW, NOW]);
  }
  expect(seals.reduce((sum, { messages }) => sum + messages, 0)).toBeLessThanOrEqual(60);
  await archive.stop();
});

test('with the journal in the store a segment is sealed once the store has it, and stays as it was sealed', async () => {
  const home = newDirectory();
  const store = new FaultyStore();
  const timers = new HandTimers();
  const keys = plainKeys();
  const limits = { segment_bytes: 2000, resend_retention: 2 };
  const opened = (at: string, in_: FaultyStore) => {
    const archive = new Archive({ directory: join(at, 'archive'), log: logInto([]) });
    const more = { archive: true, completed: archive.complete, archiveDirectory: archive.directory, inbound: true };
    const journal = openRemote(in_, { directory: join(at, 'journal-copy'), keys, timers, limits, more });
    return { archive, journal };
  };
  const { archive, journal: opening } = opened(home, store);
  const journal = await opening;
  journal.later!.attend({ closing() {}, written: () => journal.committed(), released() {}, revoked() {} });
  const seals: Seal[] = [];
  archive.start(async (seal) => void seals.push(seal));
  const one = journal.session('a');
  const say = (): void => {
    append(one, 'x'.repeat(100));
    journal.flush();
  };
  store.faults = ['refused'];
  for (let n = 0; n < 30; n++) say();
  await timers.pass(50);
  expect(seals).toEqual([]);
  store.faults = ['none'];
  for (let n = 0; n < 60; n++) {
    say();
    await shipped(journal, timers);
  }
  await until('some are sealed', () => seals.length > 3);
  await until('and marked', () => readdirSync(join(home, 'archive')).length >= seals.length);
  for (let n = 0; n < 60; n++) {
    say();
    await shipped(journal, timers);
  }
  expect(readdirSync(join(home, 'archive')).filter((name) => name.endsWith('.seg')).length).toBeGreaterThan(2);
  await archive.stop();
  // The process dies; what it had sealed is found as it was sealed, in the archive or out of the store.
  const left = crashed(home);
  await opened(left, store.copy()).journal;
  for (const { segment, sha256 } of seals) {
    const path = [join(left, 'archive', segment), join(left, 'journal-copy', segment)].find(existsSync)!;
    expect([segment, createHash('sha256').update(readFileSync(path)).digest('hex')]).toEqual([segment, sha256]);
  }
});

test('what a killed process did not seal the next one does, also where the archive is off by then', async () => {
  const keys = plainKeys();
  const home = newDirectory();
  const { journal } = open(home, keys);
  for (let n = 0; n < 10; n++) append(journal.session('a'), 'y'.repeat(50));
  journal.flush();
  const left = crashed(home);
  const next = open(left, keys, {}, [], false);
  const seals: Seal[] = [];
  next.archive.start(async (seal) => void seals.push(seal));
  await until('it is marked', () => existsSync(join(left, 'archive', '0000000001.seg.json')));
  expect(seals).toMatchObject([{ segment: '0000000001.seg', messages: 10 }]);
  // The third one finds nothing to do.
  const third = open(crashed(left), keys);
  const more: Seal[] = [];
  third.archive.start(async (seal) => void more.push(seal));
  await third.archive.stop();
  expect(more).toEqual([]);
});

test('without the archive nothing of it is written, and segments go', () => {
  const home = newDirectory();
  const { journal } = open(home, plainKeys(), { segment_bytes: 1000, resend_retention: 1 }, [], false);
  const store = journal.session('a');
  for (let n = 0; n < 100; n++) {
    append(store, 'z'.repeat(100));
    journal.flush();
  }
  expect(files(home)).toEqual([]);
  expect(readdirSync(join(home, 'journal')).filter((name) => name.endsWith('.seg')).length).toBeLessThan(5);
});

test('damage is told, after what stands before it; a write that was broken off at the very end is none', () => {
  const home = newDirectory();
  const keys = plainKeys();
  const { journal } = open(home, keys);
  const store = journal.session('a');
  for (let n = 1; n <= 3; n++) {
    append(store, `report ${n}`);
    journal.flush();
  }
  journal.close();
  const [{ path, number } = { path: '', number: 0 }] = files(home);
  const bytes = readFileSync(path);
  const read = (damaged: Buffer, newest: boolean): string[] => {
    const header = readHeader(damaged, number);
    if (!header.ok) throw new Error('no header');
    const key = header.wrapped && keys.of(header.wrapped);
    const seen: string[] = [];
    try {
      for (const event of eventsOf({ ...header, key, path, bytes: damaged, headerBytes: header.bytes, newest }))
        seen.push(String(event.msgSeqNum));
    } catch (error) {
      seen.push(error instanceof JournalError ? error.code : String(error));
    }
    return seen;
  };
  expect(read(bytes, true)).toEqual(['1', '2', '3']);
  const middle = Buffer.from(bytes);
  const at = Math.round(bytes.length * 0.6);
  middle[at] = middle[at]! ^ 1;
  expect([read(middle, true).at(-1), read(middle, false).at(-1)]).toEqual(['damaged', 'damaged']);
  const cut = bytes.subarray(0, bytes.length - 5);
  expect([read(cut, true), read(cut, false)]).toEqual([
    ['1', '2'],
    ['1', '2', 'damaged'],
  ]);
});
