/**
 * The width: how many Logons may ask the store at once. It is adjusted after each round, which is as many answers as the width. It
 * grows by one while the store is quick, or as quick as it was ever seen to be; stays while the store is merely busy; and
 * halves when answers are late or missing, since fewer questions are then answered sooner. Without this so many Logons would
 * ask a slow store at once that each misses its deadline, and all come again. If the store is slow whatever the width, the
 * width is not reduced: that would help nobody.
 */
import {
  ANSWERED_LATE_MS,
  ANSWERED_QUICKLY_MS,
  ANSWERED_TOO_LATE_MS,
  ANSWERED_WELL_MS,
  LOGONS_AT_FIRST,
  LOGONS_AT_ONCE,
} from './limits.ts';

/** Outcome of a question: the Logon goes on; it is refused, by an answer; the store did not answer. */
export type Heard = 'went_on' | 'refused' | 'unanswered';

/** A round is answered well if it takes at most `well` times as long as the best round, and late from `late` times on. */
const AT_BEST = { well: 1.5, late: 2 } as const;
/** With each longer round the best time moves so much of the way towards it: that a store has become slow is known after some twenty… */
const FORGETS = 0.05;
/** …or at once, if half as many Logons were not answered in at most this share of the time. */
const HELPED = 0.75;

export class LogonWidth {
  readonly #least: number;
  readonly #most: number;
  #width = LOGONS_AT_FIRST;
  #narrowedAt = Number.NEGATIVE_INFINITY;
  /** Mean time of an answer in the best round, ms. */
  #best = Number.POSITIVE_INFINITY;
  /** Mean of the late round, until a round with a smaller width has been seen. */
  #late: number | undefined;
  /** Of the present round: answers, their total ms, and how many of them let a Logon go on while the width was used up. */
  #answers = 0;
  #tookAll = 0;
  #wanted = 0;

  constructor({ least, most }: { readonly least: number; readonly most: number } = LOGONS_AT_ONCE) {
    this.#least = least;
    this.#most = most;
  }

  /** A whole number, at least 1. */
  get now(): number {
    return Math.floor(this.#width);
  }

  /**
   * Counts an answer, or its absence. Times are monotonic ms.
   * @param begun when the store was asked
   * @param full whether the width was used up; if not, the answer is no reason for a larger one
   */
  heard(what: Heard, begun: number, now: number, full: boolean): void {
    // Questions asked before the width was last reduced say nothing about the present one.
    if (begun < this.#narrowedAt) return;
    if (what === 'unanswered') {
      this.#narrow(now);
      return;
    }
    const took = now - begun;
    // A refused Logon has asked the store for less, or nothing.
    if (what === 'refused' && took <= ANSWERED_LATE_MS) return;
    this.#answers += 1;
    this.#tookAll += took;
    if (what === 'went_on' && full) this.#wanted += 1;
    if (this.#answers >= this.now) this.#judge(now);
  }

  #judge(now: number): void {
    const mean = this.#tookAll / this.#answers;
    const wanted = this.#wanted / this.#answers;
    this.#begin();
    this.#learn(mean);
    const late = Math.min(ANSWERED_TOO_LATE_MS, Math.max(ANSWERED_LATE_MS, AT_BEST.late * this.#best));
    if (mean > late) {
      this.#late = mean;
      this.#narrow(now);
      return;
    }
    // Back to where it began as long as the store is as well as it can be; beyond that only while it is idle.
    const atBest = Math.min(ANSWERED_LATE_MS, Math.max(ANSWERED_WELL_MS, AT_BEST.well * this.#best));
    const well = this.#width < LOGONS_AT_FIRST ? atBest : ANSWERED_QUICKLY_MS;
    if (mean <= well) this.#width = Math.min(this.#most, this.#width + wanted);
  }

  #learn(mean: number): void {
    const known = Math.min(this.#best, mean);
    const helped = this.#late === undefined || mean <= HELPED * this.#late;
    this.#best = helped ? known + FORGETS * (mean - known) : mean;
    this.#late = undefined;
  }

  #narrow(now: number): void {
    this.#width = Math.max(this.#least, this.#width / 2);
    this.#narrowedAt = now;
    this.#begin();
  }

  #begin(): void {
    this.#answers = 0;
    this.#tookAll = 0;
    this.#wanted = 0;
  }
}
