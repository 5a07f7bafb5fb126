/**
 * Finds messages in a byte stream: BeginString, BodyLength, and proof by CheckSum (FIX 4.4 vol. 2, "Message format"). A
 * garbled message is dropped and the stream resynchronises; which bytes go with it is told by `resume`.
 *
 * Nothing is scanned twice: garbage is consumed as it is seen, and while a body is awaited a call looks at its head only,
 * which is bounded. Bytes may come one at a time.
 */

import { ByteSums } from './byte-sums.ts';
import { SOH } from './tags.ts';

/** [frame.start, frame.end) is a message. Go on at frame.resume, which is frame.end. */
export const FRAME_OK = 0;
/** No message yet: keep the bytes from frame.resume on, append what comes, and call again. */
export const FRAME_MORE = 1;
/** A garbled message or garbage, why in frame.reason. Drop the bytes before frame.resume and call again. */
export const FRAME_GARBLED = 2;
/** BodyLength announces more than the caller takes. The stream cannot be followed: disconnect. */
export const FRAME_TOO_LARGE = 3;

/** Why a frame is garbled. */
export const GARBLED_START = 1; // does not begin with 8=FIX
export const GARBLED_BEGIN_STRING = 2; // too long, or with a '=' in it
export const GARBLED_BODY_LENGTH = 3; // 9= is not second, not digits, or too long
export const GARBLED_ORDER = 4; // 35= is not third
export const GARBLED_TRAILER = 5; // 10=ddd is not where BodyLength says
export const GARBLED_CHECKSUM = 6; // CheckSum is wrong
export const GARBLED_SKIPPING = 7; // the rest of a message already reported

/** Text of a reason, for logs and metrics. */
export const GARBLED_TEXT: readonly string[] = [
  '',
  'no BeginString',
  'bad BeginString',
  'bad BodyLength',
  'MsgType is not third',
  'no CheckSum where BodyLength says',
  'wrong CheckSum',
  'rest of a garbled message',
];

/** Bytes of a BeginString value; the longest known has 8. */
const MAX_BEGIN_STRING = 16;
/** Digits of a BodyLength; clients pad it with zeros to as many as seven. */
const MAX_BODY_LENGTH_DIGITS = 10;
/** `10=ddd` and its SOH. */
const TRAILER = 7;
/** Bytes of a CheckSum value, right or wrong, that ends a garbled message. */
const MAX_CHECKSUM = 8;

/** One for all streams: it is asked about the messages of one buffer after the other. */
const SUMS = new ByteSums();

const EQUALS = 0x3d;
const ZERO = 0x30;

/** What {@link nextFrame} found. One a connection: it remembers that the rest of a garbled message is still to come. */
export class Frame {
  start = 0;
  end = 0;
  /** Bytes before this position are done with. */
  resume = 0;
  reason = 0;
  /** Whether bytes are dropped until a trailer or the next BeginString. */
  skipping = false;
  /** What {@link tokenise} said of the message: for who splits it (incoming.ts). */
  tokens = 0;
  /** Bytes from `start` that must be there before another call can say more than {@link FRAME_MORE}; a hint for growing. */
  need = 0;
}

/**
 * Looks for a message at `start` in buf[start, end).
 *
 * After a wrong BodyLength, order, trailer or CheckSum the message ends at the first `10=…` or before the first `8=FIX`
 * at or after the place BodyLength points to: what a length that is too long runs into is lost with it (FIX session test
 * case 2.m), and recovered by the gap it leaves. After a broken head the stream goes on at the next `8=FIX`.
 * @param maxBytes the longest message taken, from `8=` to the last SOH
 */
export function nextFrame(
  buf: Uint8Array,
  start: number,
  end: number,
  maxBytes: number,
  frame: Frame,
  validateChecksum = true,
): number {
  frame.reason = 0;
  frame.need = 0;
  frame.start = start;
  frame.end = start;
  frame.resume = start;
  if (frame.skipping) return skip(buf, start, end, frame);
  if (start >= end) return FRAME_MORE;
  if (!beginsFix(buf, start, end)) return broken(buf, start, end, frame, GARBLED_START);

  let at = start + 2;
  while (at < end && buf[at] !== SOH && buf[at] !== EQUALS && at - start - 2 <= MAX_BEGIN_STRING) at++;
  if (at - start - 2 > MAX_BEGIN_STRING || (at < end && buf[at] === EQUALS))
    return broken(buf, start, end, frame, GARBLED_BEGIN_STRING);
  if (++at >= end) return FRAME_MORE;
  if (buf[at] !== 0x39) return broken(buf, start, end, frame, GARBLED_BODY_LENGTH);
  if (++at >= end) return FRAME_MORE;
  if (buf[at] !== EQUALS) return broken(buf, start, end, frame, GARBLED_BODY_LENGTH);
  const digits = ++at;
  let length = 0;
  for (; at < end && buf[at] !== SOH; at++) {
    const digit = buf[at]! - ZERO;
    if (digit < 0 || digit > 9 || at - digits >= MAX_BODY_LENGTH_DIGITS) {
      return broken(buf, start, end, frame, GARBLED_BODY_LENGTH);
    }
    length = length * 10 + digit;
  }
  if (at >= end) return FRAME_MORE;
  if (at === digits) return broken(buf, start, end, frame, GARBLED_BODY_LENGTH);

  const body = at + 1;
  frame.need = body - start + length + TRAILER;
  if (frame.need > maxBytes) return FRAME_TOO_LARGE;
  return proveBody(buf, end, body, length, frame, validateChecksum);
}

