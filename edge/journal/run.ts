/**
 * Runs: the messages of one session and turn in one record (format.ts), written as they come and read one by one. A record for each
 * message would cost more than its bytes: the place of each would have to be kept in memory.
 */

import { CARRIED, FIXED_BYTES, KEPT, RECORD_BYTES, RUN } from './format.ts';
import { JournalError } from './journal.ts';
import { MESSAGE_BYTES } from './limits.ts';
import type { Tail } from './tail.ts';

const FIXED = FIXED_BYTES[RUN]!;
/** Before each message. */
export const ENTRY_BYTES = 4;
const RECEIVED_HERE = 0x8000_0000;
/** Of {@link Runs}: there is no message of the kind yet. */
const NONE = -1;

/** Size of the longest record with a message of so many bytes. @throws JournalError `too_large` */
export function roomFor(bytes: number): number {
  if (bytes > MESSAGE_BYTES) throw new JournalError('too_large', `a message of ${bytes} bytes is too long`);
  return bytes + FIXED + ENTRY_BYTES;
}

/** The messages of a run, one after the other. */
export class Run {
  bytes: Buffer = Buffer.alloc(0);
  /** Offset of the record. */
  at = 0;
  flags = 0;
  epochMs = 0;
  generation = 0;
  /** The message that {@link next} has come to is bytes[start, end). */
  isSent = false;
  msgSeqNum = 0;
  start = 0;
  end = 0;
  #sent = 0;
  #received = 0;
  #stop = 0;

  /** Before the first message of the run at `at`. */
  of(bytes: Buffer, at: number): this {
    const body = at + RECORD_BYTES;
    this.bytes = bytes;
    this.at = at;
    this.flags = bytes.readUInt16LE(at + 2);
    this.#sent = bytes.readDoubleLE(body);
    this.#received = bytes.readDoubleLE(body + 8);
    this.epochMs = bytes.readDoubleLE(body + 16);
    this.generation = bytes.readDoubleLE(body + 24);
    this.#stop = at + bytes.readUInt32LE(at + 4);
    this.end = at + FIXED;
    return this;
  }

  /** @returns false: there are no more */
  next(): boolean {
    const at = this.end;
    if (at >= this.#stop) return false;
    const head = this.bytes.readUInt32LE(at);
    this.isSent = head < RECEIVED_HERE;
    this.msgSeqNum = this.isSent ? this.#sent++ : this.#received++;
    this.start = at + ENTRY_BYTES;
    this.end = this.start + (this.isSent ? head : head - RECEIVED_HERE);
    return true;
  }

  /** Moves on to the sent message of this number. @returns false: it is not among the following ones */
  toSent(msgSeqNum: number): boolean {
    while (this.next()) if (this.isSent && this.msgSeqNum === msgSeqNum) return true;
    return false;
  }
}

/** Number of messages in the run at `at` of `size` bytes; 0: they do not fill it exactly, so it is damaged. */
export function messagesIn(bytes: Buffer, at: number, size: number): number {
  const stop = at + size;
  let next = at + FIXED;
  let messages = 0;
  for (; next + ENTRY_BYTES <= stop; messages++) {
    const length = bytes.readUInt32LE(next) % RECEIVED_HERE;
    if (length > MESSAGE_BYTES) return 0;
    next += ENTRY_BYTES + length;
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
  /** Where the record of the message that was added last begins in the tail. */
  at = 0;
  readonly #tail: Tail;
  /** The tail's record count when the run was its last record. */
  #begun = NONE;
  #session = 0;
  #epochMs = 0;
  /** The numbers that come next, or NONE. */
  #sent = NONE;
  #received = NONE;
  #flags = 0;
  #fate = 0;

  constructor(tail: Tail) {
    this.#tail = tail;
  }

  /**
   * Adds a sent message. There must be room for it ({@link Tail.reserve}).
   * @param flags KEPT, BY_VENUE
   * @returns whether it is the first of its run: then the run's place is to be noted, otherwise it has grown
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
    const bytes = ENTRY_BYTES + end - start;
    const fits = this.#sent === NONE || (this.#sent === msgSeqNum && this.#flags === flags);
    let from = fits && this.#goesOn(session.index, epochMs) ? this.#tail.extend(this.at, bytes) : NONE;
    if (from < 0) from = this.#begin(session, epochMs, bytes);
    const isFirst = this.#sent === NONE;
    if (isFirst) {
      this.#flags = flags;
      this.#tail.put(this.at, 0, msgSeqNum);
      this.#tail.flag(this.at, flags);
    }
    this.#sent = msgSeqNum + 1;
    this.#tail.word(from, end - start);
    this.#tail.copy(from + ENTRY_BYTES, buf, start, end);
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
    const bytes = ENTRY_BYTES + end - start;
    const fits = this.#received === NONE || (this.#received === msgSeqNum && this.#fate === fate);
    let from = fits && this.#goesOn(session.index, epochMs) ? this.#tail.extend(this.at, bytes) : NONE;
    if (from < 0) from = this.#begin(session, epochMs, bytes);
    if (this.#received === NONE) {
      this.#fate = fate;
      this.#tail.put(this.at, 1, msgSeqNum);
      this.#tail.flag(this.at, fate);
    }
    this.#received = msgSeqNum + 1;
    this.#tail.word(from, end - start + RECEIVED_HERE);
    this.#tail.copy(from + ENTRY_BYTES, buf, start, end);
  }

  /** Whether the message can be added: numbers are consecutive within one generation only. */
  #goesOn(session: number, epochMs: number): boolean {
    return this.#begun === this.#tail.begun && this.#session === session && this.#epochMs === epochMs;
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
 * Writes `messages` sent ones of the run in `run`, from number `first` on, as a run that is carried forward.
 * @param epochMs when they were sent
 * @returns where it begins in the tail
 */
export function carryRun(
  tail: Tail,
  session: number,
  run: Run,
  first: number,
  messages: number,
  epochMs: number,
): number {
  let length = FIXED;
  for (const { start, end } of sentIn(run, first, messages)) length += ENTRY_BYTES + end - start;
  const at = tail.begin(RUN, session, length, KEPT + CARRIED);
  tail.put(at, 0, first);
  tail.put(at, 1, 0);
  tail.put(at, 2, epochMs);
  tail.put(at, 3, run.generation);
  let to = at + FIXED;
  for (const { bytes, start, end } of sentIn(run, first, messages)) {
    tail.word(to, end - start);
    bytes.copy(tail.buf, to + ENTRY_BYTES, start, end);
    to += ENTRY_BYTES + end - start;
  }
  return at;
}

function* sentIn(run: Run, first: number, messages: number): Generator<Run> {
  run.of(run.bytes, run.at);
  for (let left = messages; left > 0 && run.next(); ) {
    if (!run.isSent || run.msgSeqNum < first) continue;
    left -= 1;
    yield run;
  }
}
