/**
 * UTC timestamps, dates and times of the FIX data types (FIX 5.0SP2 vol. 1, "FIX field data types"), read from and
 * written to bytes without strings or Date objects. Any number of decimals from 1 to 12 is read in every version:
 * clients send 0, 3, 6 and 9 of them whatever their dictionary says.
 */

import { copyWords, SLACK, viewOf } from './words.ts';

/** Decimals of a written timestamp: seconds, millis, micros, nanos. */
export type TimestampDecimals = 0 | 3 | 6 | 9;

const DAY_MS = 86_400_000;
const ZERO = 0x30;
const POINT = 0x2e;
const MAX_DECIMALS = 12;
/** YYYYMMDD-HH:MM:SS */
const SECONDS = 17;
/** YYYYMMDD-HH:MM:SS.sss */
const MILLIS = 21;

/** Two digits at `at` as a number, or -1. */
function two(buf: Uint8Array, at: number): number {
  const tens = buf[at]! - ZERO;
  const ones = buf[at + 1]! - ZERO;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

/** Days since 1970-01-01 of a date of the Gregorian calendar; months are counted from March, so that leap days end a year. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

const MONTH_DAYS = Uint8Array.of(0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

/** The date read last, as the number YYYYMMDD, and its day: nearly all timestamps are of today. */
let lastDate = 19_700_101;
let lastDays = 0;

/** Days since 1970-01-01 of YYYYMMDD at `at` (eight bytes must be there), or NaN. */
function parseDays(buf: Uint8Array, at: number): number {
  let date = 0;
  for (let i = at; i < at + 8; i++) {
    const digit = buf[i]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    date = (date * 10 + digit) | 0;
  }
  if (date === lastDate) return lastDays;
  const day = date % 100;
  const month = ((date / 100) | 0) % 100;
  const year = (date / 10_000) | 0;
  if (month < 1 || month > 12 || day < 1) return Number.NaN;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  if (day > MONTH_DAYS[month]! + leap) return Number.NaN;
  lastDate = date;
  lastDays = daysFromCivil(year, month, day);
  return lastDays;
}

/** Milliseconds into the day of HH:MM:SS[.s…] in [from, to), or NaN. Second 60 is a leap second and allowed. */
function parseTimeOfDay(buf: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length !== 8 && (length < 10 || length > 9 + MAX_DECIMALS)) return Number.NaN;
  const hour = two(buf, from);
  const minute = two(buf, from + 3);
  const second = two(buf, from + 6);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return Number.NaN;
  if (buf[from + 2] !== 0x3a || buf[from + 5] !== 0x3a) return Number.NaN;
  let ms = ((hour * 60 + minute) * 60 + second) * 1000;
  if (length === 8) return ms;
  if (buf[from + 8] !== 0x2e) return Number.NaN;
  let weight = 100;
  for (let at = from + 9; at < to; at++) {
    const digit = buf[at]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    ms += digit * weight;
    weight = (weight / 10) | 0; // 0 below the millisecond
  }
  return ms;
}

/**
 * UTCTimestamp: YYYYMMDD-HH:MM:SS with 0 to 12 decimals, ranges checked.
 * @returns milliseconds since 1970, finer decimals cut off, or NaN
 */
export function parseUtcTimestamp(buf: Uint8Array, from: number, to: number): number {
  if (to - from < 17 || buf[from + 8] !== 0x2d) return Number.NaN;
  return parseDays(buf, from) * DAY_MS + parseTimeOfDay(buf, from + 9, to);
}

/**
 * Reads the UTCTimestamps of messages. Most are of the same second as the one before, and are known by its bytes: four
 * words and a byte are compared, and the digits of the millisecond read.
 */
export class TimestampReader {
  private readonly words = new Int32Array(4);
  /** The second's last digit, and what it is; NaN: none has been read. */
  private last = 0;
  private ms = Number.NaN;

  /** As {@link parseUtcTimestamp}; `view` is of the same bytes. */
  read(buf: Uint8Array, view: DataView, from: number, to: number): number {
    const length = to - from;
    if ((length !== SECONDS && length !== MILLIS) || !this.isKnown(view, from))
      return this.readAnew(buf, view, from, to);
    if (length === SECONDS) return this.ms;
    const a = view.getUint8(from + 18) - ZERO;
    const b = view.getUint8(from + 19) - ZERO;
    const c = view.getUint8(from + 20) - ZERO;
    if (a < 0 || a > 9 || b < 0 || b > 9 || c < 0 || c > 9 || view.getUint8(from + 17) !== POINT) return Number.NaN;
    return this.ms + a * 100 + b * 10 + c;
  }