/** `8=FI`, `X.4.`, `XT.1`, `.1`, `SOH 9=`, `35=` and `10=` as little-endian words, and the part of a word that has three bytes. */
const BEGINS = Buffer.from('8=FI').readInt32LE(0);
const FIX_4 = Buffer.from('X.4.').readInt32LE(0);
const FIXT_1 = Buffer.from('XT.1').readInt32LE(0);
const DOT_1 = Buffer.from('.1').readUInt16LE(0);
const LENGTH_TAG = Buffer.from('\x019=\0').readInt32LE(0);
const TYPE_TAG = Buffer.from('35=\0').readInt32LE(0);
const SUM_TAG = Buffer.from('10=\0').readInt32LE(0);
const THREE = 0xffffff;
/** Of a message with nothing in it. */
const HEAD = 17;

/** Three digits and an SOH as a number, -1 for another word: their bytes are 0 to 9 when ZEROS is taken off, and overflow nothing. */
function threeDigits(word: number): number {
  const digits = (word & THREE) - 0x30_30_30;
  if (word >>> 24 !== SOH || ((digits | (digits + 0x76_76_76)) & 0x80_80_80) !== 0) return -1;
  return (digits & 0xff) * 100 + ((digits >>> 8) & 0xff) * 10 + (digits >>> 16);
}

/** The CheckSum of the trailer at `at`; -1: there stands none. */
export function checkSumAt(view: DataView, at: number): number {
  return (view.getInt32(at, true) & THREE) === SUM_TAG ? threeDigits(view.getInt32(at + 3, true)) : -1;
}

/**
 * The same as {@link nextFrame} for a message as nearly all are, by the word: of a known version, with a BodyLength of three digits. Its
 * CheckSum is not looked at.
 * @param view of the stream's bytes
 * @returns false: nothing is said, ask nextFrame
 */
export function isPlainFrame(view: DataView, start: number, end: number, maxBytes: number, frame: Frame): boolean {
  if (frame.skipping || end - start < HEAD || view.getInt32(start, true) !== BEGINS) return false;
  const version = view.getInt32(start + 4, true);
  let at = start + 8;
  if (version === FIX_4) {
    const minor = view.getUint8(at++) - ZERO;
    if (minor < 0 || minor > 9) return false;
  } else if (version === FIXT_1 && view.getUint16(at, true) === DOT_1) at += 2;
  else return false;
  if ((view.getInt32(at, true) & THREE) !== LENGTH_TAG) return false;
  const length = threeDigits(view.getInt32(at + 3, true));
  const body = at + 7;
  const trailer = body + length;
  const last = trailer + TRAILER;
  if (length < 5 || last > end || last - start > maxBytes) return false;
  if ((view.getInt32(body, true) & THREE) !== TYPE_TAG || view.getUint8(trailer - 1) !== SOH) return false;
  if (checkSumAt(view, trailer) < 0) return false;
  frame.start = start;
  frame.end = last;
  frame.resume = last;
  frame.reason = 0;
  frame.need = last - start;
  return true;
}

/** The head is well formed; the message is [start, body + length + 7) if its body and trailer are. */
function proveBody(
  buf: Uint8Array,
  end: number,
  body: number,
  length: number,
  frame: Frame,
  validateChecksum: boolean,
): number {
  const trailer = body + length;
  if (trailer > end) return FRAME_MORE;
  // The body has at least `35=x` and an SOH, and its last byte is one.
  if (length < 5 || buf[body] !== 0x33 || buf[body + 1] !== 0x35 || buf[body + 2] !== EQUALS) {
    return garbled(buf, trailer, end, frame, GARBLED_ORDER);
  }
  const last = trailer + TRAILER;
  if (last > end || !isTrailer(buf, trailer)) {
    for (let i = trailer; i < last; i++) {
      if (i >= end) return FRAME_MORE;
      if (!fitsTrailer(buf[i]!, i - trailer)) return garbled(buf, trailer, end, frame, GARBLED_TRAILER);
    }
  }
  if (buf[trailer - 1] !== SOH) return garbled(buf, trailer, end, frame, GARBLED_TRAILER);
  frame.end = last;
  frame.resume = last;
  return validateChecksum ? proveCheckSum(buf, frame) : FRAME_OK;
}

