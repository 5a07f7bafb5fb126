/**
 * When one edge may ask the store for one user again, and how much its leases have to last for. Edges that share a user
 * write the same item under conditions: one that writes again as soon as it has its answer would keep ahead of the others,
 * whose writes are always on what was there before.
 */

/** At the full rate a lease of L needs ten calls a second; when there are more, leases grow, up to B/2k. */
const CALLS_PER_SECOND = 10;
const MAX_BOOST = 4;
/** Spacing is as much longer, by turns: of edges that ask in step the same one would come first each time. */
const SPREAD = 0.5;
/** An answer that takes longer is no way's length: the store hangs. */
const MOST_TRIP_MS = 250;

export class Pace {
  /** How much leases are to be larger. */
  boost = 1;
  /** How long the last write took to be answered, ms. */
  tripMs = 0;
  readonly #seed: number;
  #secondMs = 0;
  #callsThisSecond = 0;
  #triedMs = 0;
  #notBeforeMs = 0;

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
   * Call `number` has been written: each of the `edges` that share the user may have its turn before the next one of ours,
   * and one that the item does not know yet has a chance.
   */
  written(nowMs: number, edges: number, number: number): void {
    this.tripMs = Math.min(MOST_TRIP_MS, Math.max(0, nowMs - this.#triedMs));
    this.#notBeforeMs = nowMs + this.tripMs * (edges > 1 ? edges - 1 : this.#chance(number));
  }

  /** Until the next call may begin, ms. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#notBeforeMs - nowMs);
  }

  /** Between the beginnings of call `number` and the next for a bucket that it found empty. */
  spacingMs(leastMs: number, number: number): number {
    return leastMs * (1 + this.#chance(number) * SPREAD);
  }

  /** 0 to 1, as if by chance: another one for each call. */
  #chance(number: number): number {
    const mixed = Math.imul(this.#seed ^ number, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b);
    return ((mixed ^ (mixed >>> 15)) >>> 8) / 2 ** 24;
  }
}
