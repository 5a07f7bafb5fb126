/**
 * ClOrdIDs as bytes, a cache line each, in one piece of memory: an order leaves no string behind, and several that have the
 * same one share it. A name is a number; it is kept as often as it is noted or {@link Names.keep}t, and dropped as often.
 */

import type { Message } from '../../fix/message.ts';
import { copyWords, SLACK, viewOf } from '../../fix/words.ts';
import { keptBytes, keptInt32s } from '../../kept-memory.ts';
import { ID_BYTES } from '../limits.ts';

/** No name at all. */
export const NO_NAME = 0;

const INITIAL = 64;
const STRIDE = ID_BYTES;
const GOLDEN = 0x9e3779b1;

/** Bytes [0, n) of a little-endian word of four. */
const MASKS = Int32Array.of(0, 0xff, 0xffff, 0xffffff);

const ONES = 0x01010101;
const HIGH = 0x80808080 | 0;
/** Four that are plain. */
const LETTERS = 0x41414141;

/** Whether a word has a byte of 0. (The subtraction borrows only from a byte that is one: Warren, Hacker's Delight, 6-1.) */
const hasZero = (word: number): boolean => ((word - ONES) & ~word & HIGH) !== 0;

/** Whether all of four bytes are ASCII, and neither a control character, a quotation mark nor a backslash. */
function isPlain(word: number): boolean {
  if ((word & HIGH) !== 0 || ((word - 0x20202020) & HIGH & ~word) !== 0) return false;
  return !(hasZero(word ^ 0x22222222) || hasZero(word ^ 0x5c5c5c5c));
}

/** The same without the lower half of the last one, n from 1. */
const BUT_LAST = Int32Array.of(0, 0xf0, 0xf0ff, 0xf0ffff, 0xf0ffffff | 0);

/**
 * Of `length` bytes at `from`, behind which there are {@link SLACK} more. Clients count: the lower half of the last byte comes through
 * as it is, so that ids in a row lie in a row, ten in a line of the cache.
 */
export function hashOf(view: DataView, from: number, length: number): number {
  if (length === 0) return 0;
  let hash = length;
  const last = (length - 1) & ~3;
  for (let i = 0; i < last; i += 4) {
    hash = Math.imul(hash ^ view.getInt32(from + i, true), GOLDEN);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (view.getInt32(from + last, true) & BUT_LAST[length - last]!), GOLDEN);
  hash ^= hash >>> 15;
  return (hash & ~15) | (view.getUint8(from + length - 1) & 15);
}

export class Names {
  #bytes: Buffer = Buffer.alloc(INITIAL * STRIDE + SLACK);
  #view = viewOf(this.#bytes);
  #lengths: Uint8Array = new Uint8Array(INITIAL);
  /** How often each is kept; of one that is free, the next free one, negative. */
  #kept: Int32Array = new Int32Array(INITIAL);
  #free = 0;
  /** Those from here on have never been used. */
  #fresh = 1;

  /** A name of `length` bytes, {@link ID_BYTES} at most, behind which there are {@link SLACK} more; kept once. */
  note(view: DataView, from: number, length: number): number {
    if (length > STRIDE) throw new RangeError(`a ClOrdID of ${length} bytes`);
    const name = this.#take();
    copyWords(view, from, length, this.#view, name * STRIDE);
    this.#lengths[name] = length;
    return name;
  }

  /** The value of field i. */
  of(message: Message, i: number): number {
    return this.note(message.view, message.from(i), message.length(i));
  }

  /** @throws RangeError when it is too long */
  ofText(text: string): number {
    const bytes = Buffer.from(text + '\0'.repeat(SLACK), 'latin1');
    return this.note(viewOf(bytes), 0, text.length);
  }

  keep(name: number): number {
    if (name !== NO_NAME) this.#kept[name]! += 1;
    return name;
  }

  drop(name: number): void {
    if (name === NO_NAME) return;
    const kept = this.#kept[name]! - 1;
    if (kept < 0) throw new RangeError('a ClOrdID that nobody has');
    this.#kept[name] = kept;
    if (kept > 0) return;
    this.#kept[name] = -this.#free;
    this.#free = name;
  }

  /** Whether a name is these bytes. */
  is(name: number, view: DataView, from: number, length: number): boolean {
    if (this.#lengths[name] !== length) return false;
    const own = this.#view;
    const at = name * STRIDE;
    const whole = length & ~3;
    for (let i = 0; i < whole; i += 4) if (own.getInt32(at + i, true) !== view.getInt32(from + i, true)) return false;
    const last = own.getInt32(at + whole, true) ^ view.getInt32(from + whole, true);
    return (last & MASKS[length - whole]!) === 0;
  }

  same(a: number, b: number): boolean {
    return a === b || this.is(a, this.#view, b * STRIDE, this.#lengths[b]!);
  }

  hash(name: number): number {
    return hashOf(this.#view, name * STRIDE, this.#lengths[name]!);
  }

  length(name: number): number {
    return this.#lengths[name]!;
  }

  /** Where the bytes of a name begin in {@link view}; they end {@link length} further on, and {@link SLACK} more follow. */
  at(name: number): number {
    return name * STRIDE;
  }

  /** Until the next one is noted. */
  get view(): DataView {
    return this.#view;
  }

  /** Writes a name at `at` over one that is as long, and leaves the eight bytes behind it as they are. @returns where it ends */
  over(name: number, into: DataView, at: number): number {
    const length = this.#lengths[name]!;
    const end = at + length;
    const low = into.getInt32(end, true);
    const high = into.getInt32(end + 4, true);
    copyWords(this.#view, name * STRIDE, length, into, at);
    into.setInt32(end, low, true);
    into.setInt32(end + 4, high, true);
    return end;
  }

  /** Whether JSON has it as it is. */
  isPlain(name: number): boolean {
    const view = this.#view;
    const at = name * STRIDE;
    const length = this.#lengths[name]!;
    const whole = length & ~3;
    for (let i = 0; i < whole; i = (i + 4) | 0) if (!isPlain(view.getInt32(at + i, true))) return false;
    const mask = MASKS[length - whole]!;
    return isPlain((view.getInt32(at + whole, true) & mask) | (LETTERS & ~mask));
  }

  text(name: number): string {
    const at = name * STRIDE;
    return this.#bytes.toString('latin1', at, at + this.#lengths[name]!);
  }

  #take(): number {
    const free = this.#free;
    if (free !== 0) {
      this.#free = -this.#kept[free]!;
      this.#kept[free] = 1;
      return free;
    }
    if (this.#fresh === this.#lengths.length) this.#grow();
    const name = this.#fresh++;
    this.#kept[name] = 1;
    return name;
  }

  #grow(): void {
    const size = this.#lengths.length * 2;
    const bytes = Buffer.from(keptBytes(size * STRIDE + SLACK).buffer);
    this.#bytes.copy(bytes);
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    const [lengths, kept] = [keptBytes(size), keptInt32s(size)];
    lengths.set(this.#lengths);
    kept.set(this.#kept);
    this.#lengths = lengths;
    this.#kept = kept;
  }
}
