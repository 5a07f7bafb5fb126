/**
 * Runs: the messages of one session and turn in one record (format.ts), written as they come and read one by one. A record for each
 * message would cost more than its bytes: the place of each would have to be kept in memory.
 */

import { viewOf } from '../fix/words.ts';
import { CARRIED, FIXED_BYTES, KEPT, RECORD_BYTES, RUN } from './format.ts';
import { JournalError } from './journal.ts';
import { Before, endOf, mostBytes, patch } from './like.ts';
import { MESSAGE_BYTES } from './limits.ts';
import type { Tail } from './tail.ts';

const FIXED = FIXED_BYTES[RUN]!;
/** Before each message. */
export const ENTRY_BYTES = 4;
/** Bits of that: it was received; it is written as what differs from the one of its kind before it. The others are its length. */
const RECEIVED_HERE = 0x8000_0000;
const LIKE = 0x4000_0000;
/** Bits of it that are its length. By `&` that is a small integer for V8; by `%` it would be a float, and so would all that is counted from it. */
const LENGTH = LIKE - 1;
/** Of {@link Runs}: there is no message of the kind yet. */
const NONE = -1;
const NOTHING = Buffer.alloc(0);
const NO_VIEW = viewOf(NOTHING);

/** Size of the longest record with a message of so many bytes. @throws JournalError `too_large` */
export function roomFor(bytes: number): number {
  if (bytes > MESSAGE_BYTES) throw new JournalError('too_large', `a message of ${bytes} bytes is too long`);
  return mostBytes(bytes) + FIXED + ENTRY_BYTES;
}

/** A message of one kind, and whether it lies in a buffer of the run's own, where the next one may be made of it. */
interface Read {
  buf: Buffer;
  start: number;
  end: number;
  own: Buffer;
  view: DataView;
}

const nothingRead = (): Read => ({ buf: NOTHING, start: 0, end: 0, own: NOTHING, view: NO_VIEW });

/** The messages of a run, one after the other. */
export class Run {
  bytes: Buffer = NOTHING;
  /** Offset of the record. */
  at = 0;
  flags = 0;
  epochMs = 0;
  generation = 0;
  /** The message that {@link next} has come to is buf[start, end), until it is called again. */
  isSent = false;
  msgSeqNum = 0;
  buf: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** Where it is written, and where the next one is. */
  from = 0;
  to = 0;
  #view = NO_VIEW;
  #nextSent = 0;
  #nextReceived = 0;
  #stop = 0;
  #isLike = false;
  #length = 0;
  readonly #sent = nothingRead();
  readonly #received = nothingRead();

  /** Before the first message of the run at `at`. */
  of(bytes: Buffer, at: number): this {
    const body = at + RECORD_BYTES;
    if (bytes !== this.bytes) this.#view = viewOf(bytes);
    this.bytes = bytes;
    this.at = at;
    this.flags = bytes.readUInt16LE(at + 2);
    this.#nextSent = bytes.readDoubleLE(body);
    this.#nextReceived = bytes.readDoubleLE(body + 8);
    this.epochMs = bytes.readDoubleLE(body + 16);
    this.generation = bytes.readDoubleLE(body + 24);
    this.#stop = at + bytes.readUInt32LE(at + 4);
    this.to = at + FIXED;
    return this;
  }

