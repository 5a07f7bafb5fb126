/**
 * Since when the store has answered without a break. While it does not answer this edge it may answer no edge at all, and then
 * every heartbeat stands still. So only time since the last break counts when another edge's heartbeat is judged.
 */

import { BREAK_MS } from './bounds.ts';

export class Unbroken {
  #since: number;
  #last: number;

  /** @param nowMs monotonic ms, in every method */
  constructor(nowMs: number) {
    this.#since = nowMs;
    this.#last = nowMs;
  }

  /** The store has answered. */
  answered(nowMs: number): void {
    if (nowMs - this.#last > BREAK_MS) this.#since = nowMs;
    this.#last = nowMs;
  }

  /** Monotonic ms; during a break this is now. */
  since(nowMs: number): number {
    return nowMs - this.#last > BREAK_MS ? nowMs : this.#since;
  }
}
