/** One session in the journal: numbers and places in memory, messages in the segments. */

import type { SessionStore, StoredMessage } from '../fix/session/ports.ts';
import { FIXED_BYTES, NUMBERS, PENDING, PROMOTED, RECORD_BYTES, RESET, SENT, STATE } from './format.ts';
import { checkNext, checkNumber, JournalError } from './journal.ts';
import { MESSAGE_BYTES } from './limits.ts';
import { Places } from './places.ts';
import type { Tail } from './tail.ts';

/** What sessions need of the journal they are in. */
export interface Ledger {
  readonly tail: Tail;
  /** Segment that the tail will be written to, and where in it. */
  readonly segment: number;
  readonly base: number;
  /** The numbers of this session are to be written at the next flush. */
  dirty(session: FileSession): void;
  gained(segment: number, bytes: number): void;
  lost(segment: number, bytes: number): void;
  /** The message in the record there. Valid until the next call. */
  read(session: number, number: number, segment: number, offset: number, length: number): StoredMessage;
  check(): void;
}

const NUMBERS_BYTES = FIXED_BYTES[NUMBERS]!;

export class FileSession implements SessionStore {
  nextIn = 1;
  nextOut = 1;
  generation = 0;
  createdAt = 0;
  /** Kept by the ledger: numbers wait to be written. */
  isDirty = false;
  readonly key: string;
  readonly index: number;
  readonly sent = new Places();
  readonly waiting = new Places();
  retention: number;
  readonly #ledger: Ledger;
  /** Ordinals of pending messages: those before the first are gone, the next has not been given. */
  #firstOrdinal = 0;
  #nextOrdinal = 0;

  constructor(ledger: Ledger, key: string, index: number, createdAt: number, retention: number) {
    this.#ledger = ledger;
    this.key = key;
    this.index = index;
    this.createdAt = createdAt;
    this.retention = retention;
  }

  setNextIn(next: number): void {
    checkNumber(next, 1);
    this.nextIn = next;
    if (!this.isDirty) this.#ledger.dirty(this);
  }

  setNextOut(next: number): void {
    checkNumber(next, this.nextOut);
    this.nextOut = next;
    if (!this.isDirty) this.#ledger.dirty(this);
  }

  reset(epochMs: number): void {
    const length = FIXED_BYTES[RESET]!;
    const tail = this.#room(length);
    const at = tail.begin(RESET, this.index, length);
    tail.put(at, 0, this.generation + 1);
    tail.put(at, 1, epochMs);
    this.nextIn = 1;
    this.nextOut = 1;
    this.generation += 1;
    this.createdAt = epochMs;
    this.#forget(this.sent.count);
  }

  append(msgSeqNum: number, buf: Buffer, start: number, end: number): void {
    checkNext(msgSeqNum, this.nextOut);
    if (this.retention === 0) {
      this.setNextOut(msgSeqNum + 1);
      return;
    }
    this.#keep(SENT, this.sent, msgSeqNum, buf, start, end);
    this.nextOut = msgSeqNum + 1;
    if (this.sent.count > this.retention) this.#forget(1);
  }

  next(from: number, to: number): StoredMessage | undefined {
    const { sent } = this;
    const i = sent.find(from);
    if (i === sent.count || sent.number(i) > to) return undefined;
    return this.#ledger.read(this.index, sent.number(i), sent.segment(i), sent.offset(i), sent.length(i));
  }

  get pending(): number {
    return this.waiting.count;
  }

  enqueue(buf: Buffer, start: number, end: number): void {
    this.#keep(PENDING, this.waiting, this.#nextOrdinal, buf, start, end);
    this.#nextOrdinal += 1;
  }

  peek(): StoredMessage | undefined {
    const { waiting } = this;
    if (waiting.count === 0) return undefined;
    return this.#ledger.read(this.index, 0, waiting.segment(0), waiting.offset(0), waiting.length(0));
  }

  promote(msgSeqNum: number, buf: Buffer, start: number, end: number, keep: boolean): void {
    const { waiting } = this;
    checkNext(msgSeqNum, this.nextOut);
    if (waiting.count === 0) throw new RangeError('no message is pending');
    const ordinal = waiting.number(0);
    if (keep && this.retention > 0) {
      const at = this.#keep(PROMOTED, this.sent, msgSeqNum, buf, start, end);
      this.#ledger.tail.put(at, 0, ordinal);
      this.#ledger.tail.put(at, 1, msgSeqNum);
    } else {
      const length = FIXED_BYTES[PROMOTED]!;
      const tail = this.#room(length);
      const at = tail.begin(PROMOTED, this.index, length);
      tail.put(at, 0, ordinal);
      tail.put(at, 1, msgSeqNum);
    }
    this.#ledger.lost(waiting.segment(0), waiting.length(0));
    waiting.shift();
    this.#firstOrdinal = ordinal + 1;
    this.nextOut = msgSeqNum + 1;
    if (this.sent.count > this.retention) this.#forget(1);
  }

