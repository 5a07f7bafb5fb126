/** What the archive has: application messages as they were sent and received, out of the records of its segments. */

import { ANSWERED, INVALID, REFUSED, SUBMITTED } from '../fix/session/ports.ts';
import { blockBytes, type Home, openBlock } from './block.ts';
import {
  ABOUT,
  CARRIED,
  FATE,
  fixedBytesAt,
  messageTime,
  PROMOTED,
  RECEIVED,
  RECORD_BYTES,
  RESENT,
  RUN,
  SENT,
  STATE,
  VOID,
  WAS_PENDING,
} from './format.ts';
import { JournalError } from './journal.ts';
import { isDamaged, wholeFlushes } from './recovery.ts';
import { Run } from './run.ts';

/** What became of a message that came in. */
export type FateName = 'answered' | 'submitted' | 'refused' | 'invalid';

const FATES: Readonly<Record<number, FateName>> = {
  [ANSWERED]: 'answered',
  [SUBMITTED]: 'submitted',
  [REFUSED]: 'refused',
  [INVALID]: 'invalid',
};

export interface ArchivedSession {
  /** BeginString, our CompID, the client's, its SenderSubID, joined by `|`. */
  readonly key: string;
  /** What was told about it; '' when nothing was. */
  readonly about: string;
}

export type ArchivedEvent = {
  /** Epoch ms. */
  readonly at: number;
  readonly session: ArchivedSession;
  readonly msgSeqNum: number;
} & (
  | { readonly kind: 'in'; readonly fate: FateName; readonly raw: Buffer }
  | { readonly kind: 'out'; readonly raw: Buffer }
  /** Sent again, with PossDupFlag and new SendingTime. */
  | { readonly kind: 'resent' }
  /** Recorded as sent, and taken back: it never left. */
  | { readonly kind: 'void' }
);

export interface ArchivedSegment extends Home {
  readonly path: string;
  /** The whole file. */
  readonly bytes: Buffer;
  readonly headerBytes: number;
  /** Whether it is the newest: then it may be in the making, and its last flush not whole. */
  readonly newest: boolean;
}

/**
 * What happened in one segment, in order, as far as it is whole. A flush at the end of the newest that is not whole is left out, as by
 * the recovery.
 * @throws JournalError `damaged`, after what stands before the damage
 */
export function* eventsOf({ path, bytes, headerBytes, newest, ...home }: ArchivedSegment): Generator<ArchivedEvent> {
  /** By index; a segment begins with all of them. */
  const sessions: ArchivedSession[] = [];
  let last = 0;
  const whole = wholeFlushes(home, bytes, headerBytes);
  for (const { at: block, fields } of whole.blocks) {
    const records = opened(path, bytes, home, block, fields.length);
    for (let at = 0; at < records.length; at += records.readUInt32LE(at + 4)) {
      last = messageTime(records, at) ?? last;
      if (records[at] === RUN) yield* runEvents(records, at, sessions);
      const event = eventAt(records, at, sessions, last);
      if (event !== undefined) yield event;
    }
  }
  if (isDamaged(home, bytes, whole, newest, false))
    throw new JournalError('damaged', `${path} has a damaged block at ${whole.at}: what follows is not read`);
}

function opened(path: string, bytes: Buffer, home: Home, block: number, length: number): Buffer {
  try {
    return openBlock(home, bytes, block, length);
  } catch (error) {
    const at = block + blockBytes(home.version);
    throw new JournalError('damaged', `${path} has a block before ${at} that its key does not open`, { cause: error });
  }
}

function* runEvents(records: Buffer, at: number, sessions: readonly ArchivedSession[]): Generator<ArchivedEvent> {
  const run = new Run().of(records, at);
  const session = sessions[records.readUInt32LE(at + 8)]!;
  if (run.flags & CARRIED) return;
  while (run.next()) {
    const { msgSeqNum, buf, start, end } = run;
    const event = { at: run.epochMs, session, msgSeqNum, raw: Buffer.copyBytesFrom(buf, start, end - start) };
    yield run.isSent ? { kind: 'out', ...event } : { kind: 'in', fate: FATES[run.flags & FATE]!, ...event };
  }
}

/** @param last when the last message was: a record of what never left has no time of its own */
function eventAt(records: Buffer, at: number, sessions: ArchivedSession[], last: number): ArchivedEvent | undefined {
  const index = records.readUInt32LE(at + 8);
  const end = at + records.readUInt32LE(at + 4);
  const from = at + fixedBytesAt(records, at);
  const flags = records.readUInt16LE(at + 2);
  const number = (i: number): number => records.readDoubleLE(at + RECORD_BYTES + i * 8);
  const session = sessions[index]!;
  const raw = (): Buffer => Buffer.copyBytesFrom(records, from, end - from);
  switch (records[at]) {
    case STATE:
      sessions[index] = { key: records.toString('utf8', from, end), about: sessions[index]?.about ?? '' };
      return undefined;
    case ABOUT:
      sessions[index] = { key: session.key, about: records.toString('utf8', from, end) };
      return undefined;
    case RECEIVED:
      return { kind: 'in', at: number(1), session, msgSeqNum: number(0), fate: FATES[flags & FATE]!, raw: raw() };
    case SENT:
      if (flags & CARRIED) return undefined;
      return { kind: 'out', at: number(1), session, msgSeqNum: number(0), raw: raw() };
    case PROMOTED:
      return from === end ? undefined : { kind: 'out', at: number(2), session, msgSeqNum: number(1), raw: raw() };
    case RESENT:
      return { kind: 'resent', at: number(1), session, msgSeqNum: number(0) };
    case VOID:
      return flags & WAS_PENDING ? undefined : { kind: 'void', at: last, session, msgSeqNum: number(0) };
    default:
      return undefined;
  }
}
