/**
 * The journal keeps what of sessions must survive: sequence numbers, application messages sent and received, and messages that
 * wait for a client that is away. `file.ts` outlives the process, `memory.ts` does not; both pass one compliance suite.
 */

import type { Revocation } from '../../core/sessions/journal-store.ts';
import type { SessionStore } from '../fix/session/ports.ts';
import type { Done } from '../syncs.ts';
import type { Later } from '../turn.ts';
import type { After, SessionState, SessionTerms } from './session-state.ts';

/** A message that a session has submitted to the venue and that the venue does not have. */
export interface Accepted {
  /** Name of the session. */
  readonly key: string;
  readonly about: string;
  readonly generation: number;
  readonly msgSeqNum: number;
  /** The bytes as received. */
  readonly message: Buffer;
  /** Epoch ms. */
  readonly receivedAt: number;
}

/** Which messages may leave within a reserved block of numbers before they are durable: all, or only those that are gap-filled in a resend. */
export type Ahead = 'everything' | 'session_level';

/** A session in the journal: what is kept of it, and when its output may leave. */
export interface JournalSession extends SessionStore {
  /**
   * Whether the messages numbered so far may leave once they are flushed, without waiting for {@link Later.released}: because
   * their numbers are of a reserved block that is durable, or because a flush is all that this journal promises.
   */
  readonly ahead: boolean;
  /**
   * From now on the session reserves so many numbers at a time, and what it sends need not be durable first. 0: no longer.
   * `session_level` has an effect only with a journal in the store, where it saves commits.
   */
  sendAhead(numbers: number, what?: Ahead): void;
  /** The client has gone: gives back numbers that were reserved for session-level messages. */
  rest(): void;
}

/** Which of two journals side by side (pair.ts). */
export type JournalKind = 'store' | 'file';

export interface Journal {
  /** Whether other edges can read what is durable of it. Of two journals: of the one where sessions go by default. */
  readonly inStore: boolean;
  /**
   * The durable part of a session; the same object at each call. Made if the journal does not have it.
   * @param key name of the session, the same over all its connections and restarts
   * @throws JournalError `too_many_sessions`, or `tail_full`
   */
  session(key: string, terms?: Partial<SessionTerms>): JournalSession;
  /** Whether the journal has this session. */
  has(key: string): boolean;
  /** Names of all its sessions. */
  keys(): Iterable<string>;
  /** Number of the venue's last report on a session that is in the journal. 0: none is, or reports have no numbers. */
  told(key: string): number;
  /** The reports up to this number are in the journal from the next flush on. */
  tell(key: string, report: number): void;
  /**
   * The whole state of a session, to move it to another edge. All messages must have been flushed, and its own numbers. Undefined: not in the journal.
   * @param after the last of its messages that the venue has; later ones are included. Undefined: none are
   * @throws JournalError `damaged`, or `write_failed` if something has not been flushed
   */
  export(key: string, after?: After): SessionState | undefined;
  /** With the next flush the session is no longer in this journal but in the other one of this edge (pair.ts). */
  remove(key: string): void;
  /**
   * Moves the session to this one of two journals if it is in the other. Everything must have been flushed. Undefined: there is
   * only one journal.
   * @returns whether it has moved; then call {@link session} again for it
   */
  place?(key: string, kind: JournalKind): boolean;
  /** With the next flush, wholly or not at all, the session has the state that it had elsewhere. @throws JournalError as {@link session} */
  adopt(key: string, state: SessionState): void;
  /**
   * Writes synchronously everything that all sessions have appended since the last flush: all of it survives or nothing. Costs
   * nothing if nothing was appended. Output that depends on it must not leave before this returns.
   * @param depends mark of the venue's next flush, if what was appended is valid only together with that flush: then nothing
   * may leave before {@link committed}. 0: valid by itself
   * @throws JournalError `write_failed`; what was appended is kept, and the next flush tries it again
   */
  flush(depends?: number): void;
  /** Called when nobody waits: prepares for the next flush. No visible effect. */
  prepare?(): void;
  /**
   * The venue has flushed: what the last flushes depended on is on disk.
   * @param had mark of the last flush whose orders have reached the process that executes them; segments with later ones are
   * kept. Left out: all have
   */
  committed(had?: number): void;
  /**
   * Called once, before anything is appended: takes back the venue's reports of flushes that the venue itself has lost.
   * @param mark of the last flush that the venue has; -1: its log has none, and may have been begun anew; undefined: it keeps nothing
   * @returns the clients' messages in those flushes that had been submitted, in order, to be submitted again
   */
  settle(mark: number | undefined): readonly Accepted[];
  /** Found at the start: the venue's log does not belong to this journal, or not to all of it. Of that nothing is taken back. */
  readonly astray: boolean;
  /** Before closing: with the next flush no session has reserved numbers any more, so that none skips numbers at the next start. */
  endAhead(): void;
  /** Set if flushes become durable some time after they return. Undefined: they are durable when they return. */
  readonly later?: LaterJournal | undefined;
  /** False after a flush has failed, until one succeeds. Meanwhile refuse orders, accept cancels, and go on flushing. */
  readonly healthy: boolean;
  /** Flushes and releases the directory, even if the flush fails. @throws JournalError `write_failed` */
  close(): Promise<void>;
}

