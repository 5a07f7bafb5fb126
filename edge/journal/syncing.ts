/**
 * Syncs what the journal has written to the disk, for sessions whose messages leave before they are durable. One sync at a
 * time, in the background; each covers all that was written before it began.
 */

import { afterRunning, type RunningTime } from '../../core/running-time.ts';
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
  /** Default: the system's own calls. */
  readonly syncs?: Syncs | undefined;
}

/** resting: everything is on disk. due: a sync is about to begin. syncing: one is under way. ended: no more syncs. */
type State = 'resting' | 'due' | 'syncing' | 'ended';

export class Syncing implements Mirror, LaterJournal {
  ticket = 0;
  released = 0;
  waiting = 0;
  readonly #parts: SyncingParts;
  readonly #syncs: Syncs;
  #attendant: Attendant = { closing() {}, written() {}, released() {}, revoked() {} };
  #state: State = 'resting';
  /** A sync has failed. What it was for may be lost, and a later sync that succeeds does not prove the contrary. */
  #broken = false;
  /** Written to since the last sync began. */
  readonly #written = new Map<number, Segment>();
  /** Segments deleted since the last sync began: closed, and not needed. */
  readonly #gone = new Set<number>();
  #named = false;
  readonly #time: RunningTime;
  /** Goes off when the sync under way takes too long. */
  #overdue: Timer | undefined;
  /** It has gone off. */
  #late = false;
  #timer: Timer | undefined;
  #waiters: (() => void)[] = [];

  constructor(parts: SyncingParts) {
    this.#parts = parts;
    const { monotonic, after } = parts;
    this.#time = { clock: { monotonic }, timers: { after } };
    this.#syncs = parts.syncs ?? SYSTEM_SYNCS;
  }

  get stuck(): boolean {
    return this.#broken || this.#late;
  }

  attend(attendant: Attendant): void {
    this.#attendant = attendant;
  }

  room(): void {}

  /** Waits for the disk at the end of each segment (64 MiB), so that a machine that dies can cut off only the last one. */
  ended({ fd }: Segment): void {
    this.#syncs.dataNow(fd);
  }

  begun(): void {
    this.#named = true;
  }

  written(segment: Segment, offset: number): void {
    this.#written.set(segment.number, segment);
    this.waiting += Math.max(0, segment.size - offset);
    // The sync under way began before this was written.
    this.ticket = this.#state === 'syncing' ? this.released + 2 : this.released + 1;
    if (this.#state === 'resting') this.#syncSoon();
  }

  deleted(segment: number): void {
    this.#written.delete(segment);
    this.#gone.add(segment);
  }

  /** Nothing to do: no sync is put off for longer than {@link SYNC_PAUSE_MS}. */
  hurry(): void {}

  retry(): void {}

  drained(): Promise<void> {
    if (this.#state === 'resting' || this.#state === 'ended' || this.#broken) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#timer?.cancel();
      this.#sync();
    });
  }

  /** Nothing to do: a local disk can be written by any incarnation. */
  forsake(): void {}

  end(): void {
    this.#timer?.cancel();
    this.#overdue?.cancel();
    this.#late = false;
    this.#state = 'ended';
    this.#wake();
  }

  /** Syncs at once if someone waits for that: timers do not keep an ending process alive. */
  #syncSoon(): void {
    this.#state = 'due';
    if (this.#waiters.length > 0) this.#sync();
    else this.#timer = this.#parts.after(SYNC_PAUSE_MS, () => this.#sync());
  }

  #sync(): void {
    if (this.#state !== 'due') return;
    const segments = [...this.#written.values()];
    const { waiting } = this;
    const attendant = this.#attendant;
    let left = segments.length + (this.#named ? 1 : 0) + (attendant.sync === undefined ? 0 : 1);
    let failed: Error | undefined;
    const done = (error: Error | null): void => {
      failed ??= error ?? undefined;
      left -= 1;
      if (left === 0) this.#synced(waiting, failed);
    };
    this.#state = 'syncing';
    this.#overdue = afterRunning(this.#time, STUCK_MS, () => {
      this.#late = true;
    });
    attendant.closing();
    this.#written.clear();
    this.#gone.clear();
    attendant.sync?.(done);
    if (this.#named) this.#syncs.names(this.#parts.directory, done);
    this.#named = false;
    for (const { fd, number } of segments) this.#syncs.data(fd, (error) => done(this.#gone.has(number) ? null : error));
  }

  #synced(bytes: number, error: Error | undefined): void {
    if (this.#state !== 'syncing') return;
    this.#overdue?.cancel();
    this.#late = false;
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
