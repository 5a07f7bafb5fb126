/** Answers clients that ask where their limits stand. Reads the store at most once a second for each user. */
import type { UserAdmissions } from '../limits/admission.ts';
import type { Buckets } from '../limits/lease.ts';
import type { TokenLeases } from '../limits/leases-port.ts';
import type { SessionSlots } from '../ports.ts';
import type { Clock, Timers } from '../time.ts';
import type { GateLog, LimitState } from './api.ts';
import { LIMITS_FRESH_MS, LIMITS_READ_MS } from './bounds.ts';
import type { Live } from './live.ts';

export interface LimitDeskParts {
  readonly leases: Pick<TokenLeases, 'read'>;
  readonly slots: Pick<SessionSlots, 'ofUser'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: GateLog;
}

/** What the store said of a user. */
interface Reading {
  readonly item: Buckets | undefined;
  readonly sessions: number;
}

interface Asked {
  /** Monotonic ms when the store was asked. */
  readonly at: number;
  /** Undefined: the store did not answer in time, or failed. Never rejects. */
  readonly reading: Promise<Reading | undefined>;
}

export class LimitDesk {
  readonly #parts: LimitDeskParts;
  /** The latest reading for each user with live sessions here. Released together with the user's limiter. */
  readonly #asked = new WeakMap<UserAdmissions, Asked>();

  constructor(parts: LimitDeskParts) {
    this.#parts = parts;
  }

  /**
   * @param here sessions of the user on this edge: reported as used if the store is away
   * @param max the user's maximum of sessions; called when the answer is made
   */
  async of(live: Live, here: number, max: () => number): Promise<LimitState> {
    const { admissions } = live;
    const reading = await this.#reading(admissions, live.session.user_id);
    const [order, message, cancel] = admissions.usage(reading);
    const used = Math.max(here, reading?.sessions ?? 0);
    return { order, message, cancel, sessions: { used, max: max() }, fresh: reading !== undefined };
  }

  #reading(user: UserAdmissions, userId: string): Promise<Reading | undefined> {
    const at = this.#parts.clock.monotonic();
    const last = this.#asked.get(user);
    if (last !== undefined && at - last.at < LIMITS_FRESH_MS) return last.reading;
    const asked = { at, reading: this.#ask(userId) };
    this.#asked.set(user, asked);
    return asked.reading;
  }

  #ask(userId: string): Promise<Reading | undefined> {
    const { leases, slots, timers, log } = this.#parts;
    return new Promise((resolve) => {
      const late = timers.after(LIMITS_READ_MS, () => resolve(undefined));
      Promise.all([leases.read(userId), slots.ofUser(userId)])
        .then(
          ([item, sessions]) => resolve({ item, sessions: sessions.length }),
          (error: unknown) => {
            log.warn({ error, user_id: userId }, 'the limits of a user could not be read');
            resolve(undefined);
          },
        )
        .finally(() => late.cancel());
    });
  }
}
