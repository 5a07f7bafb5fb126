/**
 * Messages that are like one before. Most of a busy client's messages differ from an earlier one in a few values: what is
 * byte for byte the same is split, valid and summed up already, and only the values that differ are looked at.
 *
 * What is answered is what framing, {@link tokenise} and {@link validate} would answer, or nothing: equal bytes between
 * equal SOHs are equal fields, a value is checked as it always is, and the CheckSum is the earlier sum with the
 * differences. A fuzzer and a property hold both ways to one answer.
 */

import type { Frame } from '../framer.ts';
import { bitOf, bitsBefore, type Like, type Message } from '../message.ts';
import { SOH, Tag } from '../tags.ts';
import { dataTagOf } from '../traits.ts';
import { SLACK, viewOf } from '../words.ts';
import type { Dictionary } from './dictionary.ts';
import { isAnything, isOfBody, isValueFine, type Plan, SHAPE_FIELDS } from './plan.ts';

/** Patterns of a connection: a client sends orders, changes and cancels, each in one or two shapes. */
const PATTERNS = 6;
/** Longest message that is remembered: orders have 100 to 300. Each pattern costs three kilobytes. */
const BYTES = 512;
/** After so many messages read by it a pattern is replaced by the last one: what changed for good is the same again. */
const RENEW = 32;
/** When all are in use, one in so many messages that are like none takes the place of the oldest. */
const LEARN = 16;
/** So many in a row that are like none, and the next ones are not tried. */
const STRANGE = 8;
const REST = 64;
/** From pattern to pattern within one message: a client's shapes differ in two or three fields; each search looks at all patterns. */
const CHANGES = 8;

const END = SOH;
const FIELDS = SHAPE_FIELDS;
const MSG_TYPE_FIELD = 2;
const FIRST_FREE = 3;
/** Bytes of `10=ddd` and its SOH, and of `10=`. */
const TRAILER = 7;
const CHECK_SUM = 3;
const ZERO = 0x30;

/** What a session knows a message by: one in which these differ is another's, or is judged by another plan. */
const FIXED: ReadonlySet<number> = new Set([
  Tag.BeginString,
  Tag.MsgType,
  Tag.SenderCompID,
  Tag.TargetCompID,
  Tag.ApplVerID,
]);

/** How often a pattern has become another message. */
let renewals = 0;

/** One message as it was: its bytes, where its fields stand, by which entries they were found fine. */
class Pattern implements Like {
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
  /** Which field is SendingTime. */
  time = -1;
  /** Where the trailer begins. */
  stop = 0;
  /** Messages to be read by it until it is renewed. */
  left = RENEW;
  readonly bytes: Buffer = Buffer.alloc(BYTES + 2 * SLACK);
  readonly view: DataView = viewOf(this.bytes);
  readonly tags = new Int32Array(FIELDS);
  /** As {@link Message.offsets}. */
  readonly offsets = new Int32Array(FIELDS);
  readonly ends = new Int32Array(FIELDS);
  readonly entries = new Int32Array(FIELDS);
  /** 1 for a field whose value may not differ. */
  readonly fixed = new Uint8Array(FIELDS);
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
    const { start, count, msgType, filled, bodyFrom, bodyTo } = message;
    const time = message.sendingTime;
    Object.assign(this, { plan, dictionary, count, msgType, filled, bodyFrom, bodyTo, time, layout: {} });
    for (let i = 0; i < count; i++) {
      const tag = message.tags[i]!;
      this.tags[i] = tag;
      this.entries[i] = plan.shapeEntries[i]!;
      this.fixed[i] = FIXED.has(tag) ? 1 : 0;
    }
    this.body = FIRST_FREE;
    while (this.body < count - 1 && !isOfBody(this.entries[this.body]!)) this.body++;
    this.slots.set(message.slots);
    this.renew(message, start);
  }

  /** The same with the values of `message`, whose fields are the same. */
  renew(message: Message, start: number): void {
    const { count, bytes, offsets, ends, before, sums } = this;
    message.buf.copy(bytes, 0, start, message.end);
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
    }
    this.stop = offsets[count - 1]! - CHECK_SUM;
    this.places = ++renewals;
    message.places = this.places;
    message.differs = 0;
    this.bodySum = before[count - 2]! - before[this.body - 1]!;
    this.left = RENEW;
  }

  /** Whether its fields, which are those of `message`, stand where these do. */
  standsAs({ offsets, ends }: Message): boolean {
    for (let i = 0; i < this.count; i++) if (offsets[i] !== this.offsets[i] || ends[i] !== this.ends[i]) return false;
    return true;
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
}

