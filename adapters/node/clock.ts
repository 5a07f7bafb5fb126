/** The machine's clocks behind the Clock port. */
import type { Clock } from '../../core/time.ts';

/** How far the extrapolated wall clock may stand from the system's before it follows it again. */
const MAX_DRIFT_NANOS = 2_000_000n;

const wallNanos = () => BigInt(Date.now()) * 1_000_000n;

/**
 * The system's wall clock has milliseconds. Nanoseconds are its reading at some instant plus what the monotonic clock
 * has gone since, so that they do not go back within a millisecond; when the system clock is corrected, they follow.
 */
function makeNowNanos(): () => bigint {
  let offset = wallNanos() - process.hrtime.bigint();
  return () => {
    const monotonic = process.hrtime.bigint();
    const drift = wallNanos() - (monotonic + offset);
    if (drift > MAX_DRIFT_NANOS || drift < -MAX_DRIFT_NANOS) offset += drift;
    return monotonic + offset;
  };
}

/** Wall clock by the system; monotonic by performance.now, which no clock adjustment moves. */
export const systemClock: Clock = {
  now: () => Date.now(),
  nowNanos: makeNowNanos(),
  monotonic: () => performance.now(),
};
