/**
 * Timers for waits after which somebody is refused or given up. They count time in which this process ran: one that was stopped or
 * starved has not read what came meanwhile, and the event loop runs timers before it reads, so that by the clock alone an answer that
 * lies here already would be late.
 */
import type { Clock, Timer, Timers } from './time.ts';

/** A wait is counted in steps of this length, and each counts as no more: between two of them what has come is read. */
const STEP_MS = 50;
/** A step that ends so much late ended a standstill: it is not the last, or nothing would be read before the end. */
const LATE_MS = 10;

export interface RunningTime {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly timers: Pick<Timers, 'after'>;
}

/** Calls `run` once, when this process has run for `ms` milliseconds; if it stood still at the end, a step later. */
export function afterRunning({ clock, timers }: RunningTime, ms: number, run: () => void): Timer {
  let timer: Timer;
  const step = (leftMs: number, isExtra: boolean): void => {
    const stepMs = Math.min(leftMs, STEP_MS);
    const due = clock.monotonic() + stepMs;
    timer = timers.after(stepMs, () => {
      if (leftMs > stepMs) step(leftMs - stepMs, isExtra);
      else if (!isExtra && clock.monotonic() - due > LATE_MS) step(STEP_MS, true);
      else run();
    });
  };
  step(ms, false);
  return { cancel: () => timer.cancel() };
}
