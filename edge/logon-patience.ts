/**
 * How long a Logon may wait for its turn. Its client gives up some time after it was sent, so the bound is that less what a Logon lately
 * took from its turn to its answer: mean and deviation as TCP keeps them of round trips (RFC 6298, section 2). Let in later it would take a slot, and
 * perhaps bring a session here, for a client that has hung up and comes again elsewhere; refused sooner it comes once too often.
 */
import { CLIENT_WITHIN_MS, TURN_TOOK_AT_FIRST_MS, TURN_WITHIN_MS, UNSEEN_MS } from './limits.ts';

/** Weights of one Logon in what is known, as in RFC 6298. */
const MEAN = 1 / 8;
const DEVIATION = 1 / 4;

export class LogonPatience {
  #mean: number = TURN_TOOK_AT_FIRST_MS;
  #deviation: number = TURN_TOOK_AT_FIRST_MS / 2;

  /** Longest wait for a turn that is worth it, ms since the client has begun to wait. */
  get now(): number {
    const left = CLIENT_WITHIN_MS - UNSEEN_MS - this.#mean - this.#deviation;
    return Math.min(TURN_WITHIN_MS.most, Math.max(TURN_WITHIN_MS.least, left));
  }

  /** A Logon was answered, or given up by its client, so long after its turn began. */
  took(ms: number): void {
    this.#deviation += DEVIATION * (Math.abs(ms - this.#mean) - this.#deviation);
    this.#mean += MEAN * (ms - this.#mean);
  }
}
