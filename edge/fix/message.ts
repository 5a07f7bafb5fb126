/**
 * A view of one framed message: integer arrays over the connection's buffer, filled in one pass and reused. No strings,
 * no allocation per message; valid until the connection reads on.
 */

import { parseByWords, parseInteger, parseUInt, WORDS_DIGITS } from './integers.ts';
import { msgTypeCodeOf, SOH } from './tags.ts';
import { TimestampReader } from './timestamp.ts';
import { LOOKUP, SLOT_BITS, SLOT_MASK, SLOT_TAGS, type TagTraits, TRAITS } from './traits.ts';
import { type Name, viewOf } from './words.ts';

/** Fields of one message. The longest standard messages (market data snapshots of full depth) stay far below. */
export const MAX_FIELDS = 2048;

/** Every field has a numeric tag and a '='. Empty values are not judged here: validation does (373=4). */
export const TOKENS_OK = 0;
/** A field without '=', or whose tag is no number at all: the message is garbled and is dropped without using a number. */
export const TOKENS_GARBLED = 1;
/** A tag that is 0, negative or has leading zeros: Reject 373=0 with `badTag`. */
export const TOKENS_INVALID_TAG = 2;
/** A data field's length does not end at an SOH: Reject 373=6 for `badTag`, the length field. */
export const TOKENS_BAD_DATA = 3;
/** More than {@link MAX_FIELDS} fields; the rest has not been read. */
export const TOKENS_TOO_MANY = 4;
/** Never the answer of tokenise: the frame is garbled (its CheckSum, or 35 is not third), and is shown for a Reject only. */
export const TOKENS_MISFRAMED = 5;

const EQUALS = 0x3d;
const ZERO = 0x30;
const MINUS = 0x2d;
/** Tags have at most nine digits: they fit an int32, and a thousand digits are no tag. */
const MAX_TAG_DIGITS = 9;
/** A tag that has come to this has nine of them. */
const MAX_TAG_HEAD = 100_000_000;

/** One for all messages: their times are of the same second whoever sent them. */
const TIMES = new TimestampReader();

/** What a message may be like (dictionary/patterns.ts), as its readers know it. */
export interface Like {
  /** A number that no other has: another one each time it has become another message. */
  readonly places: number;
  /** What a reader has made of it, and looks at when the next one like it comes; it is to say of which `places`. */
  kept: object | undefined;
}

/** In {@link Message.differs}: field i; of those from the 32nd on, that any of them does. 0 for a field that is absent (i < 0). */
export const bitOf = (i: number): number => {
  if (i < 0) return 0;
  return i < 31 ? 1 << i : 1 << 31;
};

/** The bits of all fields before field i, and maybe of others. */
export const bitsBefore = (i: number): number => (i > 31 ? -1 : (1 << i) - 1);

export class Message {
  /** The bytes the message lies in: [start, end), from `8=` to the SOH after `10=`. */
  buf: Buffer = Buffer.alloc(0);
  /** The same bytes as words. */
  view: DataView = viewOf(this.buf);
  start = 0;
  end = 0;
  /** Number of fields; field i has tag `tags[i]` and the value bytes [{@link from}, {@link to}). */
  count = 0;
  readonly tags: Int32Array = new Int32Array(MAX_FIELDS);
  /** Where values begin and end, counted from `start`: of the next message that is {@link like} this one most are the same. */
  readonly offsets: Int32Array = new Int32Array(MAX_FIELDS);
  readonly ends: Int32Array = new Int32Array(MAX_FIELDS);
  /** By the dictionary of whoever sent the message; set before {@link tokenise}. */
  traits: TagTraits = TRAITS;
  /** Packed MsgType (tags.ts), 0 when absent or no possible type. */
  msgType = 0;
  /** The offending tag after a result other than {@link TOKENS_OK}; may be negative. */
  badTag = 0;
  /** A bit per slot that is filled, and the field's index by slot; read through the getters. */
  filled = 0;
  readonly slots: Int32Array = new Int32Array(SLOT_TAGS.length);
  /**
   * Found in validation: the fields [bodyFrom, bodyTo) are the body, each of them a single field with a tag above that of
   * the one before. bodyFrom is -1 when this is not so, or not known.
   */
  bodyFrom = -1;
  bodyTo = -1;
  /** Where it is {@link like} another: the sum of the body's bytes, the lowest eight bits of it. */
  bodySum = 0;
  /**
   * The pattern that it was found to be like (dictionary/patterns.ts): it is valid, and has the names of its session. Undefined: it was
   * split by {@link tokenise}, and nothing is known of it.
   */
  like: Like | undefined;
  /** Where it is {@link like} another: by {@link bitOf} the fields whose values may differ; all others but CheckSum have the same. */
  differs = -1;
  /** The `layout` of the pattern whose tags and slots are here. */
  layout: object | undefined;
  /** The `places` of the pattern whose offsets and ends are here. */
  places = 0;
  /** The `places` of the pattern whose SendingTime it has, byte for byte; 0: nothing is known of it. */
  timeOf = 0;
  /** MsgSeqNum, where it is known without being read by itself; or -1. */
  knownNumber = -1;

