/**
 * Ends the sessions that are too many after a user's maximum was lowered. Each edge ends its own. All edges decide which by
 * the same rows: the oldest sessions stay.
 */
import type { SessionSlots } from '../ports.ts';
import type { Timers } from '../time.ts';
import type { GateLog } from './api.ts';
import { ROOM_AT_ONCE, ROOM_RETRY_MS } from './bounds.ts';
import type { Live } from './live.ts';
import type { LiveSession } from './model.ts';

export interface SessionCapParts {
  readonly slots: Pick<SessionSlots, 'ofUser'>;
  readonly timers: Timers;
  readonly log: GateLog;
  /** Live sessions of a user on this edge. */
  readonly here: (userId: string) => readonly Live[];
  /** How many sessions its user may have now. */
  readonly max: (live: Live) => number;
  readonly end: (live: Live, text: string) => void;
}

const byAge = (a: LiveSession, b: LiveSession): number =>
  a.started_at - b.started_at || (a.session_id < b.session_id ? -1 : 1);

export class SessionCap {
  readonly #parts: SessionCapParts;
  /** How many sessions each user was allowed when this was last checked. */
  readonly #looked = new Map<string, number>();
  readonly #waiting = new Set<string>();
  #running = 0;

  constructor(parts: SessionCapParts) {
    this.#parts = parts;
  }

  /** The maximum of this user may have changed. */
  look(userId: string): void {
    const { here, max } = this.#parts;
    const lives = here(userId);
    const [first] = lives;
    if (first === undefined) {
      this.#looked.delete(userId);
      return;
    }
    const most = max(first);
    const before = this.#looked.get(userId) ?? most;
    this.#looked.set(userId, most);
    if (most < before) this.#ask(userId);
  }

  /** A session has begun. Its Logon was judged by a maximum that may have been lowered since. */
  began(live: Live): void {
    const { user_id } = live.session;
    const most = this.#parts.max(live);
    this.#looked.set(user_id, most);
    if (most < live.maxAtLogon) this.#ask(user_id);
  }

  #ask(userId: string): void {
    this.#waiting.add(userId);
    this.#next();
  }

  #next(): void {
    for (const userId of this.#waiting) {
      if (this.#running >= ROOM_AT_ONCE) return;
      this.#waiting.delete(userId);
      this.#running += 1;
      void this.#settle(userId).then(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  /** Never rejects. */
  async #settle(userId: string): Promise<void> {
    const { slots, timers, log, here, max, end } = this.#parts;
    if (here(userId).length === 0) return;
    try {
      const all = [...(await slots.ofUser(userId))].sort(byAge);
      const [first] = here(userId);
      if (first === undefined) return;
      const most = max(first);
      const many = new Set(all.slice(most).map(({ session_id }) => session_id));
      const text = `No more than ${most} sessions are allowed now`;
      for (const live of here(userId)) if (many.has(live.session.session_id)) end(live, text);
    } catch (error) {
      log.warn({ error, user_id: userId }, 'how many sessions a user has could not be read: asked again');
      timers.after(ROOM_RETRY_MS, () => this.#ask(userId));
    }
  }
}
