/** A session's side of the journal that it is in. */

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
  /** The numbers of this session are to be written at the next flush. */
  dirty(session: Session): void;
  /** So is the end of its next block of numbers. */
  reserving(session: Session): void;
  /** How much is durable; undefined: what is flushed is. */
  readonly later: Durable | undefined;
  /** Whether what is flushed may leave, where no numbers are reserved. */
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
