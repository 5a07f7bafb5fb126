/** Deadlines of all connections on one timer. Moving a deadline further away, as most messages do, costs nothing. */

import { TICK_MS } from './limits.ts';

export interface Sleeper {
  /** Kept by the wheel: when it will look at this one again; Infinity: it does not. Monotonic ms. */
  wakeAt: number;
  /** When there is something to do; Infinity: never. May change at any time; see {@link Wheel.schedule}. */
  nextWake(): number;
  wake(): void;
}

/** A power of two; with the tick it makes the horizon, 51 s, beyond which sleepers are looked at early and put off: few ask for a HeartBtInt above it. */
const SLOTS = 1024;

export class Wheel {
  /** Each sleeper is in one slot at most: that of its wakeAt. */
  readonly #slots: Set<Sleeper>[] = Array.from({ length: SLOTS }, () => new Set());
  /** The first tick that sleepers may be put into: those before it have come. */
  #tick: number;
  /** The first that has not been worked off. */
  #behind: number;

  constructor(monoMs: number) {
    this.#tick = Math.floor(monoMs / TICK_MS);
    this.#behind = this.#tick;
  }

  /** To be called when a deadline may have come nearer. One that has moved away is noticed when its old time comes. */
  schedule(sleeper: Sleeper): void {
    const at = sleeper.nextWake();
    if (at >= sleeper.wakeAt || at === Number.POSITIVE_INFINITY) return;
    this.forget(sleeper);
    this.#put(sleeper, at);
  }

  /** Forgets a sleeper that is closed: a flood of connections must not stay in memory until their deadlines. */
  forget(sleeper: Sleeper): void {
    if (sleeper.wakeAt === Number.POSITIVE_INFINITY) return;
    this.#slots[(sleeper.wakeAt / TICK_MS) % SLOTS]!.delete(sleeper);
    sleeper.wakeAt = Number.POSITIVE_INFINITY;
  }

  /**
   * Wakes whoever is due, so many at most.
   * @returns whether more may be: they are woken by the next call
   */
  turn(monoMs: number, most: number = Number.POSITIVE_INFINITY): boolean {
    const last = Math.floor(monoMs / TICK_MS);
    // Who is not looked at before its slot comes round again is found there, with those of that time.
    const first = Math.max(this.#behind, last - SLOTS + 1);
    this.#tick = last + 1;
    let woken = 0;
    for (this.#behind = first; this.#behind <= last; this.#behind++) {
      for (const sleeper of this.#slots[this.#behind % SLOTS]!) {
        // Of a later time round.
        if (sleeper.wakeAt > monoMs) continue;
        if (woken === most) return true;
        if (this.#look(sleeper, monoMs)) woken += 1;
      }
    }
    return false;
  }

  /** @returns whether it was woken */
  #look(sleeper: Sleeper, monoMs: number): boolean {
    this.forget(sleeper);
    const due = sleeper.nextWake() <= monoMs;
    if (due) sleeper.wake();
    this.schedule(sleeper);
    return due;
  }

  #put(sleeper: Sleeper, at: number): void {
    const wanted = Math.ceil(at / TICK_MS);
    const tick = Math.min(Math.max(wanted, this.#tick), this.#tick + SLOTS - 1);
    sleeper.wakeAt = tick * TICK_MS;
    this.#slots[tick % SLOTS]!.add(sleeper);
  }
}
