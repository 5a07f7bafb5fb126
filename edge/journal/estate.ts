/** An estate: the journal of another edge, read out of the store to take over a session of it. */

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
  /** The edge whose journal it is. It must be dead or fenced from the session, so that nothing of the session is written any more. */
  readonly edgeId: string;
  /** Where the copy is while it is open. Made and removed. */
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

/** @returns undefined if the store has no such journal. Rejects with JournalError `damaged`, `no_key`, or StoreUnavailable. */
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
    // An edge that still lives may delete its oldest segments meanwhile.
    const left = new Set(await store.segments(edgeId));
    if (!segments.every((segment) => left.has(segment)))
      throw new StoreUnavailable('the journal was changed meanwhile');
    // The last flushes count even if the edge's venue did not get to write: nothing is taken back.
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
