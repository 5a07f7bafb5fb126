/** Few values that many orders have: each by a number, for as long as any has it. */

export class Interned<T> {
  readonly #values: (T | undefined)[] = [];
  readonly #counts: number[] = [];
  readonly #known = new Map<T, number>();
  readonly #free: number[] = [];
  /** The number asked for last, and what it is of: orders in a row have the same. */
  #last = -1;
  #lastOf: T | undefined;

  /** The number of a value, which one more has. */
  keep(value: T): number {
    const n = value === this.#lastOf ? this.#last : this.#other(value);
    this.#counts[n]! += 1;
    return n;
  }

  /** One fewer has it. */
  drop(n: number): void {
    const left = this.#counts[n]! - 1;
    this.#counts[n] = left;
    if (left > 0) return;
    this.#known.delete(this.#values[n]!);
    this.#values[n] = undefined;
    this.#free.push(n);
    if (n !== this.#last) return;
    this.#last = -1;
    this.#lastOf = undefined;
  }

  at(n: number): T {
    return this.#values[n]!;
  }

  #other(value: T): number {
    let n = this.#known.get(value);
    if (n === undefined) {
      n = this.#free.pop() ?? this.#values.length;
      this.#values[n] = value;
      this.#counts[n] = 0;
      this.#known.set(value, n);
    }
    this.#last = n;
    this.#lastOf = value;
    return n;
  }
}
