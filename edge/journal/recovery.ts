/** Reads what is there: every block of every segment, oldest first, and says what is wrong with it, where. */

import { readFileSync, truncateSync, unlinkSync } from 'node:fs';
import {
  BLOCK_BYTES,
  blockAt,
  FIXED_BYTES,
  FIXED_ONLY,
  HEADER_BYTES,
  PROMOTED,
  RECORD_BYTES,
  readHeader,
  STATE,
  VERSION,
} from './format.ts';
import { JournalError, type JournalLog } from './journal.ts';
import { KEY_BYTES, MESSAGE_BYTES } from './limits.ts';
import type { Segment, Segments } from './segments.ts';
import type { FileSession } from './session.ts';

export interface RecoveryParts {
  readonly segments: Segments;
  readonly log: JournalLog;
  /** The session of this index, made when there is none yet. */
  readonly session: (index: number, key: string) => FileSession;
  /** Those that there are, by index. */
  readonly sessions: readonly (FileSession | undefined)[];
}

/**
 * @returns the last segment, to go on with; undefined when there is none
 * @throws JournalError `damaged`, `unknown_version`, naming file and offset
 */
export function recover(parts: RecoveryParts): Segment | undefined {
  const { segments, sessions } = parts;
  const numbers = segments.stored();
  let last: Segment | undefined;
  for (const number of numbers) {
    const segment = readSegment(parts, number, number === numbers.at(-1));
    if (segment !== undefined) last = segment;
  }
  for (const session of sessions) session?.settle();
  return last;
}

function readSegment(parts: RecoveryParts, number: number, isLast: boolean): Segment | undefined {
  const { segments } = parts;
  const path = segments.path(number);
  const bytes = readFileSync(path);
  if (bytes.length < HEADER_BYTES) return unfinished(parts, number, bytes, isLast);
  const header = readHeader(bytes, number);
  if (!header.ok)
    throw new JournalError(header.version === undefined ? 'damaged' : 'unknown_version', `${path} ${header.wrong}`);
  let at = HEADER_BYTES;
  let blocks = 0;
  while (at < bytes.length) {
    const length = blockAt(bytes, at, blocks, header.salt);
    if (length === 0) {
      if (!isLast || followed(bytes, at, blocks, header.salt)) throw damaged(path, at, 'a damaged block');
      break;
    }
    replayBlock(parts, { path, number, bytes }, at, length);
    at += length;
    blocks += 1;
  }
  if (blocks === 0) return unfinished(parts, number, bytes, isLast);
  if (at < bytes.length) cutOff(parts, path, bytes, at);
  return segments.adopt(number, header.salt, at, blocks);
}

function cutOff({ log }: RecoveryParts, path: string, bytes: Buffer, at: number): void {
  truncateSync(path, at);
  const fields = { file: path, offset: at, bytes: bytes.length - at };
  if (seemsWhole(bytes, at)) log.error(fields, 'the last block of the journal is damaged: cut off');
  else log.warn(fields, 'the journal ended within a block that was never complete: cut off');
}

/** By its length, which may be what is wrong with it. */
const seemsWhole = (bytes: Buffer, at: number): boolean =>
  at + BLOCK_BYTES <= bytes.length && at + bytes.readUInt32LE(at + 4) <= bytes.length;

/**
 * A segment that was being made when the process ended: its first block, the snapshot, was never whole, so nothing that
 * it stands for is gone from the segment before.
 */
function unfinished({ segments, log }: RecoveryParts, number: number, bytes: Buffer, isLast: boolean): undefined {
  const path = segments.path(number);
  if (!isLast || seemsWhole(bytes, HEADER_BYTES) || (number > 1 && !segments.all.has(number - 1)))
    throw damaged(path, Math.min(bytes.length, HEADER_BYTES), 'a damaged first block');
  log.warn({ file: path, bytes: bytes.length }, 'a segment of the journal was never complete: deleted');
  unlinkSync(path);
}

/** Whether a whole block stands somewhere behind: then this is damage, for a write that was broken off ends the file. */
function followed(bytes: Buffer, bad: number, ordinal: number, salt: number): boolean {
  const most = ordinal + Math.ceil((bytes.length - bad) / BLOCK_BYTES);
  for (let at = bad + 1; at + BLOCK_BYTES <= bytes.length; at++) {
    const said = bytes.readUInt32LE(at + 8);
    if (said > ordinal && said <= most && blockAt(bytes, at, said, salt) > 0) return true;
  }
  return false;
}

interface Source {
  readonly path: string;
  readonly number: number;
  readonly bytes: Buffer;
}

/** The block's CRC is right: what is wrong in it was written so. */
function replayBlock(parts: RecoveryParts, { path, number, bytes }: Source, from: number, length: number): void {
  const to = from + length;
  let records = bytes.readUInt32LE(from + 12);
  let at = from + BLOCK_BYTES;
  for (; records > 0; records--) {
    if (at + RECORD_BYTES > to) throw damaged(path, at, 'the end of a block within a record');
    const type = bytes[at]!;
    const size = bytes.readUInt32LE(at + 4);
    if (type < STATE || type > PROMOTED || bytes[at + 1] !== VERSION)
      throw new JournalError(
        'unknown_version',
        `${path} has a record of type ${type}, version ${bytes[at + 1]} at ${at}`,
      );
    if (at + size > to || !sizeIsRight(type, size)) throw damaged(path, at, `a record of ${size} bytes`);
    const session = sessionOf(parts, type, bytes, at, size);
    if (session === undefined) throw damaged(path, at, 'a record of no session');
    session.replay(type, bytes, at, size, number, at);
    at += size;
  }
  if (at !== to) throw damaged(path, at, 'bytes behind the last record of a block');
}

function sizeIsRight(type: number, size: number): boolean {
  const rest = size - FIXED_BYTES[type]!;
  if (FIXED_ONLY.has(type)) return rest === 0;
  return rest >= 0 && rest <= (type === STATE ? KEY_BYTES : MESSAGE_BYTES);
}

function sessionOf(
  parts: RecoveryParts,
  type: number,
  bytes: Buffer,
  at: number,
  size: number,
): FileSession | undefined {
  const index = bytes.readUInt32LE(at + 8);
  const known = parts.sessions[index];
  if (type !== STATE) return known;
  const key = bytes.toString('utf8', at + FIXED_BYTES[STATE]!, at + size);
  if (known !== undefined) return known.key === key ? known : undefined;
  // They are numbered as they come.
  if (index !== parts.sessions.length) return undefined;
  return parts.session(index, key);
}

const damaged = (path: string, offset: number, what: string): JournalError =>
  new JournalError('damaged', `${path} has ${what} at ${offset}`);
