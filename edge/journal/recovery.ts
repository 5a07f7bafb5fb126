/** Recovery: reads every block of every segment, oldest first, and reports where something is damaged. */

import type { KeyObject } from 'node:crypto';
import { readFileSync, truncateSync, unlinkSync } from 'node:fs';
import { type BlockFields, blockAt, blockBytes, type Home, openBlock, readBlock } from './block.ts';
import {
  ABOUT,
  ANOTHER_LOG,
  FIXED_BYTES,
  FIXED_BYTES_1,
  FIXED_ONLY,
  fixedBytesAt,
  GONE,
  ID,
  messageTime,
  PROMOTED,
  RECEIVED,
  RECORD_BYTES,
  RUN,
  readHeader,
  STATE,
  VERSION,
} from './format.ts';
import { JournalError, type JournalLog } from './journal.ts';
import type { SegmentKeys } from './keys.ts';
import { ABOUT_BYTES, ID_BYTES, KEY_BYTES, MESSAGE_BYTES } from './limits.ts';
import { type Recorded, replay, settle } from './replay.ts';
import { messagesIn } from './run.ts';
import { type Counts, noteMessage, type Segments } from './segments.ts';
import type { FileSession } from './session.ts';
import { writtenOf } from './spares.ts';

export interface RecoveryParts {
  readonly segments: Segments;
  readonly log: JournalLog;
  /** Undefined: segments that are encrypted cannot be read. */
  readonly keys: SegmentKeys | undefined;
  /** The session with this index; made if there is none yet. */
  readonly session: (index: number, key: string) => FileSession;
  /** Those that there are, by index. */
  readonly sessions: readonly (FileSession | undefined)[];
  /** Epoch ms. */
  readonly now: number;
  /** Whether everything that the last process wrote is there. If not, sessions go on above their reserved numbers. */
  readonly whole: boolean;
  /** Whether the machine has been up since: see {@link FileJournalOptions.up}. */
  readonly up: boolean;
}

/** A block that depends on a flush of the venue. For the last ones it has to be checked whether the venue has that flush. */
export interface Dependent {
  readonly depends: number;
  readonly segment: number;
  readonly block: number;
}

export interface Recovered {
  /** Number of the last segment that exists or existed; 0: none. */
  readonly last: number;
  /** The blocks with the mark that came last, in order. */
  readonly dependents: Dependent[];
}

/** @throws JournalError `damaged`, `unknown_version`, `no_key`, naming file and offset */
export function recover(parts: RecoveryParts): Recovered {
  const { segments, sessions } = parts;
  const numbers = segments.stored();
  const dependents: Dependent[] = [];
  let { whole } = parts;
  // If the end is incomplete, it is not known how much is missing.
  for (const number of numbers) whole = readSegment(parts, number, number === numbers.at(-1), dependents) && whole;
  let [jumped, doubtful] = [0, 0];
  for (const session of sessions) {
    if (session === undefined) continue;
    const { reserve } = session;
    if (reserve.inDoubt(whole) && reserve.limit > session.nextOut) {
      if (reserve.what === 'everything') doubtful += 1;
      else jumped += 1;
    }
    settle(session, parts.now, whole, (segment, bytes) => segments.gained(segment, bytes));
  }
  if (jumped > 0) parts.log.info({ sessions: jumped }, 'sessions go on above their reserved numbers');
  if (doubtful > 0)
    parts.log.warn(
      { sessions: doubtful },
      'what was written last may be lost: sessions go on above their reserved numbers',
    );
  const newest = [...segments.all.keys()].at(-1);
  // The newest segment contains what made them unnecessary.
  for (const segment of segments.all.values()) segment.dead = segment.live === 0 && segment.number !== newest;
  return { last: numbers.at(-1) ?? 0, dependents };
}

/** @returns whether it ends with a whole flush */
function readSegment(parts: RecoveryParts, number: number, isLast: boolean, dependents: Dependent[]): boolean {
  const { segments, up } = parts;
  const path = segments.path(number);
  const all = readFileSync(path);
  const header = readHeader(all, number);
  if (!header.ok) {
    if (!header.short)
      throw new JournalError(header.version === undefined ? 'damaged' : 'unknown_version', `${path} ${header.wrong}`);
    unfinished(parts, number, all, all.length, isLast);
    return false;
  }
  const home = { ...header, key: keyOf(parts, path, header.wrapped) };
  const whole = wholeFlushes(home, all, header.bytes);
  const bytes = header.over ? writtenOf(all, whole.at) : all;
  const source = { path, bytes, home, begunAt: header.begunAt };
  if (isDamaged(home, bytes, whole, isLast, up)) throw damaged(path, whole.at, 'a damaged block');
  if (whole.blocks.length === 0) {
    unfinished(parts, number, bytes, header.bytes, isLast);
    return false;
  }
  const counts = { messages: 0, firstAt: 0, lastAt: 0, depends: 0 };
  for (const { at, fields } of whole.blocks) {
    replayBlock(parts, source, at, fields, counts);
    if (fields.depends !== ANOTHER_LOG) counts.depends = Math.max(counts.depends, fields.depends);
    if (fields.depends > 0 && depend(dependents, { depends: fields.depends, segment: number, block: at }))
      segments.astray();
  }
  if (whole.at < bytes.length) cutOff(parts, path, bytes, whole.at);
  Object.assign(segments.adopt(home, header.bytes, whole.at, whole.blocks.length), counts);
  return whole.at === bytes.length;
}

