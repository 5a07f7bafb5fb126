/**
 * Whether the other side of a link is there while nothing is said: one that hangs, or that no packet reaches any more, keeps its
 * connection. Each side says ALIVE once a second to a peer that knows of it (HELLO), and listens.
 */

import { BEAT_MS, STANDSTILL_MS } from './limits.ts';

export class Alive {
  #silentMs = 0;
  #lookedAt: number | undefined;
  #saidAt = Number.NEGATIVE_INFINITY;

  /** Something has come. */
  heard(): void {
    this.#silentMs = 0;
  }

  /**
   * Called many times a second. A time in which this process itself did not run counts as one beat: what has come meanwhile is yet
   * to be read.
   * @param monoMs now, monotonic ms
   * @returns whether it is time to say something
   */
  look(monoMs: number): boolean {
    this.#silentMs += Math.min(monoMs - (this.#lookedAt ?? monoMs), BEAT_MS);
    this.#lookedAt = monoMs;
    if (monoMs - this.#saidAt < BEAT_MS) return false;
    this.#saidAt = monoMs;
    return true;
  }

  /** This side does not read: silence says nothing. */
  skip(monoMs: number): void {
    this.#lookedAt = monoMs;
  }

  /** It has been silent for longer than a process that is well. */
  get gone(): boolean {
    return this.#silentMs >= STANDSTILL_MS;
  }
}
