/**
 * A reserved block of numbers: messages with these numbers may leave before they are durable. The durable part of the journal names
 * the end of the block, so that after a loss the session goes on above it and no number gets two contents
 * (docs/adr/0041-numbers-that-are-reserved.md). The next block is reserved when half of this one is used, so that nobody waits.
 *
 * A block can be for session-level messages only, those that are gap-filled in a resend, such as Heartbeats. Their numbers are not
 * even written until an application message comes (docs/adr/0050-what-idle-sessions-leave-in-the-store.md).
 */

import type { Ahead } from './journal.ts';
import type { Ledger } from './ledger.ts';

/** When flushed output may leave. */
export type Promises = Pick<Ledger<unknown>, 'later' | 'ahead' | 'inStore'>;

export class Reserve {
  /** Numbers of a block; 0: the session reserves none, and its output waits until it is durable. */
  size = 0;
  /** Which messages may use the block. */
  what: Ahead = 'everything';
  /** The first number after the block that the journal names, durable or not; 0: it names none. */
  limit = 0;
  /** The next flush is to name the next block. */
  wanted = false;
  /** From this number on the next block is wanted; Infinity: not yet. */
  renewAt = Number.POSITIVE_INFINITY;
  /**
   * When it was found that part of the session's journal is lost, epoch ms; 0: never. Reports that the venue made before then may have
   * been sent already.
   */
  lostAt = 0;
  /** Whether output other than session-level messages has to wait for the next batch. */
  waits: boolean;
  #batch = 0;
  /** End of the block that is durable. */
  #covered = 0;
  /** End of the block that becomes durable with this batch; 0: none does. */
  #named = 0;
  #ticket = 0;
  readonly #journal: Promises;

  constructor(journal: Promises) {
    this.#journal = journal;
    this.waits = journal.inStore;
  }

  /** Sets the size of blocks. @returns whether it has changed: then the next flush must name a block */
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

  /** Begins another block at the next number, if the session reserves any. */
  next(nextOut: number): void {
    this.limit = this.size > 0 ? nextOut + this.size : 0;
  }

  /** The journal has written {@link limit}, which becomes durable with its present batch. */
  written(): void {
    const { later } = this.#journal;
    this.wanted = false;
    this.#named = this.limit;
    this.#ticket = later?.ticket ?? 0;
    if (later === undefined) this.#settle();
  }

  /** The numbers used so far are written, in the journal's present batch. */
  numbersWritten(): void {
    this.#batch = this.#journal.later?.ticket ?? 0;
  }

  /** Whether flushed messages with numbers below `next` may leave. */
  lets(next: number): boolean {
    const { later, ahead } = this.#journal;
    if (this.waits) return later === undefined || this.#batch <= later.released;
    return this.size === 0 ? ahead : this.#covers(next);
  }

  /** Whether all numbers below `next` are in a durable block. */
  #covers(next: number): boolean {
    if (this.#ticket > 0 && this.#journal.later!.released >= this.#ticket) this.#settle();
    return next <= this.#covered;
  }

  /** Whether numbers below `next` need not be written now: only session-level messages have used them, and their block is durable. */
  lags(next: number): boolean {
    return this.what === 'session_level' && this.#covers(next);
  }

  /** At the start after a process that was not closed: whether numbers up to {@link limit} may have been used. @param whole whether everything that it wrote is there */
  inDoubt(whole: boolean): boolean {
    return this.limit > 0 && (!whole || this.what === 'session_level');
  }

  /** The numbers were reset, or nothing is reserved any more: output waits until a new block is durable. */
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
