/**
 * The journal on local disk: what it has been told to flush outlives the process, however that ends.
 *
 * All sessions of the edge append to one tail in memory; a flush writes it as one block (format.ts) behind the others in
 * the current segment. A full one is followed by a new one that begins with a snapshot of all sessions, so that an old
 * segment is needed for its messages only, and goes when they are dead or few enough to be carried forward.
 *
 * While the disk refuses, what was appended stays in memory and readable, `healthy` is false, and each flush tries again
 * with all of it at the same place. Nothing may leave that depends on it; a process that ends meanwhile loses it, and
 * nobody was told of it.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { SessionStore, StoredMessage } from '../fix/session/ports.ts';
import { carry } from './carry.ts';
import { type Journal, JournalError, type JournalLog } from './journal.ts';
import {
  JOURNAL_LIMITS,
  type JournalLimits,
  KEY_BYTES,
  RETRY_FREELY_BYTES,
  RETRY_MS,
  ROTATE_RETRY,
  SEGMENT_BYTES_MAX,
} from './limits.ts';
import { lockDirectory } from './lock.ts';
import { Reader } from './reader.ts';
import { recover } from './recovery.ts';
import { type Segment, Segments } from './segments.ts';
import { FileSession, type Ledger } from './session.ts';
import { Tail } from './tail.ts';

export interface FileJournalOptions {
  /** Made when it is not there; one process at a time. */
  readonly directory: string;
  /** Wall clock, epoch ms. */
  readonly now: () => number;
  readonly log: JournalLog;
  readonly limits?: Partial<JournalLimits>;
  /** fdatasync after each write: survives the machine too, at the price of the disk's answer per flush. */
  readonly sync?: boolean;
  /** A random 32-bit number; the default is the system's. */
  readonly salt?: () => number;
}

/**
 * Opens the journal of a directory and reads what is there.
 * @throws JournalError `in_use`, `unusable`, `damaged`, `unknown_version`, `write_failed`
 */
