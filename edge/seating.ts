/**
 * Seats the sessions of one moment in one turn. The store answers some Logons together (adapters/dynamodb/together.ts): then the journal is
 * written once for all of them. None waits for another: what is ready by the next microtask is the turn.
 */
import type { Turns } from './turn.ts';

export class Seating {
  readonly #turns: Pick<Turns, 'run'>;
  #ready: (() => void)[] = [];

  constructor(turns: Pick<Turns, 'run'>) {
    this.#turns = turns;
  }

  /** Runs `work` within a turn, soon. Rejects with what it throws; others of the turn do not notice. */
  run(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ready.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
      if (this.#ready.length === 1) queueMicrotask(() => this.#seat());
    });
  }

  #seat(): void {
    const ready = this.#ready;
    this.#ready = [];
    this.#turns.run(() => {
      for (const one of ready) one();
    });
  }
}
