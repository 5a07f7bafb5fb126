/**
 * What becomes of the one that holds a session when another Logon for it comes, by `duplicate_logon`: it stays, it is taken
 * over, or it has gone meanwhile. Its client is asked where it is, on this edge or on another.
 */

import { StoreUnavailable } from '../../core/errors.ts';
import type { LiveSession } from '../../core/sessions/model.ts';
import type { SessionProfile } from '../fix/session/profile.ts';
import type { House, LiveConnection } from '../house.ts';
import { PROBE_MS, WAITING_LOGONS } from '../limits.ts';

/** `again`: the store is asked once more who holds it. */
export type Way = 'refuse' | 'supersede' | 'again';

/** A holder of our own that is neither live nor gone is on its way in or out; a moment settles it. */
const OWN_HOLDER_MS = 100;

export class Holders {
  readonly #house: Pick<House, 'live' | 'gate' | 'log' | 'ask' | 'mover'>;
  /** Logons that wait for a holder to say whether it is there, by session. */
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

  /** An edge that does not hear within a second, stands still meanwhile, or does not decide in time, has lost it. */
  async #askedElsewhere({ edge_id, session_id }: LiveSession): Promise<Way> {
    const { ask, log, mover } = this.#house;
    void mover.look(edge_id);
    try {
      const { said } = await ask(edge_id, { type: 'probe', session_id }, PROBE_MS);
      if (said === 'silent' || said === 'late')
        log.warn({ edge_id, session_id, said }, 'a holder on another edge has lost');
      return said === 'there' ? 'refuse' : 'supersede';
    } catch (error) {
      // Who asks for the slot again hears that the store is away.
      if (error instanceof StoreUnavailable) return 'again';
      throw error;
    }
  }
}

/** Whether the client at the other end says anything within the time there is. */
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
