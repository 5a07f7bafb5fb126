/** Adds up bytes four at a time: what CheckSum costs is most of what framing a message costs. */

import { byteSum } from './integers.ts';

/** Each half of a word of sums takes the bytes of so many words, 510 at most of each, and does not overflow into the other. */
const WORDS_AT_ONCE = 128;
/** The bytes with an even place in a word, each with room above it. */
const EVEN = 0x00ff00ff;

/**
 * Sums over one buffer after another. The second sum over a buffer makes a view of its words, which is what most messages
 * of a busy connection are read through; a buffer with one message in it is not worth a view.
 */
export class ByteSums {
  private buf: Uint8Array | undefined;
  private words: Int32Array | undefined;
  /** Bytes of `buf` before the first word. */
  private shift = 0;

  /** The sum of the bytes [from, to), at most 8 MB of them, modulo 256 (FIX 4.4 vol. 2, CheckSum). */
  modulo256(buf: Uint8Array, from: number, to: number): number {
    const words = buf === this.buf ? (this.words ?? this.view(buf)) : this.noted(buf);
    if (words === undefined || to - from < 16) return byteSum(buf, from, to) & 0xff;
    const { shift } = this;
    const first = (from - shift + 3) >> 2;
    const last = (to - shift) >> 2;
    let sum = byteSum(buf, from, shift + first * 4) + byteSum(buf, shift + last * 4, to);
    for (let i = first; i < last; ) {
      const stop = last - i > WORDS_AT_ONCE ? i + WORDS_AT_ONCE : last;
      let even = 0;
      let odd = 0;
      for (; i < stop; i++) {
        const word = words[i]!;
        even = (even + (word & EVEN)) | 0;
        odd = (odd + ((word >>> 8) & EVEN)) | 0;
      }
      even = (even + odd) | 0;
      sum = (sum + even + (even >>> 16)) | 0;
    }
    return sum & 0xff;
  }

  private noted(buf: Uint8Array): undefined {
    this.buf = buf;
    this.words = undefined;
  }

  private view(buf: Uint8Array): Int32Array {
    this.shift = -buf.byteOffset & 3;
    const count = (buf.length - this.shift) >> 2;
    this.words = new Int32Array(buf.buffer, buf.byteOffset + this.shift, Math.max(0, count));
    return this.words;
  }
}
