/** Whose clients are there, as edges say. */

import type { VenueSession } from '../venue.ts';

interface There {
  readonly session: VenueSession;
  readonly edge_id: string;
  /** The process of the edge that says so. */
  readonly boot: string;
}

export class Presence {
  readonly #there = new Map<string, There>();
  /** By session: when its client logged on last, as far as this process has heard, epoch ms. */
  readonly #began = new Map<string, number>();

  has(id: string): boolean {
    return this.#there.has(id);
  }

  /** At which edge it is; undefined: at none. */
  edgeOf(id: string): string | undefined {
    return this.#there.get(id)?.edge_id;
  }

  /** @param now epoch ms */
  began(there: There, now: number): void {
    this.#there.set(there.session.id, there);
    this.#began.set(there.session.id, now);
  }

  /** It is there, since when this process does not know. */
  isThere(there: There): void {
    this.#there.set(there.session.id, there);
  }

  left(id: string): void {
    this.#there.delete(id);
  }

  /** Those that another process of this edge had: they are there no longer. */
  *forsaken(edge_id: string, boot: string): Generator<VenueSession> {
    for (const [id, there] of this.#there) {
      if (there.edge_id !== edge_id || there.boot === boot) continue;
      this.#there.delete(id);
      yield there.session;
    }
  }

  /** Whether its client is known to have logged on after this time, epoch ms. */
  beganAfter(id: string, time: number): boolean {
    return (this.#began.get(id) ?? Number.NEGATIVE_INFINITY) > time;
  }
}
