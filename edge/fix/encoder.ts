/**
 * Writes messages straight into the connection's output buffer: header, body, BodyLength and CheckSum. Only exact
 * BodyLengths are written; the field is reserved for three digits, and the rare message of another length moves its body.
 */

import type { BodyWriter } from './body-writer.ts';
import type { HeaderTemplate } from './header.ts';
import { byteSum } from './integers.ts';
import { dataTagOf, type Message } from './message.ts';
import { SOH, Tag } from './tags.ts';
import { type TimestampDecimals, TimestampWriter, timestampLength } from './timestamp.ts';

export type { BodyWriter } from './body-writer.ts';
export { type HeaderIds, HeaderTemplate } from './header.ts';

const EQUALS = 0x3d;
const ZERO = 0x30;
const SPACE = 0x20;
/** Digits reserved for BodyLength: nearly all messages have 100 to 999 bytes. */
const RESERVED = 3;
/** Room for one tag, '=' and SOH. */
const FIELD = 12;
/** Longest rendering of a number or a timestamp. */
const NUMBER = 32;
/** A buffer that a burst has made larger than this is not kept: thousands of sessions have one each. */
const MAX_KEPT = 262_144;
/** Fields written in one call of {@link BodyWriter.decimal} have at most this scale. */
const MAX_SCALE = 15;

/** The output buffer is full to its bound; the message begun has been taken back. The connection is to be cut. */
export class OutputFull extends Error {
  override readonly name = 'OutputFull';
}

export class Encoder implements BodyWriter {
  /** What has been written and not taken: buf[0, length). A message begun and not ended lies behind it. */
  buf: Buffer;
  length = 0;
  private readonly max: number;
  private readonly initial: number;
  private at = 0;
  private bodyAt = 0;
  private open = false;
  private decimals: TimestampDecimals = 3;
  private readonly clock = new TimestampWriter();
  private spare: Buffer | undefined;
  private lent: Buffer | undefined;

  /**
   * @param initial bytes to begin with
   * @param max bound of the buffer in bytes; a message that would pass it throws {@link OutputFull}
   */
  constructor(initial = 4096, max = 1 << 24) {
    this.max = max;
    this.initial = Math.min(initial, max);
    this.buf = Buffer.allocUnsafeSlow(this.initial);
  }

  /**
   * Begins a message: 8, 9, 35, 34, 49, [50, 142], 52, 56, [57, 143]. Further header fields (43, 97, 122, 115, …) are the
   * first ones the caller writes.
   * @param msgType packed (tags.ts)
   * @param nowMs SendingTime in milliseconds since 1970
   */
  begin(template: HeaderTemplate, msgType: number, msgSeqNum: number, nowMs: number): this {
    if (this.open) throw new RangeError('a message has been begun and not ended');
    this.at = this.length;
    this.open = true;
    this.decimals = template.decimals;
    this.ensure(template.head.length + template.sender.length + template.target.length + 4 * NUMBER);
    this.raw(template.head);
    this.at += RESERVED;
    const buf = this.buf;
    buf[this.at++] = SOH;
    this.bodyAt = this.at;
    this.putTag(Tag.MsgType);
    if (msgType > 0xffffff) buf[this.at++] = (msgType >>> 24) & 0xff;
    if (msgType > 0xffff) buf[this.at++] = (msgType >>> 16) & 0xff;
    if (msgType > 0xff) buf[this.at++] = (msgType >>> 8) & 0xff;
    buf[this.at++] = msgType & 0xff;
    buf[this.at++] = SOH;
    this.putTag(Tag.MsgSeqNum);
    this.putUInt(msgSeqNum);
    this.raw(template.sender);
    this.at = this.clock.write(buf, this.at, nowMs, template.decimals);
    this.raw(template.target);
    return this;
  }

  /** Ends the message with BodyLength and CheckSum. @returns where it begins in `buf`; it ends at `length` */
  end(): number {
    if (!this.open) throw new RangeError('no message has been begun');
    this.ensure(2 * NUMBER);
    const start = this.length;
    const bodyLength = this.at - this.bodyAt;
    const digits = bodyLength < 100 ? 2 : bodyLength < 1000 ? 3 : String(bodyLength).length;
    const shift = digits - RESERVED;
    if (shift !== 0) {
      this.buf.copyWithin(this.bodyAt - 1 + shift, this.bodyAt - 1, this.at);
      this.at += shift;
      this.bodyAt += shift;
    }
    this.putDigits(bodyLength, this.bodyAt - 1);
    const sum = byteSum(this.buf, start, this.at) & 0xff;
    this.putTag(Tag.CheckSum);
    const buf = this.buf;
    buf[this.at] = ZERO + ((sum / 100) | 0);
    buf[this.at + 1] = ZERO + (((sum / 10) | 0) % 10);
    buf[this.at + 2] = ZERO + (sum % 10);
    buf[this.at + 3] = SOH;
    this.at += 4;
    this.length = this.at;
    this.open = false;
    return start;
  }

