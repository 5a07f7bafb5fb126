/**
 * So many at once; the others wait. Whose turn it is goes round the addresses: a flood from one of them is behind itself,
 * and a client from another is let in next.
 */
export class Turnstile {
  readonly #width: number;
  #inside = 0;
  /** Those who wait, by address in the order of the next turns. */
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(width: number) {
    this.#width = width;
  }

  /** Resolves when it is this one's turn; it calls {@link leave} at the end. */
  async enter(address: string): Promise<void> {
    if (this.#inside < this.#width) {
      this.#inside += 1;
      return;
    }
    await new Promise<void>((resolve) => {
      const here = this.#waiting.get(address);
      if (here === undefined) this.#waiting.set(address, [resolve]);
      else here.push(resolve);
    });
  }

  /** Hands the place on, or gives it back. */
  leave(): void {
    const next = this.#waiting.entries().next().value;
    if (next === undefined) {
      this.#inside -= 1;
      return;
    }
    const [address, here] = next;
    const enter = here.shift();
    // To the end of the line of addresses, if others of it wait.
    this.#waiting.delete(address);
    if (here.length > 0) this.#waiting.set(address, here);
    enter?.();
  }
}