  /** Index of the first BeginString (8), or -1; likewise all that follow. */
  get beginString(): number {
    return this.slot(0);
  }
  get bodyLength(): number {
    return this.slot(1);
  }
  get msgTypeField(): number {
    return this.slot(2);
  }
  get msgSeqNum(): number {
    return this.slot(3);
  }
  get senderCompId(): number {
    return this.slot(4);
  }
  get targetCompId(): number {
    return this.slot(5);
  }
  get sendingTime(): number {
    return this.slot(6);
  }
  get possDupFlag(): number {
    return this.slot(7);
  }
  get possResend(): number {
    return this.slot(8);
  }
  get origSendingTime(): number {
    return this.slot(9);
  }
  get senderSubId(): number {
    return this.slot(10);
  }
  get targetSubId(): number {
    return this.slot(11);
  }
  get senderLocationId(): number {
    return this.slot(12);
  }
  get targetLocationId(): number {
    return this.slot(13);
  }
  get onBehalfOfCompId(): number {
    return this.slot(14);
  }
  get onBehalfOfSubId(): number {
    return this.slot(15);
  }
  get onBehalfOfLocationId(): number {
    return this.slot(16);
  }
  get deliverToCompId(): number {
    return this.slot(17);
  }
  get deliverToSubId(): number {
    return this.slot(18);
  }
  get deliverToLocationId(): number {
    return this.slot(19);
  }
  get applVerId(): number {
    return this.slot(20);
  }
  get lastMsgSeqNumProcessed(): number {
    return this.slot(21);
  }
  get checkSum(): number {
    return this.slot(22);
  }

  /** It lies in `buf` from now on. */
  in(buf: Buffer): void {
    if (buf === this.buf) return;
    this.buf = buf;
    this.view = viewOf(buf);
  }

  /** Empties the view, for the fields of buf[start, end). */
  begin(buf: Buffer, start: number, end: number): void {
    this.in(buf);
    this.start = start;
    this.end = end;
    this.badTag = 0;
    this.count = 0;
    this.msgType = 0;
    this.filled = 0;
    this.bodyFrom = -1;
    this.like = undefined;
    this.differs = -1;
    this.layout = undefined;
    this.disown();
  }

  /** Whose places and whose SendingTime it has is not known, nor its number. */
  disown(): void {
    this.places = 0;
    this.timeOf = 0;
    this.knownNumber = -1;
  }

  /** Where the value of field i begins in `buf`. */
  from(i: number): number {
    return this.start + this.offsets[i]!;
  }

  /** Where it ends. */
  to(i: number): number {
    return this.start + this.ends[i]!;
  }

  private slot(n: number): number {
    return ((this.filled >>> n) & 1) === 0 ? -1 : this.slots[n]!;
  }

  /** Index of the first field with `tag`, or -1. */
  index(tag: number): number {
    const tags = this.tags;
    for (let i = 0; i < this.count; i++) if (tags[i] === tag) return i;
    return -1;
  }

  /** Field i as an unsigned integer; -1 when it is absent (i < 0) or none (integers.ts, parseUInt). */
  uint(i: number): number {
    if (i < 0) return -1;
    const [from, to] = [this.from(i), this.to(i)];
    const fits = to - from <= WORDS_DIGITS && to >= WORDS_DIGITS;
    return fits ? parseByWords(this.view, from, to) : parseUInt(this.buf, from, to);
  }

  /** MsgSeqNum; -1 when it is absent or none. */
  sequenceNumber(): number {
    return this.knownNumber >= 0 ? this.knownNumber : this.uint(this.msgSeqNum);
  }

  /** Field i as a signed integer; NaN when it is absent or none. */
  int(i: number): number {
    return i < 0 ? Number.NaN : parseInteger(this.buf, this.from(i), this.to(i));
  }

  /** Field i as a UTC timestamp in milliseconds since 1970; NaN when it is absent or none. */
  utc(i: number): number {
    return i < 0 ? Number.NaN : TIMES.read(this.buf, this.view, this.from(i), this.to(i));
  }

  /** Whether its bytes [from, to) are a UTC timestamp. */
  isUtcAt(from: number, to: number): boolean {
    return !Number.isNaN(TIMES.read(this.buf, this.view, from, to));
  }

  /** Field i as text, one character per byte; '' when absent. */
  text(i: number): string {
    return i < 0 ? '' : this.buf.toString('latin1', this.from(i), this.to(i));
  }

  /** Field i as bytes of the connection's buffer, not copied; empty when absent. */
  bytes(i: number): Buffer {
    return i < 0 ? this.buf.subarray(0, 0) : this.buf.subarray(this.from(i), this.to(i));
  }

