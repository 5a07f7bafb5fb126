/** Messages of one user that wait for tokens, first come first served. */
import { afterRunning } from '../running-time.ts';
import type { Timer } from '../time.ts';
import type { Decision } from './admission.ts';
import type { LimiterHouse } from './house.ts';
import { type Kind, MESSAGE, ORDER, type Three } from './kinds.ts';

export interface Waiter {
  readonly kind: Kind;
  readonly decided: (decision: Decision) => void;
  /** Called when it has waited too long. */
  readonly late: () => void;
  timer: Timer;
  /** How long it may wait for the answer once a call asks for it, ms. Undefined: one does, or it makes no difference. */
  answerMs: number | undefined;
}

export class Waiters {
  readonly #house: Pick<LimiterHouse, 'clock' | 'timers'>;
  #all: Waiter[] = [];

  constructor(house: Pick<LimiterHouse, 'clock' | 'timers'>) {
    this.#house = house;
  }

  get size(): number {
    return this.#all.length;
  }

  /** Those there are now, whatever becomes of them meanwhile. */
  list(): readonly Waiter[] {
    return [...this.#all];
  }

  /**
   * Times are those in which this process runs.
   * @param patienceMs until a call asks for it, or altogether if there is no `answerMs`
   * @param late called when it has waited so long without being forgotten
   * @param answerMs from then on
   */
  add(kind: Kind, decided: Waiter['decided'], patienceMs: number, late: () => void, answerMs?: number): Waiter {
    const waiter: Waiter = { kind, decided, late, answerMs, timer: this.#after(patienceMs, () => waiter) };
    this.#all.push(waiter);
    return waiter;
  }

  #after(ms: number, waiter: () => Waiter): Timer {
    return afterRunning(this.#house, ms, () => {
      if (this.forget(waiter())) waiter().late();
    });
  }

  /**
   * A call to the store asks for them all. That it could not begin sooner is not the store's slowness, so each has its time from now.
   * @returns the tokens that they want of each bucket: an order draws on messages too
   */
  asked(): Three<number> {
    const wanted: [number, number, number] = [0, 0, 0];
    for (const waiter of this.#all) {
      wanted[waiter.kind]++;
      if (waiter.kind === ORDER) wanted[MESSAGE]++;
      if (waiter.answerMs === undefined) continue;
      waiter.timer.cancel();
      waiter.timer = this.#after(waiter.answerMs, () => waiter);
      waiter.answerMs = undefined;
    }
    return wanted;
  }

  /** False: it was forgotten before. */
  forget(waiter: Waiter): boolean {
    const at = this.#all.indexOf(waiter);
    if (at < 0) return false;
    this.#all.splice(at, 1);
    waiter.timer.cancel();
    return true;
  }
}
