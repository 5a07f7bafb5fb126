/** One session in the journal: numbers and places in memory, messages in the segments. */

import { BY_VENUE, type Fate, KEEP, type StoredMessage, SUBMITTED } from '../fix/session/ports.ts';
import {
  FIXED_BYTES,
  GONE,
  PENDING,
  PROMOTED,
  RECEIVED,
  RESENT,
  RESET,
  secondOf,
  VOID,
  WAS_PENDING,
} from './format.ts';
import { Ids } from './ids.ts';
import { type Ahead, checkNext, checkNumber, JournalError, type JournalSession } from './journal.ts';
import type { Ledger } from './ledger.ts';
import { ABOUT_BYTES, ID_BYTES, KEY_BYTES, TRIM_MESSAGES, TRIM_SHIFT } from './limits.ts';
import { Places } from './places.ts';
import type { Place } from './reader.ts';
import { Reserve } from './reserve.ts';
import { roomFor } from './run.ts';
import { type SessionTerms, sameTerms } from './session-state.ts';
import { goneInto, numbersInto, reservedInto, stateInto } from './state.ts';
import type { Tail } from './tail.ts';

const NO_IDS = new Ids(0, 0);

export class FileSession implements JournalSession {
  nextIn = 1;
  nextOut = 1;
  generation = 0;
  createdAt = 0;
  /** Kept by the ledger: numbers wait to be written. */
  isDirty = false;
  /** It is in another journal. */
  gone = false;
  readonly reserve: Reserve;
  readonly key: string;
  readonly index: number;
  readonly sent = new Places();
  readonly waiting = new Places();
  /** ClOrdIDs within the window; empty where there is none. */
  ids: Ids = NO_IDS;
  terms: SessionTerms;
  /** The greatest number whose message is kept no longer. A float from the beginning, as numbers out of Places are: see NO_NUMBER of the simulator. */
  forgotten = Number.NaN;
  /** With more sent messages than this the oldest are forgotten. */
  #trimAt = 0;
  readonly #ledger: Ledger<FileSession>;
  readonly #lost: (segment: number, length: number, places?: number) => void;
  /** See Journal.told; and what of it the journal has. */
  told = 0;
  toldWritten = 0;
  /** The last message that was handed to the venue, where such are recorded. */
  readonly submitted = { generation: 0, msgSeqNum: 0 };
  /** Of pending messages: those before the first are gone, the next has not been given. */
  firstOrdinal = 0;
  nextOrdinal = 0;

  constructor(ledger: Ledger<FileSession>, key: string, index: number, createdAt: number, terms: SessionTerms) {
    this.#ledger = ledger;
    this.reserve = new Reserve(ledger);
    this.#lost = (segment, length, places) => ledger.lost(segment, length, places);
    this.key = key;
    this.index = index;
    this.createdAt = createdAt;
    this.forgotten = 0;
    this.terms = terms;
    this.bound(terms);
  }

  setNextIn(next: number): void {
    checkNumber(next, 1);
    this.nextIn = next;
    if (!this.isDirty) this.#ledger.dirty(this);
  }

  noteNextIn(next: number): void {
    checkNumber(next, 1);
    this.nextIn = next;
    if (!this.isDirty && !this.reserve.lags(this.nextOut)) this.#ledger.dirty(this);
  }

  setNextOut(next: number): void {
    checkNumber(next, this.nextOut);
    this.nextOut = next;
    if (!this.isDirty && !this.reserve.lags(next)) this.#ledger.dirty(this);
    if (next >= this.reserve.renewAt) this.#ledger.reserving(this);
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
    this.#forget(this.sent.messages);
    this.forgotten = 0;
    this.renumbered(this.lostAt);
  }

  /** Its numbers have been set, not counted: none is reserved. */
  renumbered(lostAt: number): void {
    this.reserve.lostAt = lostAt;
    this.reserve.drop();
    if (this.reserve.size > 0) this.#ledger.reserving(this);
  }

