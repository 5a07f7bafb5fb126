/**
 * Tells whether the machine has been restarted since files were written. If not, everything that was written is there, synced or
 * not. A file beside them has the id of the boot during which they were written.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SYSTEM_SYNCS, type Syncs, settled } from './syncs.ts';

const MARK = 'boot';

/** Id of this machine's last boot, if the system tells it. */
export function machineBoot(): string | undefined {
  const path = '/proc/sys/kernel/random/boot_id';
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

/** Whether the directory has a boot id. */
export const isMarked = (directory: string): boolean => existsSync(join(directory, MARK));

/** Whether the machine has not been restarted since the files were written. @param boot id of its last boot; undefined: not known */
export function sameBoot(directory: string, boot: string | undefined): boolean {
  return boot !== undefined && isMarked(directory) && readFileSync(join(directory, MARK), 'utf8') === boot;
}

/** Notes that files are written during this boot from now on. Undefined: removes the note. */
export function markBoot(directory: string, boot: string | undefined, syncs: Syncs = SYSTEM_SYNCS): void {
  const path = join(directory, MARK);
  if (boot === undefined) {
    rmSync(path, { force: true });
    return;
  }
  writeFileSync(path, boot, { mode: 0o600 });
  // Synced, so that after a crash an older note cannot be found beside newer files.
  settled(path, syncs);
  syncs.namesNow(directory);
}