/** The patterns of one session's messages. */
export class Patterns {
  readonly #all: Pattern[] = [];
  #last: Pattern | undefined;
  /** The next one to be replaced, and in how many messages. */
  #oldest = 0;
  #learnIn = LEARN;
  /** Messages in a row that were like none, and how many are not tried. */
  #strange = 0;
  #resting = 0;

  /** What the last message that was read by a pattern, or learned, is held against. */
  get dictionary(): Dictionary | undefined {
    return this.#last?.dictionary;
  }

  /**
   * Reads the message in `frame`, which lies in the view's `buf`, if it is like one before: then it is as {@link tokenise} would leave it, and fine, as is its
   * CheckSum, if that counts. Its CompIDs, and what dictionary it is held against, are those of the one before.
   * @returns false: nothing is known of it
   */
  read(frame: Frame, buf: Buffer, message: Message, checkSumCounts: boolean): boolean {
    if (this.#last === undefined) return false;
    if (this.#resting > 0) {
      this.#resting -= 1;
      return false;
    }
    message.timeOf = this.#last.places;
    if (this.#isLike(this.#last, frame, buf, message, checkSumCounts)) {
      this.#strange = 0;
      return true;
    }
    if (++this.#strange >= STRANGE) this.#resting = REST;
    return false;
  }

  #isLike(first: Pattern, frame: Frame, buf: Buffer, message: Message, checkSumCounts: boolean): boolean {
    const { view, offsets, ends: found } = message;
    const { start } = frame;
    const last = frame.end - TRAILER;
    message.start = start;
    message.differs = 0;
    let pattern = first;
    let at = start;
    let t = 0; // the same place in the pattern
    let i = 0; // the first field whose place is not known
    let excess = 0; // sum of the bytes so far above that of the pattern's
    let head = 0; // the same, of those before the body
    let changes = 0;
    // Where fields stand is there already, from the message before: all are where they are in the pattern. Or it is written over.
    let placed = message.places === first.places || misplaced(message);
    for (;;) {
      const { stop, view: known, ends, offsets: starts } = pattern;
      while (t < stop && at < last && view.getBigInt64(at, true) === known.getBigInt64(t, true)) {
        t = (t + 8) | 0;
        at = (at + 8) | 0;
      }
      const shift = (at - t) | 0;
      if (t < stop && at < last) t = (t + sameBytes(view, at, known, t)) | 0;
      if (t >= stop && shift + stop === last) break;
      const end = pattern.count - 1;
      if (placed) while (i < end && ends[i]! < t) i = (i + 1) | 0;
      else {
        const moved = (shift - start) | 0;
        for (; i < end && ends[i]! < t; i = (i + 1) | 0) {
          offsets[i] = starts[i]! + moved;
          found[i] = ends[i]! + moved;
        }
      }
      if (i === end || t < starts[i]! || pattern.fixed[i] !== 0) {
        if (i === 0 || ++changes > CHANGES) return false;
        // Another field than the pattern has there: one that is the same up to here may have this one.
        at = start + found[i - 1]!;
        const other = this.#other(pattern, i, view, at, frame.end);
        if (other === undefined) return false;
        excess = (excess + pattern.before[i - 1]! - other.before[i - 1]!) | 0;
        head = i <= other.body ? excess : (head + pattern.before[other.body - 1]! - other.before[other.body - 1]!) | 0;
        t = other.ends[i - 1]!;
        pattern = other;
        message.differs = bitsBefore(i);
        placed = false;
        message.disown();
        continue;
      }
      at = (starts[i]! + shift) | 0;
      offsets[i] = at - start;
      let sum = 0;
      for (let byte = buf[at]!; byte !== END; byte = buf[at]!) {
        sum = (sum + byte) | 0;
        at = (at + 1) | 0;
      }
      t = ends[i]!;
      found[i] = at - start;
      if (placed && at - t !== start) placed = misplaced(message);
      if (!isValueFine(pattern.plan!, pattern.entries[i]!, message, i)) return false;
      excess = (excess + sum - pattern.sums[i]!) | 0;
      if (i === pattern.time) message.timeOf = 0;
      if (i < pattern.body) head = excess;
      message.differs |= bitOf(i);
      i = (i + 1) | 0;
    }
    message.bodySum = pattern.bodySum + excess - head;
    if (!placed) place(pattern, frame, message, i);
    return this.#ends(pattern, frame, message, excess, checkSumCounts);
  }

  /** All before the trailer is like the pattern; the CheckSum. */
  #ends(pattern: Pattern, frame: Frame, message: Message, excess: number, checkSumCounts: boolean): boolean {
    const { buf } = message;
    const end = pattern.count - 1;
    const trailer = frame.end - TRAILER;
    if (checkSumCounts) {
      const said = (buf[trailer + 3]! - ZERO) * 100 + (buf[trailer + 4]! - ZERO) * 10 + buf[trailer + 5]! - ZERO;
      if (((pattern.before[end - 1]! + END + excess) & 0xff) !== said) return false;
    }
    message.end = frame.end;
    if (message.layout !== pattern.layout) pattern.lay(message);
    if (message.like !== pattern) message.like = pattern; // a write of what is young costs more than a look
    if (this.#last !== pattern) this.#last = pattern;
    if (--pattern.left === 0) pattern.renew(message, frame.start);
    return true;
  }

  /** One with the same fields before field `i`, and there what begins at the SOH at `at`. */
  #other(pattern: Pattern, i: number, view: DataView, at: number, end: number): Pattern | undefined {
    for (const other of this.#all) {
      if (other === pattern || other.count <= i || other.dictionary !== pattern.dictionary) continue;
      if (i > MSG_TYPE_FIELD && other.msgType !== pattern.msgType) continue;
      if (other.goesOn(pattern, i, view, at, end)) return other;
    }
    return undefined;
  }

