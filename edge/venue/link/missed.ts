/**
 * Sessions with orders here whose edge is gone, or that one has claimed and not started: their orders go with them when their
 * grace has passed. Of those whose client has left an edge that is there, that edge counts the grace (edge/attendance.ts).
 */

import type { VenueSession } from '../venue.ts';
import { CLAIMED_MS, OWED_MS, RELINK_MS } from './limits.ts';

interface Missing {
  readonly session: VenueSession;
  /** Epoch ms. */
  readonly until: number;
  /** Boot of the edge that was linked again without it. */
  readonly without?: string;
}

export interface MissedParts {
  /** Those that have orders, as they were given last. */
  readonly resting: () => Iterable<VenueSession>;
  /** The edge that speaks for a session. */
  readonly ownerOf: (id: string) => string | undefined;
  /** Epoch ms. */
  readonly now: () => number;
}

export class Missed {
  readonly #parts: MissedParts;
  readonly #missing = new Map<string, Missing>();

  constructor(parts: MissedParts) {
    this.#parts = parts;
  }

  /** Its client is there, as an edge says. */
  there(id: string): void {
    this.#missing.delete(id);
  }

  /** Whose grace is over: each is told once. */
  *due(): Iterable<VenueSession> {
    const now = this.#parts.now();
    for (const [id, { session, until }] of this.#missing) {
      if (until > now) continue;
      this.#missing.delete(id);
      yield session;
    }
  }

  /** The venue has begun: whoever has orders here may have had an edge that is no more, or none that it knows of. */
  began(): void {
    for (const session of this.#parts.resting()) this.#miss(session, RELINK_MS);
  }

  /** Its orders should have been cancelled, and could not be. */
  again(session: VenueSession): void {
    this.#missing.set(session.id, { session, until: this.#parts.now() + OWED_MS });
  }

  /** An edge is gone: who had it may come back by it, or by another. */
  edgeGone(edge_id: string): void {
    for (const session of this.#parts.resting())
      if (this.#parts.ownerOf(session.id) === edge_id && !this.#missing.has(session.id)) this.#miss(session, RELINK_MS);
  }

  /**
   * Who is not there when its edge is linked again may have left a moment ago, and has its grace from now on. An edge that dies
   * again and again gains it no more of that.
   */
  linkedWithout(edge_id: string, boot: string): void {
    const now = this.#parts.now();
    for (const [id, { session, until, without = boot }] of this.#missing) {
      if (until <= now || this.#parts.ownerOf(id) !== edge_id || without !== boot) continue;
      this.#missing.set(id, { session, until: Math.max(until, now + (session.cancel_after_ms ?? 0)), without });
    }
  }

  /** Its client is back, and may not get as far as to be on: what it was given before counts no more, and it has so long for that. */
  claimed({ id, cancel_after_ms }: VenueSession): void {
    if (cancel_after_ms === undefined) return;
    for (const session of this.#parts.resting()) if (session.id === id) this.#miss(session, CLAIMED_MS);
  }

  /** Its client was on, with a process of its edge that is no more: it is missed since then, not since it left before, or claimed. */
  wasThere({ id, cancel_after_ms = 0 }: VenueSession): void {
    const known = this.#missing.get(id);
    if (known === undefined) return;
    this.#missing.set(id, { ...known, until: this.#parts.now() + Math.max(cancel_after_ms, RELINK_MS) });
  }

  /** It has placed an order here without its client being there, as far as anybody says. */
  notThere(session: VenueSession): void {
    if (!this.#missing.has(session.id)) this.#miss(session, RELINK_MS);
  }

  #miss(session: VenueSession, leastMs: number): void {
    const { id, cancel_after_ms } = session;
    if (cancel_after_ms === undefined) return;
    this.#missing.set(id, { session, until: this.#parts.now() + Math.max(cancel_after_ms, leastMs) });
  }
}
