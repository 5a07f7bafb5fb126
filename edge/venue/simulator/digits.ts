/** Numbers within a text that is written again with others in their place. */

/** Where the digits of a number are, which numbers have as many, and which differ from it in the last two alone. */
export class Digits {
  at = 0;
  end = 0;
  #from = Number.POSITIVE_INFINITY;
  #below = 0;
  /** What stands there is of this hundred; NaN: it has one digit. */
  #hundred = Number.NaN;

  /** @param value 0 or more; negative: there are none, and no number is like it */
  set(value: number, end: number): void {
    let below = 10;
    let digits = 1;
    for (; below <= value; below *= 10) digits += 1;
    this.end = end;
    this.at = end - digits;
    this.#from = value < 0 ? Number.POSITIVE_INFINITY : below === 10 ? 0 : below / 10;
    this.#below = below;
    this.#hundred = value < 10 ? Number.NaN : value - (value % 100);
  }

  /** Whether a number has as many. */
  fit(value: number): boolean {
    return value >= this.#from && value < this.#below;
  }

  /** A number that fits takes the place of the one there. @returns from where on it differs: most are counted, and of the same hundred */
  become(value: number): number {
    const further = value - this.#hundred;
    if (further >= 0 && further < 100) return this.end - 2;
    this.#hundred = value < 10 ? Number.NaN : value - (value % 100);
    return this.at;
  }
}
