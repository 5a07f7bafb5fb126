/**
 * A second Logon for a live session: decides by `duplicate_logon` whether the present holder stays, is taken over, or has gone.
 * With `probe` the holder's client is asked, on the edge where it is connected.
 */

import { StoreUnavailable } from '../../core/errors.ts';
import type { LiveSession } from '../../core/sessions/model.ts';
import type { SessionProfile } from '../fix/session/profile.ts';
import type { House, LiveConnection } from '../house.ts';
import { PROBE_MS, WAITING_LOGONS } from '../limits.ts';

/** `again`: ask the store once more who holds the session. */
export type Way = 'refuse' | 'supersede' | 'again';

/** Wait for a holder on this edge that is just logging on or out. */
const OWN_HOLDER_MS = 100;

export class Holders {
  readonly #house: Pick<House, 'live' | 'gate' | 'log' | 'ask' | 'mover'>;
  /** By session: the pending answer whether its holder's client is there. */
  readonly #waiting = new Map<string, number>();

  constructor(house: Pick<House, 'live' | 'gate' | 'log' | 'ask' | 'mover'>) {
    this.#house = house;
  }

  async wayWith(holder: LiveSession, mode: SessionProfile['duplicate_logon']): Promise<Way> {
    const { live, gate } = this.#house;
    const local = live.get(holder.session_id);
    const own = holder.edge_id === gate.identity.edge_id && holder.incarnation === gate.identity.incarnation;
    if (own && local === undefined) {
      await wait(OWN_HOLDER_MS);
      return 'again';
    }
    if (mode === 'takeover') return 'supersede';
    if (mode === 'refuse') return local === undefined || local.isLive ? 'refuse' : 'supersede';
    const waiting = this.#waiting.get(holder.session_id) ?? 0;
    if (waiting >= WAITING_LOGONS) return 'refuse';
    this.#waiting.set(holder.session_id, waiting + 1);
    try {
      if (local === undefined) return await this.#askedElsewhere(holder);
      return (await probed(local, PROBE_MS)) ? 'refuse' : 'supersede';
    } finally {
      const left = (this.#waiting.get(holder.session_id) ?? 1) - 1;
      if (left > 0) this.#waiting.set(holder.session_id, left);
      else this.#waiting.delete(holder.session_id);
    }
  }

  /** Asks the holder's edge. If that does not read the question within a second, stands still, or does not answer in time, it loses the session. */
  async #askedElsewhere({ edge_id, session_id }: LiveSession): Promise<Way> {
    const { ask, log, mover } = this.#house;
    void mover.look(edge_id);
    try {
      const { said } = await ask(edge_id, { type: 'probe', session_id }, PROBE_MS);
      if (said === 'silent' || said === 'late')
        log.warn({ edge_id, session_id, said }, 'a holder on another edge has lost');
      return said === 'there' ? 'refuse' : 'supersede';
    } catch (error) {
      // The next attempt at the slot will find that the store is away.
      if (error instanceof StoreUnavailable) return 'again';
      throw error;
    }
  }
}

/** Whether the client of this connection says anything in time. */
export function probed(holder: LiveConnection, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), withinMs).unref();
    holder.probe((there) => {
      clearTimeout(late);
      resolve(there);
    });
  });
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
