/**
 * The end of two logs that are written one after the other, the journal's first: flushes at the end of the journal whose
 * effects at the venue are not in the venue's log. No byte of theirs has left. What clients had sent is kept and goes to
 * the venue again; what the venue had made of it is void, and its numbers are gap-filled.
 */

import { BY_VENUE, PENDING, PROMOTED, RECORD_BYTES, RUN, SENT, TOLD } from './format.ts';
import type { Accepted, JournalLog } from './journal.ts';
import { submittedAt } from './moved.ts';
import type { Reader } from './reader.ts';
import type { Dependent } from './recovery.ts';
import { Run } from './run.ts';
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
      for (const order of submittedAt(records, at)) {
        const { key, terms } = session;
        accepted.push({ key, about: terms.about, ...order });
      }
      voided += takenBack(session, records, at, waited);
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

/** Reports that were sent at once, or one that waited, whether or not it was given a number since. @returns how many */
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
  while (run.next()) {
    if (!run.isSent) continue;
    session.void(run.msgSeqNum, false);
    voided += 1;
  }
  return voided;
}
