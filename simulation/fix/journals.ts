/** The journal of an edge, as its seed has it: files on its disk, or pieces in the store. */
import { join } from 'node:path';
import type { JournalStore } from '../../core/sessions/journal-store.ts';
import { type Estate, openEstate } from '../../edge/journal/estate.ts';
import { openFiles } from '../../edge/journal/files.ts';
import type { Journal } from '../../edge/journal/journal.ts';
import type { SessionState } from '../../edge/journal/session-state.ts';
import { Shipping } from '../../edge/journal/shipping.ts';
import { openStoreJournal } from '../../edge/journal/store.ts';
import type { Logger } from '../../edge/log.ts';
import type { EdgeParts } from '../../edge/parts.ts';
import type { Syncs } from '../../edge/syncs.ts';
import { over } from '../over.ts';
import type { FixPlan } from '../plan.ts';
import type { Process } from '../process.ts';
import type { Disk } from './disk.ts';

export interface JournalParts {
  readonly directory: string;
  readonly syncs: Syncs;
  readonly commit: FixPlan['commit'];
  /** Names the last start of the machine. */
  readonly boot: string;
  readonly process: Process;
  readonly log: Logger;
  readonly store: JournalStore;
  /** Another process has it: this one ends. */
  readonly onLost: () => void;
  /** What the edge is given in the place of what is kept. */
  readonly opened: (kept: Journal) => Journal;
}

export function journalOf(kind: FixPlan['journal'], parts: JournalParts): EdgeParts['journal'] {
  const { directory, syncs, commit, boot, process, log, store, onLost, opened } = parts;
  const { clock } = process.machine;
  const common = { directory: join(directory, 'journal'), now: () => clock.now(), log, inbound: true, commit };
  const monotonic = () => clock.monotonic();
  const { after } = process.timers;
  if (kind !== 'store')
    return opened(openFiles({ ...common, synced: kind === 'file_sync', boot, monotonic, after, syncs }));
  const writer = Buffer.from(process.chance.bytes(16)).toString('hex');
  return async (edge) =>
    opened(
      await openStoreJournal({
        ...common,
        boot,
        salt: () => Buffer.from(process.chance.bytes(4)).readUInt32LE(),
        store,
        edge,
        writer,
        onLost,
        openKeys: undefined,
        monotonic,
        after,
        every: process.timers.every,
        soon: (work) => void process.reach(0, work),
      }),
    );
}

/** Reads the journals of edges that are dead, for one that inherits. @param open those that are open */
export function estatesOf(
  { directory, process, log, store }: JournalParts,
  open: Set<Estate>,
  spoiled: (state: SessionState | undefined) => SessionState | undefined,
): NonNullable<EdgeParts['openEstate']> {
  const now = () => process.machine.clock.now();
  return async (edgeId, incarnation) => {
    const at = join(directory, 'estates', `${edgeId}.${incarnation}`);
    const estate = await openEstate({ store, edgeId, directory: at, openKeys: undefined, log, now });
    if (estate === undefined) return undefined;
    open.add(estate);
    return over(estate, {
      export: (key, after) => spoiled(estate.export(key, after)),
      close() {
        open.delete(estate);
        return estate.close();
      },
    });
  };
}

/** A journal whose flushes are writes of this machine's disk. Its last one is within `close`. */
export function onDisk(journal: Journal, disk: Disk, written: (write: () => void) => void): Journal {
  return over(journal, {
    flush: (depends) => written(() => journal.flush(depends)),
    close: async () => {
      if (!disk.full) return journal.close();
      disk.abandon(() => letGo(journal));
      throw new Error('no space left on the disk');
    },
  });
}

/** Of a process that is gone: nothing is sent any more, and files are closed. */
export function letGo(journal: Journal): void {
  if (journal.later instanceof Shipping) journal.later.end();
  void journal.close().catch(() => {});
}
