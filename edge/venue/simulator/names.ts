/**
 * ClOrdIDs as bytes in one piece of memory: an order leaves no string behind, and several that have the same one share it. A name is a number;
 * it is kept as often as it is noted or {@link Names.keep}t, and dropped as often.
 *
 * Bytes lie in units of 16, as many as an id needs, one behind the other, and each unit has a number of 4 bytes: an id of up to 16 takes 20. A
 * name that nobody has goes to the next id of as many units. So memory is bounded by the most names of each number of units that there have
 * been at once, however many come and go: 20 bytes each where all have up to 16 bytes, and 200 where N names at once had one unit, N
 * at another time two, N three and N four.
 */

import type { Message } from '../../fix/message.ts';
import { copyExactly, EVEN, SLACK, viewOf } from '../../fix/words.ts';
import { keptBytes, keptInt32s } from '../../kept-memory.ts';
import { ID_BYTES } from '../limits.ts';

/** No name at all. */
export const NO_NAME = 0;

/** A unit has 16 bytes: what is written of an id, whole words, fills its units at most. */
const UNIT_BITS = 4;
const UNIT = 1 << UNIT_BITS;
const MOST_OF_ONE = ID_BYTES / UNIT;
/** Units at first. */
const INITIAL = 64;
/**
 * What is not touched costs nothing, so that memory grows by much, and seldom: beyond 64, 4,096, 262,144 and 16,777,216 units. The last but one
 * time takes 2 ms, the last one 140.
 */
const GROWTH = 64;
/** Positions, {@link SLACK} included, are below 2^31. These are 134 million ids of up to 16 bytes, or 33 million of 64. */
const MOST_UNITS = 2 ** 31 / UNIT - 1;
/** What is known of a name, from the lowest bit on: its length, whether JSON has it as it is, the sum of its bytes modulo 256, */
const LENGTH = 0x7f;
const PLAIN = 0x80;
const SUM_BITS = 8;
const SUM = 0xff << SUM_BITS;
/** and how often it is kept: below 2^15 times, and a few are usual. */
const ONCE = SUM + (1 << SUM_BITS);
const GOLDEN = 0x9e3779b1;

/** Bytes [0, n) of a little-endian word of four. */
const MASKS = Int32Array.of(0, 0xff, 0xffff, 0xffffff);

const ONES = 0x01010101;
const HIGH = 0x80808080 | 0;
/** Four that are plain. */
const LETTERS = 0x41414141;

/**
 * Not 0 if one of four bytes is no ASCII, a control character, a quotation mark or a backslash. (A subtraction borrows from a byte only where the
 * one below is such: Warren, Hacker's Delight, 6-1.)
 */
function strangeIn(word: number): number {
  return (word | (word - 0x20202020) | ((word ^ 0x22222222) - ONES) | ((word ^ 0x5c5c5c5c) - ONES)) & HIGH;
}

/** The sum of four bytes in two halves, of which {@link ID_BYTES} together do not overflow. */
const halvesOf = (word: number): number => (word & EVEN) + ((word >>> 8) & EVEN);

/**
 * Copies `length` bytes at `from` to `at`, rounded up to whole words of four, and looks at them: they are gone through once, when they come.
 * @returns what is known of them
 */
function copyKnown(view: DataView, from: number, length: number, to: DataView, at: number): number {
  const whole = length & ~3;
  const mask = MASKS[length - whole]!;
  const last = view.getInt32((from + whole) | 0, true) & mask;
  if (whole < length) to.setInt32((at + whole) | 0, last, true);
  let strange = strangeIn(last | (LETTERS & ~mask));
  let sum = halvesOf(last);
  for (let i = 0; i < whole; i = (i + 4) | 0) {
    const word = view.getInt32((from + i) | 0, true);
    to.setInt32((at + i) | 0, word, true);
    strange |= strangeIn(word);
    sum = (sum + halvesOf(word)) | 0;
  }
  sum = (sum + (sum >>> 16)) & 0xff;
  return length | (strange === 0 ? PLAIN : 0) | (sum << SUM_BITS);
}

/** Of four bytes, the lower halves of the last two. */
const COUNTED = 0x0f0f0000;

/**
 * Of `length` bytes at `from`, behind which there are {@link SLACK} more. Clients count: the lower halves of the last two bytes change the lower
 * eight bits and nothing else, so that a hundred ids in a row lie near each other, ten of them in two lines of the cache.
 */
export function hashOf(view: DataView, from: number, length: number): number {
  if (length === 0) return 0;
  let hash = length;
  const last = length - 4;
  for (let i = 0; i < last; i += 4) {
    hash = Math.imul(hash ^ view.getInt32(from + i, true), GOLDEN);
    hash ^= hash >>> 15;
  }
  // The last four bytes, some of which may have been among those before; or all, where there are fewer.
  const word = last < 0 ? view.getInt32(from, true) << (-8 * last) : view.getInt32(from + last, true);
  hash = Math.imul(hash ^ (word & ~COUNTED), GOLDEN);
  hash ^= hash >>> 15;
  return hash ^ ((word >>> 24) & 15) ^ ((word >>> 12) & 0xf0);
}

/** @param length of an id; one without bytes takes a unit, too, so that no other has its number */
const unitsOf = (length: number): number => (length + UNIT - 1) >> UNIT_BITS || 1;

