/** FIX data types, folded to the checks they need (FIX 5.0SP2 vol. 1, "FIX field data types"). */

import { isDecimal, parseInteger, parseUInt } from '../integers.ts';
import { isMonthYear, parseDate, parseUtcTime, parseUtcTimestamp } from '../timestamp.ts';

export const Kind = {
  Any: 0,
  Int: 1,
  UInt: 2,
  Decimal: 3,
  Char: 4,
  Boolean: 5,
  UtcTimestamp: 6,
  UtcTime: 7,
  Date: 8,
  MonthYear: 9,
  /** Values separated by single spaces. */
  MultipleString: 10,
  /** The same, each of one character. */
  MultipleChar: 11,
} as const;

const KINDS: Readonly<Record<string, number>> = {
  INT: Kind.Int,
  DAYOFMONTH: Kind.Int,
  TAGNUM: Kind.UInt,
  SEQNUM: Kind.UInt,
  LENGTH: Kind.UInt,
  // A count below zero is no number of entries (373=16), not a wrong format.
  NUMINGROUP: Kind.Int,
  FLOAT: Kind.Decimal,
  QTY: Kind.Decimal,
  QUANTITY: Kind.Decimal,
  PRICE: Kind.Decimal,
  PRICEOFFSET: Kind.Decimal,
  AMT: Kind.Decimal,
  PERCENTAGE: Kind.Decimal,
  CHAR: Kind.Char,
  BOOLEAN: Kind.Boolean,
  UTCTIMESTAMP: Kind.UtcTimestamp,
  TIME: Kind.UtcTimestamp,
  UTCTIMEONLY: Kind.UtcTime,
  UTCDATE: Kind.Date,
  UTCDATEONLY: Kind.Date,
  LOCALMKTDATE: Kind.Date,
  DATE: Kind.Date,
  MONTHYEAR: Kind.MonthYear,
  MULTIPLEVALUESTRING: Kind.MultipleString,
  MULTIPLESTRINGVALUE: Kind.MultipleString,
  MULTIPLECHARVALUE: Kind.MultipleChar,
  STRING: Kind.Any,
  DATA: Kind.Any,
  XMLDATA: Kind.Any,
  CURRENCY: Kind.Any,
  EXCHANGE: Kind.Any,
  COUNTRY: Kind.Any,
  LANGUAGE: Kind.Any,
  TZTIMEONLY: Kind.Any,
  TZTIMESTAMP: Kind.Any,
  LOCALMKTTIME: Kind.Any,
  XID: Kind.Any,
  XIDREF: Kind.Any,
  PATTERN: Kind.Any,
  TENOR: Kind.Any,
};

/**
 * The check of a data type, by the name a dictionary gives it; undefined for a type nobody knows. Before FIX.4.2 a char
 * was a string of any length.
 */
export function kindOf(type: string, version: string): number | undefined {
  const name = type.toUpperCase();
  if (name === 'CHAR' && (version === 'FIX.4.0' || version === 'FIX.4.1')) return Kind.Any;
  return Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
}

/** Whether a value of this kind is several values with single spaces between. */
export const hasSeveral = (kind: number): boolean => kind === Kind.MultipleString || kind === Kind.MultipleChar;

/** Whether the non-empty value [from, to) has the form of `kind`. */
export function hasForm(kind: number, buf: Uint8Array, from: number, to: number): boolean {
  switch (kind) {
    case Kind.Any:
    case Kind.MultipleString:
      return true;
    case Kind.Int:
      return !Number.isNaN(parseInteger(buf, from, to));
    case Kind.UInt:
      return parseUInt(buf, from, to) >= 0;
    case Kind.Decimal:
      return isDecimal(buf, from, to);
    case Kind.Char:
      return to - from === 1;
    case Kind.Boolean:
      return to - from === 1 && (buf[from] === 0x59 || buf[from] === 0x4e);
    case Kind.UtcTimestamp:
      return !Number.isNaN(parseUtcTimestamp(buf, from, to));
    case Kind.UtcTime:
      return !Number.isNaN(parseUtcTime(buf, from, to));
    case Kind.Date:
      return !Number.isNaN(parseDate(buf, from, to));
    case Kind.MonthYear:
      return isMonthYear(buf, from, to);
    case Kind.MultipleChar:
      return singleCharacters(buf, from, to);
    default:
      return false;
  }
}

/** `A`, `A B`, `A B C`: characters with one space between. */
function singleCharacters(buf: Uint8Array, from: number, to: number): boolean {
  if ((to - from) % 2 === 0) return false;
  for (let at = from + 1; at < to; at += 2) if (buf[at] !== 0x20) return false;
  return true;
}

/** The values a field may have: a bit per single character, and a hash table over the longer ones. */
export class ValueSet {
  private readonly bits = new Uint32Array(8);
  private readonly table: Int32Array;
  private readonly values: Buffer[] = [];

  constructor(values: readonly string[]) {
    let size = 2;
    while (size < values.length * 2) size *= 2;
    this.table = new Int32Array(size).fill(-1);
    for (const value of values) this.add(Buffer.from(value, 'latin1'));
  }

  /** Whether the bytes [from, to) are one of the values. */
  has(buf: Uint8Array, from: number, to: number): boolean {
    if (to - from === 1) {
      const byte = buf[from]!;
      return ((this.bits[byte >>> 5]! >>> (byte & 31)) & 1) === 1;
    }
    const mask = this.table.length - 1;
    for (let slot = hash(buf, from, to) & mask; ; slot = (slot + 1) & mask) {
      const index = this.table[slot]!;
      if (index < 0) return false;
      if (same(this.values[index]!, buf, from, to)) return true;
    }
  }

  /** Whether each of the values separated by single spaces is one of the set. */
  hasAll(buf: Uint8Array, from: number, to: number): boolean {
    let start = from;
    for (let at = from; at <= to; at++) {
      if (at < to && buf[at] !== 0x20) continue;
      if (!this.has(buf, start, at)) return false;
      start = at + 1;
    }
    return true;
  }

  private add(value: Buffer): void {
    if (value.length === 1) {
      const byte = value[0]!;
      this.bits[byte >>> 5] = this.bits[byte >>> 5]! | (1 << (byte & 31));
      return;
    }
    const mask = this.table.length - 1;
    let slot = hash(value, 0, value.length) & mask;
    while (this.table[slot]! >= 0) slot = (slot + 1) & mask;
    this.table[slot] = this.values.push(value) - 1;
  }
}

function hash(buf: Uint8Array, from: number, to: number): number {
  let h = to - from;
  for (let at = from; at < to; at++) h = (Math.imul(h, 31) + buf[at]!) | 0;
  return h ^ (h >>> 15);
}

function same(value: Uint8Array, buf: Uint8Array, from: number, to: number): boolean {
  if (value.length !== to - from) return false;
  for (let i = 0; i < value.length; i++) if (value[i] !== buf[from + i]) return false;
  return true;
}