  private isKnown(view: DataView, from: number): boolean {
    const { words } = this;
    return (
      view.getInt32(from + 12) === words[3] &&
      view.getInt32(from + 8) === words[2] &&
      view.getInt32(from + 4) === words[1] &&
      view.getInt32(from) === words[0] &&
      view.getUint8(from + 16) === this.last
    );
  }

  private readAnew(buf: Uint8Array, view: DataView, from: number, to: number): number {
    const time = parseUtcTimestamp(buf, from, to);
    if (Number.isNaN(time)) return time;
    for (let i = 0; i < 4; i++) this.words[i] = view.getInt32(from + 4 * i);
    this.last = view.getUint8(from + 16);
    this.ms = Math.floor(time / 1000) * 1000;
    return time;
  }
}

/** UTCTimeOnly: HH:MM:SS with 0 to 12 decimals. @returns milliseconds into the day, or NaN */
export const parseUtcTime = (buf: Uint8Array, from: number, to: number): number => parseTimeOfDay(buf, from, to);

/** UTCDateOnly, LocalMktDate: YYYYMMDD. @returns days since 1970, or NaN */
export const parseDate = (buf: Uint8Array, from: number, to: number): number =>
  to - from === 8 ? parseDays(buf, from) : Number.NaN;

/** MonthYear: YYYYMM, YYYYMMDD or YYYYMMwN with N from 1 to 5. */
export function isMonthYear(buf: Uint8Array, from: number, to: number): boolean {
  if (to - from === 6 || (to - from === 8 && (buf[from + 6]! | 0x20) === 0x77)) {
    const month = two(buf, from + 4);
    if (two(buf, from) < 0 || two(buf, from + 2) < 0 || month < 1 || month > 12) return false;
    return to - from === 6 || (buf[from + 7]! >= 0x31 && buf[from + 7]! <= 0x35);
  }
  return to - from === 8 && !Number.isNaN(parseDays(buf, from));
}

/** How many bytes {@link TimestampWriter.write} writes. */
export const timestampLength = (decimals: TimestampDecimals): number => (decimals === 0 ? 17 : 18 + decimals);

function putTwo(buf: Uint8Array, at: number, value: number): void {
  const tens = (value / 10) | 0;
  buf[at] = ZERO + tens;
  buf[at + 1] = ZERO + value - tens * 10;
}

/** Writes UTC timestamps; the text of a millisecond is rendered once and kept until another is asked for. */
export class TimestampWriter {
  private second = Number.NaN;
  private ms = Number.NaN;
  private readonly text = Buffer.alloc(MILLIS + SLACK);
  private readonly view = viewOf(this.text);

  /**
   * Writes `epochMs` (integer milliseconds since 1970, year 1 to 9999) at `at`; `nanos` are those within the millisecond.
   * There must be room for {@link timestampLength} and {@link SLACK}. @returns the position after it
   */
  write(into: DataView, at: number, epochMs: number, decimals: TimestampDecimals, nanos = 0): number {
    if (epochMs !== this.ms) this.render(epochMs);
    if (decimals === 0) return copyWords(this.view, 0, SECONDS, into, at);
    const end = copyWords(this.view, 0, MILLIS, into, at);
    if (decimals === 3) return end;
    // Below the millisecond the digits are those of `nanos`, six of them, cut to what is asked.
    let rest = decimals === 6 ? Math.floor(nanos / 1000) : nanos;
    for (let i = decimals - 4; i >= 0; i--) {
      const unit = rest % 10;
      rest = (rest - unit) / 10;
      into.setUint8(end + i, ZERO + unit);
    }
    return end + decimals - 3;
  }

  private render(epochMs: number): void {
    const second = Math.floor(epochMs / 1000);
    if (second !== this.second) this.renderSecond(second);
    const ms = epochMs - second * 1000;
    this.text[SECONDS + 1] = ZERO + ((ms / 100) | 0);
    putTwo(this.text, SECONDS + 2, ms % 100);
    this.ms = epochMs;
  }

  private renderSecond(second: number): void {
    const { text } = this;
    const days = Math.floor(second / 86_400);
    const date = new Date(days * DAY_MS);
    const time = second - days * 86_400;
    const year = date.getUTCFullYear();
    putTwo(text, 0, Math.floor(year / 100));
    putTwo(text, 2, year % 100);
    putTwo(text, 4, date.getUTCMonth() + 1);
    putTwo(text, 6, date.getUTCDate());
    text[8] = 0x2d;
    putTwo(text, 9, Math.floor(time / 3600));
    text[11] = 0x3a;
    putTwo(text, 12, Math.floor(time / 60) % 60);
    text[14] = 0x3a;
    putTwo(text, 15, time % 60);
    text[SECONDS] = 0x2e;
    this.second = second;
  }
}
