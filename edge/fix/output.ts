/** Bytes on their way out: a buffer that grows to its bound and is lent out and used again, and how values get into it. */

import { type TimestampDecimals, TimestampWriter } from './timestamp.ts';
import { copyWords, SLACK, viewOf } from './words.ts';

const EQUALS = 0x3d;
const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
/** A buffer that a burst has made larger than this is not kept: thousands of sessions have one each. */
const MAX_KEPT = 262_144;

/** `n=` of the tags below 1000 as one little-endian word, the last byte of shorter ones being free. */
const TAGS = new Int32Array(1000);
for (let tag = 0; tag < TAGS.length; tag++) TAGS[tag] = Buffer.from(`${tag}=\0\0`, 'latin1').readInt32LE(0);
/** The two digits of 0 to 99 as one little-endian half-word. */
export const PAIRS = new Uint16Array(100);
for (let n = 0; n < PAIRS.length; n++) PAIRS[n] = Buffer.from(String(n).padStart(2, '0'), 'latin1').readUInt16LE(0);

/** 10^n. */
const POWERS = Float64Array.from({ length: 16 }, (_, n) => 10 ** n);
const MAX_INT32 = 0x7fffffff;
/** From so many bytes on the machine's own copy is worth its call. */
const LONG = 128;

/** The second is rendered once for all that is written in it. */
const CLOCK = new TimestampWriter();

/** Most buffers are of this size, and go round among all who write: most sessions say something twice a minute. */
const COMMON_BYTES = 4096;
const COMMON: Buffer[] = [];
/** A megabyte. */
const MOST_COMMON = 256;

const common = (): Buffer => COMMON.pop() ?? Buffer.allocUnsafeSlow(COMMON_BYTES);

/** Before anything is written: who only connects and says nothing costs no buffer. */
const NOTHING = Buffer.alloc(0);
const NOTHING_VIEW = viewOf(NOTHING);

/** The output buffer is full to its bound; the message begun has been taken back. The connection is to be cut. */
export class OutputFull extends Error {
  override readonly name = 'OutputFull';
}

export abstract class Output {
  /** What has been written and not taken: buf[0, length). A message begun and not ended lies behind it. */
  buf: Buffer;
  length = 0;
  /** Of `buf`. */
  protected view: DataView;
  /** Bytes of `buf`: asked for with each field, and a typed array has to look for its own. */
  private room = 0;
  /** Where the next byte goes. */
  protected at = 0;
  private readonly max: number;
  private readonly initial: number;
  private spare: Buffer | undefined;
  private lent: Buffer | undefined;

  /**
   * @param initial bytes to begin with, once there is something to write
   * @param max bound of the buffer in bytes; a message that would pass it throws {@link OutputFull}
   */
  constructor(initial: number, max: number) {
    this.max = max;
    this.initial = Math.min(initial, max);
    this.buf = NOTHING;
    this.view = NOTHING_VIEW;
  }

  /** Takes back the message begun. */
  abstract cancel(): void;

  /** Hands over what has been written. The buffer is the caller's until it gives it back with {@link recycle}. */
  take(): Buffer {
    const taken = this.buf.subarray(0, this.length);
    this.lent = this.buf;
    this.replace(this.spare ?? NOTHING);
    this.spare = undefined;
    this.length = 0;
    this.at = 0;
    return taken;
  }

  /** The first `bytes` of it, where no message has been begun; the rest stays. As {@link take}. */
  takeFirst(bytes: number): Buffer {
    const { buf, length } = this;
    if (this.at !== length || bytes > length) throw new RangeError('there is no such whole piece of output');
    const taken = buf.subarray(0, bytes);
    const rest = length - bytes;
    const spare = this.spare ?? (this.initial === COMMON_BYTES ? common() : Buffer.allocUnsafeSlow(this.initial));
    this.lent = buf;
    this.spare = undefined;
    this.replace(spare.length >= rest + SLACK ? spare : Buffer.allocUnsafeSlow(Math.max(this.initial, buf.length)));
    buf.copy(this.buf, 0, bytes, length);
    this.length = rest;
    this.at = rest;
    return taken;
  }

  /** Gives back a buffer got from {@link take} once it has been written out, so that steady state allocates nothing. */
  recycle(taken: Buffer): void {
    // `taken` shows only what was written; the whole buffer is what was lent.
    const lent = this.lent;
    this.lent = undefined;
    if (lent === undefined || taken.buffer !== lent.buffer || lent.length > MAX_KEPT) return;
    if (lent.length !== COMMON_BYTES) this.spare = lent;
    else if (COMMON.length < MOST_COMMON) COMMON.push(lent);
  }

