/**
 * A block of numbers that a session may use before what it says with them is durable: messages out of it leave at once. What
 * is durable of the journal names the end of the block, so that after a loss the session goes on above it, and no number has
 * two contents (docs/adr/0041-numbers-that-are-reserved.md). The next block is asked for when half of this one is used, so that nobody waits for it.
 *
 * Out of a block for session-level messages alone go those that a resend fills with a gap: Heartbeats and their like. Their
 * numbers are not even written, until an application message comes (docs/adr/0050-what-idle-sessions-leave-in-the-store.md).
 */

import type { Ahead } from './journal.ts';
import type { Ledger } from './ledger.ts';

/** What the journal promises of what is flushed. */
export type Promises = Pick<Ledger<unknown>, 'later' | 'ahead' | 'inStore'>;

export class Reserve {
  /** Numbers of a block; 0: the session reserves none, and its bytes wait as the journal promises. */
  size = 0;
  /** What may leave out of it. */
  what: Ahead = 'everything';
  /** The first number behind the block that the journal names, durable or not; 0: it names none. */
  limit = 0;
  /** The next one is to be named with the next flush. */
  wanted = false;
  /** …and this is noted with this number; Infinity: not yet. */
  renewAt = Number.POSITIVE_INFINITY;
  /**
   * When it turned out that something of the session was lost, epoch ms: what the venue had made by then may have been sent.
   * 0: nothing was.
   */
  lostAt = 0;
  /** Whether what it says, session-level messages apart, waits for the batch that is named next. */
  waits: boolean;
  #batch = 0;
  /** End of the block that is durable. */
  #covered = 0;
  /** End of the one that is durable with this batch; 0: with none. */
  #named = 0;
  #ticket = 0;
  readonly #journal: Promises;

  constructor(journal: Promises) {
    this.#journal = journal;
    this.waits = journal.inStore;
  }

  /** Blocks are of so many numbers from now on. @returns whether that is another: the next one is to be named */
  begin(numbers: number, what: Ahead): boolean {
    const { inStore } = this.#journal;
    const size = what === 'session_level' && !inStore ? 0 : numbers;
    if (size === this.size && (size === 0 || what === this.what)) return false;
    this.size = size;
    if (size > 0) this.what = what;
    this.waits = inStore && (size === 0 || what === 'session_level');
    this.drop();
    return true;
  }

  /** Another block begins with the number that is next; none where none is reserved. */
  next(nextOut: number): void {
    this.limit = this.size > 0 ? nextOut + this.size : 0;
  }

  /** The journal names {@link limit}, which is durable with its present batch. */
  written(): void {
    const { later } = this.#journal;
    this.wanted = false;
    this.#named = this.limit;
    this.#ticket = later?.ticket ?? 0;
    if (later === undefined) this.#settle();
  }

  /** All numbers that had to be are in the journal's present batch. */
  numbersWritten(): void {
    this.#batch = this.#journal.later?.ticket ?? 0;
  }

  /** Whether what has been said up to the number before `next`, and flushed, may leave. */
  lets(next: number): boolean {
    const { later, ahead } = this.#journal;
    if (this.waits) return later === undefined || this.#batch <= later.released;
    return this.size === 0 ? ahead : this.#covers(next);
  }

  /** Whether all numbers before `next` are in a block that is durable. */
  #covers(next: number): boolean {
    if (this.#ticket > 0 && this.#journal.later!.released >= this.#ticket) this.#settle();
    return next <= this.#covered;
  }

  /** Whether numbers before `next` need not be written now: session-level messages have used them, out of a durable block. */
  lags(next: number): boolean {
    return this.what === 'session_level' && this.#covers(next);
  }

  /** After a process that did not end in order: whether numbers up to {@link limit} may have been used. @param whole whether all that it wrote is there */
  inDoubt(whole: boolean): boolean {
    return this.limit > 0 && (!whole || this.what === 'session_level');
  }

  /** Numbers begin anew, or nothing is reserved any more: bytes wait until a block of theirs is durable. */
  drop(): void {
    this.limit = 0;
    this.#covered = 0;
    this.#ticket = 0;
    this.renewAt = this.size > 0 ? 0 : Number.POSITIVE_INFINITY;
  }

  #settle(): void {
    this.#ticket = 0;
    this.#covered = this.#named;
    if (this.size > 0) this.renewAt = this.#named - Math.floor(this.size / 2);
  }
}
