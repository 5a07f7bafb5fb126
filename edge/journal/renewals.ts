/** Sessions that get their next block of numbers (reserve.ts) with the next flush, and how long that may wait. */

import { RENEW_WITHIN_MS, SHIP_LEISURE_MS } from './limits.ts';
import type { FileSession } from './session.ts';

/** Sessions whose next block is to be named. If nobody waits, with the next flush that is made for another reason. */
export class Renewals {
  readonly #sessions: FileSession[] = [];
  /** Epoch ms; Infinity: not at all. */
  #by = Number.POSITIVE_INFINITY;

  add(session: FileSession, now: () => number): void {
    session.reserve.wanted = true;
    session.reserve.renewAt = Number.POSITIVE_INFINITY;
    this.#by = Math.min(this.#by, session.reserve.what === 'everything' ? 0 : now() + RENEW_WITHIN_MS);
    this.#sessions.push(session);
  }

  due(now: () => number): boolean {
    return this.#sessions.length > 0 && (this.#by === 0 || now() >= this.#by);
  }

  /** How long the content of the next flush may wait to become durable: these blocks, numbers of others, and any messages. */
  leisureMs(dirty: readonly FileSession[], messages: boolean): number {
    if (this.#by === 0) return 0;
    for (const { reserve, nextOut } of dirty) if (reserve.waits || !reserve.lets(nextOut)) return 0;
    return messages ? SHIP_LEISURE_MS : RENEW_WITHIN_MS;
  }

  /** Writes them with the next flush in any case. */
  hurry(): void {
    this.#by = 0;
  }

  /** Writes the next blocks, and beside them the numbers used so far: the end of a block does not tell those. */
  write(): void {
    for (const session of this.#sessions) {
      if (!session.isDirty) session.writeNumbers();
      session.writeReserved();
    }
  }

  written(): void {
    for (const session of this.#sessions) session.reservedWritten();
    this.#sessions.length = 0;
    this.#by = Number.POSITIVE_INFINITY;
  }
}
