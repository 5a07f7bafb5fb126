/**
 * Estates: journals of other edges, read out of the store to take sessions over. The journal of a dead edge is read once, for
 * all of its sessions that come here. The journal of an edge that may still live can grow: it is read for the sessions that
 * have been taken from it by then, and again for those taken later.
 */

import {
  type JournalStore,
  REVOKED_TOGETHER,
  type Revocation,
  type Revoked,
} from '../../core/sessions/journal-store.ts';
import type { EdgeIdentity } from '../../core/sessions/model.ts';
import type { Clock, Timers } from '../../core/time.ts';
import type { Estate } from '../journal/estate.ts';
import { ESTATE_MS } from '../limits.ts';
import type { Logger } from '../log.ts';

/** Opens an edge's journal. `name` is unique to this reading. Undefined: the store has none. */
export type OpenEstate = (edgeId: string, name: string) => Promise<Estate | undefined>;

interface Kept {
  readonly estate: Promise<Estate | undefined>;
  users: number;
}

/** `fenced`: the edge has been declared dead meanwhile. `elsewhere`: its journal is not in the store. */
export type Wrested = { readonly estate: Estate } | Exclude<Revoked, 'done'>;

/** A session that waits to be taken from an edge. */
interface Wanted {
  readonly revocation: Revocation;
  readonly resolve: (wrested: Wrested) => void;
  readonly reject: (error: unknown) => void;
}

export interface EstatesParts {
  readonly open: OpenEstate;
  readonly store: Pick<JournalStore, 'revoke'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

export class Estates {
  readonly #parts: EstatesParts;
  readonly #kept = new Map<string, Kept>();
  /** By edge and incarnation: sessions to take once the reading under way is over. */
  readonly #wanted = new Map<string, Wanted[]>();
  #readings = 0;

  constructor(parts: EstatesParts) {
    this.#parts = parts;
  }

  /**
   * Takes a session from an edge that may still live. `use` gets the edge's journal, which has everything of the session that
   * anybody was told, and may use it only within the call. Rejects as openEstate does.
   */
  async wrest<T>(edge: EdgeIdentity, revocation: Revocation, work: (wrested: Wrested) => T): Promise<T> {
    const name = `${edge.edge_id}.${edge.incarnation}`;
    const { promise, resolve, reject } = Promise.withResolvers<Wrested>();
    const waiting = this.#wanted.get(name);
    if (waiting === undefined) {
      this.#wanted.set(name, [{ revocation, resolve, reject }]);
      void this.#wrestAll(edge, name);
    } else waiting.push({ revocation, resolve, reject });
    return work(await promise);
  }

  /** Takes the waiting sessions together, then those that have come meanwhile. */
  async #wrestAll(edge: EdgeIdentity, name: string): Promise<void> {
    for (;;) {
      const some = this.#wanted.get(name)?.splice(0) ?? [];
      if (some.length === 0) break;
      await this.#wrestSome(edge, name, some);
    }
    this.#wanted.delete(name);
  }

  async #wrestSome(edge: EdgeIdentity, name: string, some: readonly Wanted[]): Promise<void> {
    const { clock, log, open } = this.#parts;
    try {
      const since = clock.monotonic();
      const revoked = await this.#revoked(edge, some);
      if (revoked.length === 0) return;
      const tell = (wrested: Wrested): void => {
        for (const { resolve } of revoked) resolve(wrested);
      };
      this.#readings += 1;
      const estate = await open(edge.edge_id, `${name}-${this.#readings}`);
      if (estate === undefined) return tell('elsewhere');
      const ms = Math.round(clock.monotonic() - since);
      log.warn({ home: name, sessions: revoked.length, ms }, 'sessions are taken from an edge that does not answer');
      tell({ estate });
      // Those that were served have been removed by then.
      await new Promise<void>((resolve) => void this.#parts.timers.after(0, resolve));
      await this.#putAway(name, Promise.resolve(estate));
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
  }

  /** Revokes the sessions and returns those for which that worked: nothing new of them gets into the journal. The others are told why not. */
  async #revoked(edge: EdgeIdentity, some: readonly Wanted[]): Promise<readonly Wanted[]> {
    const { store, clock } = this.#parts;
    const done: Wanted[] = [];
    for (let at = 0; at < some.length; at += REVOKED_TOGETHER) {
      const part = some.slice(at, at + REVOKED_TOGETHER);
      const revocations = part.map(({ revocation }) => revocation);
      const revoked = await store.revoke(edge, revocations, clock.now());
      if (revoked === 'done') done.push(...part);
      else for (const { resolve } of part) resolve(revoked);
    }
    return done;
  }

  /** Rejects as openEstate does. The next caller tries again then. */
  async use<T>(edgeId: string, incarnation: number, work: (estate: Estate | undefined) => T): Promise<T> {
    const name = `${edgeId}.${incarnation}`;
    const kept = this.#kept.get(name) ?? this.#add(name, edgeId);
    kept.users += 1;
    try {
      return work(await kept.estate);
    } finally {
      this.#parts.timers.after(ESTATE_MS, () => this.#left(name, kept));
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((name) => this.#close(name)));
  }

  #add(name: string, edgeId: string): Kept {
    const kept: Kept = { estate: this.#parts.open(edgeId, name), users: 0 };
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
    await this.#putAway(name, kept?.estate);
  }

  async #putAway(name: string, estate: Promise<Estate | undefined> | undefined): Promise<void> {
    try {
      await (await estate)?.close();
    } catch (error) {
      this.#parts.log.warn({ error, home: name }, 'the journal of another edge could not be put away');
    }
  }
}
