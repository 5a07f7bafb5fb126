/**
 * Copies the journal's segments to a remote store, and so decides what may leave the edge. What turns write goes into a batch;
 * while one batch is on its way the next one fills. There is one at a time, so that the store always has a prefix of the
 * journal, and the venue is never more than one flush behind (docs/adr/0026-a-journal-in-the-store.md).
 */

import { afterRunning, type RunningTime } from '../../core/running-time.ts';
import type { JournalStore, Piece } from '../../core/sessions/journal-store.ts';
import type { EdgeIdentity } from '../../core/sessions/model.ts';
import type { Timer } from '../../core/time.ts';
import { Batch } from './batch.ts';
import type { Home } from './block.ts';
import { type Attendant, JournalError, type JournalLog, type LaterJournal } from './journal.ts';
import { SHIP_BYTES, SHIP_LOOK_MS, SHIP_RETRY_MAX_MS, SHIP_RETRY_MS, STUCK_BYTES, STUCK_MS } from './limits.ts';
import type { Mirror } from './segments.ts';
import type { Tail } from './tail.ts';

export interface ShippingParts {
  readonly store: JournalStore;
  /** The edge that writes; its incarnation may change. */
  readonly edge: () => EdgeIdentity;
  /** Random name of this process; see {@link JournalStore.claim}. */
  readonly writer: string;
  readonly log: JournalLog;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  readonly after: (ms: number, work: () => void) => Timer;
  readonly every: (ms: number, work: () => void) => Timer;
  /** Runs something after the present turn of the event loop. */
  readonly soon: (work: () => void) => void;
  /** Another process has claimed the journal: memory and store differ, so this process has to end. */
  readonly onLost: (error: JournalError) => void;
}

