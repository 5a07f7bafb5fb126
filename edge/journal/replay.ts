/** Recovers one session by applying its records in the order in which they were written. */

import { SUBMITTED } from '../fix/session/ports.ts';
import {
  ABOUT,
  FATE,
  fixedBytesAt,
  GONE,
  ID,
  KEPT,
  NUMBERS,
  PENDING,
  PROMOTED,
  RECEIVED,
  RECORD_BYTES,
  RESERVED,
  RESET,
  RUN,
  SENT,
  SESSION_LEVEL,
  STATE,
  secondOf,
  TOLD,
  VOID,
  WAS_PENDING,
} from './format.ts';
import { Run } from './run.ts';
import type { FileSession } from './session.ts';

/** The place of a record. */
export interface Recorded {
  readonly bytes: Buffer;
  /** Its offset in these bytes, and in its segment. */
  at: number;
  offset: number;
  length: number;
  readonly segment: number;
  readonly block: number;
  /** For version 1, whose messages have no time: when the segment was begun. */
  readonly begunAt: number;
}

const nothing = (): void => {};
/** Used within one call only. */
const RUN_READ = new Run();

export function replay(s: FileSession, record: Recorded): void {
  const { bytes, at } = record;
  const body = at + RECORD_BYTES;
  const flags = bytes.readUInt16LE(at + 2);
  const isFirst = bytes[at + 1] === 1;
  const number = (i: number): number => bytes.readDoubleLE(body + i * 8);
  switch (bytes[at]) {
    case STATE:
      replayState(s, record, isFirst);
      return;
    case NUMBERS:
      s.nextIn = number(0);
      s.nextOut = number(1);
      return;
    case RESET:
      s.nextIn = 1;
      s.nextOut = 1;
      s.generation = number(0);
      s.createdAt = number(1);
      s.sent.clear();
      s.forgotten = 0;
      s.reserve.limit = 0;
      return;
    case SENT:
      s.nextOut = Math.max(s.nextOut, number(0) + 1);
      if (isFirst || flags & KEPT) push(s.sent, number(0), record, isFirst ? record.begunAt : number(1));
      return;
    case RUN:
      replayRun(s, record);
      return;
    case PENDING:
      s.nextOrdinal = Math.max(s.nextOrdinal, number(0) + 1);
      push(s.waiting, number(0), record, isFirst ? record.begunAt : number(1));
      return;
    case PROMOTED:
      s.firstOrdinal = Math.max(s.firstOrdinal, number(0) + 1);
      s.nextOut = Math.max(s.nextOut, number(1) + 1);
      if (record.length > fixedBytesAt(bytes, at) && (isFirst || flags & KEPT))
        push(s.sent, number(1), record, isFirst ? record.begunAt : number(2));
      return;
    case ABOUT:
      s.terms = { ...s.terms, about: bytes.toString('utf8', body, at + record.length) };
      return;
    case VOID:
      (flags & WAS_PENDING ? s.waiting : s.sent).pushVoid(number(0));
      return;
    case RECEIVED:
      if ((flags & FATE) === SUBMITTED) replayReceived(s, record);
      return;
    case TOLD:
      s.told = number(0);
      s.toldWritten = s.told;
      return;
    case RESERVED:
      s.reserve.limit = number(0);
      s.reserve.lostAt = number(1);
      s.reserve.what = flags & SESSION_LEVEL ? 'session_level' : 'everything';
      return;
    case GONE:
      replayGone(s);
      return;
    case ID: {
      const id = at + fixedBytesAt(bytes, at);
      remember(s, record, id, at + record.length - id, number(0));
    }
  }
}

function replayReceived(s: FileSession, record: Recorded): void {
  const { bytes, at } = record;
  const body = at + RECORD_BYTES;
  s.submitted.generation = bytes.readDoubleLE(body + 16);
  s.submitted.msgSeqNum = bytes.readDoubleLE(body);
  const id = at + fixedBytesAt(bytes, at) + bytes.readUInt32LE(body + 24);
  const length = bytes.readUInt32LE(body + 28);
  if (length > 0) remember(s, record, id, length, bytes.readDoubleLE(body + 8));
}

