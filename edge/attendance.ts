/**
 * Tells the venue which sessions are logged on, and has it cancel the orders of sessions that have been away for too long, where
 * the counterparty's profile says `cancel_on_disconnect`. The venue keeps the grace period; it counts anew after a restart.
 */

import type { EndCause } from '../core/sessions/model.ts';
import type { Instant } from './fix/session/ports.ts';
import { CLAIMED_MS } from './venue/link/limits.ts';
import type { Venue, VenueSession } from './venue/venue.ts';

interface Absent {
  readonly session: VenueSession;
  /** Monotonic ms. */
  readonly until: number;
}

export class Attendance {
  readonly #venue: Venue;
  readonly #changed: (session: VenueSession) => void;
  /** By session: those whose orders will be cancelled unless they come back. */
  readonly #absent = new Map<string, Absent>();
  #next = Number.POSITIVE_INFINITY;

  /** @param changed told of every session that has begun or ended */
  constructor(venue: Venue, changed: (session: VenueSession) => void = () => {}) {
    this.#venue = venue;
    this.#changed = changed;
  }

  /** After a start nobody is logged on: sessions with resting orders get their grace period to come back. */
  opened(now: Instant): void {
    for (const session of this.#venue.resting()) this.#miss(session, now);
  }

  started(session: VenueSession, now: Instant): void {
    this.#absent.delete(session.id);
    this.#venue.sessionStarted(session, now.epochMs);
    this.#changed(session);
  }

  ended(session: VenueSession, cause: EndCause, now: Instant): void {
    this.#venue.sessionEnded(session, now.epochMs);
    this.#changed(session);
    // Superseded: the same counterparty is logging on, perhaps at another edge. If that fails, only this edge knows that it is
    // away. If it succeeds, a shared venue ignores this edge for the session.
    if (cause !== 'superseded') this.#miss(session, now);
    else if (this.#venue.claim !== undefined) this.#miss(session, now, CLAIMED_MS);
  }

  /** A Logon that was under way has failed: the session is away. A grace period that already runs and ends sooner goes on. */
  failed(session: VenueSession, now: Instant): void {
    const known = this.#absent.get(session.id);
    if (known === undefined || known.until > now.monoMs + (session.cancel_after_ms ?? 0)) this.#miss(session, now);
  }

  /** Lets time pass. */
  tick(now: Instant): void {
    if (now.monoMs < this.#next) return;
    let next = Number.POSITIVE_INFINITY;
    for (const [id, absent] of this.#absent) {
      if (absent.until <= now.monoMs) this.#cancel(id, absent, now);
      else next = Math.min(next, absent.until);
    }
    this.#next = next;
  }

  #cancel(id: string, absent: Absent, now: Instant): void {
    this.#absent.delete(id);
    try {
      this.#venue.cancelAll(absent.session, now.epochMs);
    } catch (error) {
      // Its turn comes again, after the others: those it is not to keep from theirs.
      this.#absent.set(id, absent);
      throw error;
    }
  }

  #miss(session: VenueSession, now: Instant, leastMs = 0): void {
    const { cancel_after_ms } = session;
    if (cancel_after_ms === undefined) return;
    const until = now.monoMs + Math.max(cancel_after_ms, leastMs);
    this.#absent.set(session.id, { session, until });
    this.#next = Math.min(this.#next, until);
    if (until === now.monoMs) this.tick(now);
  }
}
