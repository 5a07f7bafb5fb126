/** A journal that ends with its process: for tests, and for counterparties whose messages are not kept (persist_messages off). */

import type { SessionStore, StoredMessage } from '../fix/session/ports.ts';
import { checkNext, checkNumber, type Journal, JournalError } from './journal.ts';
import { JOURNAL_LIMITS, type JournalLimits } from './limits.ts';

export interface MemoryJournalOptions {
  /** Wall clock, epoch ms: when the numbers of a new session start. */
  readonly now: () => number;
  readonly limits?: Partial<JournalLimits>;
}

export function openMemoryJournal({ now, limits: given }: MemoryJournalOptions): Journal {
  const limits = { ...JOURNAL_LIMITS, ...given };
  const sessions = new Map<string, MemorySession>();
  let closed = false;
  return {
    session(key, retention) {
      if (closed) throw new JournalError('closed', 'the journal is closed');
      const known = sessions.get(key);
      if (known !== undefined) {
        if (retention !== undefined) known.retain(retention);
        return known;
      }
      if (sessions.size >= limits.sessions)
        throw new JournalError('too_many_sessions', `the journal has ${sessions.size} sessions, and may have no more`);
      const made = new MemorySession(now(), retention ?? limits.resend_retention);
      sessions.set(key, made);
      return made;
    },
    has: (key) => sessions.has(key),
    keys: () => sessions.keys(),
    flush() {
      if (closed) throw new JournalError('closed', 'the journal is closed');
    },
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
  readonly #all: StoredMessage[] = [];
  #first = 0;

  get count(): number {
    return this.#all.length - this.#first;
  }

  push(msgSeqNum: number, buf: Buffer, start: number, end: number): void {
    const copy = Buffer.copyBytesFrom(buf, start, end - start);
    this.#all.push({ msgSeqNum, buf: copy, start: 0, end: copy.length });
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

  first(): StoredMessage | undefined {
    return this.#all[this.#first];
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

class MemorySession implements SessionStore {
  nextIn = 1;
  nextOut = 1;
  generation = 0;
  createdAt: number;
  readonly #sent = new Kept();
  readonly #pending = new Kept();
  #retention: number;

  constructor(createdAt: number, retention: number) {
    this.createdAt = createdAt;
    this.#retention = retention;
  }

  retain(retention: number): void {
    this.#retention = retention;
    this.#trim();
  }

  setNextIn(next: number): void {
    checkNumber(next, 1);
    this.nextIn = next;
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

  append(msgSeqNum: number, buf: Buffer, start: number, end: number): void {
    checkNext(msgSeqNum, this.nextOut);
    this.nextOut = msgSeqNum + 1;
    if (this.#retention === 0) return;
    this.#sent.push(msgSeqNum, buf, start, end);
    this.#trim();
  }

  next(from: number, to: number): StoredMessage | undefined {
    const found = this.#sent.from(from);
    return found !== undefined && found.msgSeqNum <= to ? found : undefined;
  }

  get pending(): number {
    return this.#pending.count;
  }

  enqueue(buf: Buffer, start: number, end: number): void {
    this.#pending.push(0, buf, start, end);
  }

  peek(): StoredMessage | undefined {
    return this.#pending.first();
  }

  promote(msgSeqNum: number, buf: Buffer, start: number, end: number, keep: boolean): void {
    checkNext(msgSeqNum, this.nextOut);
    if (this.pending === 0) throw new RangeError('no message is pending');
    this.#pending.shift();
    if (keep) this.append(msgSeqNum, buf, start, end);
    else this.nextOut = msgSeqNum + 1;
  }

  #trim(): void {
    while (this.#sent.count > this.#retention) this.#sent.shift();
  }
}
