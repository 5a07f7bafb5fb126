/** A journal that ends with its process: for tests, and for counterparties whose messages are not kept (persist_messages off). */

import { type Fate, KEEP, type StoredMessage, SUBMITTED } from '../fix/session/ports.ts';
import { secondOf } from './format.ts';
import { Ids } from './ids.ts';
import { checkNext, checkNumber, type Journal, JournalError, type JournalSession } from './journal.ts';
import { ID_BYTES, JOURNAL_LIMITS, type JournalLimits } from './limits.ts';
import type { MovedMessage, SessionState, SessionTerms } from './session-state.ts';

export interface MemoryJournalOptions {
  /** Wall clock, epoch ms: when the numbers of a new session start. */
  readonly now: () => number;
  readonly limits?: Partial<JournalLimits>;
}

export function openMemoryJournal({ now, limits: given }: MemoryJournalOptions): Journal {
  const limits = { ...JOURNAL_LIMITS, ...given };
  const sessions = new Map<string, MemorySession>();
  let closed = false;
  const session = (key: string, terms: Partial<SessionTerms> = {}): MemorySession => {
    if (closed) throw new JournalError('closed', 'the journal is closed');
    const known = sessions.get(key);
    if (known !== undefined) {
      known.agree(terms);
      return known;
    }
    if (sessions.size >= limits.sessions)
      throw new JournalError('too_many_sessions', `the journal has ${sessions.size} sessions, and may have no more`);
    const made = new MemorySession(now, limits.resend_retention);
    made.agree(terms);
    sessions.set(key, made);
    return made;
  };
  return {
    inStore: false,
    session,
    has: (key) => sessions.has(key),
    keys: () => sessions.keys(),
    told: (key) => sessions.get(key)?.told ?? 0,
    tell(key, report) {
      session(key).told = report;
    },
    remove: (key) => void sessions.delete(key),
    export: (key) => sessions.get(key)?.exported(),
    adopt: (key, state) => session(key).adopt(state),
    flush() {
      if (closed) throw new JournalError('closed', 'the journal is closed');
    },
    committed() {},
    settle: () => [],
    astray: false,
    endAhead() {},
    get healthy() {
      return !closed;
    },
    async close() {
      closed = true;
    },
  };
}

/** Messages before `#first` have been forgotten; they leave the array when they are half of it, so that forgetting one costs nothing. */
class Kept {
  readonly #all: (StoredMessage & { readonly second: number })[] = [];
  #first = 0;

  get count(): number {
    return this.#all.length - this.#first;
  }

  push(msgSeqNum: number, buf: Buffer, start: number, end: number, second: number): void {
    const copy = Buffer.copyBytesFrom(buf, start, end - start);
    this.#all.push({ msgSeqNum, buf: copy, start: 0, end: copy.length, second });
  }

  shift(): void {
    this.#first += 1;
    if (this.#first * 2 > this.#all.length) {
      this.#all.splice(0, this.#first);
      this.#first = 0;
    }
  }

  clear(): void {
    this.#all.length = 0;
    this.#first = 0;
  }

  first(): (StoredMessage & { readonly second: number }) | undefined {
    return this.#all[this.#first];
  }

  copies(): MovedMessage[] {
    return this.#all
      .slice(this.#first)
      .map(({ msgSeqNum, second, buf }) => ({ msgSeqNum, second, message: Buffer.from(buf) }));
  }

  replace(all: readonly MovedMessage[]): void {
    this.clear();
    for (const { msgSeqNum, second, message } of all) this.push(msgSeqNum, message, 0, message.length, second);
  }

  /** The first with at least this number. */
  from(least: number): StoredMessage | undefined {
    let low = this.#first;
    let high = this.#all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#all[middle]!.msgSeqNum < least) low = middle + 1;
      else high = middle;
    }
    return this.#all[low];
  }
}

const NO_IDS = new Ids(0, 0);
const NO_PLACE = { segment: 0, block: 0, offset: 0, length: 0 };

class MemorySession implements JournalSession {
  /** There is nothing to wait for, and nothing is lost while it lasts. */
  readonly ahead = true;
  nextIn = 1;
  nextOut = 1;
  generation = 0;
  createdAt: number;
  /** See Journal.told. */
  told = 0;
  lostAt = 0;
  readonly #now: () => number;
  readonly #sent = new Kept();
  readonly #pending = new Kept();
  #terms: SessionTerms;
  #ids: Ids | undefined;

  constructor(now: () => number, retention: number) {
    this.#now = now;
    this.createdAt = now();
    this.#terms = { retention, retention_s: 0, ids: 0, ids_s: 0, about: '' };
  }