  /** Takes back the message begun. */
  cancel(): void {
    this.open = false;
    this.at = this.length;
  }

  /**
   * Hands over what has been written. The buffer is the caller's until it gives it back with {@link recycle}.
   */
  take(): Buffer {
    const taken = this.buf.subarray(0, this.length);
    this.lent = this.buf;
    this.buf = this.spare ?? Buffer.allocUnsafeSlow(this.initial);
    this.spare = undefined;
    this.length = 0;
    this.at = 0;
    return taken;
  }

  /** Gives back a buffer got from {@link take} once it has been written out, so that steady state allocates nothing. */
  recycle(taken: Buffer): void {
    // `taken` shows only what was written; the whole buffer is what was lent.
    const lent = this.lent;
    if (taken.buffer === lent?.buffer && lent.length <= MAX_KEPT) this.spare = lent;
    this.lent = undefined;
  }

  /** Forgets everything written and not taken. */
  clear(): void {
    this.length = 0;
    this.cancel();
  }

  uint(tag: number, value: number): this {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`${tag} is no unsigned integer`);
    this.ensure(FIELD + NUMBER);
    this.putTag(tag);
    this.putUInt(value);
    return this.close();
  }

  int(tag: number, value: number): this {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${tag} is no integer`);
    this.ensure(FIELD + NUMBER);
    this.putTag(tag);
    if (value < 0) this.buf[this.at++] = 0x2d;
    this.putUInt(Math.abs(value));
    return this.close();
  }

  text(tag: number, value: string): this {
    const length = value.length;
    this.ensure(FIELD + length);
    this.putTag(tag);
    const buf = this.buf;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      buf[this.at + i] = code === SOH ? SPACE : code > 0xff ? 0x3f : code;
    }
    this.at += length;
    return this.close();
  }

  bytes(tag: number, bytes: Uint8Array, from = 0, to = bytes.length): this {
    this.ensure(FIELD + to - from);
    this.putTag(tag);
    const buf = this.buf;
    let at = this.at;
    for (let i = from; i < to; i++) {
      const byte = bytes[i]!;
      if (byte === SOH) throw new RangeError(`${tag} would hold an SOH`);
      buf[at++] = byte;
    }
    this.at = at;
    return this.close();
  }

  char(tag: number, code: number): this {
    this.ensure(FIELD + 1);
    this.putTag(tag);
    this.buf[this.at++] = code === SOH ? SPACE : code;
    return this.close();
  }

  flag(tag: number, value: boolean): this {
    return this.char(tag, value ? 0x59 : 0x4e);
  }

  decimal(tag: number, mantissa: number, scale: number, decimals = 0): this {
    if (!Number.isSafeInteger(mantissa) || scale < 0 || scale > MAX_SCALE || decimals > MAX_SCALE) {
      throw new RangeError(`${tag} is no decimal`);
    }
    this.ensure(FIELD + 2 * NUMBER);
    this.putTag(tag);
    if (mantissa < 0) this.buf[this.at++] = 0x2d;
    let rest = Math.abs(mantissa);
    let places = scale;
    for (; places > decimals && rest % 10 === 0; places--) rest /= 10;
    const unit = 10 ** places;
    const fraction = rest % unit;
    this.putUInt((rest - fraction) / unit);
    if (places > 0 || decimals > 0) {
      this.buf[this.at++] = 0x2e;
      let digit = fraction;
      for (let i = places - 1; i >= 0; i--) {
        this.buf[this.at + i] = ZERO + (digit % 10);
        digit = Math.floor(digit / 10);
      }
      this.at += places;
      for (let i = places; i < decimals; i++) this.buf[this.at++] = ZERO;
    }
    return this.close();
  }

  utc(tag: number, epochMs: number, decimals = this.decimals, nanos = 0): this {
    this.ensure(FIELD + timestampLength(decimals));
    this.putTag(tag);
    this.at = this.clock.write(this.buf, this.at, epochMs, decimals, nanos);
    return this.close();
  }

  data(lengthTag: number, dataTag: number, bytes: Uint8Array, from = 0, to = bytes.length): this {
    this.uint(lengthTag, to - from);
    this.ensure(FIELD + to - from);
    this.putTag(dataTag);
    this.buf.set(bytes.subarray(from, to), this.at);
    this.at += to - from;
    return this.close();
  }

  copy(message: Message, i: number, tag?: number): this {
    if (i < 0) return this;
    const { buf, tags, from, to, traits } = message;
    const own = tags[i]!;
    if (tag === undefined) {
      if (i + 1 < message.count && dataTagOf(own, traits) === tags[i + 1]) return this;
      if (i > 0 && dataTagOf(tags[i - 1]!, traits) === own) {
        const length = to[i]! - from[i]!;
        if (message.uint(i - 1) !== length) return this.data(tags[i - 1]!, own, buf, from[i]!, to[i]!);
        this.ensure(2 * FIELD + to[i]! - from[i - 1]!);
        this.putTag(tags[i - 1]!);
        this.rawRange(buf, from[i - 1]!, to[i]!); // the length as it came, `SOH tag=`, and the data
        return this.close();
      }
    }
    return this.bytes(tag ?? own, buf, from[i]!, to[i]!);
  }

  /**
   * Writes a stored message again for a resend: same 34, PossDupFlag (43=Y), SendingTime now, OrigSendingTime (122) as
   * the stored SendingTime had it (FIX 4.4 vol. 2, "Resend"); everything else byte for byte.
   * @param stored a tokenised message of our own
   * @returns where it begins in `buf`
   */
  resend(stored: Message, nowMs: number, decimals: TimestampDecimals): number {
    if (this.open) throw new RangeError('a message has been begun and not ended');
    this.at = this.length;
    this.open = true;
    this.decimals = decimals;
    const { buf, tags, from, to } = stored;
    this.ensure(stored.end - stored.start + 4 * NUMBER + 2 * timestampLength(9));
    this.rawRange(buf, stored.start, from[1]!); // 8=…|9=
    this.at += RESERVED;
    this.buf[this.at++] = SOH;
    this.bodyAt = this.at;
    for (let i = 2; i < stored.count; i++) {
      const tag = tags[i]!;
      if (tag === Tag.CheckSum) break;
      if (i === stored.possDupFlag || i === stored.origSendingTime) continue;
      if (i === stored.sendingTime) {
        this.utc(Tag.SendingTime, nowMs, decimals);
        this.bytes(Tag.OrigSendingTime, buf, from[i]!, to[i]!);
        continue;
      }
      this.putTag(tag);
      this.rawRange(buf, from[i]!, to[i]! + 1);
      if (i === stored.msgSeqNum) this.flag(Tag.PossDupFlag, true);
    }
    return this.end();
  }

  private ensure(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.buf.length) return;
    if (needed > this.max) {
      this.cancel();
      throw new OutputFull(`output buffer is full (${this.max} bytes)`);
    }
    const grown = Buffer.allocUnsafeSlow(Math.min(this.max, Math.max(needed, this.buf.length * 2)));
    this.buf.copy(grown, 0, 0, this.at);
    this.buf = grown;
  }

  private close(): this {
    this.buf[this.at++] = SOH;
    return this;
  }

  private raw(bytes: Buffer): void {
    const buf = this.buf;
    const length = bytes.length;
    let at = this.at;
    for (let i = 0; i < length; i++) buf[at++] = bytes[i]!;
    this.at = at;
  }

  private rawRange(bytes: Buffer, from: number, to: number): void {
    if (to - from > 64) this.at += bytes.copy(this.buf, this.at, from, to);
    else for (let i = from; i < to; i++) this.buf[this.at++] = bytes[i]!;
  }

  private putTag(tag: number): void {
    if (tag < 10) this.buf[this.at++] = ZERO + tag;
    else this.putUInt(tag);
    this.buf[this.at++] = EQUALS;
  }

  /** Writes decimal digits at the end. */
  private putUInt(value: number): void {
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    this.at += digits;
    this.putDigits(value, this.at);
  }

  /** Writes the digits of `value` so that they end before `end`. */
  private putDigits(value: number, end: number): void {
    const buf = this.buf;
    let at = end;
    let rest = value;
    while (rest > 0x7fffffff) {
      const unit = rest % 10;
      buf[--at] = ZERO + unit;
      rest = (rest - unit) / 10;
    }
    let small = rest | 0;
    do {
      const tenth = (small / 10) | 0;
      buf[--at] = ZERO + small - tenth * 10;
      small = tenth;
    } while (small > 0);
  }
}