  /** @returns false: there are no more */
  next(): boolean {
    if (!this.#begin()) return false;
    const read = this.isSent ? this.#sent : this.#received;
    const at = this.from + ENTRY_BYTES;
    this.to = this.#isLike ? likeBefore(read, this.#view, at) : asItIs(read, this.bytes, at, this.#length);
    this.buf = read.buf;
    this.start = read.start;
    this.end = read.end;
    return true;
  }

  /** As {@link next}, but for the message, which is not made: nor can any behind it be then. */
  pass(): boolean {
    if (!this.#begin()) return false;
    const at = this.from + ENTRY_BYTES;
    this.to = this.#isLike ? endOf(this.#view, at, this.#length, this.#stop) : at + this.#length;
    return true;
  }

  /** Of the message behind. */
  #begin(): boolean {
    const from = this.to;
    if (from >= this.#stop) return false;
    const head = this.#view.getUint32(from, true);
    this.from = from;
    this.isSent = (head & RECEIVED_HERE) === 0;
    this.#isLike = (head & LIKE) !== 0;
    this.#length = head & LENGTH;
    this.msgSeqNum = this.isSent ? this.#nextSent++ : this.#nextReceived++;
    return true;
  }

  /** Moves on to the sent message of this number. @returns false: it is not among the following ones */
  toSent(msgSeqNum: number): boolean {
    while (this.next()) if (this.isSent && this.msgSeqNum === msgSeqNum) return true;
    return false;
  }
}

/** @returns where it ends */
function asItIs(read: Read, bytes: Buffer, at: number, length: number): number {
  read.buf = bytes;
  read.start = at;
  read.end = at + length;
  return read.end;
}

/** Likewise. */
function likeBefore(read: Read, bytes: DataView, at: number): number {
  const length = read.end - read.start;
  if (read.buf !== read.own) {
    if (read.own.length < length) {
      read.own = Buffer.alloc(length);
      read.view = viewOf(read.own);
    }
    read.buf.copy(read.own, 0, read.start, read.end);
    read.buf = read.own;
    read.start = 0;
    read.end = length;
  }
  return patch(read.view, length, bytes, at);
}

/** Number of messages in the run at `at` of `size` bytes; 0: they do not fill it exactly, so it is damaged. */
export function messagesIn(bytes: Buffer, at: number, size: number): number {
  const view = viewOf(bytes);
  const stop = at + size;
  let next = at + FIXED;
  let messages = 0;
  let [sent, received] = [0, 0];
  for (; next + ENTRY_BYTES <= stop; messages++) {
    const head = view.getUint32(next, true);
    const [length, isSent] = [head & LENGTH, (head & RECEIVED_HERE) === 0];
    if (length > MESSAGE_BYTES) return 0;
    next += ENTRY_BYTES;
    if ((head & LIKE) === 0) next += length;
    else if (length === (isSent ? sent : received)) next = endOf(view, next, length, stop);
    else return 0;
    if (next < 0) return 0;
    if (isSent) sent = length;
    else received = length;
  }
  return next === stop ? messages : 0;
}

/** What is needed of the session whose messages they are. */
interface Owner {
  readonly index: number;
  readonly generation: number;
}

/** Writes runs: a message is added to the last record if that is a run of the same session and time, else it begins a new one. */
export class Runs {
  /** Where the record of the message that was added last begins in the tail, and by how much that has made it longer. */
  at = 0;
  grown = 0;
  readonly #tail: Tail;
  /** The tail's record count when the run was its last record. */
  #begun = NONE;
  #session = 0;
  #epochMs = Number.NaN;
  /** The numbers that come next, or NONE. */
  #sent = NONE;
  #received = NONE;
  #flags = 0;
  #fate = 0;
  readonly #sentBefore = new Before();
  readonly #receivedBefore = new Before();

  constructor(tail: Tail) {
    this.#tail = tail;
  }

  /**
   * Adds a sent message.
   * @param flags KEPT, BY_VENUE
   * @returns whether it is the first of its run: then the run's place is to be noted, otherwise it has {@link grown}
   * @throws JournalError `tail_full`, `too_large`
   */
  sent(
    session: Owner,
    msgSeqNum: number,
    epochMs: number,
    flags: number,
    buf: Buffer,
    start: number,
    end: number,
  ): boolean {
    if (
      this.#goesOn(session.index, epochMs) &&
      this.#sent === msgSeqNum &&
      this.#flags === flags &&
      this.#addLike(this.#sentBefore, 0, buf, start, end)
    ) {
      this.#sent = msgSeqNum + 1;
      return false;
    }
    this.#tail.reserve(roomFor(end - start));
    const fits =
      this.#goesOn(session.index, epochMs) &&
      (this.#sent === NONE || (this.#sent === msgSeqNum && this.#flags === flags));
    this.#add(session, epochMs, fits, 0, buf, start, end);
    const isFirst = this.#sent === NONE;
    if (isFirst) {
      this.#flags = flags;
      this.#tail.put(this.at, 0, msgSeqNum);
      this.#tail.flag(this.at, flags);
    }
    this.#sent = msgSeqNum + 1;
    return isFirst;
  }

  /** Adds a received one; likewise. */
  received(
    session: Owner,
    msgSeqNum: number,
    epochMs: number,
    fate: number,
    buf: Buffer,
    start: number,
    end: number,
  ): void {
    if (
      this.#goesOn(session.index, epochMs) &&
      this.#received === msgSeqNum &&
      this.#fate === fate &&
      this.#addLike(this.#receivedBefore, RECEIVED_HERE, buf, start, end)
    ) {
      this.#received = msgSeqNum + 1;
      return;
    }
    this.#tail.reserve(roomFor(end - start));
    const fits =
      this.#goesOn(session.index, epochMs) &&
      (this.#received === NONE || (this.#received === msgSeqNum && this.#fate === fate));
    this.#add(session, epochMs, fits, RECEIVED_HERE, buf, start, end);
    if (this.#received === NONE) {
      this.#fate = fate;
      this.#tail.put(this.at, 1, msgSeqNum);
      this.#tail.flag(this.at, fate);
    }
    this.#received = msgSeqNum + 1;
  }

  /** Whether the message can be added: numbers are consecutive within one generation only. */
  #goesOn(session: number, epochMs: number): boolean {
    return this.#begun === this.#tail.begun && this.#session === session && this.#epochMs === epochMs;
  }

  /** Adds what differs from the one before. @returns false: there is none that is as long, or no room in this block */
  #addLike(before: Before, kind: number, buf: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (before.length !== length) return false;
    const tail = this.#tail;
    const from = tail.behind(ENTRY_BYTES + before.most);
    if (from < 0) return false;
    tail.word(from, kind | LIKE | length); // by `+` it would be a float
    const to = before.differ(tail.viewOf(buf), start, tail.view, from + ENTRY_BYTES);
    tail.endAt(this.at, to);
    this.grown = to - from;
    return true;
  }

  /** Adds it as it is. @param fits whether it may go into the run that there is */
  #add(session: Owner, epochMs: number, fits: boolean, kind: number, buf: Buffer, start: number, end: number): void {
    const length = end - start;
    const tail = this.#tail;
    let from = fits ? tail.extend(this.at, ENTRY_BYTES + length) : NONE;
    if (from < 0) from = this.#begin(session, epochMs, ENTRY_BYTES + length);
    tail.word(from, kind + length);
    tail.copy(from + ENTRY_BYTES, buf, start, end);
    const before = kind === 0 ? this.#sentBefore : this.#receivedBefore;
    before.set(tail.view, from + ENTRY_BYTES, length);
    this.grown = ENTRY_BYTES + length;
  }

  /** @returns where its first message goes */
  #begin({ index, generation }: Owner, epochMs: number, bytes: number): number {
    const tail = this.#tail;
    const at = tail.begin(RUN, index, FIXED + bytes);
    this.at = at;
    this.#begun = tail.begun;
    this.#session = index;
    this.#epochMs = epochMs;
    this.#sent = NONE;
    this.#received = NONE;
    tail.put(at, 0, 0);
    tail.put(at, 1, 0);
    tail.put(at, 2, epochMs);
    tail.put(at, 3, generation);
    return at + FIXED;
  }
}

