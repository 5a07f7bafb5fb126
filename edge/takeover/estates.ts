/**
 * Journals of other edges. One that is dead is read once for all of its sessions that come here. One that may live goes on:
 * it is read for those that have been taken from it by then, and again for those that are taken later.
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

/** Reads it, under a name that no other reading has; undefined: the store has none of it. */
export type OpenEstate = (edgeId: string, name: string) => Promise<Estate | undefined>;

interface Kept {
  readonly estate: Promise<Estate | undefined>;
  users: number;
}

/** `fenced`: it has been declared dead by now. `elsewhere`: its journal is not in the store. `unclaimed`: it is being started. */
export type Wrested = { readonly estate: Estate } | Exclude<Revoked, 'done'>;

/** One that waits to be taken from an edge. */
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
  /** By edge and incarnation: those whose turn comes when the reading under way is over. */
  readonly #wanted = new Map<string, Wanted[]>();
  #readings = 0;

  constructor(parts: EstatesParts) {
    this.#parts = parts;
  }

  /**
   * Takes a session from an edge that may live, and shows what its journal has of it: all that was told to anybody. Rejects
   * as openEstate does. What is shown is used within the call.
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

  /** Those that wait, together; then those that have come meanwhile. */
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
      // Who has been told has had its turn by then.
      await new Promise<void>((resolve) => void this.#parts.timers.after(0, resolve));
      await this.#putAway(name, Promise.resolve(estate));
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
  }

  /** Those of which nothing new gets into the journal, which is then read once for all of them; the others hear why not. */
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

  /** Rejects as openEstate does; it is opened anew then by who asks next. */
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
