/**
 * A copy of the journal's segments in a store far away, which says what may leave the edge. What turns write goes into a
 * batch; while one batch is on its way the next one fills. One at a time, so that what the store has is always a beginning
 * of the log, and the venue is never more than one flush behind it (docs/adr/0026-a-journal-in-the-store.md).
 */

import {
  APPEND_BYTES,
  APPEND_PIECES,
  type JournalStore,
  PIECE_BYTES,
  type Piece,
} from '../../core/sessions/journal-store.ts';
import type { EdgeIdentity } from '../../core/sessions/model.ts';
import type { Timer } from '../../core/time.ts';
import type { Home } from './block.ts';
import { BLOCK_BYTES } from './format.ts';
import { type Attendant, JournalError, type JournalLog, type LaterJournal } from './journal.ts';
import {
  SHIP_BYTES,
  SHIP_INITIAL_BYTES,
  SHIP_KEPT_BYTES,
  SHIP_LOOK_MS,
  SHIP_RETRY_MAX_MS,
  SHIP_RETRY_MS,
  STUCK_BYTES,
  STUCK_MS,
} from './limits.ts';
import { packed, rawPack } from './pack.ts';
import type { Mirror } from './segments.ts';
import type { Tail } from './tail.ts';

export interface ShippingParts {
  readonly store: JournalStore;
  /** Who writes: the incarnation may change. */
  readonly edge: () => EdgeIdentity;
  /** Names this process; see {@link JournalStore.claim}. */
  readonly writer: string;
  readonly log: JournalLog;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  readonly after: (ms: number, work: () => void) => Timer;
  readonly every: (ms: number, work: () => void) => Timer;
  /** After what is under way in this turn of the event loop. */
  readonly soon: (work: () => void) => void;
  /** Somebody else has claimed the log: what is in memory is not what is there, and this process has to end. */
  readonly onLost: (error: JournalError) => void;
}

/** Bytes that follow each other in a segment. */
interface Run {
  readonly home: Home;
  readonly offset: number;
  /** In the batch's buffer. */
  readonly from: number;
  to: number;
  /** Where flushes end; none: it is the header. */
  readonly ends: number[];
}

class Batch {
  number = 0;
  readonly runs: Run[] = [];
  used = 0;
  #buf = Buffer.allocUnsafeSlow(SHIP_INITIAL_BYTES);