/**
 * Writes `messages` sent ones of the run in `run`, from number `first` on, as a run that is carried forward: the first as it is, the others as they
 * are written.
 * @param epochMs when they were sent
 * @returns where it begins in the tail
 * @throws JournalError `damaged`: it is the run of another session, or has no such number
 */
export function carryRun(
  tail: Tail,
  session: number,
  run: Run,
  first: number,
  messages: number,
  epochMs: number,
): number {
  const isRight = run.bytes.readUInt32LE(run.at + 8) === session && run.of(run.bytes, run.at).toSent(first);
  if (!isRight) throw new JournalError('damaged', `another record is where message ${first} was to be carried from`);
  const { bytes, buf, start, end, to: rest } = run;
  let length = FIXED + ENTRY_BYTES + end - start;
  for (let left = messages - 1; left > 0 && run.pass(); ) {
    if (!run.isSent) continue;
    length += run.to - run.from;
    left -= 1;
  }
  const at = tail.begin(RUN, session, length, KEPT + CARRIED);
  tail.put(at, 0, first);
  tail.put(at, 1, 0);
  tail.put(at, 2, epochMs);
  tail.put(at, 3, run.generation);
  let into = at + FIXED;
  tail.word(into, end - start);
  tail.copy(into + ENTRY_BYTES, buf, start, end);
  into += ENTRY_BYTES + end - start;
  run.to = rest;
  for (let left = messages - 1; left > 0 && run.pass(); ) {
    if (!run.isSent) continue;
    tail.copy(into, bytes, run.from, run.to);
    into += run.to - run.from;
    left -= 1;
  }
  return at;
}
