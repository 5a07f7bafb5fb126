/**
 * Writes messages straight into the connection's output buffer: header, body, BodyLength and CheckSum. Only exact
 * BodyLengths are written; the field is reserved for three digits, and the rare message of another length moves its body.
 */

import type { BodyWriter } from './body-writer.ts';
import type { HeaderTemplate } from './header.ts';
import type { Message } from './message.ts';
import { Output } from './output.ts';
import { SOH, Tag } from './tags.ts';
import { type TimestampDecimals, timestampLength } from './timestamp.ts';
import { dataTagOf } from './traits.ts';
import { sumWords, viewOf } from './words.ts';

export type { BodyWriter } from './body-writer.ts';
export { type HeaderIds, HeaderTemplate } from './header.ts';
export { OutputFull } from './output.ts';

const SPACE = 0x20;
const QUESTION_MARK = 0x3f;
/** Digits reserved for BodyLength: nearly all messages have 100 to 999 bytes. */
const RESERVED = 3;
/** Room for what {@link Encoder.end} writes: CheckSum, and more digits of BodyLength. */
const END = 16;
/** Room for one tag, '=' and SOH, and the end of the message. */
const FIELD = 12 + END;
/** Longest rendering of a number or a timestamp. */
const NUMBER = 32;
/** Fields written in one call of {@link BodyWriter.decimal} have at most this scale. */
const MAX_SCALE = 15;

/** The field CheckSum of each sum, in eight bytes, of which the last one is free. */
const CHECK_SUM_BYTES = 7;
const CHECK_SUMS = viewOf(
  Buffer.from(Array.from({ length: 256 }, (_, sum) => `10=${String(sum).padStart(3, '0')}\x01\0`).join(''), 'latin1'),
);

/** Three digits of 0 to 999 and an SOH as little-endian words, and the sum of the digits' bytes. */
const TRIPLES = new Int32Array(1000);
const TRIPLE_SUMS = new Uint8Array(1000);
for (let n = 0; n < TRIPLES.length; n++) {
  const bytes = Buffer.from(`${String(n).padStart(3, '0')}\x01`, 'latin1');
  TRIPLES[n] = bytes.readInt32LE(0);
  TRIPLE_SUMS[n] = bytes[0]! + bytes[1]! + bytes[2]!;
}

export class Encoder extends Output implements BodyWriter {
  /** Where BodyLength of the message begun stands; 0: none has been begun. */
  private lengthAt = 0;
  /** Of the bytes before `summedTo` without the digits of BodyLength. */
  private sum = 0;
  private summedTo = 0;
  decimals: TimestampDecimals = 3;

  /**
   * @param initial bytes to begin with, once there is something to write
   * @param max bound of the buffer in bytes; a message that would pass it throws {@link OutputFull}
   */
  constructor(initial = 4096, max = 1 << 24) {
    super(initial, max);
  }

  /**
   * Begins a message: 8, 9, 35, 34, 49, [50, 142], 52, 56, [57, 143]. Further header fields (43, 97, 122, 115, …) are the
   * first ones the caller writes.
   * @param msgType packed (tags.ts)
   * @param nowMs SendingTime in milliseconds since 1970
   */
  begin(template: HeaderTemplate, msgType: number, msgSeqNum: number, nowMs: number): this {
    if (this.lengthAt > 0) throw new RangeError('a message has been begun and not ended');
    template.next(msgType, msgSeqNum, nowMs);
    const start = this.length;
    this.at = start;
    this.ensure(template.room + END);
    this.lengthAt = start + template.lengthAt;
    this.at = start + template.length;
    this.summedTo = this.at;
    this.sum = template.sum;
    this.decimals = template.decimals;
    this.buf.set(template.bytes, start);
    return this;
  }

