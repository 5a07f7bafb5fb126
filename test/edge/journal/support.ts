/** Journals in directories of their own, and what can be seen of a session from outside. */

import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from '@jest/globals';
import { KEEP, type SessionStore, type StoredMessage } from '../../../edge/fix/session/ports.ts';
import { openJournal } from '../../../edge/journal/file.ts';
import { BLOCK_BYTES, readHeader, segmentName, segmentNumber } from '../../../edge/journal/format.ts';
import type { Journal, JournalLog } from '../../../edge/journal/journal.ts';
import type { JournalLimits } from '../../../edge/journal/limits.ts';
import type { FileJournalOptions } from '../../../edge/journal/options.ts';
import { SYSTEM_SYNCS, type Syncs } from '../../../edge/syncs.ts';

export const NOW = 1_700_000_000_000;

export interface Line {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

export function logInto(lines: Line[]): JournalLog {
  const at = (level: Line['level']) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

const opened: Journal[] = [];
const directories: string[] = [];

/** Ends what is open and removes what is there; a property calls it after each of its runs. */
export async function cleanUp(): Promise<void> {
  for (const journal of opened.splice(0)) await journal.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
}

afterEach(cleanUp);

export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'journal-'));
  directories.push(directory);
  return directory;
}

export function openFile(
  directory: string,
  limits: Partial<JournalLimits> = {},
  lines: Line[] = [],
  more: Partial<FileJournalOptions> = {},
): Journal {
  const journal = openJournal({ directory, now: () => NOW, log: logInto(lines), limits, ...more });
  opened.push(journal);
  return journal;
}

/** What a process that dies now leaves behind: the files as they are, and no lock. */
export function crashed(directory: string): string {
  const copy = newDirectory();
  cpSync(directory, copy, { recursive: true });
  return copy;
}

/** Files are filled with zeros as soon as segments have gone, so that those to come are written over them. */
export const AT_ONCE: Syncs = {
  ...SYSTEM_SYNCS,
  zeros(fd, bytes, done) {
    writeSync(fd, Buffer.alloc(bytes), 0, bytes, 0);
    done(null);
  },
};

/** Whether the file of a segment was there before, as one of another. */
export const isOver = (bytes: Buffer): boolean => bytes[3] === 9;

/** What has been written to a segment. */
export function writtenTo(path: string): Buffer {
  const bytes = readFileSync(path);
  if (!isOver(bytes)) return bytes;
  let end = bytes.length - 1;
  while (bytes[end] === 0) end -= 1;
  expect(bytes[end]).toBe(1);
  return bytes.subarray(0, end);
}

/** `length` characters, of which no eight are where they are in another: they are written as they are, even after others of a run. */
export const unlike = (n: number, length: number): string =>
  createHash('shake256', { outputLength: Math.ceil(length / 2) })
    .update(`${n}`)
    .digest('hex')
    .slice(0, length);

export const text = (message: StoredMessage): string => message.buf.toString('latin1', message.start, message.end);

export function append(store: SessionStore, body: string, msgSeqNum = store.nextOut): void {
  const buf = Buffer.from(`..${body}..`);
  store.append(msgSeqNum, buf, 2, buf.length - 2, NOW, KEEP);
}

export function enqueue(store: SessionStore, body: string): void {
  const buf = Buffer.from(`..${body}..`);
  store.enqueue(buf, 2, buf.length - 2, NOW, 0);
}

export function promote(store: SessionStore, body: string, keep = true): void {
  const buf = Buffer.from(`..${body}..`);
  store.promote(store.nextOut, buf, 2, buf.length - 2, NOW, keep ? KEEP : 0);
}

/** All sent messages that are kept, as a resend would find them. */
export function sent(store: SessionStore): [number, string][] {
  const all: [number, string][] = [];
  for (let from = 1; ; ) {
    const found = store.next(from, Number.MAX_SAFE_INTEGER);
    if (found === undefined || found === 'loading') return all;
    all.push([found.msgSeqNum, text(found)]);
    from = found.msgSeqNum + 1;
  }
}

export interface Seen {
  readonly nextIn: number;
  readonly nextOut: number;
  readonly generation: number;
  readonly createdAt: number;
  readonly sent: [number, string][];
  readonly pending: number;
  readonly oldest: string | undefined;
}

export function seen(store: SessionStore): Seen {
  const { nextIn, nextOut, generation, createdAt, pending } = store;
  const oldest = store.peek();
  return {
    nextIn,
    nextOut,
    generation,
    createdAt,
    pending,
    oldest: oldest === undefined || oldest === 'loading' ? undefined : text(oldest),
    sent: sent(store),
  };
}

/** The blocks of each segment that is there. */
export function blocksIn(directory: string): Buffer[][] {
  const numbers = readdirSync(directory).map(segmentNumber);
  return numbers
    .filter((number) => number > 0)
    .map((number) => {
      const bytes = writtenTo(join(directory, segmentName(number)));
      const header = readHeader(bytes, number);
      if (!header.ok) throw new Error('the header is not in order');
      const blocks: Buffer[] = [];
      for (let at = header.bytes; at + BLOCK_BYTES <= bytes.length; at += bytes.readUInt32LE(at + 4))
        blocks.push(bytes.subarray(at, at + bytes.readUInt32LE(at + 4)));
      return blocks;
    });
}