/** What a journal whose flushes are durable later calls around each batch. */
export interface Attendant {
  /** A batch is about to be closed: flush everything that has happened, and let the venue mark it. If this throws, the batch stays open. */
  closing(): void;
  /** A sync of the disk begins: what others have written for this batch is to be on it too, before the batch counts as durable. */
  sync?(done: Done): void;
  /** The batch is durable: the venue may write up to its mark. If this throws, {@link LaterJournal.retry} calls it again. */
  written(): void;
  /** {@link Later.released} has risen. */
  released(): void;
  /** Other edges have taken these sessions: nothing of them may leave here any more. */
  revoked(revocations: readonly Revocation[]): void;
}

/** A journal whose flushes are durable some time after they return. */
export interface LaterJournal extends Later {
  attend(attendant: Attendant): void;
  /** Calls {@link Attendant.written} again if it has thrown. @throws what that throws */
  retry(): void;
  /** Resolves when everything flushed so far is released, or never will be. */
  drained(): Promise<void>;
  /** The edge has stopped or was declared dead. If the journal cannot be written then, what waits will never be released. */
  forsake(): void;
  /** Bytes that are not durable yet. */
  readonly waiting: number;
}

export type JournalErrorCode =
  /** Another process uses the directory, or has claimed the edge's journal in the store. */
  | 'in_use'
  /** The directory cannot be used at all. */
  | 'unusable'
  /** What is read is not what was written, and not merely the end of the last segment is missing. */
  | 'damaged'
  /** Written by a newer release. */
  | 'unknown_version'
  /** A segment is encrypted, and its key is not available. */
  | 'no_key'
  /** Disk full or broken: see {@link Journal.flush}. */
  | 'write_failed'
  /** Writes have failed for so long that memory is used up. The call changed nothing. */
  | 'tail_full'
  /** The call changed nothing. */
  | 'too_many_sessions'
  /** Longer than any message may be. The call changed nothing. */
  | 'too_large'
  | 'closed';

export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code: JournalErrorCode;

  constructor(code: JournalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The part of the edge's log that the journal uses. */
export interface JournalLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** @throws RangeError */
export function checkNumber(next: number, least: number): void {
  if (!Number.isSafeInteger(next) || next < least)
    throw new RangeError(`${next} is no number to go on with from ${least}`);
}

/** @throws RangeError: an outbound number would be used twice, or never */
export function checkNext(msgSeqNum: number, nextOut: number): void {
  if (msgSeqNum !== nextOut) throw new RangeError(`${msgSeqNum} is not the next number, ${nextOut}`);
}