  /** Ends the message with BodyLength and CheckSum. @returns where it begins in `buf`; it ends at `length` */
  end(): number {
    const { view, lengthAt, length: start } = this;
    if (lengthAt === 0) throw new RangeError('no message has been begun');
    let { sum } = this;
    if (this.summedTo < this.at) sum += sumWords(view, this.summedTo, this.at);
    const bodyLength = this.at - (lengthAt + RESERVED + 1);
    if (bodyLength < 100 || bodyLength > 999) sum += this.putBodyLength(bodyLength);
    else {
      view.setInt32(lengthAt, TRIPLES[bodyLength]!, true);
      sum += TRIPLE_SUMS[bodyLength]!;
    }
    view.setBigInt64(this.at, CHECK_SUMS.getBigInt64((sum & 0xff) << 3, true), true);
    this.at += CHECK_SUM_BYTES;
    this.length = this.at;
    this.lengthAt = 0;
    return start;
  }

  /** One that has not three digits: moves the body to where it ends. @returns the sum of the digits' bytes */
  private putBodyLength(bodyLength: number): number {
    const { lengthAt } = this;
    const end = lengthAt + RESERVED;
    const shift = String(bodyLength).length - RESERVED;
    this.buf.copyWithin(end + shift, end, this.at);
    this.at += shift;
    this.putDigits(bodyLength, end + shift, lengthAt);
    return sumWords(this.view, lengthAt, end + shift);
  }

  /** Takes back the message begun. */
  cancel(): void {
    this.lengthAt = 0;
    this.at = this.length;
  }

