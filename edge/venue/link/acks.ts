/** How far the venue's frames may be acknowledged: it forgets what it is told of. */

export class Acks {
  /** Whether they wait until what they have made is durable, and not only written. */
  readonly late: boolean;
  /** Up to this one. */
  most: number;
  /** The last that has come to this process; and the last of the batch under way. */
  #seen = 0;
  #closed = 0;

  constructor(late: boolean) {
    this.late = late;
    this.most = late ? 0 : Number.POSITIVE_INFINITY;
  }

  saw(number: number): void {
    if (number > this.#seen) this.#seen = number;
  }

  /** A batch is closed with what has come so far. */
  closing(): void {
    this.#closed = this.#seen;
  }

  /** It is durable. */
  durable(): void {
    if (this.late) this.most = Math.max(this.most, this.#closed);
  }

  /** The venue's frames count from 1. */
  begin(): void {
    this.#seen = 0;
    this.#closed = 0;
    if (this.late) this.most = 0;
  }
}
