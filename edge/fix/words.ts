/**
 * Bytes by the word: eight at a time is what a loop in this language copies at the speed of the machine. (The engine's
 * compiler keeps a BigInt that is read and written at once in a register; none is made.)
 */

/** Bytes that {@link copyWords} may read behind what it is asked for, and write behind what it writes. */
export const SLACK = 7;

/** A view of the same bytes. */
export const viewOf = (buf: Uint8Array): DataView => new DataView(buf.buffer, buf.byteOffset, buf.length);

/**
 * Views of buffers that are asked for by turns, of which the last two are at hand: what came in, and what goes out. They stay where they
 * are, for to write down a view that is young costs more than a look.
 */
export class Views {
  #buf: Uint8Array | undefined;
  #view = viewOf(new Uint8Array(0));
  #other: Uint8Array | undefined;
  #otherView = this.#view;
  /** Which of the two came last. */
  #isOtherLast = true;

  of(buf: Uint8Array): DataView {
    if (buf === this.#buf) return this.#view;
    return buf === this.#other ? this.#otherView : this.#made(buf);
  }

  /** In place of the one that came first. */
  #made(buf: Uint8Array): DataView {
    const view = viewOf(buf);
    this.#isOtherLast = !this.#isOtherLast;
    if (this.#isOtherLast) {
      this.#other = buf;
      this.#otherView = view;
    } else {
      this.#buf = buf;
      this.#view = view;
    }
    return view;
  }
}

/**
 * Copies `length` bytes, rounded up to whole words: both sides must have {@link SLACK} bytes more, and what stands there in
 * `to` is lost. Positions are below 2^31. @returns the one after the last byte asked for
 */
export function copyWords(from: DataView, start: number, length: number, to: DataView, at: number): number {
  let source = start | 0;
  let target = at | 0;
  // `| 0` throughout: sums that are known to be machine integers need no look whether they are, which was a third of the time.
  for (const end = (source + length) | 0; source < end; source = (source + 8) | 0) {
    to.setBigInt64(target, from.getBigInt64(source, true), true);
    target = (target + 8) | 0;
  }
  return (at + length) | 0;
}

/** Copies `length` bytes and none behind them: eight and more by words, the last of which may cover part of the one before. @returns as {@link copyWords} */
export function copyExactly(from: DataView, start: number, length: number, to: DataView, at: number): number {
  const last = (length - 8) | 0;
  if (last < 0) for (let i = 0; i < length; i++) to.setUint8(at + i, from.getUint8(start + i));
  else {
    to.setBigInt64(at, from.getBigInt64(start, true), true);
    for (let i = 8; i < last; i = (i + 8) | 0)
      to.setBigInt64((at + i) | 0, from.getBigInt64((start + i) | 0, true), true);
    to.setBigInt64((at + last) | 0, from.getBigInt64((start + last) | 0, true), true);
  }
  return (at + length) | 0;
}

/** The bytes with an even place in a word, each with room above it for the sum of many. */
export const EVEN = 0x00ff00ff;
/** Each half of a word of sums takes the bytes of so many words, 510 at most of each, and does not overflow. */
const BYTES_AT_ONCE = 512;

/** The sum of the bytes [from, to) modulo 256 (FIX 4.4 vol. 2, CheckSum). */
export function sumWords(view: DataView, from: number, to: number): number {
  let sum = 0;
  let at = from;
  const last = to - 4;
  while (at <= last) {
    const stop = Math.min(at + BYTES_AT_ONCE - 4, last);
    let even = 0;
    let odd = 0;
    for (; at <= stop; at += 4) {
      const word = view.getInt32(at, true);
      even = (even + (word & EVEN)) | 0;
      odd = (odd + ((word >>> 8) & EVEN)) | 0;
    }
    even = (even + odd) | 0;
    sum = (sum + even + (even >>> 16)) | 0;
  }
  for (; at < to; at++) sum = (sum + view.getUint8(at)) | 0;
  return sum & 0xff;
}

/** A name that is looked for in many messages, by the word. */
export class Name {
  readonly length: number;
  /** A plain array: a typed one weighs four times as much, and each of thousands of sessions has three names. */
  readonly #words: number[] = [];
  /** Of the last word, the bytes that are the name's. */
  readonly #mask: number;

  /** @param text one character per byte */
  constructor(text: string) {
    this.length = text.length;
    const view = viewOf(Buffer.from(text + '\0'.repeat(SLACK), 'latin1'));
    for (let at = 0; at < text.length; at += 4) this.#words.push(view.getInt32(at, true));
    this.#mask = (-1 >>> (8 * (-text.length & 3))) | 0;
  }

  /** Whether it stands at `at`, where there are {@link SLACK} bytes more. */
  isAt(view: DataView, at: number): boolean {
    const words = this.#words;
    const last = words.length - 1;
    for (let i = 0; i < last; i++) if (view.getInt32(at + i * 4, true) !== words[i]) return false;
    return last < 0 || ((view.getInt32(at + last * 4, true) ^ words[last]!) & this.#mask) === 0;
  }
}