  uint(tag: number, value: number): this {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`${tag} is no unsigned integer`);
    this.ensure(FIELD + NUMBER);
    return this.close(this.putUInt(value, this.putTag(tag, this.at)));
  }

  int(tag: number, value: number): this {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${tag} is no integer`);
    this.ensure(FIELD + NUMBER);
    return this.close(this.putDecimal(value, 0, 0, this.putTag(tag, this.at)));
  }

  text(tag: number, value: string): this {
    this.ensure(FIELD + value.length);
    return this.close(this.putText(value, this.putTag(tag, this.at)));
  }

  label(tag: number, text: string, n: number): this {
    if (!(n >= 0 && n <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`${tag} has no unsigned integer`);
    this.ensure(FIELD + text.length + NUMBER);
    return this.close(this.putUInt(n, this.putText(text, this.putTag(tag, this.at))));
  }

  private putText(value: string, at: number): number {
    const { buf } = this;
    const length = value.length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      buf[at + i] = code === SOH ? SPACE : code > 0xff ? QUESTION_MARK : code;
    }
    return at + length;
  }

  bytes(tag: number, bytes: Uint8Array, from = 0, to = bytes.length): this {
    this.ensure(FIELD + to - from);
    let at = this.putTag(tag, this.at);
    const { buf } = this;
    for (let i = from; i < to; i++) {
      const byte = bytes[i]!;
      if (byte === SOH) throw new RangeError(`${tag} would hold an SOH`);
      buf[at++] = byte;
    }
    return this.close(at);
  }

  char(tag: number, code: number): this {
    this.ensure(FIELD + 1);
    const at = this.putTag(tag, this.at);
    this.view.setUint8(at, code === SOH ? SPACE : code);
    return this.close(at + 1);
  }

  flag(tag: number, value: boolean): this {
    return this.char(tag, value ? 0x59 : 0x4e);
  }

  decimal(tag: number, mantissa: number, scale: number, decimals = 0): this {
    if (!Number.isSafeInteger(mantissa) || !(scale >= 0 && scale <= MAX_SCALE) || decimals > MAX_SCALE) {
      throw new RangeError(`${tag} is no decimal`);
    }
    this.ensure(FIELD + 2 * NUMBER);
    return this.close(this.putDecimal(mantissa, scale, decimals, this.putTag(tag, this.at)));
  }

  utc(tag: number, epochMs: number, decimals = this.decimals, nanos = 0): this {
    this.ensure(FIELD + timestampLength(decimals));
    return this.close(this.putTime(epochMs, decimals, nanos, this.putTag(tag, this.at)));
  }

  data(lengthTag: number, dataTag: number, bytes: Uint8Array, from = 0, to = bytes.length): this {
    this.uint(lengthTag, to - from);
    this.ensure(FIELD + to - from);
    return this.close(this.putBytes(bytes, viewOf(bytes), from, to, this.putTag(dataTag, this.at)));
  }

  copy(message: Message, i: number, tag?: number): this {
    if (i < 0) return this;
    const { tags, traits } = message;
    const own = tags[i]!;
    if (tag === undefined) {
      if (i + 1 < message.count && dataTagOf(own, traits) === tags[i + 1]) return this;
      if (i > 0 && dataTagOf(tags[i - 1]!, traits) === own) {
        if (message.uint(i - 1) !== message.length(i))
          return this.data(tags[i - 1]!, own, message.buf, message.from(i), message.to(i));
        return this.copyFields(message, i - 1, i + 1);
      }
    }
    return this.bytes(tag ?? own, message.buf, message.from(i), message.to(i));
  }

  copyFields(message: Message, first: number, end: number): this {
    if (first >= end) return this;
    const { tags, traits } = message;
    if (first > 0 && dataTagOf(tags[first - 1]!, traits) === tags[first])
      throw new RangeError('data without its length');
    const start = first === 0 ? message.start : message.to(first - 1) + 1;
    const stop = message.to(end - 1) + 1;
    this.ensure(stop - start + END);
    const { at } = this;
    this.at = this.putBytes(message.buf, message.view, start, stop, at);
    // A body that has been summed up on its way in need not be again.
    if (message.like !== undefined && first === message.bodyFrom && end === message.bodyTo) {
      this.summed(at, message.bodySum);
    }
    return this;
  }

  fields(bytes: Uint8Array, sum = -1): this {
    const { length } = bytes;
    this.ensure(length + END);
    const { at } = this;
    this.buf.set(bytes, at);
    this.at = at + length;
    if (sum >= 0) this.summed(at, sum);
    return this;
  }

  /** The sum of what has been written from `from` on is known. */
  private summed(from: number, sum: number): void {
    if (this.summedTo < from) this.sum += sumWords(this.view, this.summedTo, from);
    this.sum += sum;
    this.summedTo = this.at;
  }

  /**
   * Writes a stored message again for a resend: same 34, PossDupFlag (43=Y), SendingTime now, OrigSendingTime (122) as
   * the stored SendingTime had it (FIX 4.4 vol. 2, "Resend"); everything else byte for byte.
   * @param stored a tokenised message of our own
   * @returns where it begins in `buf`
   */
  resend(stored: Message, nowMs: number, decimals: TimestampDecimals): number {
    if (this.lengthAt > 0) throw new RangeError('a message has been begun and not ended');
    this.at = this.length;
    this.decimals = decimals;
    const { buf, view, tags } = stored;
    this.ensure(stored.end - stored.start + 4 * NUMBER + 2 * timestampLength(9));
    this.lengthAt = this.putBytes(buf, view, stored.start, stored.from(1), this.at); // 8=…|9=
    this.at = this.lengthAt + RESERVED;
    this.view.setUint8(this.at++, SOH);
    this.sum = sumWords(this.view, this.length, this.lengthAt) + SOH;
    this.summedTo = this.at;
    for (let i = 2; i < stored.count; i++) {
      const tag = tags[i]!;
      if (tag === Tag.CheckSum) break;
      if (i === stored.possDupFlag || i === stored.origSendingTime) continue;
      if (i === stored.sendingTime) {
        this.utc(Tag.SendingTime, nowMs, decimals);
        this.bytes(Tag.OrigSendingTime, buf, stored.from(i), stored.to(i));
        continue;
      }
      this.at = this.putBytes(buf, view, stored.from(i), stored.to(i) + 1, this.putTag(tag, this.at));
      if (i === stored.msgSeqNum) this.flag(Tag.PossDupFlag, true);
    }
    return this.end();
  }

  private close(at: number): this {
    this.view.setUint8(at, SOH);
    this.at = at + 1;
    return this;
  }
}
