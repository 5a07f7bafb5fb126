/** Deadlines of all connections on one timer: putting one off costs nothing, which is what most messages do to them. */

import { TICK_MS } from './limits.ts';

export interface Sleeper {
  /** Kept by the wheel: when it will look at this one again; Infinity: it does not. Monotonic ms. */
  wakeAt: number;
  /** When there is something to do; Infinity: never. Changes as it likes, see {@link Wheel.schedule}. */
  nextWake(): number;
  wake(): void;
}

/** A power of two; with the tick it makes the horizon, beyond which sleepers are looked at early and put off. */
const SLOTS = 1024;

export class Wheel {
  /** Each sleeper is in one slot at most: that of its wakeAt. */
  readonly #slots: Set<Sleeper>[] = Array.from({ length: SLOTS }, () => new Set());
  /** The first tick that has not been worked off. */
  #tick: number;

  constructor(monoMs: number) {
    this.#tick = Math.floor(monoMs / TICK_MS);
  }

  /** Call when a deadline may have come nearer; one that went further away is found out when it wakes. */
  schedule(sleeper: Sleeper): void {
    const at = sleeper.nextWake();
    if (at >= sleeper.wakeAt || at === Number.POSITIVE_INFINITY) return;
    this.forget(sleeper);
    this.#put(sleeper, at);
  }

  /** Lets go of one that is over: a flood of connections must not be held in memory until their deadlines. */
  forget(sleeper: Sleeper): void {
    if (sleeper.wakeAt === Number.POSITIVE_INFINITY) return;
    this.#slots[(sleeper.wakeAt / TICK_MS) % SLOTS]!.delete(sleeper);
    sleeper.wakeAt = Number.POSITIVE_INFINITY;
  }

  /** Wakes whoever is due. */
  turn(monoMs: number): void {
    const last = Math.floor(monoMs / TICK_MS);
    const first = Math.max(this.#tick, last - SLOTS + 1);
    this.#tick = last + 1;
    for (let tick = first; tick <= last; tick++) {
      const slot = this.#slots[tick % SLOTS]!;
      if (slot.size === 0) continue;
      const sleepers = [...slot];
      slot.clear();
      for (const sleeper of sleepers) this.#look(sleeper, monoMs);
    }
  }

  #look(sleeper: Sleeper, monoMs: number): void {
    // It has been put into another slot meanwhile, or is over.
    if (sleeper.wakeAt > monoMs) return;
    sleeper.wakeAt = Number.POSITIVE_INFINITY;
    if (sleeper.nextWake() <= monoMs) sleeper.wake();
    this.schedule(sleeper);
  }

  #put(sleeper: Sleeper, at: number): void {
    const wanted = Math.ceil(at / TICK_MS);
    const tick = Math.min(Math.max(wanted, this.#tick), this.#tick + SLOTS - 1);
    sleeper.wakeAt = tick * TICK_MS;
    this.#slots[tick % SLOTS]!.add(sleeper);
  }
}
