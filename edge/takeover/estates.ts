/** Journals of edges that are dead, each read once for all of its sessions that come here. */

import type { Timers } from '../../core/time.ts';
import type { Estate } from '../journal/estate.ts';
import { ESTATE_MS } from '../limits.ts';
import type { Logger } from '../log.ts';

/** Reads it; undefined: the store has none of it. */
export type OpenEstate = (edgeId: string, incarnation: number) => Promise<Estate | undefined>;

interface Kept {
  readonly estate: Promise<Estate | undefined>;
  users: number;
}

export class Estates {
  readonly #open: OpenEstate;
  readonly #timers: Timers;
  readonly #log: Logger;
  readonly #kept = new Map<string, Kept>();

  constructor(open: OpenEstate, timers: Timers, log: Logger) {
    this.#open = open;
    this.#timers = timers;
    this.#log = log;
  }

  /** Rejects as openEstate does; it is opened anew then by who asks next. */
  async use<T>(edgeId: string, incarnation: number, work: (estate: Estate | undefined) => T): Promise<T> {
    const name = `${edgeId}.${incarnation}`;
    const kept = this.#kept.get(name) ?? this.#add(name, edgeId, incarnation);
    kept.users += 1;
    try {
      return work(await kept.estate);
    } finally {
      this.#timers.after(ESTATE_MS, () => this.#left(name, kept));
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((name) => this.#close(name)));
  }

  #add(name: string, edgeId: string, incarnation: number): Kept {
    const kept: Kept = { estate: this.#open(edgeId, incarnation), users: 0 };
    this.#kept.set(name, kept);
    kept.estate.catch(() => {
      if (this.#kept.get(name) === kept) this.#kept.delete(name);
    });
    return kept;
  }

  #left(name: string, kept: Kept): void {
    kept.users -= 1;
    if (kept.users === 0 && this.#kept.get(name) === kept) void this.#close(name);
  }

  async #close(name: string): Promise<void> {
    const kept = this.#kept.get(name);
    this.#kept.delete(name);
    try {
      await (await kept?.estate)?.close();
    } catch (error) {
      this.#log.warn({ error, edge: name }, 'the journal of another edge could not be put away');
    }
  }
}
