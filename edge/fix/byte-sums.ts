/** Sums of bytes for the CheckSum of what comes in: the view that makes them cheap is worth making once a buffer. */

import { byteSum } from './integers.ts';
import { sumWords, viewOf } from './words.ts';

/**
 * Sums over one buffer after another. The second sum over a buffer makes a view of its words, through which most messages
 * of a busy connection are read; a buffer with one message in it is not worth a view.
 */
export class ByteSums {
  private buf: Uint8Array | undefined;
  private view: DataView | undefined;

  /** The sum of the bytes [from, to), at most 8 MB of them, modulo 256 (FIX 4.4 vol. 2, CheckSum). */
  modulo256(buf: Uint8Array, from: number, to: number): number {
    if (buf !== this.buf) {
      this.buf = buf;
      this.view = undefined;
      return byteSum(buf, from, to) & 0xff;
    }
    this.view ??= viewOf(buf);
    return sumWords(this.view, from, to);
  }
}
