/** The session profile of each counterparty: the gateway's settings, overridden by those of the credential. */

import { overridden, type ProfileOverrides } from '../core/sessions/profile.ts';
import type { SessionProfile } from './fix/session/profile.ts';

/** Number of different profiles kept in memory; a firm has a handful. */
const KEPT = 1000;

export class Profiles {
  readonly gateway: SessionProfile;
  /** Sessions with the same settings share one object. */
  readonly #known = new Map<string, SessionProfile>();

  constructor(gateway: SessionProfile) {
    this.gateway = gateway;
  }

  of(own: ProfileOverrides | undefined): SessionProfile {
    if (own === undefined) return this.gateway;
    const key = JSON.stringify(own);
    let profile = this.#known.get(key);
    if (profile === undefined) {
      profile = overridden(this.gateway, own);
      if (this.#known.size >= KEPT) this.#known.clear();
      this.#known.set(key, profile);
    }
    return profile;
  }
}