/** held: nothing is sent yet. resting: nothing is to be sent. due: a batch is about to be closed. sending: one is on its way. written: the store has it, the venue has yet to write. */
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
  /** When the batch that fills is to be sent, monotonic ms; 0: at once. */
  #sendBy = Number.POSITIVE_INFINITY;
  readonly #time: RunningTime;
  /** Goes off when the batch that is sent has been on its way for too long. */
  #overdue: Timer | undefined;
  /** It has gone off. */
  #late = false;
  /** The last try failed or was not answered. */
  #failing = false;
  /** The incarnation under which this process is known to have the journal. */
  #serves: number;
  /** How many revocations of that incarnation are known here. */
  #heard = 0;
  /** Segments that are not needed once the store has this batch. */
  readonly #dead: { readonly segment: number; readonly ticket: number }[] = [];
  /** What to do once the store has a batch, in order. */
  readonly #onceThere: { readonly ticket: number; readonly work: () => void }[] = [];
  #removing = false;
  #waiters: (() => void)[] = [];
  readonly #look: Timer;

  constructor(parts: ShippingParts) {
    this.#parts = parts;
    const { monotonic, after } = parts;
    this.#time = { clock: { monotonic }, timers: { after } };
    this.#filling.number = 1;
    this.#serves = parts.edge().incarnation;
    this.#look = parts.every(SHIP_LOOK_MS, () => {
      this.#judge();
      this.#sendWhenDue();
    });
  }

  /** Starts sending: what has been written until now, and all that follows. */
  begin(): void {
    this.#state = 'resting';
    if (this.#filling.used > 0) this.#sendSoon();
  }

  attend(attendant: Attendant): void {
    this.#attendant = attendant;
  }

  /** Bytes that the store has not confirmed. */
  get waiting(): number {
    return this.#filling.used + this.#sending.used;
  }

  room(bytes: number): void {
    if (this.waiting + bytes > SHIP_BYTES) throw new Error(`${this.waiting} bytes wait for the store, and no more may`);
  }

  begun(segment: Home, header: Buffer): void {
    this.#filling.begin(segment, header);
  }

  written(segment: Home, offset: number, sealed: Buffer, tail: Tail, leisureMs = 0): void {
    this.#filling.add(segment, offset, sealed, tail);
    this.ticket = this.#filling.number;
    this.#sendBy = leisureMs === 0 ? 0 : Math.min(this.#sendBy, this.#parts.monotonic() + leisureMs);
    this.#sendWhenDue();
  }

  /** Adds bytes that an earlier process wrote but did not send; before all others. See {@link Batch.put}. */
  restored(home: Home, offset: number, plain: Buffer, ends: readonly number[]): void {
    this.#filling.put(home, offset, plain, ends);
  }

  /** Does something once the store has everything that has been written so far. */
  onceThere(work: () => void): void {
    this.#onceThere.push({ ticket: this.ticket, work });
  }

  deleted(segment: number): void {
    this.#dead.push({ segment, ticket: this.#filling.number });
  }

  hurry(): void {
    if (this.#filling.used === 0) return;
    this.#sendBy = 0;
    this.#sendWhenDue();
  }

  retry(): void {
    if (this.#state === 'written') this.#release();
  }

  drained(): Promise<void> {
    if (this.#idle) return Promise.resolve();
    this.#sendSoon();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Sends nothing any more. What waits is dropped; nobody was told of it. */
  end(): void {
    this.#look.cancel();
    this.#overdue?.cancel();
    if (this.#state === 'ended') return;
    const { waiting } = this;
    if (waiting > 0) this.#parts.log.warn({ bytes: waiting }, 'the end of the journal did not get to the store');
    this.#state = 'ended';
    this.#wake();
  }

  forsake(): void {
    this.end();
  }

  get #idle(): boolean {
    return this.#state === 'ended' || (this.waiting === 0 && this.#state === 'resting');
  }

  /** Delays what nobody waits for, so that it shares a commit with more. */
  #sendWhenDue(): void {
    if (this.#filling.used === 0) return;
    if (this.#sendBy === 0 || this.#waiters.length > 0 || this.#parts.monotonic() >= this.#sendBy) this.#sendSoon();
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
      // The disk refuses, which the turns report. The batch is closed when the venue can mark what belongs to it.
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
    this.#sendBy = Number.POSITIVE_INFINITY;
    const { log } = this.#parts;
    this.#state = 'sending';
    this.#overdue = afterRunning(this.#time, STUCK_MS, () => {
      this.#late = true;
      this.#judge();
    });
    this.#send(batch).then(
      () => {
        if (this.#state !== 'sending') return;
        this.#state = 'written';
        this.#overdue?.cancel();
        this.#late = false;
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
        let written = await store.append(edge, pieces, this.#heard);
        for (; written === 'revoked'; written = await store.append(edge, pieces, this.#heard)) await this.#hear(edge);
        if (written === 'done') return true;
      }
      // The incarnation was fenced. Memory is right only if no other process has written since.
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

  /** Sessions have been taken from this edge. First nothing of them may leave any more, then the batch may be sent. */
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

  /** The store has the batch: the venue writes, and output leaves. If the venue cannot write, each turn tries again. */
  #release(): void {
    this.#attendant.written();
    this.released = this.#filling.number - 1;
    this.#state = 'resting';
    this.#judge();
    this.#sendWhenDue();
    this.#attendant.released();
    this.#doOnceThere();
    this.#removeDead();
    this.#wake();
  }

  #doOnceThere(): void {
    const waiting = this.#onceThere;
    while (waiting[0] !== undefined && waiting[0].ticket <= this.released) waiting.shift()!.work();
  }

  #wake(): void {
    if (this.#idle) for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** Whether so much is waiting, or has waited so long, that orders have to be refused. */
  #judge(): void {
    if (this.#state === 'ended') return;
    const stuck = this.#late || this.waiting > (this.stuck ? STUCK_BYTES / 2 : STUCK_BYTES);
    if (stuck === this.stuck) return;
    this.stuck = stuck;
    const { log } = this.#parts;
    if (stuck) log.error({ waiting: this.waiting }, 'the journal does not get to the store: orders are refused');
    else log.info({}, 'the journal gets to the store again');
  }

  /** Removes segments one after the other. Those for which that fails are found again at the next start. */
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