  append(msgSeqNum: number, buf: Buffer, start: number, end: number, epochMs: number, how: number): void {
    checkNext(msgSeqNum, this.nextOut);
    if (this.reserve.waits && !this.isDirty) this.#ledger.dirty(this);
    const flags = this.terms.retention > 0 ? how : how & ~KEEP;
    const { archive, runs } = this.#ledger;
    if ((flags & KEEP) === 0 && !archive) {
      this.setNextOut(msgSeqNum + 1);
      return;
    }
    this.#ledger.check();
    const isFirst = runs.sent(this, msgSeqNum, epochMs, flags, buf, start, end);
    if (isFirst && (flags & KEEP) !== 0) this.#place(this.sent, msgSeqNum, runs.at, epochMs);
    else if ((flags & KEEP) !== 0) this.#grown(runs.grown);
    if (archive) this.#ledger.noted(epochMs);
    this.nextOut = msgSeqNum + 1;
    if (msgSeqNum >= this.reserve.renewAt) this.#ledger.reserving(this);
    if (this.sent.messages > this.#trimAt || this.terms.retention_s > 0) this.trim(epochMs);
  }

  next(from: number, to: number): StoredMessage | undefined {
    this.trim(this.#ledger.now());
    const { sent, forgotten } = this;
    if (from <= forgotten) {
      const until = Math.min(to, forgotten);
      this.#ledger.log.info({ session: this.key, from, to: until }, 'asked for messages kept no longer: gap-filled');
    }
    const i = sent.find(from);
    const number = i === sent.count ? Number.POSITIVE_INFINITY : Math.max(from, sent.number(i));
    return number > to ? undefined : this.#ledger.read(this.placeOf(sent, i, number));
  }

  get pending(): number {
    return this.waiting.count;
  }

  enqueue(buf: Buffer, start: number, end: number, epochMs: number, how: number): void {
    const at = this.#write(PENDING, how & BY_VENUE, buf, start, end);
    this.#ledger.tail.put(at, 0, this.nextOrdinal);
    this.#ledger.tail.put(at, 1, epochMs);
    this.#place(this.waiting, this.nextOrdinal, at, epochMs);
    this.nextOrdinal += 1;
  }

  peek(): StoredMessage | undefined {
    const { waiting } = this;
    return waiting.count === 0 ? undefined : this.#ledger.read(this.placeOf(waiting, 0, 0));
  }

  promote(msgSeqNum: number, buf: Buffer, start: number, end: number, epochMs: number, how: number): void {
    const { waiting } = this;
    checkNext(msgSeqNum, this.nextOut);
    if (waiting.count === 0) throw new RangeError('no message is pending');
    if (this.reserve.waits && !this.isDirty) this.#ledger.dirty(this);
    const ordinal = waiting.number(0);
    const keep = (how & KEEP) !== 0 && this.terms.retention > 0;
    const at = this.#write(PROMOTED, keep ? KEEP : 0, buf, start, keep || this.#ledger.archive ? end : start);
    const { tail } = this.#ledger;
    tail.put(at, 0, ordinal);
    tail.put(at, 1, msgSeqNum);
    tail.put(at, 2, epochMs);
    if (keep) this.#place(this.sent, msgSeqNum, at, epochMs);
    if (this.#ledger.archive) this.#ledger.noted(epochMs);
    this.#lost(waiting.segment(0), waiting.length(0));
    waiting.shift();
    this.firstOrdinal = ordinal + 1;
    this.nextOut = msgSeqNum + 1;
    if (msgSeqNum >= this.reserve.renewAt) this.#ledger.reserving(this);
    this.trim(epochMs);
  }

  received(
    msgSeqNum: number,
    buf: Buffer,
    start: number,
    end: number,
    epochMs: number,
    fate: Fate,
    idStart: number,
    idEnd: number,
  ): void {
    const { archive, inbound } = this.#ledger;
    const remembers = fate === SUBMITTED && this.terms.ids > 0 && idEnd > idStart && idEnd - idStart <= ID_BYTES;
    if (!archive && !remembers && !(inbound && fate === SUBMITTED)) return;
    if (fate === SUBMITTED) {
      this.submitted.generation = this.generation;
      this.submitted.msgSeqNum = msgSeqNum;
    }
    if (archive) this.#ledger.noted(epochMs);
    if (!remembers) {
      this.#ledger.check();
      this.#ledger.runs.received(this, msgSeqNum, epochMs, fate, buf, start, end);
      return;
    }
    const at = this.#write(RECEIVED, fate, buf, start, end);
    const { tail, segment, base } = this.#ledger;
    tail.put(at, 0, msgSeqNum);
    tail.put(at, 1, epochMs);
    tail.put(at, 2, this.generation);
    tail.putUint(at, 24, idStart - start);
    tail.putUint(at, 28, idEnd - idStart);
    const length = FIXED_BYTES[RECEIVED]! + end - start;
    const place = { segment, block: base + tail.block, offset: base + at, length };
    this.#ledger.gained(segment, length);
    this.ids.add(buf, idStart, idEnd, place, secondOf(epochMs), this.#lost);
  }

  resent(msgSeqNum: number, epochMs: number): void {
    if (!this.#ledger.archive) return;
    const length = FIXED_BYTES[RESENT]!;
    const tail = this.#room(length);
    const at = tail.begin(RESENT, this.index, length);
    tail.put(at, 0, msgSeqNum);
    tail.put(at, 1, epochMs);
  }

  knowsId(buf: Buffer, start: number, end: number, epochMs: number): boolean {
    return this.terms.ids > 0 && this.ids.has(buf, start, end, secondOf(epochMs));
  }

  tell(report: number): void {
    this.told = report;
    if (!this.isDirty) this.#ledger.dirty(this);
  }

  /** Nothing that is kept here counts any more. */
  cleared(): void {
    for (const places of [this.sent, this.waiting, this.ids.places])
      for (let i = 0; i < places.count; i++) this.#lost(places.segment(i), places.length(i));
    this.sent.clear();
    this.waiting.clear();
    this.ids = NO_IDS;
    // Those of before are below it, also for who reads them again.
    this.firstOrdinal = this.nextOrdinal;
  }

  /** It is in another journal from now on. @throws JournalError `tail_full`: it is here as it was */
  leave(): void {
    this.#room(FIXED_BYTES[GONE]!);
    this.cleared();
    this.gone = true;
    this.reserve.size = 0;
    this.renumbered(0);
    goneInto(this, this.#ledger.tail);
  }

  /** It is here again, as one that has just been made. */
  comeBack(epochMs: number): void {
    this.#room(KEY_BYTES * 2);
    Object.assign(this, { gone: false, nextIn: 1, nextOut: 1, generation: this.generation + 1, createdAt: epochMs });
    this.writeState();
  }

  /** How it is kept from now on. */
  agree(given: Partial<SessionTerms>): void {
    const terms = { ...this.terms, ...given };
    if (Buffer.byteLength(terms.about) > ABOUT_BYTES)
      throw new JournalError('too_large', 'what is told about a session is too long');
    if (sameTerms(terms, this.terms)) return;
    this.#room(ABOUT_BYTES * 2);
    this.bound(terms);
    this.writeState();
    this.trim(this.#ledger.now());
  }

  writeNumbers(): void {
    numbersInto(this, this.#ledger.tail);
  }

  /** The numbers that {@link writeNumbers} has written are on disk. */
  numbersWritten(): void {
    this.isDirty = false;
    this.reserve.numbersWritten();
    this.toldWritten = this.told;
  }

  writeState(): void {
    stateInto(this, this.#ledger.tail);
  }

  /** Names the end of the next block of numbers; as {@link writeNumbers}, whatever the bound. */
  writeReserved(): void {
    this.reserve.next(this.nextOut);
    reservedInto(this, this.#ledger.tail);
  }

  /** What {@link writeReserved} has written is in the journal's present batch. */
  reservedWritten(): void {
    this.reserve.written();
  }

  get ahead(): boolean {
    return this.reserve.lets(this.nextOut);
  }

  get lostAt(): number {
    return this.reserve.lostAt;
  }

  sendAhead(numbers: number, what: Ahead = 'everything'): void {
    if (this.reserve.begin(numbers, what)) this.#ledger.reserving(this);
  }

  rest(): void {
    if (this.reserve.what === 'session_level') this.sendAhead(0);
  }

  /** The sent messages of this segment go: more is kept than may be. @returns how many */
  forgetSegment(segment: number): number {
    return this.sent.drop(segment, (length, last) => {
      this.#lost(segment, length);
      this.forgotten = Math.max(this.forgotten, last);
    });
  }

  /** A sent message, or a pending one, that never was: not for this process, and not for the next one. */
  void(number: number, wasPending: boolean): void {
    const length = FIXED_BYTES[VOID]!;
    const tail = this.#room(length);
    tail.put(tail.begin(VOID, this.index, length, wasPending ? WAS_PENDING : 0), 0, number);
    (wasPending ? this.waiting : this.sent).remove(number, this.#lost);
  }

  /** Bounds by these terms from now on; what is beyond them stays until it is met. */
  bound(terms: SessionTerms, lost = this.#lost): void {
    this.terms = terms;
    const { ids, ids_s, retention } = terms;
    this.#trimAt = retention + Math.min(TRIM_MESSAGES, retention >>> TRIM_SHIFT);
    if (ids === 0) {
      const { places } = this.ids;
      for (let i = 0; i < places.count; i++) lost(places.segment(i), places.length(i));
      this.ids = NO_IDS;
    } else if (this.ids === NO_IDS) this.ids = new Ids(ids, ids_s);
    else this.ids.bound(ids, ids_s);
  }

  /** Writes a record with a message. @returns where it begins in the tail */
  #write(type: number, flags: number, buf: Buffer, start: number, end: number): number {
    const fixed = FIXED_BYTES[type]!;
    const tail = this.#room(roomFor(end - start));
    const at = tail.begin(type, this.index, fixed + end - start, flags);
    tail.copy(at + fixed, buf, start, end);
    return at;
  }

  /** Notes the record at `at` of the tail, the one written last. */
  #place(places: Places, number: number, at: number, epochMs: number): void {
    const { tail, segment, base } = this.#ledger;
    const length = tail.length - at;
    places.push(number, segment, base + tail.block, base + at, length, secondOf(epochMs));
    this.#ledger.gained(segment, length);
  }

  /** One more message lies where {@link #place} has noted the last one. */
  #grown(length: number): void {
    this.sent.extend(length);
    this.#ledger.grown(length);
  }

  /** @param number 0: whatever it says */
  placeOf(places: Places, i: number, number: number): Place {
    const [segment, block, offset, length] = [places.segment(i), places.block(i), places.offset(i), places.length(i)];
    // Not with `session` first, as the context of a message for the venue has it, where it is an object: V8 would take both for one kind.
    return { number, session: this.index, segment, block, offset, length };
  }

  #room(length: number): Tail {
    this.#ledger.check();
    this.#ledger.tail.reserve(length);
    return this.#ledger.tail;
  }

  /** What is too old, or too many, is forgotten; {@link append} lets a few be too many for a while. */
  trim(epochMs: number): void {
    const { sent, terms } = this;
    if (sent.messages > terms.retention) this.#forget(sent.messages - terms.retention);
    if (terms.retention_s === 0) return;
    const oldest = secondOf(epochMs) - terms.retention_s;
    while (sent.count > 0 && sent.second(0) < oldest) this.#forget(sent.size(0));
  }

  /** The oldest sent ones. */
  #forget(count: number): void {
    if (count > 0) this.forgotten = this.sent.forget(count, this.#lost);
  }
}
