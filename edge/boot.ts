/**
 * Whether a machine has been up since files were written: with it up, all that was written is there, whatever was synced. A file beside
 * them names the start of the machine that they were written under.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SYSTEM_SYNCS, type Syncs, settled } from './syncs.ts';

const MARK = 'boot';

/** Names the last start of this machine, where it can be told. */
export function machineBoot(): string | undefined {
  const path = '/proc/sys/kernel/random/boot_id';
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

/** Whether a start of the machine is named there. */
export const isMarked = (directory: string): boolean => existsSync(join(directory, MARK));

/** Whether the machine is up since what is there was written. @param boot names its last start; undefined: not known */
export function sameBoot(directory: string, boot: string | undefined): boolean {
  return boot !== undefined && isMarked(directory) && readFileSync(join(directory, MARK), 'utf8') === boot;
}

/** What is written there from now on is written under this start of the machine; undefined: it is not to be looked at again. */
export function markBoot(directory: string, boot: string | undefined, syncs: Syncs = SYSTEM_SYNCS): void {
  const path = join(directory, MARK);
  if (boot === undefined) {
    rmSync(path, { force: true });
    return;
  }
  writeFileSync(path, boot, { mode: 0o600 });
  // A mark of an earlier start must not come back, when this machine dies, beside what is written from now on.
  settled(path, syncs);
  syncs.namesNow(directory);
}
