/**
 * Two journals side by side in one edge. Each session is in one of them, and may move to the other between Logons. Both are flushed at
 * the end of a turn before any of its output leaves.
 */

import type { Accepted, Journal, JournalKind, JournalLog, JournalSession, LaterJournal } from './journal.ts';
import type { After, SessionState, SessionTerms } from './session-state.ts';

export interface PairParts {
  /** The journal of sessions whose profile names none. */
  readonly main: Journal;
  /** The journal on local disk, whose flushes are durable enough by themselves. */
  readonly beside: Journal;
  readonly log: JournalLog;
}

/** @throws JournalError */
export function openPair(parts: PairParts): Journal {
  return new Pair(parts);
}

class Pair implements Journal {
  readonly #main: Journal;
  readonly #beside: Journal;
  /** Flushes the journal that sessions have moved to first: if the process dies in between, both have them, never neither. */
  #order: readonly [Journal, Journal];

  constructor({ main, beside, log }: PairParts) {
    this.#main = main;
    this.#beside = beside;
    this.#order = [main, beside];
    for (const key of [...beside.keys()]) {
      if (!main.has(key)) continue;
      // A process ended between the two flushes of the move, so nothing has left since the first.
      const loser = isAhead(beside.session(key), main.session(key)) ? main : beside;
      log.warn({ session: key }, 'a session was in both journals: it goes on in the one that it had come to');
      loser.remove(key);
    }
  }

  get inStore(): boolean {
    return this.#main.inStore;
  }

  get later(): LaterJournal | undefined {
    return this.#main.later;
  }

  get healthy(): boolean {
    return this.#main.healthy && this.#beside.healthy;
  }

  get astray(): boolean {
    return this.#main.astray || this.#beside.astray;
  }

  session(key: string, terms?: Partial<SessionTerms>): JournalSession {
    return this.#of(key).session(key, terms);
  }

  has(key: string): boolean {
    return this.#main.has(key) || this.#beside.has(key);
  }

  *keys(): Iterable<string> {
    yield* this.#main.keys();
    yield* this.#beside.keys();
  }

  told(key: string): number {
    return this.#of(key).told(key);
  }

  tell(key: string, report: number): void {
    this.#of(key).tell(key, report);
  }

  export(key: string, after?: After): SessionState | undefined {
    return this.#of(key).export(key, after);
  }

  remove(key: string): void {
    this.#of(key).remove(key);
  }

  adopt(key: string, state: SessionState): void {
    this.#of(key).adopt(key, state);
  }

  place(key: string, kind: JournalKind): boolean {
    const [from, to] = kind === 'file' ? [this.#main, this.#beside] : [this.#beside, this.#main];
    if (to.has(key) || (!from.has(key) && to === this.#main)) return false;
    const state = from.export(key);
    if (state === undefined) to.session(key);
    else {
      to.adopt(key, state);
      from.remove(key);
    }
    this.#order = [to, from];
    return true;
  }

  flush(depends?: number): void {
    const [first, second] = this.#order;
    first.flush(depends);
    second.flush(depends);
    this.#order = [this.#main, this.#beside];
  }

  prepare(): void {
    this.#main.prepare?.();
    this.#beside.prepare?.();
  }

  committed(had?: number): void {
    this.#main.committed(had);
    this.#beside.committed(had);
  }

  settle(mark: number | undefined): readonly Accepted[] {
    return [...this.#main.settle(mark), ...this.#beside.settle(mark)];
  }

  endAhead(): void {
    this.#main.endAhead();
    this.#beside.endAhead();
  }

  async close(): Promise<void> {
    try {
      await this.#beside.close();
    } finally {
      await this.#main.close();
    }
  }

  #of(key: string): Journal {
    return this.#beside.has(key) ? this.#beside : this.#main;
  }
}

/** Whether `a` is the later state of the session. */
function isAhead(a: JournalSession, b: JournalSession): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation;
  return a.nextOut === b.nextOut ? a.nextIn > b.nextIn : a.nextOut > b.nextOut;
}
