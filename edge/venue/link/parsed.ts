/** Sessions as the venue's reports name them, each time. */

import type { VenueSession } from '../venue.ts';
import { PARSED_SESSIONS } from './limits.ts';

export class Parsed {
  readonly #sessions = new Map<string, VenueSession>();

  /** The same object for the same record, as sessions know theirs. */
  of(said: VenueSession): VenueSession {
    const known = this.#sessions.get(said.id);
    if (known !== undefined && known.epoch === said.epoch && known.cancel_after_ms === said.cancel_after_ms)
      return known;
    if (this.#sessions.size >= PARSED_SESSIONS) this.#sessions.clear();
    this.#sessions.set(said.id, said);
    return said;
  }
}
