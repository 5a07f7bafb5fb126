/** What sessions use of the journal that they are in. */

import type { StoredMessage } from '../fix/session/ports.ts';
import type { JournalLog } from './journal.ts';
import type { Place } from './reader.ts';
import type { Runs } from './run.ts';
import type { Tail } from './tail.ts';

/** What says how much of the journal is durable; see Later in edge/turn.ts. */
export interface Durable {
  readonly ticket: number;
  readonly released: number;
}

/** What sessions need of the journal they are in. */
export interface Ledger<Session> {
  readonly tail: Tail;
  /** Of the same. */
  readonly runs: Runs;
  /** Segment that the tail will be written to, and where in it. */
  readonly segment: number;
  readonly base: number;
  /** Everything is recorded, whether it is needed again or not. */
  readonly archive: boolean;
  /** What goes to the venue is recorded. */
  readonly inbound: boolean;
  readonly log: JournalLog;
  /** Epoch ms. */
  now(): number;
  /** Has the numbers of this session written at the next flush. */
  dirty(session: Session): void;
  /** Has the end of its next block of numbers written at the next flush. */
  reserving(session: Session): void;
  /** Tells what is durable. Undefined: everything that is flushed. */
  readonly later: Durable | undefined;
  /** Whether flushed output of a session without reserved numbers may leave at once. */
  readonly ahead: boolean;
  /** See {@link Journal.inStore}. */
  readonly inStore: boolean;
  gained(segment: number, bytes: number): void;
  /** What was gained last in {@link segment} has so many bytes more. */
  grown(bytes: number): void;
  /** An application message was sent or received, and {@link archive} is set. */
  noted(epochMs: number): void;
  /** @param places that had them; 1 where nothing is said */
  lost(segment: number, bytes: number, places?: number): void;
  /** The message in the record there. Valid until the next call. */
  read(place: Place): StoredMessage;
  check(): void;
}
