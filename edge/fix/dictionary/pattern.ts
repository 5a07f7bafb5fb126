/** One message that later ones may be like (patterns.ts): its bytes, where its fields stand, by which entries they were found fine. */

import { byteSum } from '../integers.ts';
import { bitOf, type Like, type Message } from '../message.ts';
import { SOH, Tag } from '../tags.ts';
import { SLACK, viewOf } from '../words.ts';
import type { Dictionary } from './dictionary.ts';
import { isAnything, isOfBody, type Plan, SHAPE_FIELDS, takesDigits } from './plan.ts';

/** Longest message that is remembered: orders have 100 to 300. Each pattern costs four kilobytes. */
export const MAX_BYTES = 512;
/** After so many messages read by it a pattern is replaced by the last one: what changed for good is the same again. */
const RENEW = 32;
/** Bytes of `10=ddd` and its SOH, and of `10=`. */
export const TRAILER = 7;
const CHECK_SUM = 3;
/** What so many digits say fits 32 bits. */
const NUMBER_DIGITS = 9;
/** 8, 9 and 35: the same in all that is framed as this is. */
const FIRST_FREE = 3;
const FIELDS = SHAPE_FIELDS;

/** What a session knows a message by: one in which these differ is another's, or is judged by another plan. */
const FIXED: ReadonlySet<number> = new Set([
  Tag.BeginString,
  Tag.MsgType,
  Tag.SenderCompID,
  Tag.TargetCompID,
  Tag.ApplVerID,
]);

/** Which values are fine in place of one that is, and as long: any; if the bytes from the first that differs on are digits; the plan says. */
export const FINE = 0;
export const FINE_IF_DIGITS = 1;
export const FINE_BY_PLAN = 2;

/** How often a pattern has become another message. */
let renewals = 0;

export class Pattern implements Like {
  dictionary: Dictionary | undefined;
  /** Undefined: this one is not in use. */
  plan: Plan | undefined;
  msgType = 0;
  count = 0;
  filled = 0;
  bodyFrom = -1;
  bodyTo = -1;
  /** The first field behind the header; and the sum of the bytes from there to the trailer. */
  body = 0;
  bodySum = 0;
  /** One and the same as long as its fields are; and as long as they stand where they do, a number that no other has. */
  layout: object = {};
  places = 0;
  kept: object | undefined = undefined;
  /** Of SendingTime, as {@link bitOf}. */
  timeBit = 0;
  /** MsgSeqNum and which field it is; both -1 where it has too many digits for their differences to be small integers, or is none. */
  number = -1;
  numberAt = -1;
  /** Where the trailer begins. */
  stop = 0;
  /** The sum of the bytes before it. */
  sum = 0;
  /** Messages to be read by it until it is renewed. */
  left = RENEW;
  readonly bytes: Buffer = Buffer.alloc(MAX_BYTES + 2 * SLACK);
  readonly view: DataView = viewOf(this.bytes);
  readonly tags = new Int32Array(FIELDS);
  /** As {@link Message.offsets}. */
  readonly offsets = new Int32Array(FIELDS);
  readonly ends = new Int32Array(FIELDS);
  readonly entries = new Int32Array(FIELDS);
  /** 1 for a field whose value may not differ. */
  readonly fixed = new Uint8Array(FIELDS);
  /** By place of a byte: the field whose value it is in, if another one as long may stand there in a message of the same head; or 0. */
  readonly fieldAt = new Uint8Array(MAX_BYTES);
  /** Of such a field, which those are. */
  readonly needs = new Uint8Array(FIELDS);
  /** Sum of the bytes before the end of each value, and of the value itself. */
  readonly before = new Int32Array(FIELDS);
  readonly sums = new Int32Array(FIELDS);
  readonly slots: Int32Array;

  constructor(slots: number) {
    this.slots = new Int32Array(slots);
  }

  /** Of the same fields, in this order. */
  hasShapeOf(message: Message): boolean {
    const { count, tags } = this;
    if (this.plan === undefined || message.msgType !== this.msgType || message.count !== count) return false;
    for (let i = 0; i < count; i++) if (tags[i] !== message.tags[i]) return false;
    return true;
  }

  /** Becomes `message`, which is of `plan`'s shape. */
  take(message: Message, plan: Plan, dictionary: Dictionary): void {
    const { count, msgType, filled, bodyFrom, bodyTo } = message;
    const timeBit = bitOf(message.sendingTime);
    Object.assign(this, { plan, dictionary, count, msgType, filled, bodyFrom, bodyTo, timeBit, layout: {} });
    for (let i = 0; i < count; i++) {
      const tag = message.tags[i]!;
      this.tags[i] = tag;
      this.entries[i] = plan.shapeEntries[i]!;
      this.fixed[i] = FIXED.has(tag) ? 1 : 0;
    }
    this.body = FIRST_FREE;
    while (this.body < count - 1 && !isOfBody(this.entries[this.body]!)) this.body++;
    this.slots.set(message.slots);
    message.buf.copy(this.bytes, 0, message.start, message.end);
    this.#settle(message);
    this.#begin(message);
  }