  /** How many sent messages are kept from now on. */
  retain(retention: number): void {
    if (retention === this.retention) return;
    this.#ledger.check();
    this.retention = retention;
    this.writeState();
    if (this.sent.count > retention) this.#forget(this.sent.count - retention);
  }

  writeNumbers(): void {
    const { tail } = this.#ledger;
    const at = tail.begin(NUMBERS, this.index, NUMBERS_BYTES);
    tail.put(at, 0, this.nextIn);
    tail.put(at, 1, this.nextOut);
  }

  writeState(): void {
    const { tail } = this.#ledger;
    const fixed = FIXED_BYTES[STATE]!;
    const at = tail.begin(STATE, this.index, fixed + Buffer.byteLength(this.key));
    tail.put(at, 0, this.nextIn);
    tail.put(at, 1, this.nextOut);
    tail.put(at, 2, this.generation);
    tail.put(at, 3, this.createdAt);
    tail.put(at, 4, this.#firstOrdinal);
    tail.put(at, 5, this.#nextOrdinal);
    tail.buf.writeUInt32LE(this.retention, at + fixed - 4);
    tail.buf.write(this.key, at + fixed);
  }

  /** Recovery: the record at `at` of `bytes`, which lies at `offset` of the segment. */
  replay(type: number, bytes: Buffer, at: number, length: number, segment: number, offset: number): void {
    const first = bytes.readDoubleLE(at + RECORD_BYTES);
    const second = length >= RECORD_BYTES + 16 ? bytes.readDoubleLE(at + RECORD_BYTES + 8) : 0;
    switch (type) {
      case STATE:
        this.#replayState(bytes, at + RECORD_BYTES);
        break;
      case NUMBERS:
        this.nextIn = first;
        this.nextOut = second;
        break;
      case RESET:
        this.nextIn = 1;
        this.nextOut = 1;
        this.generation = first;
        this.createdAt = second;
        this.sent.clear();
        break;
      case SENT:
        this.sent.push(first, segment, offset, length);
        this.nextOut = Math.max(this.nextOut, first + 1);
        break;
      case PENDING:
        this.waiting.push(first, segment, offset, length);
        this.#nextOrdinal = Math.max(this.#nextOrdinal, first + 1);
        break;
      default: // PROMOTED
        this.#firstOrdinal = Math.max(this.#firstOrdinal, first + 1);
        this.nextOut = Math.max(this.nextOut, second + 1);
        if (length > FIXED_BYTES[PROMOTED]!) this.sent.push(second, segment, offset, length);
    }
  }

  /** Recovery: every record has been replayed. */
  settle(): void {
    const { sent, waiting } = this;
    sent.settle(0);
    while (sent.count > this.retention) sent.shift();
    waiting.settle(this.#firstOrdinal);
    for (const places of [sent, waiting])
      for (let i = 0; i < places.count; i++) this.#ledger.gained(places.segment(i), places.length(i));
  }

  /** The sent messages of this segment go: more is kept than may be. @returns how many */
  forgetSegment(segment: number): number {
    const { sent } = this;
    for (let i = 0; i < sent.count; i++) if (sent.segment(i) === segment) this.#ledger.lost(segment, sent.length(i));
    return sent.drop(segment);
  }

  #replayState(bytes: Buffer, at: number): void {
    const generation = bytes.readDoubleLE(at + 16);
    if (generation !== this.generation) this.sent.clear();
    this.nextIn = bytes.readDoubleLE(at);
    this.nextOut = bytes.readDoubleLE(at + 8);
    this.generation = generation;
    this.createdAt = bytes.readDoubleLE(at + 24);
    this.#firstOrdinal = bytes.readDoubleLE(at + 32);
    this.#nextOrdinal = bytes.readDoubleLE(at + 40);
    this.retention = bytes.readUInt32LE(at + 48);
  }

  /** Writes a record with a message, its number in the first eight bytes. @returns where it begins in the tail */
  #keep(type: number, places: Places, number: number, buf: Buffer, start: number, end: number): number {
    const fixed = FIXED_BYTES[type]!;
    const length = fixed + end - start;
    if (end - start > MESSAGE_BYTES)
      throw new JournalError('too_large', `a message of ${end - start} bytes is too long`);
    const tail = this.#room(length);
    const at = tail.begin(type, this.index, length);
    tail.put(at, 0, number);
    buf.copy(tail.buf, at + fixed, start, end);
    const ledger = this.#ledger;
    places.push(number, ledger.segment, ledger.base + at, length);
    ledger.gained(ledger.segment, length);
    return at;
  }

  #room(length: number): Tail {
    this.#ledger.check();
    this.#ledger.tail.reserve(length);
    return this.#ledger.tail;
  }

  /** The oldest sent ones. */
  #forget(count: number): void {
    const { sent } = this;
    for (let i = 0; i < count; i++) {
      this.#ledger.lost(sent.segment(0), sent.length(0));
      sent.shift();
    }
  }
}
