/**
 * The one way numbers come from the wire. Every parser reads the bytes [from, to), never throws, and says by its result
 * that the bytes are no such number: `9=-5` and `34=99999999999999999999` are inputs, not accidents.
 */

/** Significant digits a double holds exactly, whatever they are. */
export const MAX_DIGITS = 15;

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;

/**
 * Digits only, no sign; leading zeros are legal (FIX 4.4 vol. 1, int).
 * @returns the value, or -1 when empty, with another byte in it, or of more than 15 significant digits
 */
export function parseUInt(buf: Uint8Array, from: number, to: number): number {
  if (from >= to) return -1;
  let at = from;
  while (at < to - 1 && buf[at] === ZERO) at++;
  if (to - at > MAX_DIGITS) return -1;
  let value = 0;
  for (; at < to; at++) {
    const digit = buf[at]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** The most digits that {@link parseByWords} takes, and the bytes that must be there before where they end. */
export const WORDS_DIGITS = 8;

/** Four digits, all of which a word of little-endian bytes has when the lowest `none` bits of it are left out; -1 for other bytes. */
function fourDigits(word: number, none: number): number {
  const digits = ((word ^ 0x30_30_30_30) >>> none) << none;
  if (((digits | (digits + 0x76_76_76_76)) & 0x80_80_80_80) !== 0) return -1;
  const pairs = (Math.imul(digits & 0xff_00_ff, 10) + ((digits >>> 8) & 0xff_00_ff)) | 0;
  return (Math.imul(pairs & 0xffff, 100) + (pairs >>> 16)) | 0;
}

/** The same as {@link parseUInt} for at most {@link WORDS_DIGITS} bytes, four at a time: `to` must be that much or more. */
export function parseByWords(view: DataView, from: number, to: number): number {
  const length = (to - from) | 0;
  if (length <= 0) return -1;
  const short = length <= 4;
  const last = fourDigits(view.getInt32((to - 4) | 0, true), short ? (32 - (length << 3)) | 0 : 0);
  if (short || last < 0) return last;
  const first = fourDigits(view.getInt32((to - 8) | 0, true), (64 - (length << 3)) | 0);
  return first < 0 ? -1 : (Math.imul(first, 10_000) + last) | 0;
}

/** Digits with an optional leading minus. @returns the value, or NaN for what {@link parseUInt} refuses */
export function parseInteger(buf: Uint8Array, from: number, to: number): number {
  const negative = from < to && buf[from] === MINUS;
  const value = parseUInt(buf, negative ? from + 1 : from, to);
  if (value < 0) return Number.NaN;
  return negative && value !== 0 ? -value : value;
}

/** Whether the bytes are an int of any length: optional minus, at least one digit, nothing else. */
export function isInteger(buf: Uint8Array, from: number, to: number): boolean {
  let at = from < to && buf[from] === MINUS ? from + 1 : from;
  if (at >= to) return false;
  for (; at < to; at++) {
    const digit = buf[at]! - ZERO;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}

/**
 * Whether the bytes are a float (price, Qty, Amt, …): optional minus, digits with at most one point and at least one
 * digit. No plus, no exponent (FIX 4.4 vol. 1, float).
 */
export function isDecimal(buf: Uint8Array, from: number, to: number): boolean {
  let digits = 0;
  let points = 0;
  for (let at = from < to && buf[from] === MINUS ? from + 1 : from; at < to; at++) {
    const byte = buf[at]!;
    if (byte >= ZERO && byte <= 0x39) digits++;
    else if (byte === POINT) points++;
    else return false;
  }
  return digits > 0 && points <= 1;
}

/** A decimal as mantissa × 10^-scale; both integers, |mantissa| < 10^15, trailing zeros of the fraction dropped. */
export interface Decimal {
  mantissa: number;
  scale: number;
}

/**
 * Reads a float exactly.
 * @returns false when it is none, or has more than 15 significant digits; `out` is then undefined in value
 */
export function parseDecimal(buf: Uint8Array, from: number, to: number, out: Decimal): boolean {
  if (!isDecimal(buf, from, to)) return false;
  const negative = buf[from] === MINUS;
  let end = to;
  let point = from;
  while (point < to && buf[point] !== POINT) point++;
  if (point < to) {
    while (buf[end - 1] === ZERO) end--;
    if (end - 1 === point) end = point;
  }
  let mantissa = 0;
  let digits = 0;
  for (let at = negative ? from + 1 : from; at < end; at++) {
    if (at === point) continue;
    if (mantissa !== 0 || buf[at] !== ZERO) digits++;
    if (digits > MAX_DIGITS) return false;
    mantissa = mantissa * 10 + (buf[at]! - ZERO);
  }
  out.mantissa = negative && mantissa !== 0 ? -mantissa : mantissa;
  out.scale = mantissa === 0 || end <= point ? 0 : end - point - 1;
  return true;
}

/** 10^n. */
const POWERS = Float64Array.from({ length: 23 }, (_, n) => 10 ** n);

const scratch: Decimal = { mantissa: 0, scale: 0 };

/**
 * A float in units of 10^-places, for exact arithmetic on prices and quantities.
 * @returns an integer, or NaN when it is no float, has more decimals than `places`, or would pass 2^53
 */
export function parseScaled(buf: Uint8Array, from: number, to: number, places: number): number {
  if (!parseDecimal(buf, from, to, scratch) || scratch.scale > places) return Number.NaN;
  const value = scratch.mantissa * POWERS[places - scratch.scale]!;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** A float as the nearest double; NaN when it is none or has more than 15 significant digits. */
export function parseNumber(buf: Uint8Array, from: number, to: number): number {
  if (!parseDecimal(buf, from, to, scratch)) return Number.NaN;
  if (scratch.scale <= 22) return scratch.mantissa / 10 ** scratch.scale;
  return Number(`${scratch.mantissa}e-${scratch.scale}`);
}

/** The sum of the bytes [from, to), at most 8 MB of them, not yet modulo 256 (FIX 4.4 vol. 2, CheckSum). */
export function byteSum(buf: Uint8Array, from: number, to: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let at = from;
  // Four sums, so that one addition need not wait for another; `| 0` keeps them machine integers.
  for (const last = to - 3; at < last; at += 4) {
    a = (a + buf[at]!) | 0;
    b = (b + buf[at + 1]!) | 0;
    c = (c + buf[at + 2]!) | 0;
    d = (d + buf[at + 3]!) | 0;
  }
  for (; at < to; at++) a = (a + buf[at]!) | 0;
  return (a + b + c + d) | 0;
}
