// A seeded world: one scheduler of true time, skewed clocks on it, timers and chance. Nothing runs in real time.
import type { Clock, Timer, Timers } from '../../core/time.ts';
import { EventHeap, type Ordered } from '../../simulation/event-heap.ts';

/** mulberry32: 32 bits of state, the same numbers for the same seed everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Event extends Ordered {
  readonly run: () => void;
}

/** Events in the order of their time, then of their making. */
export class Scheduler {
  /** True time, ms since 1970; may have fractions. */
  now: number;
  readonly #heap = new EventHeap<Event>();
  readonly #cancelled = new Set<Event>();
  #made = 0;

  constructor(start = 1_700_000_000_000) {
    this.now = start;
  }

  after(ms: number, run: () => void): Timer {
    const event: Event = { at: this.now + Math.max(0, ms), order: this.#made++, run };
    this.#heap.push(event);
    return { cancel: () => this.#cancelled.add(event) };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Runs events until true time is `until`; promises settle between any two events. */
  async run(until: number): Promise<void> {
    await settled();
    for (let next = this.#heap.first; next !== undefined && next.at <= until; next = this.#heap.first) {
      this.#heap.pop();
      if (this.#cancelled.delete(next)) continue;
      this.now = Math.max(this.now, next.at);
      next.run();
      await settled();
    }
    this.now = Math.max(this.now, until);
  }

  /** Time goes on, and nothing runs: what is due meanwhile does so late, in the order in which it was due. */
  standStill(ms: number): void {
    this.now += ms;
  }
}

/** Lets chains of promises run out; eight links are more than any port's call has. */
async function settled(): Promise<void> {
  for (let link = 0; link < 8; link++) await undefined;
}

/** A clock that is `skewMs` off true time. */
export function simClock(scheduler: Scheduler, skewMs = 0): Clock {
  return {
    now: () => Math.floor(scheduler.now + skewMs),
    nowNanos: () => BigInt(Math.round((scheduler.now + skewMs) * 1000)) * 1000n,
    monotonic: () => scheduler.now,
  };
}

export function simTimers(scheduler: Scheduler): Timers {
  return {
    after: (ms, run) => scheduler.after(ms, run),
    every(ms, run) {
      let timer: Timer;
      const again = () => {
        timer = scheduler.after(ms, again);
        run();
      };
      timer = scheduler.after(ms, again);
      return { cancel: () => timer.cancel() };
    },
  };
}
