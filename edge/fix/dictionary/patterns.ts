/**
 * Messages that are like one before. Most of a busy client's messages differ from an earlier one in a few values: what is
 * byte for byte the same is split, valid and summed up already, and only the values that differ are looked at.
 *
 * What is answered is what framing, {@link tokenise} and {@link validate} would answer, or nothing: equal bytes between
 * equal SOHs are equal fields, a value is checked as it always is, and the CheckSum is the earlier sum with the
 * differences. A fuzzer and a property hold both ways to one answer.
 */

import { checkSumAt, type Frame } from '../framer.ts';
import { bitOf, bitsBefore, type Message } from '../message.ts';
import { SOH, Tag } from '../tags.ts';
import { dataTagOf } from '../traits.ts';
import type { Dictionary } from './dictionary.ts';
import { FINE, FINE_IF_DIGITS, MAX_BYTES, Pattern, TRAILER } from './pattern.ts';
import { isAnything, isOfBody, isValueFine } from './plan.ts';

/** Patterns of a connection: a client sends orders, changes and cancels, each in one or two shapes. */
const PATTERNS = 6;
/** When all are in use, one in so many messages that are like none takes the place of the oldest. */
const LEARN = 16;
/** So many in a row that are like none, and the next ones are not tried. */
const STRANGE = 8;
const REST = 64;
/** From pattern to pattern within one message: a client's shapes differ in two or three fields; each search looks at all patterns. */
const CHANGES = 8;