  /** A message was found fine without a pattern; the next one may be like it. @param dictionary that it was held against */
  learn(message: Message, dictionary: Dictionary): void {
    const { tags, count, traits, msgType } = message;
    const plan = dictionary.plan(msgType);
    if (plan === undefined || !plan.isShapeOf(message) || message.end - message.start > BYTES) return;
    if (tags[count - 1] !== Tag.CheckSum || !isOfBody(plan.shapeEntries[count - 2]!)) return;
    if (!isAnything(plan.shapeEntries[count - 1]!)) return; // the framer has seen that it has three digits
    for (let i = 0; i < count; i++) if (dataTagOf(tags[i]!, traits) !== 0) return;
    const pattern = this.#all.find((each) => each.hasShapeOf(message)) ?? this.#room(message);
    pattern?.take(message, plan, dictionary);
    this.#last = pattern ?? this.#last;
  }

  #room({ slots }: Message): Pattern | undefined {
    if (this.#all.length < PATTERNS) {
      const made = new Pattern(slots.length);
      this.#all.push(made);
      return made;
    }
    if (--this.#learnIn > 0) return undefined;
    this.#learnIn = LEARN;
    this.#oldest = (this.#oldest + 1) % PATTERNS;
    return this.#all[this.#oldest];
  }
}

/** How many bytes are the same from there on, of eight that are not all the same. */
function sameBytes(view: DataView, at: number, known: DataView, t: number): number {
  const low = view.getInt32(at, true) ^ known.getInt32(t, true);
  if (low !== 0) return (31 - Math.clz32(low & -low)) >> 3;
  const high = view.getInt32(at + 4, true) ^ known.getInt32(t + 4, true);
  return 4 + ((31 - Math.clz32(high & -high)) >> 3);
}

/** Its fields stand where those of no pattern do. */
function misplaced(message: Message): false {
  message.places = 0;
  return false;
}

/** The places of fields from `first` on, behind which all is like the pattern. */
function place(pattern: Pattern, { start, end }: Frame, message: Message, first: number): void {
  const { offsets, ends } = message;
  const last = pattern.count - 1;
  const trailer = end - TRAILER - start;
  const moved = trailer - pattern.stop;
  for (let i = first; i < last; i++) {
    offsets[i] = pattern.offsets[i]! + moved;
    ends[i] = pattern.ends[i]! + moved;
  }
  offsets[last] = trailer + CHECK_SUM;
  ends[last] = trailer + TRAILER - 1;
  if (moved === 0 && pattern.standsAs(message)) message.places = pattern.places;
}
