/** The header of a session's messages: one is like the one before it but for its number, and mostly its time. */

import { type TimestampDecimals, TimestampWriter, timestampLength } from './timestamp.ts';
import { SLACK, sumWords, viewOf } from './words.ts';

/** What does not change in a session's headers, rendered once. CompIDs and sub IDs hold no SOH: provisioning sees to it. */
export interface HeaderIds {
  beginString: string;
  senderCompId: string;
  targetCompId: string;
  senderSubId?: string;
  targetSubId?: string;
  senderLocationId?: string;
  targetLocationId?: string;
}

/** The second is rendered once for all sessions. */
const CLOCK = new TimestampWriter();

const ZERO = 0x30;
const NINE = 0x39;
/** Digits of BodyLength, which only the end of a message tells. */
const LENGTH_DIGITS = 3;
const TAG_BYTES = 3;
/** Bytes of the longest MsgType and of the greatest number. */
const TYPE_BYTES = 4;
const NUMBER_BYTES = 16;

export class HeaderTemplate {
  readonly beginString: string;
  readonly decimals: TimestampDecimals;
  /** The header that {@link next} has made, with any three digits for its BodyLength, and room behind it: to copy all is cheaper than to cut. */
  readonly bytes: Uint8Array;
  /** How many they are. */
  readonly room: number;
  length = 0;
  /** Where BodyLength stands in it. */
  readonly lengthAt: number;
  /** Of its bytes but the digits of BodyLength, modulo 256: a part of the CheckSum. */
  sum = 0;
  private readonly view: DataView;
  /** Where MsgType, MsgSeqNum, what follows these and SendingTime stand. */
  private readonly typeAt: number;
  private numberAt = 0;
  private idsAt = 0;
  private timeAt = 0;
  private msgType = 0;
  private number = 0;
  private timeMs = Number.NaN;

  constructor(ids: HeaderIds, decimals: TimestampDecimals = 3) {
    const field = (tag: number, value: string | undefined) => (value ? `${tag}=${value}\x01` : '');
    this.beginString = ids.beginString;
    this.decimals = decimals;
    const head = `8=${ids.beginString}\x019=`;
    const sender = field(49, ids.senderCompId) + field(50, ids.senderSubId) + field(142, ids.senderLocationId);
    const target = field(56, ids.targetCompId) + field(57, ids.targetSubId) + field(143, ids.targetLocationId);
    const before = `${head}000\x0135=0\x0134=0`;
    const early = `${before}\x01${sender}52=`;
    const all = `${early}${'0'.repeat(timestampLength(decimals))}\x01${target}`;
    // Memory of its own: a piece of Node's pool would keep alive the room of dozens of buffers that are gone.
    const bytes = Buffer.alloc(all.length + TYPE_BYTES + NUMBER_BYTES + SLACK);
    bytes.write(all, 0, 'latin1');
    this.bytes = bytes;
    this.room = bytes.length;
    this.view = viewOf(bytes);
    this.length = all.length;
    this.lengthAt = head.length;
    const lengthEnd = head.length + LENGTH_DIGITS;
    this.typeAt = lengthEnd + 1 + TAG_BYTES;
    this.numberAt = before.length - 1;
    this.idsAt = before.length;
    this.timeAt = early.length;
    this.msgType = ZERO;
    this.sum = sumWords(this.view, 0, this.lengthAt) + sumWords(this.view, lengthEnd, this.length);
  }

  /**
   * Makes {@link bytes} the header of a message. Most have the type and the millisecond of the one before, and the number after it.
   * @param msgType packed (tags.ts)
   */
  next(msgType: number, msgSeqNum: number, epochMs: number): void {
    if (epochMs !== this.timeMs) this.setTime(epochMs);
    if (msgType !== this.msgType) this.setType(msgType);
    if (msgSeqNum === this.number + 1) this.count();
    else if (msgSeqNum !== this.number) this.setNumber(msgSeqNum);
  }

  /** The number goes up by one. */
  private count(): void {
    const { view } = this;
    const last = this.idsAt - 1;
    const digit = view.getUint8(last);
    if (digit === NINE) {
      this.carry();
      return;
    }
    view.setUint8(last, digit + 1);
    this.sum += 1;
    this.number += 1;
  }

  /** Nines at its end become zeros, and the digit before them rises. */
  private carry(): void {
    const { view, numberAt } = this;
    let at = this.idsAt - 1;
    for (; at >= numberAt && view.getUint8(at) === NINE; at--) {
      view.setUint8(at, ZERO);
      this.sum -= 9;
    }
    this.number += 1;
    if (at < numberAt) this.setNumber(this.number);
    else {
      view.setUint8(at, view.getUint8(at) + 1);
      this.sum += 1;
    }
  }

  private setTime(epochMs: number): void {
    const { view, timeAt } = this;
    this.timeMs = epochMs;
    const end = timeAt + timestampLength(this.decimals);
    const before = sumWords(view, timeAt, end);
    const behind = view.getBigInt64(end, true);
    CLOCK.write(view, timeAt, epochMs, this.decimals);
    view.setBigInt64(end, behind, true);
    this.sum = (this.sum + sumWords(view, timeAt, end) - before) & 0xff;
  }

  private setType(msgType: number): void {
    const bytes = msgType > 0xffffff ? 4 : msgType > 0xffff ? 3 : msgType > 0xff ? 2 : 1;
    const { view, typeAt } = this;
    const end = this.numberAt - TAG_BYTES - 1;
    const before = sumWords(view, typeAt, end);
    this.move(end, typeAt + bytes - end);
    for (let i = 0, rest = msgType; i < bytes; i++, rest >>>= 8) view.setUint8(typeAt + bytes - 1 - i, rest & 0xff);
    this.sum = (this.sum + sumWords(view, typeAt, typeAt + bytes) - before) & 0xff;
    this.msgType = msgType;
  }

  private setNumber(msgSeqNum: number): void {
    const { view, numberAt } = this;
    const before = sumWords(view, numberAt, this.idsAt);
    let digits = 1;
    for (let limit = 10; msgSeqNum >= limit; limit *= 10) digits++;
    if (numberAt + digits !== this.idsAt) this.move(this.idsAt, numberAt + digits - this.idsAt);
    let rest = msgSeqNum;
    for (let at = numberAt + digits - 1; at >= numberAt; at--) {
      const digit = rest % 10;
      view.setUint8(at, ZERO + digit);
      rest = (rest - digit) / 10;
    }
    this.sum = (this.sum + sumWords(view, numberAt, this.idsAt) - before) & 0xff;
    this.number = msgSeqNum;
  }

  /** Moves what stands from `from` on. */
  private move(from: number, by: number): void {
    if (by === 0) return;
    this.bytes.copyWithin(from + by, from, this.length);
    if (from <= this.numberAt) this.numberAt += by;
    this.idsAt += by;
    this.timeAt += by;
    this.length += by;
  }
}
