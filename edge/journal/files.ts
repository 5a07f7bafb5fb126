/** The journal on the disk of its edge, as `file` and `file_sync` have it with each kind of commit. */
import { mkdirSync } from 'node:fs';
import type { Timer } from '../../core/time.ts';
import { markBoot, sameBoot } from '../boot.ts';
import type { Syncs } from '../syncs.ts';
import { openJournal } from './file.ts';
import type { Journal } from './journal.ts';
import { settleSegments } from './left.ts';
import type { FileJournalOptions } from './options.ts';
import { Syncing } from './syncing.ts';

export interface FilesOptions
  extends Omit<FileJournalOptions, 'sync' | 'ahead' | 'mirror' | 'whole' | 'up' | 'commit' | 'syncs'> {
  readonly commit: NonNullable<FileJournalOptions['commit']>;
  /** Whether what leaves is to survive the machine: `file_sync`. */
  readonly synced: boolean;
  /** Names the last start of the machine; undefined: it cannot be told. */
  readonly boot: string | undefined;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  readonly after: (ms: number, work: () => void) => Timer;
  /** The default is the system's. */
  readonly syncs?: Syncs | undefined;
}

/**
 * With `reserve` a sync follows what is written, and nothing but who reserves no numbers in file_sync waits for it.
 * @throws as {@link openJournal}
 */
export function openFiles({ synced, boot, monotonic, after, syncs, ...options }: FilesOptions): Journal {
  const { directory, log, commit } = options;
  const reserve = commit === 'reserve';
  const mirror = reserve ? new Syncing({ directory, log, monotonic, after, syncs }) : undefined;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const up = sameBoot(directory, boot);
  if (reserve) settleSegments(directory, syncs);
  const journal = openJournal({
    ...options,
    mirror,
    syncs,
    sync: !reserve && synced,
    ahead: !reserve || !synced,
    whole: up,
    up,
  });
  markBoot(directory, boot, syncs);
  return journal;
}
