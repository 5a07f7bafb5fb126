/**
 * Sees to it that what the journal has written gets onto the disk, for sessions that send ahead of that: one sync at a time,
 * beside the turns of work, of all that was written before it began.
 */

import type { Timer } from '../../core/time.ts';
import { SYSTEM_SYNCS, type Syncs } from '../syncs.ts';
import type { Attendant, JournalLog, LaterJournal } from './journal.ts';
import { STUCK_MS, SYNC_PAUSE_MS } from './limits.ts';
import type { Mirror, Segment } from './segments.ts';

export interface SyncingParts {
  readonly directory: string;
  readonly log: JournalLog;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  readonly after: (ms: number, work: () => void) => Timer;
  /** The default is the system's. */
  readonly syncs?: Syncs | undefined;
}

/** resting: all is on disk. due: a sync is about to begin. syncing. ended. */
type State = 'resting' | 'due' | 'syncing' | 'ended';

export class Syncing implements Mirror, LaterJournal {
  ticket = 0;
  released = 0;
  waiting = 0;
  readonly #parts: SyncingParts;
  readonly #syncs: Syncs;
  #attendant: Attendant = { closing() {}, written() {}, released() {}, revoked() {} };
  #state: State = 'resting';
  /** A sync has failed: what it was for may be on no disk, and another that succeeds does not say otherwise. */
  #broken = false;
  /** Written to since the last sync began. */
  readonly #written = new Map<number, Segment>();
  /** Deleted since the last sync began: their descriptors are closed, and nothing of them is needed. */
  readonly #gone = new Set<number>();
  #named = false;
  #since = 0;
  #timer: Timer | undefined;
  #waiters: (() => void)[] = [];

  constructor(parts: SyncingParts) {
    this.#parts = parts;
    this.#syncs = parts.syncs ?? SYSTEM_SYNCS;
  }

  get stuck(): boolean {
    return this.#broken || (this.#state === 'syncing' && this.#parts.monotonic() - this.#since > STUCK_MS);
  }

  attend(attendant: Attendant): void {
    this.#attendant = attendant;
  }

  room(): void {}

  /** So that a machine that dies leaves no segment cut off but the last: once in 64 MiB the work waits for the disk. */
  ended({ fd }: Segment): void {
    this.#syncs.dataNow(fd);
  }

  begun(): void {
    this.#named = true;
  }

  written(segment: Segment, offset: number): void {
    this.#written.set(segment.number, segment);
    this.waiting += Math.max(0, segment.size - offset);
    // The one under way has begun before this.
    this.ticket = this.#state === 'syncing' ? this.released + 2 : this.released + 1;
    if (this.#state === 'resting') this.#syncSoon();
  }

  deleted(segment: number): void {
    this.#written.delete(segment);
    this.#gone.add(segment);
  }

  retry(): void {}

  drained(): Promise<void> {
    if (this.#state === 'resting' || this.#state === 'ended' || this.#broken) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#timer?.cancel();
      this.#sync();
    });
  }

  /** The disk is this edge's own, whoever it is. */
  forsake(): void {}

  end(): void {
    this.#timer?.cancel();
    this.#state = 'ended';
    this.#wake();
  }

  /** At once where somebody waits for nothing else: no timer keeps a process that ends. */
  #syncSoon(): void {
    this.#state = 'due';
    if (this.#waiters.length > 0) this.#sync();
    else this.#timer = this.#parts.after(SYNC_PAUSE_MS, () => this.#sync());
  }

  #sync(): void {
    if (this.#state !== 'due') return;
    const segments = [...this.#written.values()];
    const { waiting } = this;
    let left = segments.length + (this.#named ? 1 : 0);
    let failed: Error | undefined;
    const done = (error: Error | null): void => {
      failed ??= error ?? undefined;
      left -= 1;
      if (left === 0) this.#synced(waiting, failed);
    };
    this.#state = 'syncing';
    this.#since = this.#parts.monotonic();
    this.#attendant.closing();
    this.#written.clear();
    this.#gone.clear();
    if (this.#named) this.#syncs.names(this.#parts.directory, done);
    this.#named = false;
    for (const { fd, number } of segments) this.#syncs.data(fd, (error) => done(this.#gone.has(number) ? null : error));
  }

  #synced(bytes: number, error: Error | undefined): void {
    if (this.#state !== 'syncing') return;
    if (error !== undefined) {
      this.#broken = true;
      this.#parts.log.error({ error }, 'the disk does not keep what it is given: orders are refused until a new start');
      this.#wake();
      return;
    }
    this.released += 1;
    this.waiting -= bytes;
    this.#state = 'resting';
    if (this.ticket > this.released) this.#syncSoon();
    this.#attendant.written();
    this.#attendant.released();
    if (this.#state === 'resting') this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
