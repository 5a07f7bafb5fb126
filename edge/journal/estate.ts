/** What another edge has in the store: its journal, read by one that takes over a session of it. */

import { mkdirSync, rmSync } from 'node:fs';
import { StoreUnavailable } from '../../core/errors.ts';
import type { JournalStore } from '../../core/sessions/journal-store.ts';
import { openJournal } from './file.ts';
import type { JournalLog } from './journal.ts';
import type { SegmentKeys } from './keys.ts';
import type { After, SessionState } from './session-state.ts';
import { begin, fetched } from './store.ts';

export interface EstateOptions {
  readonly store: JournalStore;
  /** Whose it is. What matters of it has been written: the edge is dead, or fenced from the session. */
  readonly edgeId: string;
  /** For the time that it is open; made, and removed. */
  readonly directory: string;
  /** The keys of what is in the directory; undefined: nothing is encrypted. */
  readonly openKeys: (() => Promise<SegmentKeys>) | undefined;
  readonly log: JournalLog;
  /** Epoch ms. */
  readonly now: () => number;
}

export interface Estate {
  /** As {@link Journal.export}. */
  export(key: string, after?: After): SessionState | undefined;
  close(): Promise<void>;
}

/** @returns undefined when the store has none of it. Rejects with JournalError `damaged`, `no_key`, or StoreUnavailable. */
export async function openEstate(options: EstateOptions): Promise<Estate | undefined> {
  const { store, edgeId, directory, openKeys, log } = options;
  const segments = await store.segments(edgeId);
  if (segments.length === 0) return undefined;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const close = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    const source = { store, edge: () => ({ edge_id: edgeId }), directory };
    for (const segment of segments) await begin(source, segment);
    const keys = await openKeys?.();
    for (const segment of segments) await fetched(source, segment, keys);
    // One that lives does away with the oldest as it goes on.
    const left = new Set(await store.segments(edgeId));
    if (!segments.every((segment) => left.has(segment)))
      throw new StoreUnavailable('the journal was changed meanwhile');
    // What it made last counts, whether or not its venue came to write: nobody takes anything back.
    const journal = openJournal({ directory, now: options.now, log, keys, inbound: true });
    return {
      export: (key, after) => journal.export(key, after),
      async close() {
        await journal.close();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}
