/**
 * The journal on local disk: what has been flushed outlives the process, however that ends.
 *
 * All sessions of the edge append to one tail in memory; a flush appends it to the current segment as one block (format.ts).
 * When a segment is full a new one is begun with a snapshot of all sessions. So an old segment is needed for its messages only,
 * and is deleted when they are dead or few enough to be copied forward (carry.ts). Each opening begins a new segment: those
 * of earlier processes are only read.
 *
 * While the disk refuses writes, what was appended stays in memory and readable, `healthy` is false, and each flush tries again
 * to write all of it at the same place. Nothing that depends on it may leave. A process that ends meanwhile loses it, but
 * nobody has been told of it.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StoredMessage } from '../fix/session/ports.ts';
import { SYSTEM_SYNCS } from '../syncs.ts';
import { Carrier } from './carry.ts';
import { Health } from './health.ts';
import {
  type Accepted,
  type Journal,
  JournalError,
  type JournalLog,
  type JournalSession,
  type LaterJournal,
} from './journal.ts';
import type { Ledger } from './ledger.ts';
import { JOURNAL_LIMITS, type JournalLimits, KEY_BYTES, ROTATE_RETRY, SEGMENT_BYTES_MAX } from './limits.ts';
import { lockDirectory } from './lock.ts';
import { adopted, exported } from './moved.ts';
import type { FileJournalOptions } from './options.ts';
import { type Place, Reader } from './reader.ts';
import { type Dependent, recover } from './recovery.ts';
import { Renewals } from './renewals.ts';
import { Roll } from './roll.ts';
import { Runs } from './run.ts';
import { noteMessage, type Segment, Segments } from './segments.ts';
import { FileSession } from './session.ts';
import type { After, SessionState, SessionTerms } from './session-state.ts';
import { Tail } from './tail.ts';
import { takeBack } from './undone.ts';

/**
 * Opens the journal of a directory and reads what is there.
 * @throws JournalError `in_use`, `unusable`, `damaged`, `unknown_version`, `no_key`
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

class FileJournal implements Journal, Ledger<FileSession> {
  readonly tail: Tail;
  readonly runs: Runs;
  readonly archive: boolean;
  readonly inStore: boolean;
  readonly inbound: boolean;
  readonly log: JournalLog;
  readonly later: LaterJournal | undefined;
  readonly ahead: boolean;
  readonly #options: FileJournalOptions;
  readonly #limits: JournalLimits;
  readonly #unlock: () => void;
  readonly #segments: Segments;
  readonly #reader: Reader;
  readonly #carrier: Carrier;
  readonly #byKey = new Roll();
  /** By index. */
  readonly #sessions: FileSession[] = [];
  readonly #dirty: FileSession[] = [];
  readonly #renewals = new Renewals();
  #current: Segment;
  /** Size of the current segment at which the next is begun. */
  #rotateAt: number;
  readonly #health: Health;
  /** Blocks of earlier processes that depend on a flush which the venue may not have. */
  #dependents: Dependent[] = [];
  /** The flush of the venue that what was flushed here, or was to be, depends on. 0: the venue has written it. */
  #owed = 0;
  #had = 0; // see Journal.committed
  /** Flushes of the venue since the current segment was begun. */
  #commits = 0;

  constructor(options: FileJournalOptions, limits: JournalLimits, unlock: () => void) {
    const { directory, log, sync = false, syncs = SYSTEM_SYNCS, salt = () => randomBytes(4).readUInt32LE() } = options;
    const keys = (options.encrypt ?? true) ? options.keys : undefined;
    this.#options = options;
    this.#limits = limits;
    this.#unlock = unlock;
    this.log = log;
    this.archive = options.archive ?? false;
    this.inbound = options.inbound ?? false;
    this.tail = new Tail(limits.tail_bytes, limits.block_bytes);
    this.inStore = options.inStore ?? false;
    this.runs = new Runs(this.tail);
    this.later = options.mirror;
    this.ahead = options.ahead ?? options.mirror === undefined;
    const { mirror, keystream, archiveDirectory = join(dirname(directory), 'archive') } = options;
    const of = { archive: this.archive, archiveDirectory, mirror, keystream };
    this.#segments = new Segments({ directory, log, sync, syncs, salt, keys, ...of });
    this.#health = new Health(log, options.now);
    this.#reader = new Reader(this.#segments);
    const [segments, sessions, read] = [this.#segments, this.#sessions, (place: Place) => this.read(place)];
    this.#carrier = new Carrier({ segments, sessions, tail: this.tail, limits, log, read, reader: this.#reader });
    this.#rotateAt = limits.segment_bytes;
    try {
      this.#current = this.#begin(this.#recover() + 1);
      this.#rotateAt = Math.max(limits.segment_bytes, this.#current.size * 2);
      for (const segment of this.#segments.all.values()) if (segment !== this.#current) this.#completed(segment);
      if (this.#dependents.length > 0) return;
      this.#carrier.begin(this.#current);
      while (this.#carrier.busy) this.#carrier.step(this.#current, limits.carry_bytes);
      this.#segments.sweep(this.#current, this.#had, limits.total_bytes);
    } catch (error) {
      this.#segments.close();
      throw error;
    }
  }

  get healthy(): boolean {
    return this.#health.state === 'healthy';
  }

  session(key: string, terms: Partial<SessionTerms> = {}): JournalSession {
    this.check();
    const known = this.#byKey.get(key) ?? this.#byKey.back(key, this.now());
    if (known !== undefined) {
      known.agree(terms);
      return known;
    }
    const { sessions } = this.#limits;
    if (this.#sessions.length >= sessions)
      throw new JournalError('too_many_sessions', `the journal has ${sessions} sessions, and may have no more`);
    if (Buffer.byteLength(key) > KEY_BYTES) throw new JournalError('too_large', 'the name of a session is too long');
    this.tail.reserve(KEY_BYTES * 2);
    const made = this.#add(this.#sessions.length, key, this.now());
    made.writeState();
    made.agree(terms);
    return made;
  }

  has(key: string): boolean {
    return this.#byKey.get(key) !== undefined;
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  told(key: string): number {
    return this.#byKey.get(key)?.told ?? 0;
  }

  tell(key: string, report: number): void {
    (this.#byKey.get(key) ?? (this.session(key) as FileSession)).tell(report);
  }

  export(key: string, after?: After): SessionState | undefined {
    const found = this.#byKey.get(key);
    if (found === undefined) return undefined;
    if (found.isDirty || !this.tail.empty)
      throw this.#health.failure ?? new JournalError('write_failed', 'something waits to be flushed');
    return exported(found, this, { segments: this.#segments, reader: this.#reader }, after);
  }

  remove(key: string): void {
    this.#byKey.remove(key);
  }

  adopt(key: string, state: SessionState): void {
    adopted(this.session(key) as FileSession, this, state);
  }

  flush(depends = 0): void {
    const { tail } = this;
    const [dirty, renewals] = [this.#dirty, this.#renewals];
    this.check();
    if (dirty.length === 0 && tail.empty && !renewals.due(this.#options.now)) return;
    if (depends > 0) this.#owed = depends;
    this.#health.mayTry(tail.length);
    const before = tail.mark();
    const leisureMs = this.#options.commit === 'reserve' ? renewals.leisureMs(dirty, !tail.empty) : 0;
    for (let i = 0; i < dirty.length; i++) dirty[i]!.writeNumbers();
    renewals.write();
    const { length } = tail;
    try {
      this.#segments.write(this.#current, tail, depends, leisureMs);
    } catch (error) {
      // The next try writes the numbers again, in place of these.
      tail.cut(before);
      throw this.#health.failed(error, this.#current.path, tail.length);
    }
    // One by one: setting the array's length would be a call and free its memory.
    for (let session = dirty.pop(); session !== undefined; session = dirty.pop()) session.numbersWritten();
    renewals.written();
    tail.clear();
    this.#health.wrote(this.#current.path);
    this.#rotateIfDue();
    if (this.#carrier.busy) this.#carry(Math.max(length, this.#limits.carry_bytes));
  }

  prepare(): void {
    this.#segments.prepare(this.#current);
  }

  committed(had = Number.POSITIVE_INFINITY): void {
    this.#had = had;
    this.#commits += 1;
    if (this.#owed === 0) return;
    this.#owed = 0;
    if (this.tail.empty && this.#dirty.length === 0) this.#rotateIfDue();
  }

  get astray(): boolean {
    return this.#segments.isAstray;
  }

  settle(mark: number | undefined): readonly Accepted[] {
    const [segments, reader, sessions, current] = [this.#segments, this.#reader, this.#sessions, this.#current];
    const parts = { segments, reader, sessions, current, log: this.log, dirty: (one: FileSession) => this.dirty(one) };
    return takeBack(parts, this.#dependents.splice(0), mark);
  }

  endAhead(): void {
    for (const session of this.#sessions) session.sendAhead(0);
    this.#renewals.hurry();
  }

  async close(): Promise<void> {
    if (this.#health.state === 'closed') return;
    this.#health.tryNow();
    try {
      this.endAhead();
      // What no turn could write holds only if the venue has written its part, and that may have been too late for it.
      this.flush(this.#owed);
      if (this.later !== undefined) await this.later.drained();
    } finally {
      this.#health.close();
      this.#options.mirror?.end();
      this.#segments.close();
      this.#unlock();
    }
  }

  // What sessions call (Ledger).

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

  reserving(session: FileSession): void {
    if (session.reserve.wanted) return;
    this.check();
    this.#renewals.add(session, this.#options.now);
  }

  gained(segment: number, bytes: number): void {
    this.#segments.gained(segment, bytes);
  }

  grown(bytes: number): void {
    this.#current.liveBytes += bytes;
  }

  noted(epochMs: number): void {
    noteMessage(this.#current, epochMs);
  }

  lost(segment: number, bytes: number, places?: number): void {
    this.#segments.lost(segment, bytes, places);
  }

  read(place: Place): StoredMessage {
    this.check();
    const current = this.#current;
    if (place.segment !== current.number || place.offset < current.size) return this.#reader.fromSegment(place);
    return this.#reader.message(this.tail.buf, place.offset - current.size, place);
  }

  now(): number {
    return this.#options.now();
  }

  check(): void {
    if (this.#health.state === 'closed') throw new JournalError('closed', 'the journal is closed');
  }

  #add(index: number, key: string, createdAt: number): FileSession {
    const terms = { retention: this.#limits.resend_retention, retention_s: 0, ids: 0, ids_s: 0, about: '' };
    const made = new FileSession(this, key, index, createdAt, terms);
    this.#sessions[index] = made;
    this.#byKey.add(made);
    return made;
  }

  /** @returns number of the last segment that exists or existed; 0: none */
  #recover(): number {
    const { now, keys } = this.#options;
    const from = now();
    const { last, dependents } = recover({
      segments: this.#segments,
      log: this.log,
      keys,
      sessions: this.#sessions,
      session: (index, key) => this.#add(index, key, 0),
      now: from,
      whole: this.#options.whole ?? false,
      up: this.#options.up ?? false,
    });
    this.#dependents = dependents;
    this.#byKey.settle();
    const { all, bytes } = this.#segments;
    this.log.info({ sessions: this.#byKey.size, segments: all.size, bytes, ms: now() - from }, 'journal read');
    return last;
  }

  /** Begins a segment with a snapshot of all sessions. The tail must be empty. @throws errors of the file system */
  #begin(number: number): Segment {
    const { tail } = this;
    try {
      for (let i = 0; i < this.#sessions.length; i++) this.#sessions[i]!.writeState();
      return this.#segments.create(number, this.now(), tail);
    } finally {
      tail.clear();
    }
  }

  /**
   * Begins the next segment if it is time. Only after a flush, when memory and disk agree and nothing in the segment waits for
   * the venue: so {@link settle} finds what it has to take back in a process's last segment. A failure is tried again later.
   */
  #rotateIfDue(): void {
    if (this.#current.size < this.#rotateAt || this.#isUnsure || this.#dependents.length > 0) return;
    const { segment_bytes, total_bytes } = this.#limits;
    const before = this.#current;
    try {
      this.#options.mirror?.ended?.(before);
      this.#commits = 0;
      this.#current = this.#begin(before.number + 1);
      this.#rotateAt = Math.max(segment_bytes, this.#current.size * 2);
      this.#completed(before);
      this.#carrier.begin(this.#current);
      this.#segments.sweep(this.#current, this.#had, total_bytes);
    } catch (error) {
      this.tail.clear();
      this.#rotateAt = this.#current.size + segment_bytes * ROTATE_RETRY;
      this.log.warn({ error }, 'a new segment of the journal could not be made complete: tried again later');
    }
  }

  /** Nothing more is written to this segment. */
  #completed({ archives, number, salt, begunAt, path, size, messages, firstAt, lastAt }: Segment): void {
    if (archives) this.#options.completed?.({ number, salt, begunAt, path, size, messages, firstAt, lastAt });
  }

  /**
   * Whether what {@link settle} might take back would span segments. If flushes are durable later, there is always one that the
   * venue has yet to follow. It may be in the last two segments then; after two flushes of the venue none is in the older one.
   */
  get #isUnsure(): boolean {
    return this.later === undefined || this.#options.commit === 'reserve' ? this.#owed > 0 : this.#commits < 2;
  }

  /** Copies old messages forward. After a flush, with an empty tail. A failure does no harm. */
  #carry(bytes: number): void {
    try {
      this.#carrier.step(this.#current, bytes);
    } catch (error) {
      this.tail.clear();
      this.log.warn({ error }, 'what is left of old segments of the journal stays there until the next one is begun');
    }
  }
}
