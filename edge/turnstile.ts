/**
 * Lets a limited number of Logons in at once; the others wait. Turns go round the client addresses: a flood from one address
 * queues behind itself, while a client from another one is let in next. When a Logon's turn comes and it has waited too long to
 * be answered in time, it is told `busy` instead; if its client has gone it is skipped. None is turned away earlier: it would only come
 * back every second.
 */

export interface Comer {
  readonly address: string;
  /** Whether the client is still there. */
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
  /** Waiting Logons by address, in the order in which addresses have their turn. */
  readonly #lines = new Map<string, Waiting[]>();
  #waiting = 0;
  /** Those that were in, left for a while to let others in, and want to come back. */
  readonly #returning: (() => void)[] = [];

  /** Both values may change at any time. @param width how many at once @param patience longest wait, ms */
  constructor(width: { readonly now: number }, patience: { readonly now: number }) {
    this.#width = width;
    this.#patience = patience;
  }

  /** Whether no more may come in. */
  get full(): boolean {
    return this.#inside >= this.#width.now;
  }

  /** Number of waiting Logons; clients of some may have gone. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves when it is this Logon's turn, with the outcome. Times are monotonic ms. @param since when its client began to wait */
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

  /** Lets in again one that was in and has left, before all that were not in yet. It has to call {@link leave} again. */
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
