/**
 * Estimates how far this machine's wall clock is from the store's, by the Date header of its replies. Date has whole seconds,
 * but each reply bounds the store's time: it was stamped between our sending and our receiving, within the second that it
 * names. The intersection of these intervals over the last minute (as in Marzullo's algorithm) is a few milliseconds wide once
 * some replies have come just before and just after the turn of a second. A tenth of a second is added to it because many
 * servers cache the text of the date for a moment, longer under load.
 *
 * Intervals are kept relative to the monotonic clock, so that a step of the wall clock shows in the next reading.
 */
import type { Clock } from '../time.ts';

/** The window consists of so many parts of so many ms. A monotonic clock drifts some milliseconds over all of it. */
const PARTS = 6;
const PART_MS = 10_000;
/** Replies that took longer are ignored: they say little. */
const LONGEST_MS = 2_000;
/** How old the cached text of a Date may be when it is sent. */
const KEPT_MS = 100;
/** Resolution of Date (RFC 9110, 5.6.7). */
const SECOND_MS = 1_000;

export interface ClockReading {
  /** Our wall clock minus the store's: positive when ours is ahead. */
  readonly offset_ms: number;
  /** The largest error of the offset. */
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
    // The bounds contradict each other: a server sent an old date, or servers' clocks differ. A date can be old but not of
    // the future, so the lower bound is the one to believe.
    const width = high - low;
    const offset = width >= 0 ? ours - (low + high) / 2 : ours - low;
    return { offset_ms: tenths(offset), error_ms: tenths((width >= 0 ? width / 2 : -width) + KEPT_MS + 0.05) };
  }
}

/** For people: the offset is rounded, and the error is enlarged by as much. */
const tenths = (ms: number): number => Math.round(ms * 10) / 10;

/** Whether the clock is certainly off by more than the bound. */
export function isBeyond({ offset_ms, error_ms }: ClockReading, boundMs: number): boolean {
  return Math.abs(offset_ms) - error_ms > boundMs;
}
