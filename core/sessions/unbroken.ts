/**
 * Since when the store has answered without a break. While it does not answer its watcher it may answer nobody, and a
 * heartbeat that nobody can write stands still: time before the end of a break says nothing about other edges.
 */

import { BREAK_MS } from './bounds.ts';

export class Unbroken {
  #since: number;
  #last: number;

  /** @param nowMs monotonic, as all of them */
  constructor(nowMs: number) {
    this.#since = nowMs;
    this.#last = nowMs;
  }

  /** The store has answered. */
  answered(nowMs: number): void {
    if (nowMs - this.#last > BREAK_MS) this.#since = nowMs;
    this.#last = nowMs;
  }

  /** In a break: now. */
  since(nowMs: number): number {
    return nowMs - this.#last > BREAK_MS ? nowMs : this.#since;
  }
}
