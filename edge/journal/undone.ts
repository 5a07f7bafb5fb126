/**
 * Makes journal and venue agree after a crash. Of each flush the journal is written before the venue's log, so the journal may
 * end with flushes that the venue's log lacks. No output of such a flush has left. The clients' messages in it are kept and
 * submitted again; the venue's reports on them are void, and their numbers are gap-filled.
 */

import { ANOTHER_LOG, BY_VENUE, PENDING, PROMOTED, RECORD_BYTES, RUN, SENT, TOLD } from './format.ts';
import type { Accepted, JournalLog } from './journal.ts';
import { submittedAt } from './moved.ts';
import type { Reader } from './reader.ts';
import type { Dependent } from './recovery.ts';
import { Run } from './run.ts';
import type { Segment, Segments } from './segments.ts';
import type { FileSession } from './session.ts';

export interface UndoneParts {
  readonly segments: Segments;
  readonly reader: Reader;
  /** By index. */
  readonly sessions: readonly FileSession[];
  readonly current: Segment;
  readonly log: JournalLog;
  /** Its numbers are written with the next flush. */
  readonly dirty: (session: FileSession) => void;
}

/** See {@link Journal.settle}. @throws JournalError `damaged` */
export function takeBack(
  parts: UndoneParts,
  dependents: readonly Dependent[],
  mark: number | undefined,
): readonly Accepted[] {
  const [first] = dependents;
  if (first === undefined || mark === undefined || mark >= first.depends) return [];
  // It may be behind by the last one, and by no more.
  if (mark < first.depends - 1) {
    // It is another venue, or its files were restored from a copy: what it has cannot be known here.
    parts.segments.astray(parts.current);
    if (first.depends !== ANOTHER_LOG) parted(parts, Math.max(0, mark), first.depends);
    return [];
  }
  const accepted: Accepted[] = [];
  /** Pending messages that are void, by session and ordinal. */
  const waited = new Set<string>();
  /** By session: number of the last report before these flushes. */
  const told = new Map<FileSession, number>();
  let voided = 0;
  for (const { segment, block } of dependents) {
    const home = parts.segments.all.get(segment)!;
    const records = parts.reader.records(home, block);
    for (let at = 0; at < records.length; at += records.readUInt32LE(at + 4)) {
      const session = parts.sessions[records.readUInt32LE(at + 8)]!;
      if (records[at] === TOLD) noteTold(told, session, records, at);
      for (const order of submittedAt(records, at)) {
        const { key, terms } = session;
        accepted.push({ key, about: terms.about, ...order });
      }
      voided += takenBack(session, records, at, waited);
    }
  }
  // The venue will report the void ones again.
  for (const [session, number] of told) session.tell(number);
  if (accepted.length + voided > 0)
    parts.log.warn(
      { messages: accepted.length, reports: voided },
      'the venue had not written what it did last: it is given the messages again',
    );
  return accepted;
}

/**
 * The next flush says that what stands before it is of another log. The marks of this one will come near those of before, and a later
 * start would take what was told long ago for what the venue lacks.
 */
function parted({ segments, sessions, log, dirty }: UndoneParts, venue: number, journal: number): void {
  log.error({ venue, journal }, 'the venue is not the one this journal goes with');
  segments.partNext();
  const some = sessions.find(({ gone, isDirty }) => !gone && !isDirty);
  if (some !== undefined) dirty(some);
}

/** A session that moved here in these flushes stays as it is: its reports were told by another edge. */
function noteTold(told: Map<FileSession, number>, session: FileSession, records: Buffer, at: number): void {
  const number = records.readDoubleLE(at + RECORD_BYTES);
  const before = records.readDoubleLE(at + RECORD_BYTES + 8);
  if (before === number || !told.has(session)) told.set(session, before);
}

const flagsAt = (records: Buffer, at: number): number => records.readUInt16LE(at + 2);

/** Makes reports void: sent ones, and those that waited, with or without a number. @returns how many */
function takenBack(session: FileSession, records: Buffer, at: number, waited: Set<string>): number {
  const number = records.readDoubleLE(at + RECORD_BYTES);
  const byVenue = (flagsAt(records, at) & BY_VENUE) !== 0;
  const waiting = `${session.index} ${number}`;
  switch (records[at]) {
    case SENT:
      if (byVenue) session.void(number, false);
      return byVenue ? 1 : 0;
    case RUN:
      return byVenue ? runTakenBack(session, new Run().of(records, at)) : 0;
    case PENDING:
      if (!byVenue) return 0;
      waited.add(waiting);
      session.void(number, true);
      return 1;
    case PROMOTED:
      if (waited.has(waiting)) session.void(records.readDoubleLE(at + RECORD_BYTES + 8), false);
      return 0;
    default:
      return 0;
  }
}

function runTakenBack(session: FileSession, run: Run): number {
  let voided = 0;
  while (run.pass()) {
    if (!run.isSent) continue;
    session.void(run.msgSeqNum, false);
    voided += 1;
  }
  return voided;
}