export function openJournal(options: FileJournalOptions): Journal {
  const { directory } = options;
  const limits = { ...JOURNAL_LIMITS, ...options.limits };
  if (limits.segment_bytes > SEGMENT_BYTES_MAX) throw new RangeError(`segment_bytes is above ${SEGMENT_BYTES_MAX}`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new JournalError('unusable', `${directory} cannot be made: ${(error as Error).message}`, { cause: error });
  }
  const unlock = lockDirectory(directory);
  try {
    return new FileJournal(options, limits, unlock);
  } catch (error) {
    unlock();
    if (error instanceof JournalError) throw error;
    throw new JournalError('unusable', `${directory} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

class FileJournal implements Journal, Ledger {
  readonly tail: Tail;
  readonly #options: FileJournalOptions;
  readonly #limits: JournalLimits;
  readonly #unlock: () => void;
  readonly #segments: Segments;
  readonly #reader: Reader;
  readonly #byKey = new Map<string, FileSession>();
  /** By index. */
  readonly #sessions: FileSession[] = [];
  readonly #dirty: FileSession[] = [];
  #current: Segment;
  /** Size of the current segment at which the next is begun. */
  #rotateAt: number;
  #state: 'healthy' | 'failing' | 'closed' = 'healthy';
  /** The last try that failed. */
  #failure: { readonly error: JournalError; readonly at: number } | undefined;

  constructor(options: FileJournalOptions, limits: JournalLimits, unlock: () => void) {
    const { directory, log, sync = false, salt = () => randomBytes(4).readUInt32LE() } = options;
    this.#options = options;
    this.#limits = limits;
    this.#unlock = unlock;
    this.tail = new Tail(limits.tail_bytes);
    this.#segments = new Segments({ directory, log, sync, salt });
    this.#reader = new Reader(this.#segments);
    this.#rotateAt = limits.segment_bytes;
    try {
      this.#current = this.#recover() ?? this.#begin(1);
    } catch (error) {
      this.#segments.close();
      throw error;
    }
    if (this.#current.size >= this.#rotateAt) this.#rotate();
  }

  get healthy(): boolean {
    return this.#state === 'healthy';
  }

  session(key: string, retention?: number): SessionStore {
    this.check();
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      if (retention !== undefined) known.retain(retention);
      return known;
    }
    const { sessions, resend_retention } = this.#limits;
    if (this.#sessions.length >= sessions)
      throw new JournalError('too_many_sessions', `the journal has ${sessions} sessions, and may have no more`);
    if (Buffer.byteLength(key) > KEY_BYTES) throw new JournalError('too_large', 'the name of a session is too long');
    this.tail.reserve(KEY_BYTES * 2);
    const made = this.#add(this.#sessions.length, key, this.#options.now(), retention ?? resend_retention);
    made.writeState();
    return made;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  flush(): void {
    const { tail } = this;
    const dirty = this.#dirty;
    this.check();
    if (dirty.length === 0 && tail.records === 0) return;
    if (this.#failure !== undefined && tail.length > RETRY_FREELY_BYTES) this.#awaitRetry(this.#failure);
    const { length, records } = tail;
    for (let i = 0; i < dirty.length; i++) dirty[i]!.writeNumbers();
    try {
      this.#segments.write(this.#current, tail);
    } catch (error) {
      // Numbers are written anew at the next try, not once for each try.
      tail.cut(length, records);
      throw this.#failed(error);
    }
    for (let i = 0; i < dirty.length; i++) dirty[i]!.isDirty = false;
    dirty.length = 0;
    tail.clear();
    if (this.#state === 'failing') this.#recovered();
    if (this.#current.size >= this.#rotateAt) this.#rotate();
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#failure = undefined;
    try {
      this.flush();
    } finally {
      this.#state = 'closed';
      this.#segments.close();
      this.#unlock();
    }
  }

  // What sessions ask for (Ledger).

  get segment(): number {
    return this.#current.number;
  }

  get base(): number {
    return this.#current.size;
  }

  dirty(session: FileSession): void {
    this.check();
    session.isDirty = true;
    this.#dirty.push(session);
  }

  gained(segment: number, bytes: number): void {
    this.#segments.gained(segment, bytes);
  }

  lost(segment: number, bytes: number): void {
    this.#segments.lost(segment, bytes);
  }

  read(session: number, number: number, segment: number, offset: number, length: number): StoredMessage {
    this.check();
    const current = this.#current;
    if (segment !== current.number || offset < current.size)
      return this.#reader.fromSegment(session, number, segment, offset, length);
    return this.#reader.message(this.tail.buf, offset - current.size, session, number, length, segment, offset);
  }

  check(): void {
    if (this.#state === 'closed') throw new JournalError('closed', 'the journal is closed');
  }

  #add(index: number, key: string, createdAt: number, retention: number): FileSession {
    const made = new FileSession(this, key, index, createdAt, retention);
    this.#sessions[index] = made;
    this.#byKey.set(key, made);
    return made;
  }

  #recover(): Segment | undefined {
    const { now, log } = this.#options;
    const from = now();
    const last = recover({
      segments: this.#segments,
      log,
      sessions: this.#sessions,
      session: (index, key) => this.#add(index, key, 0, this.#limits.resend_retention),
    });
    const bytes = this.#segments.bytes;
    log.info(
      { sessions: this.#byKey.size, segments: this.#segments.all.size, bytes, ms: now() - from },
      'journal read',
    );
    return last;
  }

  /** A segment with a snapshot of all sessions; the tail is empty. @throws what the file system says */
  #begin(number: number): Segment {
    const { tail } = this;
    try {
      for (let i = 0; i < this.#sessions.length; i++) this.#sessions[i]!.writeState();
      return this.#segments.create(number, this.#options.now(), tail);
    } finally {
      tail.clear();
    }
  }

  /** After a flush, when memory and disk are the same. What fails here is tried again later; nothing depends on it. */
  #rotate(): void {
    const { segment_bytes } = this.#limits;
    try {
      this.#current = this.#begin(this.#current.number + 1);
      this.#rotateAt = Math.max(segment_bytes, this.#current.size * 2);
      carry({
        segments: this.#segments,
        current: this.#current,
        sessions: this.#sessions,
        tail: this.tail,
        limits: this.#limits,
        log: this.#options.log,
        read: (session, number, segment, offset, length) => this.read(session, number, segment, offset, length),
      });
      this.#segments.sweep(this.#current);
    } catch (error) {
      this.tail.clear();
      this.#rotateAt = this.#current.size + segment_bytes * ROTATE_RETRY;
      this.#options.log.warn({ error }, 'a new segment of the journal could not be made complete: tried again later');
    }
  }

  #failed(error: unknown): JournalError {
    const why = (error as Error).message;
    const failure = new JournalError('write_failed', `${this.#current.path} cannot be written: ${why}`, {
      cause: error,
    });
    if (this.#state === 'healthy')
      this.#options.log.error({ error: failure, waiting: this.tail.length }, 'the journal cannot be written');
    this.#state = 'failing';
    this.#failure = { error: failure, at: this.#options.now() };
    return failure;
  }

  /** @throws the same again, when it is too early for another try */
  #awaitRetry({ error, at }: { readonly error: JournalError; readonly at: number }): void {
    const since = this.#options.now() - at;
    if (since >= 0 && since < RETRY_MS) throw error;
  }

  #recovered(): void {
    this.#state = 'healthy';
    this.#failure = undefined;
    this.#options.log.info({ file: this.#current.path }, 'the journal can be written again');
  }
}
