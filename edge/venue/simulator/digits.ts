/** Numbers within a text that is written again with others in their place. */

/** Where the digits of a number are, and which numbers have as many. */
export class Digits {
  at = 0;
  end = 0;
  #from = Number.POSITIVE_INFINITY;
  #below = 0;

  /** @param value 0 or more; negative: there are none, and no number is like it */
  set(value: number, end: number): void {
    let below = 10;
    let digits = 1;
    for (; below <= value; below *= 10) digits += 1;
    this.end = end;
    this.at = end - digits;
    this.#from = value < 0 ? Number.POSITIVE_INFINITY : below === 10 ? 0 : below / 10;
    this.#below = below;
  }

  /** Whether a number has as many. */
  fit(value: number): boolean {
    return value >= this.#from && value < this.#below;
  }
}
