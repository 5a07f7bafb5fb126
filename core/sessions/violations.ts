/**
 * Writes violations of rate limits to the store: counters twice a second, and at most one audit record a minute for each user
 * and type, with the count since the last one. The first violations after a quiet minute are recorded within a second.
 */
import type { Admissions } from '../limits/admission.ts';
import type { ViolationType } from '../limits/model.ts';
import type { ViolationCounters } from '../ports.ts';
import type { Clock, Timer, Timers } from '../time.ts';
import type { GateLog } from './api.ts';
import { VIOLATION_RECORD_EVERY_MS, VIOLATION_RECORD_FIRST_MS, VIOLATIONS_FLUSH_MS } from './bounds.ts';
import type { EdgeNote } from './edge-audit.ts';

interface Tally {
  readonly user_id: string;
  readonly type: ViolationType;
  /** Not yet added to the store's counter. */
  uncounted: number;
  lastAt: number;
  /** Not yet in a record. */
  unrecorded: number;
  /** Wall clock of the first of these. */
  from: number;
  /** Monotonic ms before which no other record is made. */
  recordAt: number;
}

export interface ViolationPorts {
  readonly admissions: Pick<Admissions, 'drainViolations' | 'resetViolations'>;
  readonly counters: ViolationCounters;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: GateLog;
}

export class ViolationRecorder {
  readonly #ports: ViolationPorts;
  readonly #note: (note: EdgeNote) => void;
  readonly #tallies = new Map<string, Tally>();
  #timer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  #away = false;

  constructor(ports: ViolationPorts, note: (note: EdgeNote) => void) {
    this.#ports = ports;
    this.#note = note;
  }

  start(): void {
    this.#timer ??= this.#ports.timers.every(VIOLATIONS_FLUSH_MS, () => this.#tick());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** An admin zeroed the counters: drop what has not been added yet. */
  reset(userId: string): void {
    this.#drain();
    for (const tally of this.#tallies.values()) {
      if (tally.user_id === userId) tally.uncounted = 0;
    }
  }

  /** Adds and records everything now. Resolves when it is there or the store is away. */
  async flush(): Promise<void> {
    this.#drain();
    this.#record(true);
    while (this.#flushing) await this.#flushing;
    await this.#count();
  }

  #tick(): void {
    this.#drain();
    this.#record(false);
    this.#forgetQuiet();
    void this.#count();
  }

  /** Takes over what the limiter has counted since the last time. */
  #drain(): void {
    for (const { userId, type, count, at } of this.#ports.admissions.drainViolations()) {
      const key = `${type} ${userId}`;
      let tally = this.#tallies.get(key);
      if (!tally) {
        const recordAt = this.#ports.clock.monotonic() + VIOLATION_RECORD_FIRST_MS;
        tally = { user_id: userId, type, uncounted: 0, lastAt: at, unrecorded: 0, from: at, recordAt };
        this.#tallies.set(key, tally);
      }
      if (tally.unrecorded === 0) tally.from = at;
      tally.uncounted += count;
      tally.unrecorded += count;
      tally.lastAt = at;
    }
  }

  #record(all: boolean): void {
    const now = this.#ports.clock.monotonic();
    for (const tally of this.#tallies.values()) {
      if (tally.unrecorded === 0 || (now < tally.recordAt && !all)) continue;
      this.#note({
        type: 'rate_limit_violation',
        user_id: tally.user_id,
        reason: tally.type,
        details: { type: tally.type, count: tally.unrecorded, from: tally.from, to: tally.lastAt },
      });
      tally.unrecorded = 0;
      tally.recordAt = now + VIOLATION_RECORD_EVERY_MS;
    }
  }

  /** Memory is bounded by the users that violate within a minute. */
  #forgetQuiet(): void {
    const now = this.#ports.clock.monotonic();
    for (const [key, tally] of this.#tallies) {
      if (tally.unrecorded === 0 && tally.uncounted === 0 && now >= tally.recordAt) this.#tallies.delete(key);
    }
  }

  #count(): Promise<void> {
    this.#flushing ??= this.#addAll().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #addAll(): Promise<void> {
    for (const tally of this.#tallies.values()) {
      const count = tally.uncounted;
      if (count === 0) continue;
      tally.uncounted = 0;
      try {
        await this.#ports.counters.add(tally.user_id, tally.type, count, tally.lastAt);
        this.#away = false;
      } catch (error) {
        // It may have been added and the reply lost. Counting one flush twice is better than forgetting one.
        tally.uncounted += count;
        if (!this.#away) this.#ports.log.warn({ error }, 'violation counters wait for the store');
        this.#away = true;
        return;
      }
    }
  }
}
