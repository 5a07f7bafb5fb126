/** Opens the journal that the settings ask for. */

import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../adapters/node/clock.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { systemTimers } from '../adapters/node/timers.ts';
import type { SecretBox } from '../core/ports.ts';
import type { JournalStore } from '../core/sessions/journal-store.ts';
import { machineBoot, markBoot, sameBoot } from './boot.ts';
import { ConfigError, type EdgeConfig } from './config.ts';
import type { Archive } from './journal/archive.ts';
import { openEstate } from './journal/estate.ts';
import { openJournal } from './journal/file.ts';
import { openFiles } from './journal/files.ts';
import { segmentNumber } from './journal/format.ts';
import type { Journal, JournalError } from './journal/journal.ts';
import { openKeys, type SegmentKeys, wrappedKeys } from './journal/keys.ts';
import { Keystream } from './journal/keystream.ts';
import { openMemoryJournal } from './journal/memory.ts';
import { openPair } from './journal/pair.ts';
import { openStoreJournal } from './journal/store.ts';
import type { Logger } from './log.ts';
import type { EdgeParts } from './parts.ts';
import type { OpenEstate } from './takeover/estates.ts';

/** Folders below the data directory: for a journal on disk, and for the working copy of one in the store. */
const JOURNAL = 'journal';
const COPY = 'journal-copy';
/** File that marks a journal on disk as the one beside a journal in the store. */
const BESIDE = 'beside';
/** Folder for journals of other edges that are read to take sessions over. */
const ESTATES = 'estates';

const now = () => systemClock.now();

export interface JournalParts {
  readonly config: EdgeConfig;
  readonly box: SecretBox;
  readonly store: JournalStore;
  readonly archive: Archive;
  readonly log: Logger;
  /** Called when the process has to end: see {@link openStoreJournal}. */
  readonly onLost: (error: JournalError) => void;
}

/**
 * Opens the journal, or returns a function that opens it once the edge is registered. Rejects with JournalError. Rejects with
 * ConfigError if the other kind of journal has this edge's sessions: to start without them would use numbers twice.
 */
export async function journalOf(parts: JournalParts): Promise<EdgeParts['journal']> {
  const { config } = parts;
  // Left by a process that was killed.
  rmSync(join(config.data_dir, ESTATES), { recursive: true, force: true });
  if (config.journal === 'memory') return openMemoryJournal({ now });
  if (config.journal === 'store') return inStore(parts);
  const copy = join(config.data_dir, COPY);
  if (hasSegments(copy))
    throw new ConfigError(
      `FIXGATE_JOURNAL=${config.journal}: this edge's journal is in the store; ${copy} is its copy`,
    );
  const directory = join(config.data_dir, JOURNAL);
  return inFiles(parts, directory);
}

async function inFiles(parts: JournalParts, directory: string): Promise<EdgeParts['journal']> {
  const { config, log } = parts;
  return openFiles({
    ...common(parts),
    directory,
    log,
    keys: await keysOf(parts, directory),
    keystream: new Keystream(log),
    synced: config.journal === 'file_sync',
    boot: machineBoot(),
    monotonic: () => systemClock.monotonic(),
    after: systemTimers.after,
  });
}

/** The journal on local disk for sessions whose profile says so. */
async function beside(parts: JournalParts, directory: string): Promise<Journal> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, BESIDE), '', { mode: 0o600 });
  const keys = await keysOf(parts, directory);
  const boot = machineBoot();
  const up = sameBoot(directory, boot);
  const journal = openJournal({ ...common(parts), directory, log: parts.log, keys, whole: up, up });
  markBoot(directory, boot);
  return journal;
}

function inStore(parts: JournalParts): EdgeParts['journal'] {
  const { config, store, log, onLost } = parts;
  return async (edge) => {
    const own = join(config.data_dir, JOURNAL);
    if (config.journal_beside === 'none' && existsSync(join(own, BESIDE)))
      throw new ConfigError(
        `FIXGATE_JOURNAL_BESIDE: ${own} has sessions of this edge: it needs FIXGATE_JOURNAL_BESIDE=file`,
      );
    if (!existsSync(join(own, BESIDE)) && hasSegments(own) && (await store.segments(config.edge_id)).length === 0)
      throw new ConfigError(`FIXGATE_JOURNAL=store: this edge's journal is in ${own}, and the store has none of it`);
    const directory = join(config.data_dir, COPY);
    const main = await openStoreJournal({
      ...common(parts),
      directory,
      log,
      store,
      edge,
      onLost,
      boot: machineBoot(),
      writer: Buffer.from(systemRandom.bytes(16)).toString('hex'),
      openKeys: () => keysOf(parts, directory),
      monotonic: () => systemClock.monotonic(),
      after: systemTimers.after,
      every: systemTimers.every,
      soon: (work) => void setImmediate(work),
    });
    if (config.journal_beside === 'none') return main;
    try {
      return openPair({ main, beside: await beside(parts, own), log });
    } catch (error) {
      await main.close();
      throw error;
    }
  };
}

/** How journals of other edges are read out of the store, whatever kind of journal this edge has. */
export function openEstateBy({ config, box, store, log }: Omit<JournalParts, 'archive' | 'onLost'>): OpenEstate {
  return (edgeId, name) => {
    const directory = join(config.data_dir, ESTATES, name);
    const openKeys = () => keysOf({ config, box, log }, directory, edgeId);
    return openEstate({ store, edgeId, directory, openKeys, log, now });
  };
}

/** Options of every journal on disk. With the echo venue, which keeps nothing, received messages need not be kept for it. */
const common = ({ config, archive }: JournalParts) => ({
  now,
  encrypt: config.journal_encryption === 'on',
  archive: config.archive === 'on',
  archiveDirectory: archive.directory,
  completed: archive.complete,
  inbound: config.venue !== 'echo',
  commit: config.commit,
});

/** Keys of the segments in the directory, and one for the next. Rejects with JournalError `no_key`. */
function keysOf(
  { config, box, log }: Pick<JournalParts, 'config' | 'box' | 'log'>,
  directory: string,
  edgeId = config.edge_id,
): Promise<SegmentKeys> {
  const random = () => systemRandom.bytes(32);
  const after = (ms: number, work: () => void) => void systemTimers.after(ms, work);
  return openKeys({ box, edgeId, log, random, after }, wrappedKeys(directory), config.journal_encryption === 'on');
}

const hasSegments = (directory: string): boolean =>
  existsSync(directory) && readdirSync(directory).some((name) => segmentNumber(name) > 0);
