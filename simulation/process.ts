/**
 * A process of the simulated world: timers and replies reach it while it lives, late while it is stopped, and never once
 * it has been killed. So a crash is possible at any await: what would have gone on is not called any more.
 */
import type { Clock, Random, Timer, Timers } from '../core/time.ts';
import type { Chance, Scheduler } from './scheduler.ts';

/** How the clocks of a machine are off. */
export interface ClockFault {
  /** Wall clock minus true time, ms. */
  readonly offset: number;
  /** How much faster than true time its monotonic clock runs, as a share: 0.0001 is 100 ppm. */
  readonly drift: number;
}

/** Timers fire up to so much late: the event loop had something else to do. */
const LATE_MS = 1;

export class Machine {
  offset: number;
  readonly drift: number;
  readonly #since: number;
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler, { offset, drift }: ClockFault) {
    this.#scheduler = scheduler;
    this.#since = scheduler.now;
    this.offset = offset;
    this.drift = drift;
  }

  readonly clock: Clock = {
    now: () => Math.floor(this.#wall()),
    nowNanos: () => BigInt(Math.round(this.#wall() * 1000)) * 1000n,
    monotonic: () => 1_000_000 + (this.#scheduler.now - this.#since) * (1 + this.drift),
  };

  #wall(): number {
    return this.#scheduler.now + this.offset;
  }
}

export class Process {
  readonly name: string;
  readonly machine: Machine;
  readonly chance: Chance;
  alive = true;
  /** It is within its last write, and the rest of this event is not to be. */
  dying = false;
  readonly #scheduler: Scheduler;
  /** True time; until then nothing runs. */
  #stoppedUntil = 0;

  constructor(name: string, machine: Machine, scheduler: Scheduler, chance: Chance) {
    this.name = name;
    this.machine = machine;
    this.chance = chance;
    this.#scheduler = scheduler;
  }

  /** True time at which it went on after it last stood still; 0: it never did. */
  get stoodStillUntil(): number {
    return this.#stoppedUntil;
  }

  get stopped(): boolean {
    return this.#stoppedUntil > this.#scheduler.now;
  }

  /** Whether what it says leaves the machine. */
  get speaks(): boolean {
    return this.alive && !this.dying;
  }

  kill(): void {
    this.alive = false;
  }

  /** As by SIGSTOP, a collection of garbage, or a machine that is short of time. */
  stopFor(ms: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.#scheduler.now + ms);
  }

  /** Runs `work` in this process after `ms` of true time. */
  reach(ms: number, work: () => void): Timer {
    let timer = this.#scheduler.after(ms, () => {
      if (!this.alive) return;
      const wait = this.#stoppedUntil - this.#scheduler.now;
      if (wait <= 0) {
        this.#scheduler.current = this;
        work();
      } else timer = this.reach(wait, work);
    });
    return { cancel: () => timer.cancel() };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.timers.after(ms, resolve));
  }

  readonly timers: Timers = {
    after: (ms, run) => this.reach(ms / (1 + this.machine.drift) + this.chance.next() * LATE_MS, run),
    every: (ms, run) => {
      let timer: Timer;
      const again = (): void => {
        timer = this.timers.after(ms, again);
        run();
      };
      timer = this.timers.after(ms, again);
      return { cancel: () => timer.cancel() };
    },
  };

  readonly random: Random = { bytes: (length) => this.chance.bytes(length) };
}
