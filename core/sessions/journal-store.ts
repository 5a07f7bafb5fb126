/**
 * Where an edge's journal is kept so that it survives the machine: segments, each a string of bytes that only grows, in
 * pieces. Whose they are is the edge's name; who may write is its one incarnation that is alive.
 */

import type { EdgeIdentity } from './model.ts';

/** `length` bytes of a segment from `offset` on. */
export interface Piece {
  /** From 1. */
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
  /** How they are kept is their writer's: about {@link PIECE_BYTES} at most. */
  readonly bytes: Uint8Array;
}

/** Of a segment: well below what an item may have (400 KB in DynamoDB), and as large as a block of the journal. */
export const PIECE_BYTES = 64 * 1024;
/** Pieces of one {@link JournalStore.append}, which is one transaction: DynamoDB takes 100 items… */
export const APPEND_PIECES = 90;
/** …and 4 MB, of which a request of this many bytes is well within the time that a try has. */
export const APPEND_BYTES: number = 2 * 1024 * 1024;

/** Of one part of what is left for another edge; below what an item may have. */
export const PARCEL_PART_BYTES: number = 256 * 1024;

/** `fenced`: the incarnation has been declared dead, has stopped, or another has begun. Nothing was done. */
export type Written = 'done' | 'fenced';

/**
 * `elsewhere`: the edge does not keep its journal here, or is of a release that would not ask. `unclaimed`: this incarnation has begun, and has not
 * come to {@link JournalStore.claim} what one before it wrote here. Nothing was done.
 */
export type Revoked = Written | 'elsewhere' | 'unclaimed';

/** Another edge has taken a FIX session under this epoch: what its edge before commits of it counts for nothing. */
export interface Revocation {
  /** As the journal names it. */
  readonly session: string;
  readonly epoch: number;
}

/** Of one {@link JournalStore.revoke}: some kilobytes of a row. */
export const REVOKED_TOGETHER = 100;

/** All reject with StoreUnavailable; what was asked for may have been done then, and asking for it again does no harm. */
export interface JournalStore {
  /**
   * The log of this edge is this writer's from now on: the incarnation has begun after all others, so nobody writes any
   * more and what is there may be read.
   * @param writer names the process; random
   */
  claim(edge: EdgeIdentity, writer: string): Promise<Written>;
  /** For a process whose incarnation had ended: whether nobody else has claimed the log since. `lost`: somebody has. */
  reclaim(edge: EdgeIdentity, writer: string): Promise<Written | 'lost'>;
  /**
   * All of the pieces or none. Pieces of one segment are asked for in order; the first one of a segment begins it.
   * @param revoked revocations that the writer has heard of, 0 as its incarnation begins. `revoked`: there are more, and
   * nothing was done
   */
  append(edge: EdgeIdentity, pieces: readonly Piece[], revoked?: number): Promise<Written | 'revoked'>;
  /**
   * From now on nothing is appended by this incarnation before it has heard that these sessions, at most
   * {@link REVOKED_TOGETHER}, are not its own any more. What is read afterwards is all that it may have told anybody of them.
   */
  revoke(edge: EdgeIdentity, revocations: readonly Revocation[], now: number): Promise<Revoked>;
  /** What has been revoked since the first `heard` of an incarnation, oldest first, and how many that makes in all. */
  revoked(
    edge: EdgeIdentity,
    heard: number,
  ): Promise<{ readonly upTo: number; readonly revocations: readonly Revocation[] }>;
  /** Numbers of the segments, ascending. */
  segments(edgeId: string): Promise<readonly number[]>;
  /** Its pieces by offset, consistently; what may be missing, or behind what is missing, is the reader's to find. */
  pieces(edgeId: string, segment: number): Promise<readonly Piece[]>;
  /** Its first piece. */
  first(edgeId: string, segment: number): Promise<Piece | undefined>;
  /** Takes away the pieces from `size` on, where one begins. */
  truncate(edge: EdgeIdentity, segment: number, size: number): Promise<Written>;
  /** The segment is gone at once and for good; its bytes some time later. */
  remove(edge: EdgeIdentity, segment: number): Promise<Written>;
  /** Takes away bytes that a {@link remove} has left behind when its process ended. */
  sweep(edge: EdgeIdentity): Promise<void>;
  /** Leaves something for another edge, in parts, under a name that is used once; gone a day after. */
  leave(name: string, parts: readonly Uint8Array[], now: number): Promise<void>;
  /** What was left, in order; none: it is not there, or not all of it. */
  collect(name: string): Promise<readonly Uint8Array[]>;
  /** It is not wanted any more; it had so many parts. */
  discard(name: string, parts: number): Promise<void>;
}