/** Whether the CheckSum of the frame is right, which {@link nextFrame} was not to look at. @returns FRAME_OK, or FRAME_GARBLED */
export function proveCheckSum(buf: Uint8Array, frame: Frame): number {
  const trailer = frame.end - TRAILER;
  const sum = (buf[trailer + 3]! - ZERO) * 100 + (buf[trailer + 4]! - ZERO) * 10 + buf[trailer + 5]! - ZERO;
  if (SUMS.modulo256(buf, frame.start, trailer) === sum) return FRAME_OK;
  frame.reason = GARBLED_CHECKSUM;
  return FRAME_GARBLED;
}

/** Whether `10=dddSOH` stands at `at`. */
function isTrailer(buf: Uint8Array, at: number): boolean {
  const a = buf[at + 3]! - ZERO;
  const b = buf[at + 4]! - ZERO;
  const c = buf[at + 5]! - ZERO;
  return (
    buf[at] === 0x31 &&
    buf[at + 1] === ZERO &&
    buf[at + 2] === EQUALS &&
    buf[at + 6] === SOH &&
    a >= 0 &&
    a <= 9 &&
    b >= 0 &&
    b <= 9 &&
    c >= 0 &&
    c <= 9
  );
}

/** Whether `byte` may stand at `offset` of `10=dddSOH`. */
function fitsTrailer(byte: number, offset: number): boolean {
  if (offset >= 3 && offset <= 5) return byte >= ZERO && byte <= 0x39;
  return byte === (offset === 0 ? 0x31 : offset === 1 ? ZERO : offset === 2 ? EQUALS : SOH);
}

/** The head is broken: nothing says where the message ends, so go on at the next `8=FIX`. */
function broken(buf: Uint8Array, start: number, end: number, frame: Frame, reason: number): number {
  let at = start + 1;
  while (at < end && !beginsFix(buf, at, end)) at++;
  frame.resume = at;
  frame.reason = reason;
  return FRAME_GARBLED;
}

/** Whether `8=FIX`, or as much of it as has come, stands at `at`. */
function beginsFix(buf: Uint8Array, at: number, end: number): boolean {
  return (
    buf[at] === 0x38 &&
    (at + 1 >= end || buf[at + 1] === EQUALS) &&
    (at + 2 >= end || buf[at + 2] === 0x46) &&
    (at + 3 >= end || buf[at + 3] === 0x49) &&
    (at + 4 >= end || buf[at + 4] === 0x58)
  );
}

/** The message at frame.start is garbled: drop it, up to a trailer or a BeginString at or after `claimed`. */
function garbled(buf: Uint8Array, claimed: number, end: number, frame: Frame, reason: number): number {
  frame.skipping = true;
  skip(buf, claimed - 1, end, frame);
  frame.reason = reason;
  return FRAME_GARBLED;
}

/**
 * Drops bytes until after `SOH 10=… SOH` or before `SOH 8=FIX`; keeps what may be the beginning of either.
 * @returns FRAME_GARBLED when bytes were dropped, FRAME_MORE when what is there is undecided
 */
function skip(buf: Uint8Array, start: number, end: number, frame: Frame): number {
  let at = start;
  while (at < end) {
    if (buf[at] !== SOH) {
      at++;
      continue;
    }
    if (at + 1 >= end) break; // undecided
    if (beginsFix(buf, at + 1, end)) {
      if (at + 6 > end) break;
      at++;
      frame.skipping = false;
      break;
    }
    const after = endOfTrailer(buf, at + 1, end);
    if (after === 0) break;
    if (after > 0) {
      at = after;
      frame.skipping = false;
      break;
    }
    at++;
  }
  frame.resume = at;
  frame.reason = GARBLED_SKIPPING;
  return at > start || !frame.skipping ? FRAME_GARBLED : FRAME_MORE;
}

/** The position after `10=…SOH` at `at`; 0 when it cannot be told yet, -1 when it is none. */
function endOfTrailer(buf: Uint8Array, at: number, end: number): number {
  if (buf[at] !== 0x31) return -1;
  if (at + 1 >= end) return 0;
  if (buf[at + 1] !== ZERO) return -1;
  if (at + 2 >= end) return 0;
  if (buf[at + 2] !== EQUALS) return -1;
  for (let i = at + 3; i <= at + 3 + MAX_CHECKSUM; i++) {
    if (i >= end) return 0;
    if (buf[i] === SOH) return i + 1;
  }
  return -1;
}
