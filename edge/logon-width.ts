/**
 * How many Logons may ask the store at once. It grows by one a round while the store is quick, stands while the store is
 * merely busy, and halves when the store is late or does not answer: fewer questions are then answered sooner than many.
 * Without it a slow store is asked by so many at once that each outlasts its deadline, and all of them come again.
 */
import { ANSWERED_LATE_MS, ANSWERED_QUICKLY_MS, ANSWERED_WELL_MS, LOGONS_AT_FIRST, LOGONS_AT_ONCE } from './limits.ts';

/** What a question of a Logon came to: it went on; somebody was refused, by an answer; the store gave no answer. */
export type Heard = 'went_on' | 'refused' | 'unanswered';

export class LogonWidth {
  readonly #least: number;
  readonly #most: number;
  #width = LOGONS_AT_FIRST;
  #narrowedAt = Number.NEGATIVE_INFINITY;

  constructor({ least, most }: { readonly least: number; readonly most: number } = LOGONS_AT_ONCE) {
    this.#least = least;
    this.#most = most;
  }

  /** A whole number, at least 1. */
  get now(): number {
    return Math.floor(this.#width);
  }

  /**
   * An answer, or none. Times are monotonic ms.
   * @param begun when the store was asked
   * @param full whether as many asked as may: what is not used up is no evidence for more
   */
  heard(what: Heard, begun: number, now: number, full: boolean): void {
    const took = now - begun;
    if (what === 'unanswered' || took > ANSWERED_LATE_MS) {
      // Those asked before the last step say nothing about it.
      if (begun < this.#narrowedAt) return;
      this.#width = Math.max(this.#least, this.#width / 2);
      this.#narrowedAt = now;
      return;
    }
    // Back to where it began as long as the store is well; beyond that only while it is idle. Who is refused widens nothing.
    const quick = this.#width < LOGONS_AT_FIRST ? ANSWERED_WELL_MS : ANSWERED_QUICKLY_MS;
    if (what === 'went_on' && full && took <= quick) this.#width = Math.min(this.#most, this.#width + 1 / this.#width);
  }
}
