/** How busy this process is. */
import { performance } from 'node:perf_hooks';

/** Shorter samples say more of the moment than of the load. */
const LEAST_MS = 500;

/** Gives the share of time that the event loop was at work since about half a second ago or the last call, 0 to 1. */
export function createLoad(): () => number {
  let before = performance.eventLoopUtilization();
  let at = performance.now();
  let load = 0;
  return () => {
    const now = performance.now();
    if (now - at < LEAST_MS) return load;
    const current = performance.eventLoopUtilization();
    load = Math.round(performance.eventLoopUtilization(current, before).utilization * 1000) / 1000;
    before = current;
    at = now;
    return load;
  };
}
