/**
 * A message of a run as what differs from the one of its kind before it, which is as long: a bit for each of its words of eight bytes, then those
 * that differ. Of the messages that a client sends, and of the reports on them, few words do: numbers, times, ids, sums.
 *
 * Bit i is of the word at `i * 8`, the lowest of 32 first, 32 in each four bytes; the last word is the last eight bytes, whatever part of them
 * the one before it has. The words follow in the order of their bits.
 */

import { viewOf } from '../fix/words.ts';

const WORD = 8;
const WORD_BITS = 3;
/** Of four bytes of the map. */
const BITS = 32;
const BITS_BITS = 5;
/** A longer message is written as it is, and so is the one behind it. */
const MOST = 2048;

const wordsOf = (length: number): number => (length + WORD - 1) >>> WORD_BITS;
const mapBytes = (length: number): number => ((wordsOf(length) + BITS - 1) >>> BITS_BITS) << 2;
/** Where the word of a bit begins. */
const wordAt = (bit: number, length: number): number => Math.min(bit << WORD_BITS, length - WORD);

/** Bytes that a message takes at most, if all of it differs. */
export const mostBytes = (length: number): number => mapBytes(length) + wordsOf(length) * WORD;

/** The message that was written last, of one kind. */
export class Before {
  /** 0: there is none, or none that another may be written after. */
  length = 0;
  /** Bytes that another as long as this takes at most: {@link mostBytes}. */
  most = 0;
  readonly #view = viewOf(Buffer.alloc(MOST));

  /** It is this one from now on, which is written as it is. */
  set(from: DataView, start: number, length: number): void {
    const fits = length >= WORD && length <= MOST;
    this.length = fits ? length : 0;
    if (!fits) return;
    this.most = mostBytes(length);
    const words = wordsOf(length);
    for (let bit = 0; bit < words; bit++) {
      const at = wordAt(bit, length);
      this.#view.setBigInt64(at, from.getBigInt64(start + at, true), true);
    }
  }

  /**
   * Writes at `at` what differs of one that is as long; there must be room for {@link most}. It is the last one from now on.
   * @returns where that ends
   */
  differ(from: DataView, start: number, into: DataView, at: number): number {
    const view = this.#view;
    const { length } = this;
    const whole = length & ~(WORD - 1);
    const first = (at + mapBytes(length)) | 0;
    let end = first;
    let word = 0;
    for (let map = at | 0; map < first; map = (map + 4) | 0) {
      const stop = Math.min(word + BITS * WORD, whole) | 0;
      let differing = 0;
      for (;;) {
        // Its own loop, which the engine's compiler unrolls; it makes no BigInt for what is only compared or written.
        let source = (start + word) | 0;
        while (word < stop && view.getBigInt64(word, true) === from.getBigInt64(source, true)) {
          word = (word + WORD) | 0;
          source = (source + WORD) | 0;
        }
        if (word >= stop) break;
        differing |= 1 << (word >>> WORD_BITS); // of the shift the lowest five bits count
        const value = from.getBigInt64(source, true);
        view.setBigInt64(word, value, true);
        into.setBigInt64(end, value, true);
        end = (end + WORD) | 0;
        word = (word + WORD) | 0;
      }
      if (whole !== length && ((map + 4) | 0) === first) {
        const own = (length - WORD) | 0; // it begins within the one before
        const value = from.getBigInt64((start + own) | 0, true);
        if (value !== view.getBigInt64(own, true)) {
          differing |= 1 << (whole >>> WORD_BITS);
          view.setBigInt64(own, value, true);
          into.setBigInt64(end, value, true);
          end = (end + WORD) | 0;
        }
      }
      into.setInt32(map, differing, true);
    }
    return end;
  }
}

/** Where what is written at `at` of a message of `length` bytes ends; -1: not before `stop`, or that is none. */
export function endOf(bytes: DataView, at: number, length: number, stop: number): number {
  if (length < WORD || length > MOST) return -1;
  let end = at + mapBytes(length);
  if (end > stop) return -1;
  for (let left = wordsOf(length), map = at; left > 0; left -= BITS, map += 4) {
    let differing = bytes.getUint32(map, true);
    if (left < BITS && differing >>> left > 0) return -1;
    for (; differing !== 0; differing = (differing & (differing - 1)) >>> 0) end += WORD;
  }
  return end > stop ? -1 : end;
}

/** Makes the message that is written at `at` of the one before it, which is `message`[0, length). @returns where that ends */
export function patch(message: DataView, length: number, bytes: DataView, at: number): number {
  let end = at + mapBytes(length);
  let word = 0;
  for (let left = wordsOf(length), map = at; left > 0; left -= BITS, map += 4, word += BITS) {
    for (let differing = bytes.getInt32(map, true); differing !== 0; differing &= differing - 1) {
      const bit = word + 31 - Math.clz32(differing & -differing);
      message.setBigInt64(wordAt(bit, length), bytes.getBigInt64(end, true), true);
      end += WORD;
    }
  }
  return end;
}
