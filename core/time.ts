/** Time, timers, randomness and ids are ports: the same code runs under the real clock and under simulation. */

export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Wall clock, nanoseconds since 1970, as exact as the machine has it; used by the limiter only. */
  nowNanos(): bigint;
  /** Monotonic clock, milliseconds since an arbitrary instant; for durations, never compared between machines. */
  monotonic(): number;
}

export interface Timer {
  cancel(): void;
}

export interface Timers {
  /** Calls `run` once after `ms` milliseconds. A rejected promise of `run` is a defect of the caller. */
  after(ms: number, run: () => void): Timer;
  /** Calls `run` every `ms` milliseconds until cancelled. */
  every(ms: number, run: () => void): Timer;
}

export interface Random {
  /** `length` bytes from a cryptographic source. */
  bytes(length: number): Uint8Array;
}
