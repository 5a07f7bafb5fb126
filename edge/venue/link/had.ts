/**
 * What the venue has on its disk of what the edge has flushed, in marks of the edge's flushes: a journal keeps the orders of
 * a flush until then, as whoever comes after a machine that is lost has them from nowhere else.
 */

import type { Mailbox } from './mailbox.ts';

export class Had {
  /** Of the last flush that the venue has all frames of. */
  mark = 0;
  /** Flushes that it has not, oldest first: their marks, and the last frame that may leave with each. */
  #marks: number[] = [];
  #numbers: number[] = [];
  #acked = 0;

  /** Frames count anew, or are what a process before left: which flushes up to this mark they are of is not known. */
  begin(mark: number, { next, due }: Pick<Mailbox, 'next' | 'due'>): void {
    this.#marks = [];
    this.#numbers = [];
    this.#acked = due - 1;
    this.flushed(mark, next - 1);
  }

  /** A flush has been written, with which everything up to this frame may leave. */
  flushed(mark: number, number: number): void {
    const last = this.#marks.length - 1;
    // One that the venue hears nothing of is had with the one before.
    if (last < 0 && number <= this.#acked) this.mark = mark;
    else if (last >= 0 && this.#numbers[last] === number) this.#marks[last] = mark;
    else {
      this.#marks.push(mark);
      this.#numbers.push(number);
    }
  }

  /** The venue has everything up to this frame. */
  acked(number: number): void {
    this.#acked = number;
    let count = 0;
    while (count < this.#numbers.length && this.#numbers[count]! <= number) count += 1;
    if (count === 0) return;
    this.mark = this.#marks[count - 1]!;
    this.#marks.splice(0, count);
    this.#numbers.splice(0, count);
  }
}
