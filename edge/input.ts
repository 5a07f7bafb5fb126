/**
 * Bytes that were read and not yet processed: the chunk as it came if that is enough, or a buffer of our own if chunks must be
 * joined. A chunk belongs to the input that it was appended to; its memory is freed when it has been processed.
 */

import { giveBack } from './give-back.ts';

const EMPTY = Buffer.alloc(0);
/** A buffer that a burst has made larger than this is not kept. */
const MAX_KEPT = 131_072;

export class Input {
  buf: Buffer = EMPTY;
  /** What is there: buf[start, end). */
  start = 0;
  end = 0;
  #own: Buffer = EMPTY;

  get length(): number {
    return this.end - this.start;
  }

  append(chunk: Buffer): void {
    const rest = this.end - this.start;
    if (rest === 0) {
      this.buf = chunk;
      this.start = 0;
      this.end = chunk.length;
      return;
    }
    const need = rest + chunk.length;
    const own = this.#own;
    if (this.buf === own && this.end + chunk.length <= own.length) {
      chunk.copy(own, this.end);
      giveBack(chunk);
      this.end = this.start + need;
      return;
    }
    // Room for half as much again, so that bytes that come one by one are not all copied each time.
    const target = need <= own.length ? own : Buffer.allocUnsafeSlow(Math.max(4096, Math.ceil(1.5 * need)));
    const before = this.buf;
    before.copy(target, 0, this.start, this.end);
    chunk.copy(target, rest);
    if (before !== target) giveBack(before);
    giveBack(chunk);
    this.#own = target;
    this.buf = target;
    this.start = 0;
    this.end = need;
  }

  /** After a batch: an empty input keeps no chunk alive. */
  settle(): void {
    if (this.start < this.end) return;
    if (this.buf !== this.#own) giveBack(this.buf);
    this.buf = this.#own.length > MAX_KEPT ? EMPTY : this.#own;
    if (this.#own.length > MAX_KEPT) this.#own = EMPTY;
    this.start = 0;
    this.end = 0;
  }

  clear(): void {
    this.buf = EMPTY;
    this.#own = EMPTY;
    this.start = 0;
    this.end = 0;
  }
}
