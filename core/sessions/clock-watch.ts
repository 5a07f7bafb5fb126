/**
 * How far this machine's wall clock stands from the store's, by the Date of its replies. That has whole seconds, but each
 * reply is right about an interval: it was stamped between our sending and our hearing, within the second that it names.
 * What all replies of the last minute agree on is a few milliseconds wide once some have come just before and just after
 * the turn of a second (the intersection of intervals that Marzullo's algorithm begins with). What servers do by themselves
 * widens it: many keep the text of a date for a moment, under load for a longer one.
 *
 * Intervals are kept on the monotonic clock, so that a step of the wall clock shows in the next reading, and is not
 * averaged over a minute.
 */
import type { Clock } from '../time.ts';

/** Parts of the window, and how long each is: a monotonic clock drifts some milliseconds in all of it. */
const PARTS = 6;
const PART_MS = 10_000;
/** A reply that took longer says little, and would only cost. */
const LONGEST_MS = 2_000;
/** How old the text of a Date may be when it is sent. */
const KEPT_MS = 100;
/** Resolution of Date (RFC 9110, 5.6.7). */
const SECOND_MS = 1_000;

export interface ClockReading {
  /** Our wall clock minus the store's: positive when ours is ahead. */
  readonly offset_ms: number;
  /** The offset is right to within so much. */
  readonly error_ms: number;
}

interface Part {
  readonly number: number;
  /** Bounds of the store's time minus our monotonic time. */
  low: number;
  high: number;
}

export class ClockWatch {
  readonly #clock: Clock;
  #parts: Part[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param date epoch ms of the reply's second @param sent, heard monotonic ms */
  note(date: number, sent: number, heard: number): void {
    if (!Number.isFinite(date) || heard < sent || heard - sent > LONGEST_MS) return;
    const number = Math.floor(heard / PART_MS);
    let part = this.#parts.at(-1);
    if (part?.number !== number) {
      part = { number, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
      this.#parts = [...this.#parts.filter((one) => one.number > number - PARTS), part];
    }
    part.low = Math.max(part.low, date - heard);
    part.high = Math.min(part.high, date + SECOND_MS - sent);
  }

  /** Undefined: the store has said nothing for a minute. */
  reading(): ClockReading | undefined {
    const monotonic = this.#clock.monotonic();
    const oldest = Math.floor(monotonic / PART_MS) - PARTS;
    const parts = this.#parts.filter(({ number }) => number > oldest);
    if (parts.length === 0) return undefined;
    const low = Math.max(...parts.map((part) => part.low));
    const high = Math.min(...parts.map((part) => part.high));
    const ours = this.#clock.now() - monotonic;
    // Bounds the wrong way round: some server's date was old, or its clock is another one. No date is of the future, so
    // that the lower bound is the better one.
    const width = high - low;
    const offset = width >= 0 ? ours - (low + high) / 2 : ours - low;
    return { offset_ms: tenths(offset), error_ms: tenths((width >= 0 ? width / 2 : -width) + KEPT_MS + 0.05) };
  }
}

/** People read them; the error makes up for what rounding takes. */
const tenths = (ms: number): number => Math.round(ms * 10) / 10;

/** Whether the clock is off by more than the bound for sure. */
export function isBeyond({ offset_ms, error_ms }: ClockReading, boundMs: number): boolean {
  return Math.abs(offset_ms) - error_ms > boundMs;
}
