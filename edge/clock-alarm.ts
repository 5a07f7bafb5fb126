/** Warns of a wrong clock: in the log if it is off by more than the limiter allows for, by /ready if by more than the bound. */

import { type ClockWatch, isBeyond } from '../core/sessions/clock-watch.ts';
import type { EdgeConfig } from './config.ts';
import type { Logger } from './log.ts';

export class ClockAlarm {
  readonly #watch: ClockWatch;
  readonly #config: Pick<EdgeConfig, 'clock_error_ms' | 'clock_bound_ms'>;
  readonly #log: Logger;
  #off = false;
  #beyond = false;

  constructor(watch: ClockWatch, config: Pick<EdgeConfig, 'clock_error_ms' | 'clock_bound_ms'>, log: Logger) {
    this.#watch = watch;
    this.#config = config;
    this.#log = log;
  }

  /** The clock is off by more than the bound: the edge is not ready. */
  get beyond(): boolean {
    return this.#beyond;
  }

  look(): void {
    const reading = this.#watch.reading();
    if (reading === undefined) return;
    const { clock_error_ms, clock_bound_ms } = this.#config;
    const off = isBeyond(reading, clock_error_ms);
    this.#beyond = clock_bound_ms > 0 && isBeyond(reading, clock_bound_ms);
    if (off === this.#off) return;
    this.#off = off;
    const fields = { ...reading, clock_error_ms, clock_bound_ms };
    if (off) this.#log.error(fields, 'the clock of this machine is off by more than the limiter allows for');
    else this.#log.info(fields, 'the clock of this machine is right again');
  }
}
