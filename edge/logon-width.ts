/**
 * How many Logons may ask the store at once, judged by rounds: as many answers as may ask. It grows by one a round while the store is quick,
 * or as quick as it is known to be, stands while it is merely busy, and halves when it is late or does not answer: fewer
 * questions are then answered sooner than many. Without it a slow store is asked by so many at once that each outlasts its deadline, and all
 * of them come again. A store that is slow whoever asks is not asked by fewer for it: that would answer nobody sooner.
 */
import {
  ANSWERED_LATE_MS,
  ANSWERED_QUICKLY_MS,
  ANSWERED_TOO_LATE_MS,
  ANSWERED_WELL_MS,
  LOGONS_AT_FIRST,
  LOGONS_AT_ONCE,
} from './limits.ts';

/** What a question of a Logon came to: it went on; somebody was refused, by an answer; the store gave no answer. */
export type Heard = 'went_on' | 'refused' | 'unanswered';

/** As many times what it took at best, a round is answered as well as it can be, or late. */
const AT_BEST = { well: 1.5, late: 2 } as const;
/** The best that is known comes so much of the way to a round that took longer: a store or a machine that has become slow is known after some twenty… */
const FORGETS = 0.05;
/** …or at once, by half as many who were not answered in so much of the time. */
const HELPED = 0.75;

export class LogonWidth {
  readonly #least: number;
  readonly #most: number;
  #width = LOGONS_AT_FIRST;
  #narrowedAt = Number.NEGATIVE_INFINITY;
  /** Mean of the best round, ms. */
  #best = Number.POSITIVE_INFINITY;
  /** Mean of the round that was late, until one of fewer has been seen. */
  #late: number | undefined;
  /** Of the round under way: answers, ms of all, and how many let their Logons go on while all places were taken. */
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
   * An answer, or none. Times are monotonic ms.
   * @param begun when the store was asked
   * @param full whether as many asked as may: what is not used up is no evidence for more
   */
  heard(what: Heard, begun: number, now: number, full: boolean): void {
    // Those asked before the last step down say nothing about it.
    if (begun < this.#narrowedAt) return;
    if (what === 'unanswered') {
      this.#narrow(now);
      return;
    }
    const took = now - begun;
    // Who is refused is so before the store was asked for all, or at all.
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
