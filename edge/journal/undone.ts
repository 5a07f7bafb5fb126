/**
 * The end of two logs that are written one after the other, the journal's first: flushes at the end of the journal whose
 * effects at the venue are not in the venue's log. No byte of theirs has left. What clients had sent is kept and goes to
 * the venue again; what the venue had made of it is void, and its numbers are gap-filled.
 */

import { SUBMITTED } from '../fix/session/ports.ts';
import { BY_VENUE, FATE, fixedBytesAt, PENDING, PROMOTED, RECEIVED, RECORD_BYTES, SENT, TOLD } from './format.ts';
import type { Accepted, JournalLog } from './journal.ts';
import type { Reader } from './reader.ts';
import type { Dependent } from './recovery.ts';
import type { Segments } from './segments.ts';
import type { FileSession } from './session.ts';

export interface UndoneParts {
  readonly segments: Segments;
  readonly reader: Reader;
  /** By index. */
  readonly sessions: readonly FileSession[];
  readonly log: JournalLog;
}

/** See {@link Journal.settle}. @throws JournalError `damaged` */
export function takeBack(
  parts: UndoneParts,
  dependents: readonly Dependent[],
  mark: number | undefined,
): readonly Accepted[] {
  const [first] = dependents;
  if (first === undefined || mark === undefined || mark >= first.depends) return [];
  if (isAstray(dependents, mark)) {
    // Another venue, or its files have been put back: what it has and has not cannot be told from here.
    parts.log.error({ venue: mark, journal: first.depends }, 'the venue is not the one this journal goes with');
    return [];
  }
  const accepted: Accepted[] = [];
  /** Pending messages that are void, by session and ordinal. */
  const waited = new Set<string>();
  /** Which report each session had been told before these. */
  const told = new Map<FileSession, number>();
  let voided = 0;
  for (const { segment, block } of dependents) {
    const home = parts.segments.all.get(segment)!;
    const records = parts.reader.records(home, block);
    for (let at = 0; at < records.length; at += records.readUInt32LE(at + 4)) {
      const session = parts.sessions[records.readUInt32LE(at + 8)]!;
      if (records[at] === TOLD) noteTold(told, session, records, at);
      else if (isSubmitted(records, at)) accepted.push(acceptedOf(session, records, at));
      else if (takenBack(session, records, at, waited)) voided += 1;
    }
  }
  // Those that are void come again.
  for (const [session, number] of told) session.tell(number);
  if (accepted.length + voided > 0)
    parts.log.warn(
      { messages: accepted.length, reports: voided },
      'the venue had not written what it did last: it is given the messages again',
    );
  return accepted;
}

/** Whether the venue lacks more than the one flush that it may be behind. */
export const isAstray = ([first]: readonly Dependent[], mark: number | undefined): boolean =>
  first !== undefined && mark !== undefined && mark < first.depends - 1;

/** What moved here in these flushes was told elsewhere, and stays so: it says that nothing was before it. */
function noteTold(told: Map<FileSession, number>, session: FileSession, records: Buffer, at: number): void {
  const number = records.readDoubleLE(at + RECORD_BYTES);
  const before = records.readDoubleLE(at + RECORD_BYTES + 8);
  if (before === number || !told.has(session)) told.set(session, before);
}

const flagsAt = (records: Buffer, at: number): number => records.readUInt16LE(at + 2);

const isSubmitted = (records: Buffer, at: number): boolean =>
  records[at] === RECEIVED && (flagsAt(records, at) & FATE) === SUBMITTED;

function acceptedOf({ key, terms }: FileSession, records: Buffer, at: number): Accepted {
  const number = (i: number): number => records.readDoubleLE(at + RECORD_BYTES + i * 8);
  const end = at + records.readUInt32LE(at + 4);
  const start = at + fixedBytesAt(records, at);
  const message = Buffer.copyBytesFrom(records, start, end - start);
  return { key, about: terms.about, msgSeqNum: number(0), receivedAt: number(1), generation: number(2), message };
}

/** A report that was sent at once, or one that waited, whether or not it was given a number since. */
function takenBack(session: FileSession, records: Buffer, at: number, waited: Set<string>): boolean {
  const number = records.readDoubleLE(at + RECORD_BYTES);
  const byVenue = (flagsAt(records, at) & BY_VENUE) !== 0;
  const waiting = `${session.index} ${number}`;
  switch (records[at]) {
    case SENT:
      if (byVenue) session.void(number, false);
      return byVenue;
    case PENDING:
      if (!byVenue) return false;
      waited.add(waiting);
      session.void(number, true);
      return true;
    case PROMOTED:
      if (waited.has(waiting)) session.void(records.readDoubleLE(at + RECORD_BYTES + 8), false);
      return false;
    default:
      return false;
  }
}
