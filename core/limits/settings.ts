/** Settings of the limiter of an edge, with the reason for each default. */

export interface LimiterSettings {
  /** τ: a lease that is not renewed is settled after it. Long compared with a slow answer, short compared with a restart. */
  readonly leaseMs: number;
  /** ε: the largest clock error of an edge that the bound allows for. A dead edge's lease is settled 2ε after its end. */
  readonly clockErrorMs: number;
  /**
   * How long a message may wait for a call that asks for its tokens, and then for the answer, before it is refused: enough for a busy store,
   * not so long that orders get stale.
   */
  readonly waitMs: number;
  /** How many messages of one user may wait at once on this edge. */
  readonly maxWaiting: number;
  /** After this long without a message the edge settles and gives back. */
  readonly idleMs: number;
  /** Between calls for one bucket after a refusal or a partial grant. */
  readonly spacingMs: number;
  /** A call without an answer for so long counts as lost, its reply as unknown. */
  readonly callTimeoutMs: number;
  /** While the store is away: go on at rate/k without new burst, or refuse orders and messages; cancels pass either way. */
  readonly storeAway: 'continue' | 'refuse';
  /** How long orders go on while the store is away. */
  readonly graceMs: number;
  /** Between attempts to reach a store that is away. */
  readonly awayRetryMs: number;
}

export const DEFAULT_LIMITER_SETTINGS: LimiterSettings = {
  leaseMs: 2000,
  clockErrorMs: 10,
  waitMs: 250,
  maxWaiting: 128,
  idleMs: 250,
  spacingMs: 100,
  callTimeoutMs: 500,
  storeAway: 'continue',
  graceMs: 30_000,
  awayRetryMs: 500,
};

/** Throws a RangeError that names the setting which cannot work. */
export function checkLimiterSettings(settings: LimiterSettings): void {
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number' && !(Number.isFinite(value) && value >= 0)) {
      throw new RangeError(`limiter setting ${name}: a number of at least 0, not ${value}`);
    }
  }
  if (settings.leaseMs < 2 * settings.idleMs) throw new RangeError('limiter setting leaseMs: at least twice idleMs');
  if (settings.callTimeoutMs < 1) throw new RangeError('limiter setting callTimeoutMs: at least 1');
  if (settings.awayRetryMs < 1) throw new RangeError('limiter setting awayRetryMs: at least 1');
  if (settings.maxWaiting < 1) throw new RangeError('limiter setting maxWaiting: at least 1');
}

/** A time that is so much older than the last one is not that of a batch that took long: the wall clock has been set back. */
export const SET_BACK_MS = 250;

/** Looks of a user in a window at buckets that are near a warning's mark: each works out the shared item, some microseconds. */
export const LOOKS_PER_WINDOW = 10;
export const WATCH_WINDOW_MS = 100;
/** Between warnings of one bucket to one session: a client that goes to and fro across the mark is not flooded. */
export const WARNING_EVERY_MS = 5000;