function keyOf({ keys }: RecoveryParts, path: string, wrapped: Uint8Array | undefined): KeyObject | undefined {
  if (wrapped === undefined) return undefined;
  const key = keys?.of(wrapped);
  if (key === undefined) throw new JournalError('no_key', `${path} is encrypted, and its key is not known`);
  return key;
}

export interface Whole {
  readonly blocks: { readonly at: number; readonly fields: BlockFields }[];
  /** Where the last complete flush ends. */
  at: number;
}

/** The blocks of all complete flushes, from the start on. */
export function wholeFlushes(home: Home, bytes: Buffer, from: number): Whole {
  const whole: Whole = { blocks: [], at: from };
  let flush: Whole['blocks'] = [];
  for (let at = from; at < bytes.length; ) {
    const length = blockAt(home, bytes, at, whole.blocks.length + flush.length);
    if (length === 0) break;
    const fields = readBlock(home.version, bytes, at);
    flush.push({ at, fields });
    at += length;
    if (!fields.last) continue;
    whole.blocks.push(...flush);
    whole.at = at;
    flush = [];
  }
  return whole;
}

/**
 * Whether the bytes after the complete flushes cannot be the rest of an interrupted write.
 * @param up see {@link RecoveryParts}
 */
export function isDamaged(home: Home, bytes: Buffer, { at, blocks }: Whole, isLast: boolean, up: boolean): boolean {
  if (at === bytes.length) return false;
  return !isLast || followed(home, bytes, at, blocks.length) || (up && !isBeginning(home, bytes, at, blocks.length));
}

/** Whether the bytes from `at` on can be the start of a flush: complete blocks, then part of one. */
function isBeginning(home: Home, bytes: Buffer, at: number, ordinal: number): boolean {
  const [from] = wholeBlocks(home, bytes, at, ordinal);
  const left = bytes.length - from;
  if (left < blockBytes(home.version)) return true;
  if (bytes.readUInt32LE(from + 4) <= left) return false;
  // Its length itself may be damaged.
  const block = Buffer.from(bytes.subarray(from));
  block.writeUInt32LE(left, 4);
  return blockAt(home, block, 0, block.readUInt32LE(8)) === 0;
}

/** Follows the complete blocks from `at` on. @returns where they end, and the ordinal that would follow */
function wholeBlocks(home: Home, bytes: Buffer, at: number, ordinal: number): readonly [number, number] {
  let [from, next] = [at, ordinal];
  for (let length = blockAt(home, bytes, from, next); length > 0; length = blockAt(home, bytes, from, next)) {
    from += length;
    next += 1;
  }
  return [from, next];
}

/**
 * Keeps the blocks with the mark that came last. Marks of one venue's log rise. @returns whether this one is lower: the log was
 * begun anew before it, and says nothing about the blocks before
 */
function depend(dependents: Dependent[], found: Dependent): boolean {
  const before = dependents[0]?.depends ?? 0;
  if (found.depends !== before) dependents.length = 0;
  dependents.push(found);
  return found.depends < before;
}

function cutOff({ log }: RecoveryParts, path: string, bytes: Buffer, at: number): void {
  truncateSync(path, at);
  const fields = { file: path, offset: at, bytes: bytes.length - at };
  if (seemsWhole(bytes, at)) log.error(fields, 'the last block of the journal is damaged: cut off');
  else log.warn(fields, 'the journal ended within a block that was never complete: cut off');
}

/** Where the block would end by its length, which may be damaged. */
const seemsWhole = (bytes: Buffer, at: number): boolean =>
  at + blockBytes(VERSION) <= bytes.length && at + bytes.readUInt32LE(at + 4) <= bytes.length;

/**
 * Whether the process ended while it was creating this segment: its first flush, the snapshot, is incomplete, so the older
 * segments still have everything.
 */
