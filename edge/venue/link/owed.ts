/** What an administrator has asked for and the venue could not do: it is tried again until it is done. */

import { OWED_MS } from './limits.ts';

/** @returns whether it was done */
type Work = () => boolean;

export class Owed {
  #works: Work[] = [];
  /** Epoch ms. */
  #next = Number.POSITIVE_INFINITY;

  /** @param now epoch ms */
  do(work: Work, now: number): void {
    if (work()) return;
    this.#works.push(work);
    this.#next = Math.min(this.#next, now + OWED_MS);
  }

  /** Called many times a second. @param now epoch ms */
  look(now: number): void {
    if (now < this.#next) return;
    this.#works = this.#works.filter((work) => !work());
    this.#next = this.#works.length > 0 ? now + OWED_MS : Number.POSITIVE_INFINITY;
  }
}