  sendAhead(): void {}

  rest(): void {}

  agree(given: Partial<SessionTerms>): void {
    this.#terms = { ...this.#terms, ...given };
    const { ids, ids_s } = this.#terms;
    if (ids === 0) this.#ids = undefined;
    else if (this.#ids === undefined) this.#ids = new Ids(ids, ids_s);
    else this.#ids.bound(ids, ids_s);
    this.#trim(this.#now());
  }

  /** Nothing is recorded of what has gone to the venue. */
  exported(): SessionState {
    const { nextIn, nextOut, generation, createdAt, told, lostAt } = this;
    const { places } = this.#ids ?? NO_IDS;
    const ids = Array.from({ length: places.count }, (_, i) => ({
      second: places.second(i),
      id: Buffer.from(this.#ids!.id(i)),
    }));
    const [sent, waiting] = [this.#sent.copies(), this.#pending.copies()];
    const forgotten = (sent[0]?.msgSeqNum ?? 1) - 1;
    return {
      nextIn,
      nextOut,
      generation,
      createdAt,
      forgotten,
      told,
      lostAt,
      terms: this.#terms,
      sent,
      waiting,
      ids,
      submitted: [],
    };
  }

  adopt(state: SessionState): void {
    const { nextIn, nextOut, generation, createdAt, told, lostAt } = state;
    Object.assign(this, { nextIn, nextOut, generation, createdAt, told, lostAt });
    this.#sent.replace(state.sent);
    this.#pending.replace(state.waiting);
    const { ids, ids_s } = state.terms;
    const known = ids === 0 ? undefined : new Ids(ids, ids_s);
    for (const { second, id } of state.ids) known?.add(id, 0, id.length, NO_PLACE, second, () => {});
    this.#ids = known;
    this.agree(state.terms);
  }

  setNextIn(next: number): void {
    checkNumber(next, 1);
    this.nextIn = next;
  }

  noteNextIn(next: number): void {
    this.setNextIn(next);
  }

  setNextOut(next: number): void {
    checkNumber(next, this.nextOut);
    this.nextOut = next;
  }

  reset(epochMs: number): void {
    this.nextIn = 1;
    this.nextOut = 1;
    this.generation += 1;
    this.createdAt = epochMs;
    this.#sent.clear();
  }

  append(msgSeqNum: number, buf: Buffer, start: number, end: number, epochMs: number, how: number): void {
    checkNext(msgSeqNum, this.nextOut);
    this.nextOut = msgSeqNum + 1;
    if (this.#terms.retention === 0 || (how & KEEP) === 0) return;
    this.#sent.push(msgSeqNum, buf, start, end, secondOf(epochMs));
    this.#trim(epochMs);
  }

  next(from: number, to: number): StoredMessage | undefined {
    if (this.#terms.retention_s > 0) this.#trim(this.#now());
    const found = this.#sent.from(from);
    return found !== undefined && found.msgSeqNum <= to ? found : undefined;
  }

  get pending(): number {
    return this.#pending.count;
  }

  enqueue(buf: Buffer, start: number, end: number, epochMs: number): void {
    this.#pending.push(0, buf, start, end, secondOf(epochMs));
  }

  peek(): StoredMessage | undefined {
    return this.#pending.first();
  }

  promote(msgSeqNum: number, buf: Buffer, start: number, end: number, epochMs: number, how: number): void {
    checkNext(msgSeqNum, this.nextOut);
    if (this.pending === 0) throw new RangeError('no message is pending');
    this.#pending.shift();
    this.append(msgSeqNum, buf, start, end, epochMs, how);
  }

  received(
    _msgSeqNum: number,
    buf: Buffer,
    _start: number,
    _end: number,
    epochMs: number,
    fate: Fate,
    idStart: number,
    idEnd: number,
  ): void {
    if (fate !== SUBMITTED || idEnd <= idStart || idEnd - idStart > ID_BYTES) return;
    this.#ids?.add(buf, idStart, idEnd, NO_PLACE, secondOf(epochMs), () => {});
  }

  resent(): void {}

  knowsId(buf: Buffer, start: number, end: number, epochMs: number): boolean {
    return this.#ids?.has(buf, start, end, secondOf(epochMs)) ?? false;
  }

  #trim(epochMs: number): void {
    const { retention, retention_s } = this.#terms;
    while (this.#sent.count > retention) this.#sent.shift();
    if (retention_s === 0) return;
    const oldest = secondOf(epochMs) - retention_s;
    for (let first = this.#sent.first(); first !== undefined && first.second < oldest; first = this.#sent.first())
      this.#sent.shift();
  }
}
