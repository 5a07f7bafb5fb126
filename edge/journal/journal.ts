/**
 * Where sessions keep what must survive: sequence numbers, application messages sent and received, and those that wait for
 * their client. `file.ts` outlives the process, `memory.ts` does not; both pass one compliance suite.
 */

import type { Revocation } from '../../core/sessions/journal-store.ts';
import type { SessionStore } from '../fix/session/ports.ts';
import type { Later } from '../turn.ts';
import type { After, SessionState, SessionTerms } from './session-state.ts';

/** A message that a session had handed to the venue, and the venue has not. */
export interface Accepted {
  /** Of the session. */
  readonly key: string;
  readonly about: string;
  readonly generation: number;
  readonly msgSeqNum: number;
  /** As it came. */
  readonly message: Buffer;
  /** Epoch ms. */
  readonly receivedAt: number;
}

/** What leaves out of a block of numbers before it is durable: all messages, or those that a resend fills with a gap. */
export type Ahead = 'everything' | 'session_level';

/** What a journal keeps of a session, and when bytes of it may leave. */
export interface JournalSession extends SessionStore {
  /**
   * Whether what has been numbered so far may leave once it is flushed, whatever {@link Later.released} says: out of a
   * block of numbers that is durable, or because a flush is all that this journal promises.
   */
  readonly ahead: boolean;
  /**
   * From now on it reserves so many numbers at a time and sends ahead of what is durable; 0: it does not. Session-level
   * messages alone do only where a commit is what costs: with a journal in the store.
   */
  sendAhead(numbers: number, what?: Ahead): void;
  /** Its client has gone: what was reserved for session-level messages is given back. */
  rest(): void;
}

/** Of two journals side by side. */
export type JournalKind = 'store' | 'file';

export interface Journal {
  /** Whether other edges can read what is durable of it, where sessions are that are placed nowhere. */
  readonly inStore: boolean;
  /**
   * The durable part of a session; the same object each time.
   * @param key names the session, the same over all its connections and restarts
   * @throws JournalError `too_many_sessions`, or `tail_full`
   */
  session(key: string, terms?: Partial<SessionTerms>): JournalSession;
  /** Whether it has this session already: asking for one makes it, for good. */
  has(key: string): boolean;
  /** Names of all sessions that it has. */
  keys(): Iterable<string>;
  /** Number of the last of the venue's reports on a session that is in it; 0: none is, or they have no numbers. */
  told(key: string): number;
  /** The report of this number is in the next flush, with all before it. */
  tell(key: string, report: number): void;
  /**
   * All of a session, everything having been flushed, to move to another edge; undefined: it has none of it.
   * @param after the last of its messages that the venue has had: those behind it go along. Undefined: none do
   * @throws JournalError `damaged`, or `write_failed` when something has not been flushed
   */
  export(key: string, after?: After): SessionState | undefined;
  /** In the next flush: it is in another journal of this edge, see pair.ts. */
  remove(key: string): void;
  /** The session is in the one of two journals that is named, moved there if need be, everything having been flushed. Undefined: there is one. @returns whether it has moved: what was had of it is another's */
  place?(key: string, kind: JournalKind): boolean;
  /** In the next flush, and whole or not at all: the session is as it was elsewhere. @throws JournalError as {@link session} */
  adopt(key: string, state: SessionState): void;
  /**
   * One synchronous write of everything that all sessions have appended since the last one: all of it survives or none.
   * Costs nothing when nothing was appended. What depends on it must not leave before it has returned.
   * @param depends mark of the venue's next flush, when what was appended counts only together with that: nothing may
   * leave before {@link committed}. 0: it stands alone
   * @throws JournalError `write_failed`; what was appended is kept, and the next flush tries again
   */
  flush(depends?: number): void;
  /** Nobody waits for an answer: what the next flush needs may be made now. Changes nothing that can be seen. */
  prepare?(): void;
  /**
   * The venue's flush that the last ones depended on is on disk.
   * @param had mark of the last one that is where orders are executed: what later ones are of is kept. Left out: all are
   */
  committed(had?: number): void;
  /**
   * Once, before anything is appended: takes back what the venue made in flushes that it does not have.
   * @param mark of the last flush that the venue has; undefined: it keeps nothing
   * @returns the messages of clients in those flushes that had gone to it, in order, to be submitted again
   */
  settle(mark: number | undefined): readonly Accepted[];
  /** Since then: what the venue has is not the log that this one goes with, so that nothing was taken back. */
  readonly astray: boolean;
  /** Before the end: no session sends ahead any more, so that none has to go on above numbers that it never used. In the next flush. */
  endAhead(): void;
  /** Where flushes are durable later; undefined: they are when they return. */
  readonly later?: LaterJournal | undefined;
  /** False from a flush that failed until one succeeds: take no orders, but cancels, and go on flushing. */
  readonly healthy: boolean;
  /** Flushes and lets go of the directory. @throws JournalError `write_failed`; the directory is let go of all the same */
  close(): Promise<void>;
}

/** What is done around a batch of a journal that is answered later. */
export interface Attendant {
  /** Before a batch is closed: everything that has happened is flushed, and the venue seals it. Throws: it is not closed yet. */
  closing(): void;
  /** The batch is durable: the venue writes what it has sealed. Throws when it cannot: {@link LaterJournal.retry}. */
  written(): void;
  /** {@link Later.released} has risen. */
  released(): void;
  /** Other edges have these sessions: nothing of them may leave here any more. */
  revoked(revocations: readonly Revocation[]): void;
}

/** A journal whose flushes are durable some time after they return. */
export interface LaterJournal extends Later {
  attend(attendant: Attendant): void;
  /** Asks again for {@link Attendant.written}, where that has thrown. @throws what it throws */
  retry(): void;
  /** Resolves when all that has been flushed so far is released, or never will be. */
  drained(): Promise<void>;
  /** The edge has stopped, or was declared dead: where that is no place to write to any more, what waits never will be released. */
  forsake(): void;
  /** Bytes that are not durable. */
  readonly waiting: number;
}

export type JournalErrorCode =
  /** Another process uses the directory, or has the edge's log in the store. */
  | 'in_use'
  /** The directory cannot be used at all. */
  | 'unusable'
  /** What was written is not what is read, and it is not the end of the last segment. */
  | 'damaged'
  /** Written by a release that this one does not know. */
  | 'unknown_version'
  /** A segment is encrypted, and its key cannot be had. */
  | 'no_key'
  /** Disk full or broken: see {@link Journal.flush}. */
  | 'write_failed'
  /** Writes have failed for so long that no more can be kept: nothing was changed by the call. */
  | 'tail_full'
  /** Nothing was changed by the call. */
  | 'too_many_sessions'
  /** Longer than any message may be: nothing was changed by the call. */
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

/** Of the edge's log, what the journal says. */
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
