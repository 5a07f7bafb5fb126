/** Stands in for the timers of the system while a run goes on: a few of the edge's take no port. Each is its process's. */
import type { Timer } from '../../core/time.ts';
import type { Scheduler } from '../scheduler.ts';

/** What setTimeout gives back, as far as it is used. */
class Handle {
  readonly timer: Timer;

  constructor(timer: Timer) {
    this.timer = timer;
  }

  unref(): this {
    return this;
  }

  ref(): this {
    return this;
  }
}

/** @returns puts the system's back */
export function standIn(scheduler: Scheduler): () => void {
  const { setTimeout, clearTimeout, setImmediate } = globalThis;
  const after = (ms: number, run: () => void): Timer =>
    scheduler.current === undefined ? scheduler.after(ms, run) : scheduler.current.timers.after(ms, run);
  const stands = {
    setTimeout: (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      new Handle(after(ms, () => run(...args))),
    clearTimeout: (handle: unknown) => {
      if (handle instanceof Handle) handle.timer.cancel();
      else clearTimeout(handle as NodeJS.Timeout);
    },
    setImmediate: (run: (...args: unknown[]) => void, ...args: unknown[]) => new Handle(after(0, () => run(...args))),
  };
  Object.assign(globalThis, stands);
  return () => void Object.assign(globalThis, { setTimeout, clearTimeout, setImmediate });
}