  /** Forgets everything written and not taken. */
  clear(): void {
    this.length = 0;
    this.cancel();
  }

  /** Makes room for so many bytes, and what {@link copyWords} may write behind them. @throws OutputFull */
  protected ensure(bytes: number): void {
    const needed = this.at + bytes + SLACK;
    if (needed > this.room) this.grow(needed);
  }

  private grow(needed: number): void {
    if (needed > this.max) {
      this.cancel();
      throw new OutputFull(`output buffer is full (${this.max} bytes)`);
    }
    const bytes = Math.min(this.max, Math.max(needed, this.initial, this.buf.length * 2));
    const grown = bytes === COMMON_BYTES ? common() : Buffer.allocUnsafeSlow(bytes);
    this.buf.copy(grown, 0, 0, this.at);
    this.replace(grown);
  }

  private replace(buf: Buffer): void {
    this.buf = buf;
    this.view = buf === NOTHING ? NOTHING_VIEW : viewOf(buf);
    this.room = buf.length;
  }

  // What follows writes at `at`, where there is room, and returns the position after it.

  protected putTag(tag: number, at: number): number {
    if (tag < 1000) {
      this.view.setInt32(at, TAGS[tag]!, true);
      return at + (tag < 10 ? 2 : tag < 100 ? 3 : 4);
    }
    const end = this.putUInt(tag, at);
    this.view.setUint8(end, EQUALS);
    return end + 1;
  }

  /** Decimal digits of a non-negative integer up to 2^53 - 1. */
  protected putUInt(value: number, at: number): number {
    if (value < 10) {
      this.view.setUint8(at, ZERO + value);
      return at + 1;
    }
    const end = at + digitsOf(value);
    this.putDigits(value, end, at);
    return end;
  }

  /** The digits of `value` so that they end before `end`, with zeros before them back to `start`. */
  protected putDigits(value: number, end: number, start: number): void {
    const { view } = this;
    let at = end;
    let rest = value;
    while (rest > MAX_INT32) {
      const unit = rest % 10;
      view.setUint8(--at, ZERO + unit);
      rest = (rest - unit) / 10;
    }
    let small = rest | 0;
    while (at - start >= 2) {
      const hundredth = (small / 100) | 0;
      at -= 2;
      view.setUint16(at, PAIRS[small - hundredth * 100]!, true);
      small = hundredth;
    }
    if (at > start) view.setUint8(at - 1, ZERO + (small % 10));
  }

  /** Decimal digits of mantissa × 10^-scale with at least `decimals` behind the point, and no zeros at the end beyond. */
  protected putDecimal(mantissa: number, scale: number, decimals: number, start: number): number {
    const { view } = this;
    let at = start;
    if (mantissa < 0) view.setUint8(at++, MINUS);
    let rest = Math.abs(mantissa);
    let places = scale;
    for (; places > decimals; places--) {
      const tenth = rest <= MAX_INT32 ? ((rest | 0) / 10) | 0 : Math.floor(rest / 10);
      if (tenth * 10 !== rest) break;
      rest = tenth;
    }
    const whole = places === 0 ? rest : Math.floor(rest / POWERS[places]!);
    at = this.putUInt(whole, at);
    if (places === 0 && decimals === 0) return at;
    view.setUint8(at++, POINT);
    if (places > 0) this.putDigits(rest - whole * POWERS[places]!, at + places, at);
    at += places;
    for (let i = places; i < decimals; i++) view.setUint8(at++, ZERO);
    return at;
  }

  /** A UTCTimestamp of milliseconds since 1970. */
  protected putTime(epochMs: number, decimals: TimestampDecimals, nanos: number, at: number): number {
    return CLOCK.write(this.view, at, epochMs, decimals, nanos);
  }

  /** The bytes [from, to) of `buf`, of which `view` is one. */
  protected putBytes(buf: Uint8Array, view: DataView, from: number, to: number, at: number): number {
    const length = to - from;
    if (length < LONG && to + SLACK <= buf.length) return copyWords(view, from, length, this.view, at);
    this.buf.set(buf.subarray(from, to), at);
    return at + length;
  }
}

/** How many digits an integer of at least two has. */
function digitsOf(value: number): number {
  let digits = 2;
  if (value <= MAX_INT32) {
    for (let small = ((value | 0) / 100) | 0; small > 0; small = (small / 10) | 0) digits++;
    return digits;
  }
  for (let limit = 100; value >= limit; limit *= 10) digits++;
  return digits;
}
