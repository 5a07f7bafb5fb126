/** The machine's clocks behind the Clock port. */
import type { Clock } from '../../core/time.ts';

/** How far the extrapolated wall clock may stand from the system's before it follows it again. */
const MAX_DRIFT_NANOS = 2_000_000n;

/** Both clocks were read at one instant when no more than this has passed between; else the process was preempted. */
const ONE_INSTANT_NANOS = 500_000n;

/**
 * The system's wall clock has milliseconds. Nanoseconds are its reading at some instant plus what the monotonic clock
 * has gone since, so that they do not go back within a millisecond; when the system clock is corrected, they follow.
 */
function makeNowNanos(): () => bigint {
  const wallNanos = () => BigInt(Date.now()) * 1_000_000n;
  let offset = wallNanos() - process.hrtime.bigint();
  return () => {
    const before = process.hrtime.bigint();
    const wall = wallNanos();
    const monotonic = process.hrtime.bigint();
    const drift = wall - (monotonic + offset);
    const drifted = drift > MAX_DRIFT_NANOS || drift < -MAX_DRIFT_NANOS;
    if (drifted && monotonic - before < ONE_INSTANT_NANOS) offset += drift;
    return monotonic + offset;
  };
}

/** Wall clock by the system; monotonic by performance.now, which no clock adjustment moves. */
export const systemClock: Clock = {
  now: () => Date.now(),
  nowNanos: makeNowNanos(),
  monotonic: () => performance.now(),
};
