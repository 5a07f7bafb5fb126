/**
 * Who is there, as the venue is told; and what becomes of the orders of who has gone, where the counterparty's profile
 * says `cancel_on_disconnect`. The grace is the venue's to remember: it counts anew after a restart of the edge.
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
  /** Those whose orders are cancelled unless they come back, by session. */
  readonly #absent = new Map<string, Absent>();
  #next = Number.POSITIVE_INFINITY;

  /** @param changed told of every session that has begun or ended */
  constructor(venue: Venue, changed: (session: VenueSession) => void = () => {}) {
    this.#venue = venue;
    this.#changed = changed;
  }

  /** After a start nobody is there: whoever left orders behind has its grace to come back. */
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
    // Superseded: the same counterparty is on its way in. To another edge it may not get, and then nobody else knows of it:
    // a venue that edges share takes nothing of this one once that one has spoken for the session.
    if (cause !== 'superseded') this.#miss(session, now);
    else if (this.#venue.claim !== undefined) this.#miss(session, now, CLAIMED_MS);
  }

  /** The one that was on its way in did not get there. One that is missed already gains no time by it. */
  failed(session: VenueSession, now: Instant): void {
    const known = this.#absent.get(session.id);
    if (known === undefined || known.until > now.monoMs + (session.cancel_after_ms ?? 0)) this.#miss(session, now);
  }

  /** Lets time pass. */
  tick(now: Instant): void {
    if (now.monoMs < this.#next) return;
    let next = Number.POSITIVE_INFINITY;
    for (const [id, { session, until }] of this.#absent) {
      if (until <= now.monoMs) {
        this.#venue.cancelAll(session, now.epochMs);
        this.#absent.delete(id);
      } else next = Math.min(next, until);
    }
    this.#next = next;
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