  /** Bytes in field i; 0 when absent. */
  length(i: number): number {
    return i < 0 ? 0 : this.ends[i]! - this.offsets[i]!;
  }

  /** Whether field i is there and equals `value`, byte for byte (a string by its char codes). */
  equals(i: number, value: Uint8Array | string): boolean {
    if (i < 0) return false;
    const from = this.from(i);
    const length = this.to(i) - from;
    if (length !== value.length) return false;
    if (typeof value === 'string') {
      for (let k = 0; k < length; k++) if (this.buf[from + k] !== value.charCodeAt(k)) return false;
    } else {
      for (let k = 0; k < length; k++) if (this.buf[from + k] !== value[k]) return false;
    }
    return true;
  }

  /** Whether field i, one of the header, is there and is this name. (The trailer behind it is more than what is read over.) */
  holds(i: number, name: Name): boolean {
    if (i < 0) return false;
    const from = this.from(i);
    return this.to(i) - from === name.length && name.isAt(this.view, from);
  }

  /** The one byte of a char field i; -1 when it is absent or not one byte long. */
  char(i: number): number {
    return this.length(i) === 1 ? this.buf[this.from(i)]! : -1;
  }

  /** Whether field i is there and is `Y`. */
  flag(i: number): boolean {
    return this.char(i) === 0x59;
  }
}

/**
 * Splits the message [start, end) into fields. Reads to the end after a mistake, so that header fields are there for a
 * Reject; the first mistake is the one reported.
 * @returns {@link TOKENS_OK} or which structural mistake, its tag in `into.badTag`
 */
export function tokenise(buf: Buffer, start: number, end: number, into: Message): number {
  const { tags, offsets, ends, slots, traits: traitsOf } = into;
  into.begin(buf, start, end);
  // The framer has proved the last byte an SOH: every search for one ends there, and no loop need ask for the end.
  if (end <= start || buf[end - 1] !== SOH) return TOKENS_GARBLED;
  let result = TOKENS_OK;
  let count = 0;
  let filled = 0;
  let at = start;
  let dataTag = 0; // the data field that the field just read gave the length of
  while (at < end) {
    if (count === MAX_FIELDS) {
      into.badTag = 0;
      result = TOKENS_TOO_MANY;
      break;
    }
    const tagStart = at;
    let tag = buf[at]! - ZERO;
    let byte = 0;
    if (tag > 0 && tag <= 9) {
      byte = buf[++at]!;
      while (byte !== EQUALS) {
        const digit = byte - ZERO;
        if (digit < 0 || digit > 9 || tag >= MAX_TAG_HEAD) break;
        tag = (tag * 10 + digit) | 0;
        byte = buf[++at]!;
      }
    }
    if (byte !== EQUALS) {
      const mistake = badTag(buf, tagStart, end, into, result === TOKENS_OK);
      if (result === TOKENS_OK || mistake === TOKENS_GARBLED) result = mistake;
      if (mistake === TOKENS_GARBLED) break;
      tag = 0;
      while (buf[at] !== EQUALS) at++;
    }
    const valueStart = ++at;
    if (dataTag !== 0 && tag === dataTag) {
      const length = parseUInt(buf, into.from(count - 1), into.to(count - 1));
      if (length >= 0 && at + length < end && buf[at + length] === SOH) at += length;
      else if (result === TOKENS_OK) {
        result = TOKENS_BAD_DATA;
        into.badTag = tags[count - 1]!;
      }
    }
    while (buf[at] !== SOH) at++;
    tags[count] = tag;
    offsets[count] = valueStart - start;
    ends[count] = at - start;
    at++;
    dataTag = 0;
    const traits = tag < LOOKUP ? traitsOf[tag]! : 0;
    if (traits !== 0) {
      dataTag = traits >>> SLOT_BITS;
      const slot = (traits & SLOT_MASK) - 1;
      if (slot >= 0 && ((filled >>> slot) & 1) === 0) {
        filled |= 1 << slot;
        slots[slot] = count;
      }
    }
    count++;
  }
  into.count = count;
  into.filled = filled;
  const type = into.msgTypeField;
  into.msgType = type < 0 ? 0 : msgTypeCodeOf(buf, into.from(type), into.to(type));
  return result;
}

/** Off the hot path: what is wrong with the tag at `at`. */
function badTag(buf: Buffer, at: number, end: number, into: Message, first: boolean): number {
  const negative = buf[at] === MINUS;
  const from = negative ? at + 1 : at;
  let to = from;
  while (to < end && buf[to]! >= ZERO && buf[to]! <= 0x39) to++;
  if (to === from || to - from > MAX_TAG_DIGITS || to >= end || buf[to] !== EQUALS) return TOKENS_GARBLED;
  const value = parseUInt(buf, from, to);
  if (first) into.badTag = negative && value !== 0 ? -value : value;
  return TOKENS_INVALID_TAG;
}