export class Names {
  #bytes: Buffer = Buffer.alloc(INITIAL * UNIT + SLACK);
  #view = viewOf(this.#bytes);
  /** By unit, of the first one of each name: what is known of it; where it is free, the next free one, negative. */
  #kept: Int32Array = new Int32Array(INITIAL);
  /** The first that is free, by number of units. */
  readonly #free = new Int32Array(MOST_OF_ONE + 1);
  /** Units from here on have never been used. */
  #fresh = 1;
  readonly #most: number;

  /** @param most units, {@link INITIAL} or more */
  constructor(most = MOST_UNITS) {
    this.#most = most;
  }

  /**
   * A name of `length` bytes, {@link ID_BYTES} at most, behind which there are {@link SLACK} more; kept once.
   * @throws RangeError when it is longer, or when there are more names than positions: those that there are stay as they are
   */
  note(view: DataView, from: number, length: number): number {
    const units = unitsOf(length);
    if (units > MOST_OF_ONE) throw new RangeError(`a ClOrdID of ${length} bytes`);
    const name = this.#take(units);
    this.#kept[name] = ONCE | copyKnown(view, from, length, this.#view, name << UNIT_BITS);
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
    if (name !== NO_NAME) this.#kept[name]! += ONCE;
    return name;
  }

  drop(name: number): void {
    if (name === NO_NAME) return;
    const kept = this.#kept[name]! - ONCE;
    if (kept < 0) throw new RangeError('a ClOrdID that nobody has');
    if (kept >= ONCE) {
      this.#kept[name] = kept;
      return;
    }
    const units = unitsOf(kept & LENGTH);
    this.#kept[name] = -this.#free[units]!;
    this.#free[units] = name;
  }

  /** Whether a name is these bytes. */
  is(name: number, view: DataView, from: number, length: number): boolean {
    if ((this.#kept[name]! & LENGTH) !== length) return false;
    const own = this.#view;
    const at = name << UNIT_BITS;
    const whole = length & ~3;
    for (let i = 0; i < whole; i += 4) if (own.getInt32(at + i, true) !== view.getInt32(from + i, true)) return false;
    const last = own.getInt32(at + whole, true) ^ view.getInt32(from + whole, true);
    return (last & MASKS[length - whole]!) === 0;
  }

  /** Whether these bytes come behind a name: they are more, or as many and greater, the first ones counting most. */
  isBefore(name: number, view: DataView, from: number, length: number): boolean {
    const own = this.length(name);
    if (own !== length) return own < length;
    const mine = this.#view;
    const at = name << UNIT_BITS;
    const whole = length & ~3;
    for (let i = 0; i < whole; i = (i + 4) | 0) {
      const a = mine.getUint32(at + i);
      const b = view.getUint32(from + i);
      if (a !== b) return a < b;
    }
    if (whole === length) return false;
    const beyond = 8 * (whole + 4 - length); // bits that are of what is behind
    return mine.getUint32(at + whole) >>> beyond < view.getUint32(from + whole) >>> beyond;
  }

  same(a: number, b: number): boolean {
    return a === b || this.is(a, this.#view, b << UNIT_BITS, this.length(b));
  }

  hash(name: number): number {
    return hashOf(this.#view, name << UNIT_BITS, this.length(name));
  }

  /** In bytes. */
  length(name: number): number {
    return this.#kept[name]! & LENGTH;
  }

  /** Where the bytes of a name begin in {@link view}; they end {@link length} further on, and {@link SLACK} more follow. */
  at(name: number): number {
    return name << UNIT_BITS;
  }

  /** Until the next one is noted. */
  get view(): DataView {
    return this.#view;
  }

  /** Writes a name at `at` over one that is as long, and leaves what is behind it as it is. @returns where it ends */
  over(name: number, into: DataView, at: number): number {
    return copyExactly(this.#view, name << UNIT_BITS, this.length(name), into, at);
  }

  /** Whether JSON has it as it is. */
  isPlain(name: number): boolean {
    return (this.#kept[name]! & PLAIN) !== 0;
  }

  /** The sum of its bytes modulo 256. */
  sum(name: number): number {
    return (this.#kept[name]! >>> SUM_BITS) & 0xff;
  }

  text(name: number): string {
    const at = name << UNIT_BITS;
    return this.#bytes.toString('latin1', at, at + this.length(name));
  }

  #take(units: number): number {
    const free = this.#free[units]!;
    if (free !== 0) {
      this.#free[units] = -this.#kept[free]!;
      return free;
    }
    const name = this.#fresh;
    if (name + units > this.#kept.length) this.#grow(units);
    this.#fresh = name + units;
    return name;
  }

  /** For so many units more. */
  #grow(units: number): void {
    if (this.#fresh + units > this.#most)
      throw new RangeError(`more ClOrdIDs than fit into ${this.#most * UNIT} bytes`);
    const size = Math.min(this.#kept.length * GROWTH, this.#most);
    const bytes = Buffer.from(keptBytes(size * UNIT + SLACK).buffer);
    this.#bytes.copy(bytes);
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    const kept = keptInt32s(size);
    kept.set(this.#kept);
    this.#kept = kept;
  }
}
