/** Messages of one user that wait for tokens, first come first served. */
import type { Timer, Timers } from '../time.ts';
import type { Decision } from './admission.ts';
import { type Kind, MESSAGE, ORDER, type Three } from './kinds.ts';

export interface Waiter {
  readonly kind: Kind;
  readonly decided: (decision: Decision) => void;
  readonly timer: Timer;
}

export class Waiters {
  readonly #timers: Timers;
  #all: Waiter[] = [];

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get size(): number {
    return this.#all.length;
  }

  /** Those there are now, whatever becomes of them meanwhile. */
  list(): readonly Waiter[] {
    return [...this.#all];
  }

  /** @param late called when it has waited so long without being forgotten */
  add(kind: Kind, decided: Waiter['decided'], patienceMs: number, late: () => void): Waiter {
    const timer = this.#timers.after(patienceMs, () => {
      if (this.forget(waiter)) late();
    });
    const waiter: Waiter = { kind, decided, timer };
    this.#all.push(waiter);
    return waiter;
  }

  /** False: it was forgotten before. */
  forget(waiter: Waiter): boolean {
    const at = this.#all.indexOf(waiter);
    if (at < 0) return false;
    this.#all.splice(at, 1);
    waiter.timer.cancel();
    return true;
  }

  /** Tokens that they want of each bucket: an order draws on messages too. */
  wanted(): Three<number> {
    const wanted: [number, number, number] = [0, 0, 0];
    for (const { kind } of this.#all) {
      wanted[kind]++;
      if (kind === ORDER) wanted[MESSAGE]++;
    }
    return wanted;
  }
}
