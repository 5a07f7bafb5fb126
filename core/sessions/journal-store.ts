/**
 * Port for keeping an edge's journal where it survives the machine. A journal consists of segments; a segment is a string of
 * bytes that only grows, stored in pieces. Journals belong to the edge's name; only its live incarnation may write.
 */

import type { EdgeIdentity } from './model.ts';

/** `length` bytes of a segment from `offset` on. */
export interface Piece {
  /** From 1. */
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
  /** Encoded by the writer (compressed, encrypted); about {@link PIECE_BYTES} at most. */
  readonly bytes: Uint8Array;
}

/** Bytes of a piece: well below the size of an item (400 KB in DynamoDB), and as large as a block of the journal. */
export const PIECE_BYTES = 64 * 1024;
/** Pieces in one {@link JournalStore.append}, which is one transaction: DynamoDB takes 100 items… */
export const APPEND_PIECES = 90;
/** …and 4 MB, of which a request of this many bytes is well within the time that a try has. */
export const APPEND_BYTES: number = 2 * 1024 * 1024;

/** Bytes of one part of a parcel ({@link JournalStore.leave}); below the size of an item. */
export const PARCEL_PART_BYTES: number = 256 * 1024;

/** `fenced`: the incarnation was declared dead, has stopped, or a newer one has begun. Nothing was done. */
export type Written = 'done' | 'fenced';

/** `elsewhere`: the edge does not keep its journal here, or its release does not check revocations. Nothing was done. */
export type Revoked = Written | 'elsewhere';

/** Another edge has taken a FIX session, under this epoch: what the edge before commits of it is void. */
export interface Revocation {
  /** The session's name in the journal. */
  readonly session: string;
  readonly epoch: number;
}

/** Sessions in one {@link JournalStore.revoke}: some kilobytes of a row. */
export const REVOKED_TOGETHER = 100;

/** All methods may reject with StoreUnavailable. The call may have taken effect then; repeating it does no harm. */
export interface JournalStore {
  /**
   * Makes this process the writer of the edge's journal. Its incarnation is the newest, so nobody else can write any more and
   * what is there may be read.
   * @param writer a random name of the process
   */
  claim(edge: EdgeIdentity, writer: string): Promise<Written>;
  /** For a process whose incarnation was fenced and that has registered anew. `lost`: another process has claimed the journal since. */
  reclaim(edge: EdgeIdentity, writer: string): Promise<Written | 'lost'>;
  /**
   * Appends all of the pieces or none. Pieces of a segment come in order; the first one creates the segment.
   * @param revoked how many revocations of its incarnation the writer knows of, 0 at first. Result `revoked`: there are more,
   * and nothing was done
   */
  append(edge: EdgeIdentity, pieces: readonly Piece[], revoked?: number): Promise<Written | 'revoked'>;
  /**
   * Takes sessions, at most {@link REVOKED_TOGETHER}, away from an incarnation: it can append nothing more until it has read
   * that they are no longer its own. What is read of its journal afterwards is all that it can have told anybody about them.
   */
  revoke(edge: EdgeIdentity, revocations: readonly Revocation[], now: number): Promise<Revoked>;
  /** Revocations of an incarnation after the first `heard` ones, oldest first, and how many there are in all. */
  revoked(
    edge: EdgeIdentity,
    heard: number,
  ): Promise<{ readonly upTo: number; readonly revocations: readonly Revocation[] }>;
  /** Numbers of the segments, ascending. */
  segments(edgeId: string): Promise<readonly number[]>;
  /** The pieces of a segment by offset, read consistently. The reader has to check for gaps. */
  pieces(edgeId: string, segment: number): Promise<readonly Piece[]>;
  /** The first piece of a segment. */
  first(edgeId: string, segment: number): Promise<Piece | undefined>;
  /** Removes the pieces from offset `size` on; a piece begins there. */
  truncate(edge: EdgeIdentity, segment: number, size: number): Promise<Written>;
  /** Removes a segment. It is gone for readers at once, its bytes some time later. */
  remove(edge: EdgeIdentity, segment: number): Promise<Written>;
  /** Removes bytes that an interrupted {@link remove} has left. */
  sweep(edge: EdgeIdentity): Promise<void>;
  /** Stores a parcel (sessions that are handed to another edge), in parts, under a name that is used once. Kept for a day. */
  leave(name: string, parts: readonly Uint8Array[], now: number): Promise<void>;
  /** The parts of a parcel in order. Empty: it is not there, or not complete. */
  collect(name: string): Promise<readonly Uint8Array[]>;
  /** Removes a parcel of so many parts. */
  discard(name: string, parts: number): Promise<void>;
}
