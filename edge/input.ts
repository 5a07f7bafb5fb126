/**
 * Bytes of a connection that were read and not yet processed. While a read is worked off they lie in the buffer of all reads (reads.ts),
 * behind what was left of the read before; what is left then is kept in a buffer of the connection's own.
 */

import type { Frame } from './fix/framer.ts';
import { READ_AT, READ_BUFFER } from './reads.ts';

const EMPTY = Buffer.alloc(0);
/** The least that is worth a buffer: most messages. */
const LEAST = 1024;
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

  /** So many bytes have been read into the buffer of all reads, and follow what is there. Before the next read of anybody comes {@link settle}. */
  append(bytes: number): void {
    const rest = this.end - this.start;
    if (rest > READ_AT) {
      this.#join(bytes);
      return;
    }
    if (rest > 0) this.buf.copy(READ_BUFFER, READ_AT - rest, this.start, this.end);
    this.buf = READ_BUFFER;
    this.start = READ_AT - rest;
    this.end = READ_AT + bytes;
  }

  /** A message that is longer than the room before a read is put together in our own buffer. */
  #join(bytes: number): void {
    const rest = this.end - this.start;
    const need = rest + bytes;
    const before = this.buf;
    if (this.end + bytes > before.length) {
      // Room for half as much again, so that what comes in small reads is not all copied each time.
      if (need > before.length) this.#own = Buffer.allocUnsafeSlow(Math.ceil(1.5 * need));
      before.copy(this.#own, 0, this.start, this.end);
      this.buf = this.#own;
      this.start = 0;
      this.end = rest;
    }
    READ_BUFFER.copy(this.buf, this.end, READ_AT, READ_AT + bytes);
    this.end += bytes;
  }

  /** What is left is kept, and the buffer of all reads is free for the next one. */
  settle(): void {
    const rest = this.end - this.start;
    if (rest === 0) {
      if (this.#own.length > MAX_KEPT) this.#own = EMPTY;
    } else {
      if (this.buf !== READ_BUFFER) return;
      if (this.#own.length < rest) this.#own = Buffer.allocUnsafeSlow(Math.max(LEAST, rest));
      READ_BUFFER.copy(this.#own, 0, this.start, this.end);
    }
    this.buf = this.#own;
    this.start = 0;
    this.end = rest;
  }

  /** The first message has been dealt with. It is a Logon, so nothing of it is to stay; nor a buffer, which thousands of quiet sessions would have. */
  drop({ start, resume }: Frame): void {
    this.buf.fill(0, start, resume);
    this.start = resume;
    if (this.length === 0) this.clear();
  }

  clear(): void {
    this.buf = EMPTY;
    this.#own = EMPTY;
    this.start = 0;
    this.end = 0;
  }
}
