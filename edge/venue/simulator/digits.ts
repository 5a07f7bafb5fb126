/** Numbers within a text that is written again with others in their place. */

import { PAIRS } from '../../fix/output.ts';

const ZERO = 0x30;

/** Of the two bytes of a half-word. */
const sumOf = (pair: number): number => (pair & 0xff) + (pair >> 8);

/** Where the digits of a number are, and which numbers have as many. */
export class Digits {
  /** From where to where. */
  at = 0;
  end = 0;
  #from = Number.POSITIVE_INFINITY;
  #below = 0;
  /** What stands there is of this hundred; NaN: nothing does, or it has two digits at most. */
  #hundred = Number.NaN;
  /** Of the bytes before its last two digits. */
  #sum = 0;

  /** What is put ends at `end`, and has as many digits as `value`: none where that is negative, as all such have. */
  set(value: number, end: number): void {
    let below = 10;
    let digits = 1;
    for (; below <= value; below *= 10) digits += 1;
    this.end = end;
    this.at = value < 0 ? end : end - digits;
    this.#from = value < 0 ? Number.NEGATIVE_INFINITY : below === 10 ? 0 : below / 10;
    this.#below = value < 0 ? 0 : below;
    this.#hundred = Number.NaN;
  }

  /** Whether a number has as many. */
  fit(value: number): boolean {
    return value >= this.#from && value < this.#below;
  }

  /** Writes a number that fits: most are counted, and have only the last two digits anew. @returns the sum of the digits' bytes */
  put(value: number, into: DataView): number {
    const further = value - this.#hundred;
    if (!(further >= 0 && further < 100)) return this.#putAll(value, into);
    const pair = PAIRS[further | 0]!;
    into.setUint16((this.end - 2) | 0, pair, true);
    return (this.#sum + sumOf(pair)) | 0;
  }

  #putAll(value: number, into: DataView): number {
    let sum = 0;
    let rest = value;
    for (let at = this.end - 1; at >= this.at; at--) {
      const unit = (rest % 10) | 0;
      into.setUint8(at, ZERO + unit);
      sum = (sum + ZERO + unit) | 0;
      rest = (rest - unit) / 10;
    }
    const further = (value % 100) | 0;
    this.#hundred = value < 100 ? Number.NaN : value - further;
    if (value >= 100) this.#sum = (sum - sumOf(PAIRS[further]!)) | 0;
    return sum;
  }
}
