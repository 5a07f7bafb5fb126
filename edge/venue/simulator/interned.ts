/** Values that many orders have, of which there are few and always the same: each by a number. */

export class Interned<T> {
  readonly #values: T[] = [];
  readonly #numbers = new Map<T, number>();
  /** The number asked for last, and what it is of: orders in a row have the same. */
  #last = -1;
  #lastOf: T | undefined;

  of(value: T): number {
    return value === this.#lastOf ? this.#last : this.#other(value);
  }

  at(n: number): T {
    return this.#values[n]!;
  }

  #other(value: T): number {
    let n = this.#numbers.get(value);
    if (n === undefined) {
      n = this.#values.push(value) - 1;
      this.#numbers.set(value, n);
    }
    this.#last = n;
    this.#lastOf = value;
    return n;
  }
}
