/** Journals in a store of the test's own, with a store that fails as it is told, and time that passes when it is told. */

import { rmSync } from 'node:fs';
import { createJournalStore } from '../../../adapters/memory/journal-store.ts';
import { createWorld, type MemoryWorld } from '../../../adapters/memory/world.ts';
import { StoreUnavailable } from '../../../core/errors.ts';
import type { JournalStore, Piece } from '../../../core/sessions/journal-store.ts';
import { type EdgeIdentity, NO_FIGURES, QUESTIONS } from '../../../core/sessions/model.ts';
import type { Timer } from '../../../core/time.ts';
import type { Journal, JournalError } from '../../../edge/journal/journal.ts';
import type { SegmentKeys } from '../../../edge/journal/keys.ts';
import type { Commit, FileJournalOptions } from '../../../edge/journal/options.ts';
import { openStoreJournal } from '../../../edge/journal/store.ts';
import { type Line, logInto, NOW, newDirectory } from './support.ts';

/** What becomes of an append. `late`: it is refused, and happens after the next one that succeeds. */
export type Fault = 'none' | 'refused' | 'lost reply' | 'late';

export class FaultyStore {
  readonly world: MemoryWorld;
  readonly port: JournalStore;
  /** What becomes of the next appends; the last one stays. */
  faults: Fault[] = ['none'];
  /** Called before each append; a test may wait there, or take a copy of the store. */
  before: () => void | Promise<void> = () => {};
  appends = 0;
  readonly #inner: JournalStore;
  #late: (() => Promise<unknown>)[] = [];

  constructor(world = createWorld()) {
    this.world = world;
    this.#inner = createJournalStore(world);
    this.port = { ...this.#inner, append: (...args) => this.#append(...args) };
  }

  async #append(edge: EdgeIdentity, pieces: readonly Piece[], revoked?: number) {
    await this.before();
    this.appends += 1;
    const fault = this.faults.length > 1 ? this.faults.shift()! : this.faults[0]!;
    const copies = pieces.map((piece) => ({ ...piece, bytes: Uint8Array.from(piece.bytes) }));
    if (fault === 'late') this.#late.push(() => this.#inner.append(edge, copies, revoked));
    if (fault === 'refused' || fault === 'late') throw new StoreUnavailable('the test refuses');
    const written = await this.#inner.append(edge, copies, revoked);
    if (fault === 'lost reply') throw new StoreUnavailable('the test has lost the reply');
    for (const late of this.#late.splice(0)) await late();
    return written;
  }

  /** The edge begins anew, as a process does that has just been started. */
  register(edgeId = 'edge-1'): EdgeIdentity {
    const incarnation = (this.world.edges.get(edgeId)?.incarnation ?? 0) + 1;
    const row = { edge_id: edgeId, incarnation, state: 'alive', heartbeat: 0, version: '1', started_at: NOW } as const;
    this.world.edges.set(edgeId, { ...row, seen_at: NOW, figures: NO_FIGURES, questions: QUESTIONS });
    return { edge_id: edgeId, incarnation };
  }

  /** What is there now: what a machine that dies now leaves behind. */
  copy(): FaultyStore {
    return new FaultyStore(structuredClone(this.world));
  }
}

/** Turns of the event loop in which a batch is closed, sent and answered. */
const SETTLES_WITHIN = 5;

/** Timers that go off when they are told to. */
export class HandTimers {
  now = 0;
  #timers: { at: number; every: number; work: () => void }[] = [];

  readonly after = (ms: number, work: () => void): Timer => this.#add(ms, 0, work);
  readonly every = (ms: number, work: () => void): Timer => this.#add(ms, ms, work);

  #add(ms: number, every: number, work: () => void): Timer {
    const timer = { at: this.now + ms, every, work };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((one) => one !== timer);
      },
    };
  }

  /** So much time passes; promises settle as they do in a turn of the event loop. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      for (let i = 0; i < SETTLES_WITHIN; i++) await new Promise((resolve) => setImmediate(resolve));
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.now = Math.max(this.now, next.at);
      if (next.every > 0) next.at = this.now + next.every;
      else this.#timers = this.#timers.filter((one) => one !== next);
      next.work();
    }
    this.now = end;
  }
}

export interface RemoteOptions {
  readonly limits?: FileJournalOptions['limits'];
  readonly keys?: SegmentKeys;
  readonly lines?: Line[];
  readonly edge?: () => EdgeIdentity;
  readonly directory?: string;
  readonly timers?: HandTimers;
  readonly writer?: string;
  readonly inbound?: boolean;
  readonly commit?: Commit;
  readonly boot?: string;
  readonly now?: () => number;
  readonly more?: Partial<FileJournalOptions>;
  readonly onLost?: (error: JournalError) => void;
}

let writers = 0;
const opened: { readonly journal: Journal; readonly timers: HandTimers; readonly directory: string }[] = [];

/** Opens the journal of an edge that has just been registered, on a machine that has nothing of it. */
export async function openRemote(store: FaultyStore, options: RemoteOptions = {}): Promise<Journal> {
  const {
    lines = [],
    limits = {},
    keys,
    timers = new HandTimers(),
    inbound = options.more?.inbound ?? false,
    onLost,
  } = options;
  const { commit = 'before-send', boot } = options;
  const self = options.edge ?? (() => identity);
  const identity = options.edge?.() ?? store.register();
  const directory = options.directory ?? newDirectory();
  const opening = openStoreJournal({
    ...options.more,
    directory,
    limits,
    inbound,
    commit,
    boot,
    log: logInto(lines),
    now: options.now ?? (() => NOW),
    store: store.port,
    edge: self,
    writer: options.writer ?? `writer-${writers++}`,
    openKeys: keys === undefined ? undefined : async () => keys,
    monotonic: () => timers.now,
    after: timers.after,
    every: timers.every,
    soon: (work) => void setImmediate(work),
    onLost:
      onLost ??
      ((error) => {
        throw error;
      }),
  });
  let done = false;
  const settled = opening.finally(() => {
    done = true;
  });
  settled.catch(() => {});
  while (!done) await timers.pass(10);
  const journal = await settled;
  opened.push({ journal, timers, directory });
  return journal;
}

/** Everything that was appended is in the store, and has been released. */
export async function shipped(journal: Journal, timers: HandTimers): Promise<void> {
  journal.flush();
  while (journal.later!.released < journal.later!.ticket) await timers.pass(10);
}

/** Leaves the journals of machines that have died: their stores answer no more, and nothing is closed. */
export function forgetRemote(): void {
  for (const { directory } of opened.splice(0)) rmSync(directory, { recursive: true, force: true });
}
