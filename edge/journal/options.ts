/** How the journal on local disk is opened. */

import type { Syncs } from '../syncs.ts';
import type { Complete } from './archive.ts';
import type { JournalLog, LaterJournal } from './journal.ts';
import type { SegmentKeys } from './keys.ts';
import type { Keystream } from './keystream.ts';
import type { JournalLimits } from './limits.ts';
import type { Mirror } from './segments.ts';

/** When messages leave: once they are durable, or out of a block of numbers that is. */
export type Commit = 'before-send' | 'reserve';

export interface FileJournalOptions {
  /** Made when it is not there; one process at a time. */
  readonly directory: string;
  /** Wall clock, epoch ms. */
  readonly now: () => number;
  readonly log: JournalLog;
  readonly limits?: Partial<JournalLimits>;
  /** fdatasync after each write: survives the machine too, at the price of the disk's answer per flush. */
  readonly sync?: boolean;
  /** How that is done; the default is the system's. */
  readonly syncs?: Syncs | undefined;
  /** A random 32-bit number; the default is the system's. */
  readonly salt?: () => number;
  /** Keys of what is there and of what is to come (keys.ts). */
  readonly keys?: SegmentKeys | undefined;
  /** Made for this journal alone, which ends it; the default is none. */
  readonly keystream?: Keystream | undefined;
  /** Whether new segments are encrypted; the default is whether there are keys. */
  readonly encrypt?: boolean;
  /** Records everything that is sent and received, and the times it was sent again. */
  readonly archive?: boolean;
  /** Where segments of the archive go when they are not needed any more; the default is `archive` beside the directory. */
  readonly archiveDirectory?: string;
  /** Told of each segment of the archive that has come to its end, the earlier process's among them. */
  readonly completed?: (segment: Complete) => void;
  /** Records what goes to the venue, for {@link Journal.settle}. */
  readonly inbound?: boolean;
  /**
   * `before-send`, the default: what is flushed depends on the venue as {@link Journal.flush} says, and where it is durable
   * later the venue follows each batch. `reserve`: the venue follows each flush, and sessions may send ahead.
   */
  readonly commit?: Commit;
  /** Whether what is flushed may leave, where a session reserves no numbers; the default is whether there is no mirror. */
  readonly ahead?: boolean;
  /** Whether all that the process before had written is there, and not only what was durable. */
  readonly whole?: boolean;
  /** Whether it is a copy of what is in the store. */
  readonly inStore?: boolean;
  /** Whether the machine has been up since what is there was written: a write that was broken off has left its first bytes then, and nothing else. */
  readonly up?: boolean;
  /** Hears of all that is written, and says when it is durable. */
  readonly mirror?: (Mirror & LaterJournal & { end(): void }) | undefined;
}
