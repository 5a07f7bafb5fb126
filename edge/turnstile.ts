/**
 * So many at once; the others wait. Whose turn it is goes round the addresses: a flood from one of them is behind itself,
 * and a client from another is let in next. Who has waited so long that its client is about to give up hears so in place of
 * its turn, and who has given up is passed over. Nobody is sent away before: it would be back in a second, again and again.
 */

export interface Comer {
  readonly address: string;
  /** Whether the client is there still. */
  readonly waits: boolean;
}

/** `in`: it calls {@link Turnstile.leave} at the end. `busy`: it has waited too long. `gone`: the client has given up. */
export type Turn = 'in' | 'busy' | 'gone';

interface Waiting {
  readonly comer: Comer;
  /** Since when its client waits, monotonic ms. */
  readonly since: number;
  readonly told: (turn: Turn) => void;
}

export class Turnstile {
  readonly #width: { readonly now: number };
  readonly #patience: { readonly now: number };
  #inside = 0;
  /** Those who wait, by address in the order of the next turns. */
  readonly #lines = new Map<string, Waiting[]>();
  #waiting = 0;
  /** Those who were in, and have let others in while they had nothing to do there. */
  readonly #returning: (() => void)[] = [];

  /** Both are asked each time. @param width how many at once @param patience longest wait, ms */
  constructor(width: { readonly now: number }, patience: { readonly now: number }) {
    this.#width = width;
    this.#patience = patience;
  }

  /** Whether as many are in as may be. */
  get full(): boolean {
    return this.#inside >= this.#width.now;
  }

  /** Those who wait, some of them perhaps gone. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves when it is this one's turn, whatever that comes to. Times are monotonic ms. @param since when its client began to wait */
  enter(comer: Comer, since: number, now: number): Promise<Turn> {
    return new Promise((told) => {
      const line = this.#lines.get(comer.address);
      const one = { comer, since, told };
      if (line === undefined) this.#lines.set(comer.address, [one]);
      else line.push(one);
      this.#waiting += 1;
      this.#letIn(now);
    });
  }

  /** For who has been in and has left: before all who have not. It calls {@link leave} once more. */
  async again(): Promise<void> {
    if (!this.full) this.#inside += 1;
    else await new Promise<void>((resolve) => void this.#returning.push(resolve));
  }

  /** @param now monotonic ms */
  leave(now: number): void {
    this.#inside -= 1;
    this.#letIn(now);
  }

  #letIn(now: number): void {
    while (!this.full) {
      const returning = this.#returning.shift();
      if (returning !== undefined) {
        this.#inside += 1;
        returning();
        continue;
      }
      const next = this.#next();
      if (next === undefined) return;
      const turn = !next.comer.waits ? 'gone' : now - next.since > this.#patience.now ? 'busy' : 'in';
      if (turn === 'in') this.#inside += 1;
      next.told(turn);
    }
  }

  #next(): Waiting | undefined {
    const first = this.#lines.entries().next().value;
    if (first === undefined) return undefined;
    const [address, line] = first;
    const one = line.shift();
    // To the end of the line of addresses, if others of it wait.
    this.#lines.delete(address);
    if (line.length > 0) this.#lines.set(address, line);
    this.#waiting -= 1;
    return one;
  }
}
