/**
 * When a session may be up: each day, or from one day of the week to another, by the clock on a wall somewhere. Days on
 * which that clock is put forward or back are as long as they are (IANA rules, by Intl).
 */

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** 1970-01-01 was a Thursday. */
const EPOCH_WEEKDAY = 4;

export const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** A session begins at `start_time` and is over at `end_time`; with days, once a week. Without `start_time`: always up. */
export interface Schedule {
  readonly start_day: Weekday | undefined;
  readonly end_day: Weekday | undefined;
  /** HH:MM:SS */
  readonly start_time: string | undefined;
  /** HH:MM:SS; equal to start_time: around the clock, numbers reset then. */
  readonly end_time: string | undefined;
  /** IANA name. */
  readonly time_zone: string;
}

/** Epoch ms; `to` and `opens` are the first moment after. */
export type Period =
  | { readonly state: 'open'; readonly from: number; readonly to: number }
  | { readonly state: 'closed'; readonly opens: number };

const ALWAYS: Period = { state: 'open', from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** The session period that `epochMs` lies in, or the moment the next one begins. @throws RangeError for an unknown time zone */
export function periodAt(schedule: Schedule, epochMs: number): Period {
  const { start_time, end_time, start_day, end_day, time_zone } = schedule;
  if (start_time === undefined || end_time === undefined) return ALWAYS;
  const weekly = start_day !== undefined && end_day !== undefined;
  const start = timeOfDay(start_time);
  const length = lengthOf(schedule, start, timeOfDay(end_time));
  const first = weekly ? WEEKDAYS.indexOf(start_day) : -1;
  const wall = epochMs + offsetAt(time_zone, epochMs);
  const today = wall - mod(wall, DAY_MS);
  const reach = weekly ? 8 : 2;
  let open: Period | undefined;
  for (let n = -reach; n <= reach; n++) {
    const date = today + n * DAY_MS;
    if (weekly && mod(date / DAY_MS + EPOCH_WEEKDAY, 7) !== first) continue;
    const from = instantOf(time_zone, date + start);
    const to = instantOf(time_zone, date + start + length);
    if (to <= from) continue; // all of it was skipped when the clock was put forward
    if (from > epochMs) return open ?? { state: 'closed', opens: from };
    if (epochMs < to) open = { state: 'open', from, to };
  }
  return open ?? ALWAYS; // not reached: the reach ends after now
}

/** Milliseconds on the wall clock from a session's start to its end. */
function lengthOf({ start_day, end_day }: Schedule, start: number, end: number): number {
  if (start_day === undefined || end_day === undefined) return end > start ? end - start : end - start + DAY_MS;
  const days = mod(WEEKDAYS.indexOf(end_day) - WEEKDAYS.indexOf(start_day), 7);
  const length = days * DAY_MS + end - start;
  return length > 0 ? length : length + WEEK_MS;
}

function timeOfDay(text: string): number {
  const [hours, minutes, seconds] = text.split(':').map(Number) as [number, number, number];
  return ((hours * 60 + minutes) * 60 + seconds) * 1000;
}

const mod = (value: number, by: number): number => ((value % by) + by) % by;

/** Making one costs more than all else here; there are some 600 zones. */
const FORMATS = new Map<string, Intl.DateTimeFormat>();
const MAX_FORMATS = 1000;

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = FORMATS.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    if (FORMATS.size >= MAX_FORMATS) FORMATS.clear();
    FORMATS.set(zone, format);
  }
  return format;
}

/** What a wall clock there is ahead of UTC, ms. */
function offsetAt(zone: string, epochMs: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(epochMs)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - (epochMs - mod(epochMs, 1000));
}

/**
 * The instant at which a wall clock shows `wall` (ms, as if it were UTC). Of two such instants the first; a time that is
 * skipped is read by the offset before the skip, as RFC 5545 section 3.3.5 has it.
 */
function instantOf(zone: string, wall: number): number {
  const before = offsetAt(zone, wall - DAY_MS);
  const after = offsetAt(zone, wall + DAY_MS);
  for (const offset of [Math.max(before, after), Math.min(before, after)]) {
    if (offsetAt(zone, wall - offset) === offset) return wall - offset;
  }
  return wall - before;
}