  begin(home: Home, header: Buffer): void {
    const from = this.#room(header.length);
    header.copy(this.#buf, from);
    this.runs.push({ home, offset: 0, from, to: this.used, ends: [] });
  }

  /** Records in plain, each block behind its 48 bytes as they are stored. */
  add(home: Home, offset: number, sealed: Buffer, tail: Tail): void {
    const from = this.#room(tail.length);
    tail.buf.copy(this.#buf, from, 0, tail.length);
    for (let i = 0; i < tail.blocks; i++) {
      const at = tail.start(i);
      sealed.copy(this.#buf, from + at, at, at + BLOCK_BYTES);
    }
    const last = this.runs.at(-1);
    if (last?.home === home && last.ends.length > 0 && last.offset + last.to - last.from === offset) {
      last.to = this.used;
      last.ends.push(this.used);
    } else this.runs.push({ home, offset, from, to: this.used, ends: [this.used] });
  }

  /** What {@link add} had been given before, by another process. @param ends where flushes end in `plain` */
  put(home: Home, offset: number, plain: Buffer, ends: readonly number[]): void {
    const from = this.#room(plain.length);
    plain.copy(this.#buf, from);
    this.runs.push({ home, offset, from, to: this.used, ends: ends.map((end) => from + end) });
  }

  /** @returns where there is room */
  #room(length: number): number {
    const from = this.used;
    this.used += length;
    if (this.used > this.#buf.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.used, this.#buf.length * 2));
      this.#buf.copy(larger, 0, 0, from);
      this.#buf = larger;
    }
    return from;
  }

  /** Pieces as they are appended: each group is one transaction. */
  *appends(): Generator<readonly Piece[]> {
    let group: Piece[] = [];
    let bytes = 0;
    for (const run of this.runs) {
      for (const piece of this.#pieces(run)) {
        if (group.length === APPEND_PIECES || bytes + piece.bytes.length > APPEND_BYTES) {
          yield group;
          group = [];
          bytes = 0;
        }
        group.push(piece);
        bytes += piece.bytes.length;
      }
    }
    if (group.length > 0) yield group;
  }

  /** Each has whole flushes, or a part of one: what is cut off after a crash, a flush that is not whole, begins with a piece. */
  *#pieces({ home, offset, from, to, ends }: Run): Generator<Piece> {
    const segment = home.number;
    if (ends.length === 0) {
      yield { segment, offset, length: to - from, bytes: rawPack(this.#buf.subarray(from, to)) };
      return;
    }
    let i = 0;
    for (let at = from; at < to; ) {
      let end = at;
      for (; i < ends.length && ends[i]! <= at + PIECE_BYTES; i++) end = ends[i]!;
      if (end === at) end = Math.min(at + PIECE_BYTES, ends[i]!);
      const start = offset + at - from;
      yield { segment, offset: start, length: end - at, bytes: packed(home, start, this.#buf.subarray(at, end)) };
      at = end;
    }
  }

  clear(): void {
    this.runs.length = 0;
    this.used = 0;
    if (this.#buf.length > SHIP_KEPT_BYTES) this.#buf = Buffer.allocUnsafeSlow(SHIP_INITIAL_BYTES);
  }
}

/** held: nothing is sent yet. resting: nothing is to be sent. due: a batch is about to be closed. sending. written: the store has it, the venue has yet to write. */
type State = 'held' | 'resting' | 'due' | 'sending' | 'written' | 'ended';

export class Shipping implements Mirror, LaterJournal {
  ticket = 0;
  released = 0;
  stuck = false;
  readonly #parts: ShippingParts;
  #attendant: Attendant = { closing() {}, written() {}, released() {}, revoked() {} };
  #state: State = 'held';
  #filling = new Batch();
  #sending = new Batch();
  /** When the batch that is sent was closed. */
  #since = 0;
  /** The store has refused or not answered the last try. */
  #failing = false;
  /** The incarnation that the log is known to be ours under. */
  #serves: number;
  /** Revocations of that incarnation that we have heard of. */
  #heard = 0;
  /** Segments that are not needed once this batch is there. */
  readonly #dead: { readonly segment: number; readonly ticket: number }[] = [];
  #removing = false;
  #waiters: (() => void)[] = [];
  readonly #look: Timer;

  constructor(parts: ShippingParts) {
    this.#parts = parts;
    this.#filling.number = 1;
    this.#serves = parts.edge().incarnation;
    this.#look = parts.every(SHIP_LOOK_MS, () => {
      this.#judge();
      if (this.#filling.used > 0) this.#sendSoon();
    });
  }

  /** What has been written until now is sent, and all that follows. */
  begin(): void {
    this.#state = 'resting';
    if (this.#filling.used > 0) this.#sendSoon();
  }

  attend(attendant: Attendant): void {
    this.#attendant = attendant;
  }

  /** Bytes that the store has not answered. */
  get waiting(): number {
    return this.#filling.used + this.#sending.used;
  }

  room(bytes: number): void {
    if (this.waiting + bytes > SHIP_BYTES) throw new Error(`${this.waiting} bytes wait for the store, and no more may`);
  }

  begun(segment: Home, header: Buffer): void {
    this.#filling.begin(segment, header);
  }

  written(segment: Home, offset: number, sealed: Buffer, tail: Tail): void {
    this.#filling.add(segment, offset, sealed, tail);
    this.ticket = this.#filling.number;
    this.#sendSoon();
  }

  /** Bytes that an earlier process had written and not sent; before all others. See {@link Batch.put}. */
  restored(home: Home, offset: number, plain: Buffer, ends: readonly number[]): void {
    this.#filling.put(home, offset, plain, ends);
  }

  deleted(segment: number): void {
    this.#dead.push({ segment, ticket: this.#filling.number });
  }

  retry(): void {
    if (this.#state === 'written') this.#release();
  }

  drained(): Promise<void> {
    if (this.#idle) return Promise.resolve();
    this.#sendSoon();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Nothing is sent any more; what waits is gone, and nobody has heard of it. */
  end(): void {
    this.#look.cancel();
    const { waiting } = this;
    if (waiting > 0) this.#parts.log.warn({ bytes: waiting }, 'the end of the journal did not get to the store');
    this.#state = 'ended';
  }

  get #idle(): boolean {
    return this.#state === 'ended' || (this.waiting === 0 && this.#state === 'resting');
  }

  #sendSoon(): void {
    if (this.#state !== 'resting') return;
    this.#state = 'due';
    this.#parts.soon(() => this.#close());
  }

  /** Closes the batch that fills, and sends it. */
  #close(): void {
    if (this.#state !== 'due') return;
    try {
      this.#attendant.closing();
    } catch (error) {
      // The disk refuses, which its turns say: what it has is sent when the venue, too, can close what happened with it.
      this.#state = 'resting';
      this.#parts.log.warn({ error }, 'nothing is sent to the store while the disk refuses');
      return;
    }
    const batch = this.#filling;
    if (batch.used === 0) {
      this.#state = 'resting';
      this.#wake();
      return;
    }
    this.#filling = this.#sending;
    this.#filling.number = batch.number + 1;
    this.#sending = batch;
    const { monotonic, log } = this.#parts;
    this.#since = monotonic();
    this.#state = 'sending';
    this.#send(batch).then(
      () => {
        if (this.#state !== 'sending') return;
        this.#state = 'written';
        this.#failing = false;
        batch.clear();
        try {
          this.#release();
        } catch (error) {
          log.error({ error }, 'the venue cannot write: it is asked again');
        }
      },
      (error: unknown) => {
        this.#state = 'ended';
        this.stuck = true;
        this.#parts.onLost(error as JournalError);
      },
    );
  }

  /** Resolves when the store has the whole batch. Rejects with JournalError `in_use`. */
  async #send(batch: Batch): Promise<void> {
    for (const pieces of batch.appends()) {
      let delay = SHIP_RETRY_MS;
      while (this.#state === 'sending' && !(await this.#try(pieces))) {
        await new Promise<void>((resolve) => void this.#parts.after(delay, resolve));
        delay = Math.min(delay * 2, SHIP_RETRY_MAX_MS);
      }
    }
  }

  /** Whether the store has them now. Rejects with JournalError `in_use`. */
  async #try(pieces: readonly Piece[]): Promise<boolean> {
    const { store, writer } = this.#parts;
    try {
      const edge = this.#parts.edge();
      if (edge.incarnation === this.#serves) {
        const written = await store.append(edge, pieces, this.#heard);
        if (written === 'done') return true;
        if (written === 'revoked') {
          await this.#hear(edge);
          return false;
        }
      }
      // Its incarnation has ended. What is in memory is right only if nobody else has written since.
      const claimed = await store.reclaim(edge, writer);
      if (claimed === 'lost')
        throw new JournalError('in_use', `another process has the journal of edge ${edge.edge_id}`);
      if (claimed === 'done') {
        this.#serves = edge.incarnation;
        this.#heard = 0;
      } else this.#failed('the edge has been declared dead: its journal waits until it is registered again');
      return false;
    } catch (error) {
      if (error instanceof JournalError) throw error;
      this.#failed('the store does not take the journal: replies are withheld', error);
      return false;
    }
  }

  /** Sessions have been taken from this edge. Of what the batch has of them nothing is told to anybody, then it may go. */
  async #hear(edge: EdgeIdentity): Promise<void> {
    const { upTo, revocations } = await this.#parts.store.revoked(edge, this.#heard);
    this.#parts.log.warn({ sessions: revocations.length }, 'other edges have taken sessions that this one had');
    this.#attendant.revoked(revocations);
    this.#heard = upTo;
  }

  #failed(what: string, error?: unknown): void {
    if (!this.#failing) this.#parts.log.error({ error, waiting: this.waiting }, what);
    this.#failing = true;
    this.#judge();
  }

  /** The store has the batch: the venue writes, and bytes leave. When it cannot, it is asked again at each turn. */
  #release(): void {
    this.#attendant.written();
    this.released = this.#filling.number - 1;
    this.#state = 'resting';
    this.#judge();
    if (this.#filling.used > 0) this.#sendSoon();
    this.#attendant.released();
    this.#removeDead();
    this.#wake();
  }

  #wake(): void {
    if (this.#idle) for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** Whether so much waits, or for so long, that orders are to be refused. */
  #judge(): void {
    if (this.#state === 'ended') return;
    const late = this.#state === 'sending' && this.#parts.monotonic() - this.#since > STUCK_MS;
    const stuck = late || this.waiting > (this.stuck ? STUCK_BYTES / 2 : STUCK_BYTES);
    if (stuck === this.stuck) return;
    this.stuck = stuck;
    const { log } = this.#parts;
    if (stuck) log.error({ waiting: this.waiting }, 'the journal does not get to the store: orders are refused');
    else log.info({}, 'the journal gets to the store again');
  }

  /** One after the other; what fails is found dead once more at the next start. */
  #removeDead(): void {
    const [first] = this.#dead;
    if (this.#removing || first === undefined || first.ticket > this.released) return;
    this.#dead.shift();
    this.#removing = true;
    const { store, edge, log } = this.#parts;
    const { segment } = first;
    store
      .remove(edge(), segment)
      .catch((error: unknown) => log.warn({ error, segment }, 'a segment of the journal stays in the store'))
      .finally(() => {
        this.#removing = false;
        this.#removeDead();
      });
  }
}
