/**
 * A block of numbers that a session may use before what it says with them is durable: messages out of it leave at once. What
 * is durable of the journal names the end of the block, so that after a loss the session goes on above it, and no number has
 * two contents (docs/adr/0041-numbers-that-are-reserved.md). The next block is asked for when half of this one is used, so that nobody waits for it.
 */

/** What says how much of the journal is durable; see Later in edge/turn.ts. */
export interface Durable {
  readonly ticket: number;
  readonly released: number;
}

export class Reserve {
  /** Numbers of a block; 0: the session reserves none, and its bytes wait as the journal promises. */
  size = 0;
  /** The first number behind the block that the journal names, durable or not; 0: it names none. */
  limit = 0;
  /** The next block is to be asked for with this number; Infinity: not yet. */
  renewAt = Number.POSITIVE_INFINITY;
  /**
   * When it turned out that something of the session was lost, epoch ms: what the venue had made by then may have been sent.
   * 0: nothing was.
   */
  lostAt = 0;
  /** End of the block that is durable. */
  #covered = 0;
  /** {@link limit} is durable with this batch; 0: it is, or there is none. */
  #ticket = 0;

  /** The journal names {@link limit}, which is durable with its present batch. */
  written(durable: Durable | undefined): void {
    this.#ticket = durable?.ticket ?? 0;
    if (durable === undefined) this.#settle();
  }

  /** Whether all numbers before `next` are in a block that is durable. */
  covers(next: number, durable: Durable | undefined): boolean {
    if (this.#ticket > 0 && durable!.released >= this.#ticket) this.#settle();
    return next <= this.#covered;
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
    this.#covered = this.limit;
    this.renewAt = this.limit - Math.floor(this.size / 2);
  }
}
