/** Logs failed lease calls: the first at once, then one in a while. In an outage they fail for every user, many times a second. */
import type { Clock } from '../time.ts';
import type { GateLog } from './api.ts';
import { LEASE_LOG_MS } from './bounds.ts';

/** `untold` in the log: how many were not logged since the last one. */
export function leaseLog(clock: Pick<Clock, 'monotonic'>, log: Pick<GateLog, 'warn'>): (error: unknown) => void {
  let nextMs = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (error) => {
    const nowMs = clock.monotonic();
    if (nowMs < nextMs) {
      untold += 1;
      return;
    }
    nextMs = nowMs + LEASE_LOG_MS;
    log.warn({ error, untold }, 'a lease of tokens could not be had');
    untold = 0;
  };
}