const MSG_TYPE_FIELD = 2;
const ZERO = 0x30;
/** In place of a CheckSum that does not count. */
const ANY_SUM = -1;

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
   * Reads the message at `start` of the stream, which is in the view's `buf` and has been read up to `end`, if it is as long as the last one and
   * each of its values as long as there: so are most of a busy client's. It is framed by that, since it has the same BodyLength.
   * All else is as {@link read} has it.
   * @returns false: nothing is known of it
   */
  readNext(
    start: number,
    end: number,
    maxBytes: number,
    frame: Frame,
    message: Message,
    checkSumCounts: boolean,
  ): boolean {
    const pattern = this.#last;
    if (pattern === undefined || this.#resting > 0 || frame.skipping) return false;
    const length = pattern.stop + TRAILER;
    if (end - start < length || length > maxBytes) return false;
    const sum = checkSumAt(message.view, (start + pattern.stop) | 0);
    if (sum < 0) return false; // it is longer or shorter: so are most that are not like it
    if (!this.#isLike(pattern, start, message, checkSumCounts ? sum : ANY_SUM)) return false;
    frame.start = start;
    frame.end = start + length;
    frame.resume = start + length;
    frame.reason = 0;
    frame.need = length;
    this.#strange = 0;
    return true;
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
    if (this.#resembles(this.#last, frame, buf, message, checkSumCounts)) {
      this.#strange = 0;
      return true;
    }
    if (++this.#strange >= STRANGE) this.#resting = REST;
    return false;
  }

  /**
   * Whether the message at `start`, whose trailer is where `pattern` has it, has each value where that has one, and this CheckSum. Until that is
   * known nothing is written down.
   */
  #isLike(pattern: Pattern, start: number, message: Message, checkSum: number): boolean {
    const { view } = message;
    const { view: known, stop, fieldAt, ends } = pattern;
    let differs = 0;
    let excess = 0; // sum of the bytes so far above that of the pattern's
    let head = 0; // the same, of those before the body
    let number = pattern.number;
    const last = (stop - 8) | 0;
    for (let t = 0; ; ) {
      let at = (start + t) | 0; // not added up each time: a loop with nothing before it is one with that around it, and far slower
      while (t <= last && view.getBigInt64(at, true) === known.getBigInt64(t, true)) {
        t = (t + 8) | 0;
        at = (at + 8) | 0;
      }
      // The rest is no whole word: with bytes before it, it is.
      if (t > last && view.getBigInt64((start + last) | 0, true) === known.getBigInt64(last, true)) break;
      t = (t + sameBytes(view, at, known, t)) | 0;
      if (t >= stop) break;
      const i = fieldAt[t]!;
      if (i === 0) return false;
      let more = 0; // what its digits say above those of the pattern's
      let others = 0; // above 15: one of the bytes is no digit
      for (const end = ends[i]!; t < end; t = (t + 1) | 0) {
        const byte = view.getUint8((start + t) | 0);
        if (byte === SOH) return false;
        const above = byte - known.getUint8(t);
        excess = (excess + above) | 0;
        more = (more * 10 + above) | 0;
        others |= (byte ^ ZERO) + 6;
      }
      if (pattern.needs[i]! > (others > 15 ? FINE : FINE_IF_DIGITS)) {
        const from = (start + pattern.offsets[i]!) | 0;
        if (!isValueFine(pattern.plan!, pattern.entries[i]!, message, from, (start + t) | 0)) return false;
      }
      if (i === pattern.numberAt) number = others > 15 ? -1 : number + more;
      if (i < pattern.body) head = excess;
      differs |= bitOf(i);
    }
    if (checkSum !== ANY_SUM && ((pattern.sum + excess) & 0xff) !== checkSum) return false;
    message.start = start;
    message.end = (start + stop + TRAILER) | 0;
    message.differs = differs;
    message.timeOf = (differs & pattern.timeBit) === 0 ? pattern.places : 0;
    message.knownNumber = number;
    message.bodySum = pattern.bodySum + excess - head;
    if (message.like !== pattern || message.places !== pattern.places) pattern.tell(message);
    if (--pattern.left === 0) pattern.renew(message);
    return true;
  }

  /** The same where values may be longer or shorter, and on from pattern to pattern. */
  #resembles(first: Pattern, frame: Frame, buf: Buffer, message: Message, checkSumCounts: boolean): boolean {
    const { view, offsets, ends: found } = message;
    const { start } = frame;
    const last = frame.end - TRAILER;
    message.start = start;
    message.differs = 0;
    message.disown();
    message.timeOf = first.places;
    let pattern = first;
    let at = start;
    let t = 0; // the same place in the pattern
    let i = 0; // the first field whose place is not known
    let excess = 0;
    let head = 0;
    let changes = 0;
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
      const moved = (shift - start) | 0;
      for (; i < end && ends[i]! < t; i = (i + 1) | 0) {
        offsets[i] = starts[i]! + moved;
        found[i] = ends[i]! + moved;
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
        message.timeOf = 0;
        continue;
      }
      at = (starts[i]! + shift) | 0;
      const from = at;
      let sum = 0;
      for (let byte = buf[at]!; byte !== SOH; byte = buf[at]!) {
        sum = (sum + byte) | 0;
        at = (at + 1) | 0;
      }
      t = ends[i]!;
      offsets[i] = from - start;
      found[i] = at - start;
      if (!isValueFine(pattern.plan!, pattern.entries[i]!, message, from, at)) return false;
      excess = (excess + sum - pattern.sums[i]!) | 0;
      if ((bitOf(i) & pattern.timeBit) !== 0) message.timeOf = 0;
      if (i < pattern.body) head = excess;
      message.differs |= bitOf(i);
      i = (i + 1) | 0;
    }
    if (checkSumCounts && ((pattern.sum + excess) & 0xff) !== checkSumAt(view, last)) return false;
    message.bodySum = pattern.bodySum + excess - head;
    message.end = frame.end;
    pattern.tellFrom(message, i, last - start);
    this.#last = pattern;
    if (--pattern.left === 0) pattern.renew(message);
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
    if (plan === undefined || !plan.isShapeOf(message) || message.end - message.start > MAX_BYTES) return;
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
  const high = view.getInt32((at + 4) | 0, true) ^ known.getInt32((t + 4) | 0, true);
  return 4 + ((31 - Math.clz32(high & -high)) >> 3);
}