  /** The same with the values of `message`, which was read by it. */
  renew(message: Message): void {
    message.buf.copy(this.bytes, 0, message.start, message.end);
    if (message.places === this.places) this.#sumUp(message.differs);
    else this.#settle(message);
    this.#begin(message);
  }

  /** The fields are where they were; the values of those in `differs` are others. */
  #sumUp(differs: number): void {
    const { count, bytes, offsets, ends, before, sums } = this;
    let more = 0;
    for (let i = 0; i < count - 1; i++) {
      if ((differs & bitOf(i)) !== 0) {
        const sum = byteSum(bytes, offsets[i]!, ends[i]!);
        more += sum - sums[i]!;
        sums[i] = sum;
      }
      before[i] = before[i]! + more;
    }
  }

  /** Where its fields stand, which are those of `message`, whose bytes it has; what may stand there; the sums. */
  #settle(message: Message): void {
    const { count, bytes, offsets, ends, before, sums, fieldAt, needs } = this;
    fieldAt.fill(0);
    let sum = 0;
    let at = 0;
    for (let i = 0; i < count; i++) {
      offsets[i] = message.offsets[i]!;
      ends[i] = message.ends[i]!;
      for (; at < offsets[i]!; at++) sum += bytes[at]!;
      const head = sum;
      for (; at < ends[i]!; at++) sum += bytes[at]!;
      before[i] = sum;
      sums[i] = sum - head;
      if (i < FIRST_FREE || this.fixed[i] !== 0) continue;
      fieldAt.fill(i, offsets[i], ends[i]);
      needs[i] = needOf(this.entries[i]!, ends[i]! - offsets[i]!);
    }
  }

  /** It has become `message`. */
  #begin(message: Message): void {
    const { count, before } = this;
    this.stop = this.offsets[count - 1]! - CHECK_SUM;
    this.sum = before[count - 2]! + SOH;
    this.bodySum = before[count - 2]! - before[this.body - 1]!;
    this.places = ++renewals;
    this.left = RENEW;
    const number = message.length(message.msgSeqNum) <= NUMBER_DIGITS ? message.sequenceNumber() : -1;
    this.number = number;
    this.numberAt = number < 0 ? -1 : message.msgSeqNum;
    message.places = this.places;
    message.differs = 0;
  }

  /** Whether it has the fields of `other` before field `i`, and has there what begins at the SOH at `at`: the tag, or all of it if it is fixed. */
  goesOn(other: Pattern, i: number, view: DataView, at: number, end: number): boolean {
    for (let k = 0; k < i; k++) if (this.tags[k] !== other.tags[k]) return false;
    const first = this.ends[i - 1]!;
    const length = (this.fixed[i] === 0 ? this.offsets[i]! : this.ends[i]! + 1) - first;
    if (at + length > end) return false;
    for (let k = 0; k < length; k++) if (view.getUint8(at + k) !== this.bytes[first + k]) return false;
    return true;
  }

  /** Tells `message` of its fields all but where they stand. */
  lay(message: Message): void {
    const { count } = this;
    message.badTag = 0;
    message.count = count;
    message.msgType = this.msgType;
    message.filled = this.filled;
    message.bodyFrom = this.bodyFrom;
    message.bodyTo = this.bodyTo;
    for (let i = 0; i < count; i++) message.tags[i] = this.tags[i]!;
    for (let i = 0; i < this.slots.length; i++) message.slots[i] = this.slots[i]!;
    message.layout = this.layout;
  }

  /** Tells `message`, whose fields stand where its own do, all that is said of them. */
  tell(message: Message): void {
    const { count, offsets, ends } = this;
    message.like = this;
    this.lay(message);
    for (let i = 0; i < count; i++) {
      message.offsets[i] = offsets[i]!;
      message.ends[i] = ends[i]!;
    }
    message.places = this.places;
  }

  /** The same, of which it knows where those before `first` stand; behind that all is like here up to the trailer, at `trailer`. */
  tellFrom(message: Message, first: number, trailer: number): void {
    const { offsets, ends } = message;
    const last = this.count - 1;
    const moved = trailer - this.stop;
    for (let i = first; i < last; i++) {
      offsets[i] = this.offsets[i]! + moved;
      ends[i] = this.ends[i]! + moved;
    }
    offsets[last] = trailer + CHECK_SUM;
    ends[last] = trailer + TRAILER - 1;
    if (message.layout !== this.layout) this.lay(message);
    if (message.like !== this) message.like = this; // a write of what is young costs more than a look
  }
}

/** Of a value of `length` bytes that its entry finds fine. */
function needOf(entry: number, length: number): number {
  if (isAnything(entry)) return FINE;
  return takesDigits(entry, length) ? FINE_IF_DIGITS : FINE_BY_PLAN;
}
