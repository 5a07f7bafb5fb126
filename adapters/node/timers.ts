/** Node's timers behind the Timers port. */
import type { Timer, Timers } from '../../core/time.ts';

/** Longest delay of Node's timers; beyond it they would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Timers that do not keep the process alive: a heartbeat or a flush is no reason to go on once sockets and servers are
 * closed. What must still happen at the end is awaited by whoever drains, never left to a timer.
 */
export const systemTimers: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, delay(ms)).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every: (ms, run): Timer => {
    const timer = setInterval(run, delay(ms)).unref();
    return { cancel: () => clearInterval(timer) };
  },
};

function delay(ms: number): number {
  if (!(ms >= 0 && ms <= MAX_DELAY_MS)) throw new RangeError(`a timer of ${ms} ms`);
  return ms;
}
