/**
 * How long a Logon may wait for its turn: the time after which its client gives up, less the time that Logons lately took from turn
 * to answer (mean and deviation as TCP estimates round trips, RFC 6298, section 2). A Logon that is let in later would take a
 * slot, and perhaps move a session, for a client that has gone and logs on elsewhere. One that is refused sooner comes again for
 * nothing.
 */
import { CLIENT_WITHIN_MS, TURN_TOOK_AT_FIRST_MS, TURN_WITHIN_MS, TURNS_LOOK_MS, UNSEEN_MS } from './limits.ts';

/** Weights of a new sample in mean and deviation, as in RFC 6298. */
const MEAN = 1 / 8;
const DEVIATION = 1 / 4;

export class LogonPatience {
  #mean: number = TURN_TOOK_AT_FIRST_MS;
  #deviation: number = TURN_TOOK_AT_FIRST_MS / 2;
  /** Logons since the last sample: how many, and their total time in ms. */
  #count = 0;
  #tookAll = 0;
  #looked = Number.NEGATIVE_INFINITY;

  /** The longest useful wait, ms since the client began to wait. */
  get now(): number {
    const left = CLIENT_WITHIN_MS - UNSEEN_MS - this.#mean - this.#deviation;
    return Math.min(TURN_WITHIN_MS.most, Math.max(TURN_WITHIN_MS.least, left));
  }

  /**
   * A Logon was answered, or given up by its client, so long after its turn began. Those that are answered together, as when an edge is back for
   * which they have waited, count as one: they say little of what the next one takes. @param now monotonic ms
   */
  took(ms: number, now: number): void {
    this.#count += 1;
    this.#tookAll += ms;
    if (now - this.#looked < TURNS_LOOK_MS) return;
    const mean = this.#tookAll / this.#count;
    this.#looked = now;
    this.#count = 0;
    this.#tookAll = 0;
    this.#deviation += DEVIATION * (Math.abs(mean - this.#mean) - this.#deviation);
    this.#mean += MEAN * (mean - this.#mean);
  }
}