function replayRun(s: FileSession, record: Recorded): void {
  const run = RUN_READ.of(record.bytes, record.at);
  const { flags, epochMs, generation } = run;
  let [first, sent] = [0, 0];
  while (run.pass()) {
    if (run.isSent) {
      if (sent++ === 0) first = run.msgSeqNum;
    } else if ((flags & FATE) === SUBMITTED) Object.assign(s.submitted, { generation, msgSeqNum: run.msgSeqNum });
  }
  if (sent === 0) return;
  const { segment, block, offset, length } = record;
  s.nextOut = Math.max(s.nextOut, first + sent);
  if (flags & KEPT) s.sent.push(first, segment, block, offset, length, secondOf(epochMs), sent);
}

function push(places: FileSession['sent'], number: number, record: Recorded, epochMs: number): void {
  places.push(number, record.segment, record.block, record.offset, record.length, secondOf(epochMs));
}

function remember(s: FileSession, record: Recorded, start: number, length: number, epochMs: number): void {
  if (s.terms.ids === 0) return;
  const { bytes, at } = record;
  const second = secondOf(epochMs);
  if (bytes[at] === ID) s.ids.addCarried(bytes, start, start + length, record, second, nothing);
  else s.ids.add(bytes, start, start + length, record, second, nothing);
}

function replayGone(s: FileSession): void {
  s.gone = true;
  s.sent.clear();
  s.waiting.clear();
  s.bound({ ...s.terms, ids: 0 }, nothing);
  s.firstOrdinal = s.nextOrdinal;
}

function replayState(s: FileSession, { bytes, at }: Recorded, isFirst: boolean): void {
  const body = at + RECORD_BYTES;
  const number = (i: number): number => bytes.readDoubleLE(body + i * 8);
  const generation = number(2);
  if (generation !== s.generation) s.sent.clear();
  s.nextIn = number(0);
  s.nextOut = number(1);
  s.reserve.limit = 0;
  s.gone = false;
  s.generation = generation;
  s.createdAt = number(3);
  s.firstOrdinal = number(4);
  s.nextOrdinal = number(5);
  if (isFirst) {
    s.bound({ ...s.terms, retention: bytes.readUInt32LE(body + 48) }, nothing);
    return;
  }
  s.forgotten = number(6);
  const term = (i: number): number => bytes.readUInt32LE(body + 56 + i * 4);
  s.bound({ ...s.terms, retention: term(0), retention_s: term(1), ids: term(2), ids_s: term(3) }, nothing);
  // Old ids that were copied forward come after newer ones: none may be dropped until all have been read.
  if (s.terms.ids > 0) s.ids.bound(s.terms.ids * 2, s.terms.ids_s);
}

/**
 * To be called when every record has been applied.
 * @param epochMs now
 * @param whole whether nothing that was written has been lost behind it
 */
export function settle(
  s: FileSession,
  epochMs: number,
  whole: boolean,
  gained: (segment: number, bytes: number) => void,
): void {
  const { reserve } = s;
  if (reserve.inDoubt(whole)) {
    // It is not known what was sent with these numbers: they are gap-filled.
    s.nextOut = Math.max(s.nextOut, reserve.limit);
    if (reserve.what === 'everything') reserve.lostAt = epochMs;
  }
  reserve.limit = 0;
  const { sent, waiting } = s;
  // Messages that had been forgotten before must not come back.
  sent.settle(s.forgotten + 1);
  const over = sent.messages - s.terms.retention;
  if (over > 0) s.forgotten = Math.max(s.forgotten, sent.forget(over, nothing));
  waiting.settle(s.firstOrdinal);
  if (s.terms.ids > 0) s.ids.bound(s.terms.ids, s.terms.ids_s);
  s.ids = s.ids.settled(nothing);
  s.ids.expire(secondOf(epochMs), nothing);
  for (const places of [sent, waiting, s.ids.places])
    for (let i = 0; i < places.count; i++) gained(places.segment(i), places.length(i));
}
