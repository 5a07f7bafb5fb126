/**
 * When an edge may ask the store for a user's tokens again, and how large its leases have to be. Edges that share a user write the
 * same item conditionally. An edge that wrote again as soon as it had its answer would always be first, and the writes of the
 * others would always meet a changed item.
 */

import { SET_BACK_MS } from './settings.ts';

/** At the full rate a lease of L needs ten calls a second; when there are more, leases grow, up to B/2k. */
const CALLS_PER_SECOND = 10;
const MAX_BOOST = 4;
/** Varies the spacing, so that of edges that ask in step not always the same one comes first. */
const SPREAD = 0.5;
/** An answer that takes longer is not due to distance: the store hangs. */
const MOST_TRIP_MS = 250;

export class Pace {
  /** Factor by which leases are enlarged. */
  boost = 1;
  /** How long the last write took to be answered, ms. */
  tripMs = 0;
  readonly #seed: number;
  #secondMs = 0;
  #callsThisSecond = 0;
  #triedMs = 0;
  #notBeforeMs = 0;
  #pauseMs = 0;

  /** @param edgeKey tells the edges' turns apart */
  constructor(edgeKey: string) {
    let hash = 0;
    for (let i = 0; i < edgeKey.length; i++) hash = (Math.imul(hash, 31) + edgeKey.charCodeAt(i)) | 0;
    this.#seed = hash;
  }

  /** A call begins. */
  begun(nowMs: number): void {
    if (nowMs - this.#secondMs >= 1000) {
      if (this.#callsThisSecond > CALLS_PER_SECOND) this.boost = Math.min(MAX_BOOST, this.boost * 2);
      else if (this.#callsThisSecond < CALLS_PER_SECOND / 4) this.boost = 1;
      this.#secondMs = nowMs;
      this.#callsThisSecond = 0;
    }
    this.#callsThisSecond++;
  }

  /** A write of it is on its way. */
  tried(nowMs: number): void {
    this.#triedMs = nowMs;
  }

  /**
   * Call `number` has been written. Before this edge's next call each of the `edges` that share the user may have its turn, and so
   * may one that the item does not know yet.
   *
   * @param edges 0: the call gave everything back, so nobody was kept from anything
   */
  written(nowMs: number, edges: number, number: number): void {
    this.tripMs = Math.min(MOST_TRIP_MS, Math.max(0, nowMs - this.#triedMs));
    this.#pauseMs = this.tripMs * (edges === 1 ? this.#chance(number) : Math.max(0, edges - 1));
    this.#notBeforeMs = nowMs + this.#pauseMs;
  }

  /** Until the next call may begin, ms. If the clock has been set back meanwhile, no longer than it was at first. */
  waitMs(nowMs: number): number {
    const left = Math.max(0, this.#notBeforeMs - nowMs);
    return left > this.#pauseMs + SET_BACK_MS ? this.#pauseMs : left;
  }

  /** Between the beginnings of call `number` and the next for a bucket that it found empty. */
  spacingMs(leastMs: number, number: number): number {
    return leastMs * (1 + this.#chance(number) * SPREAD);
  }

  /** A pseudorandom number from 0 to 1, another one for each call. */
  #chance(number: number): number {
    const mixed = Math.imul(this.#seed ^ number, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b);
    return ((mixed ^ (mixed >>> 15)) >>> 8) / 2 ** 24;
  }
}