function unfinished(parts: RecoveryParts, number: number, bytes: Buffer, header: number, isLast: boolean): void {
  const { segments, log } = parts;
  const path = segments.path(number);
  if (!isLast || seemsWhole(bytes, header) || (number > 1 && segments.all.size === 0))
    throw damaged(path, Math.min(bytes.length, header), 'a damaged first block');
  log.warn({ file: path, bytes: bytes.length }, 'a segment of the journal was never complete: deleted');
  unlinkSync(path);
}

/** Whether there is a complete block further on. Then this is damage: an interrupted write would be the end of the file. */
function followed(home: Home, bytes: Buffer, bad: number, ordinal: number): boolean {
  // The blocks of a flush are written together, so an interrupted write may begin with some complete ones.
  const [from, first] = wholeBlocks(home, bytes, bad, ordinal);
  const least = blockBytes(home.version);
  const most = first + Math.ceil((bytes.length - from) / least);
  for (let at = from + 1; at + least <= bytes.length; at++) {
    const said = bytes.readUInt32LE(at + 8);
    if (said > first && said <= most && blockAt(home, bytes, at, said) > 0) return true;
  }
  return false;
}

interface Source {
  readonly path: string;
  readonly bytes: Buffer;
  readonly home: Home;
  readonly begunAt: number;
}

/** The block's CRC is right, so its content was wrong when it was written. */
function replayBlock(parts: RecoveryParts, source: Source, block: number, fields: BlockFields, counts: Counts): void {
  const { path, home, begunAt } = source;
  const bytes = openedBlock(source, block, fields.length);
  const base = block + blockBytes(home.version);
  const record: Recorded = { bytes, at: 0, offset: 0, length: 0, segment: home.number, block, begunAt };
  for (let records = fields.records; records > 0; records--) {
    const { at } = record;
    if (at + RECORD_BYTES > bytes.length) throw damaged(path, base + at, 'the end of a block within a record');
    const size = bytes.readUInt32LE(at + 4);
    checkRecord(path, home.version, bytes, at, base);
    if (at + size > bytes.length || !sizeIsRight(bytes, at, size))
      throw damaged(path, base + at, `a record of ${size} bytes`);
    record.offset = base + at;
    record.length = size;
    const session = sessionOf(parts, bytes, at, size);
    if (session === undefined) throw damaged(path, base + at, 'a record of no session');
    replay(session, record);
    const time = messageTime(bytes, at);
    if (time !== undefined) noteMessage(counts, time, bytes[at] === RUN ? messagesIn(bytes, at, size) : 1);
    record.at += size;
  }
  if (record.at !== bytes.length) throw damaged(path, base + record.at, 'bytes behind the last record of a block');
}

function openedBlock({ path, bytes, home }: Source, block: number, length: number): Buffer {
  try {
    return openBlock(home, bytes, block, length);
  } catch (error) {
    throw new JournalError('damaged', `${path} has a block at ${block} that its key does not open`, { cause: error });
  }
}

function checkRecord(path: string, version: number, bytes: Buffer, at: number, base: number): void {
  const type = bytes[at]!;
  const most = version === 1 ? PROMOTED : version === 2 ? GONE : RUN;
  if (type >= STATE && type <= most && bytes[at + 1] === version) return;
  const what = `a record of type ${type}, version ${bytes[at + 1]} at ${base + at}`;
  throw new JournalError('unknown_version', `${path} has ${what}`);
}

/** Checks what follows the fixed bytes of a record. */
const mostBehind = (type: number): number =>
  type === STATE ? KEY_BYTES : type === ABOUT ? ABOUT_BYTES : type === ID ? ID_BYTES : MESSAGE_BYTES;

function sizeIsRight(bytes: Buffer, at: number, size: number): boolean {
  const type = bytes[at]!;
  const rest = size - (bytes[at + 1] === 1 ? FIXED_BYTES_1 : FIXED_BYTES)[type]!;
  if (FIXED_ONLY.has(type)) return rest === 0;
  if (type === RUN) return rest >= 0 && messagesIn(bytes, at, size) > 0;
  if (rest < 0 || rest > mostBehind(type)) return false;
  if (type !== RECEIVED) return true;
  const id = at + RECORD_BYTES + 24;
  return bytes.readUInt32LE(id) + bytes.readUInt32LE(id + 4) <= rest;
}

function sessionOf(parts: RecoveryParts, bytes: Buffer, at: number, size: number): FileSession | undefined {
  const index = bytes.readUInt32LE(at + 8);
  const known = parts.sessions[index];
  if (bytes[at] !== STATE) return known;
  const key = bytes.toString('utf8', at + fixedBytesAt(bytes, at), at + size);
  if (known !== undefined) return known.key === key ? known : undefined;
  // They are numbered as they come.
  if (index !== parts.sessions.length) return undefined;
  return parts.session(index, key);
}

const damaged = (path: string, offset: number, what: string): JournalError =>
  new JournalError('damaged', `${path} has ${what} at ${offset}`);
