/** How many connections this process can have, by its limit of file descriptors, of which journal, store and logs need some. */
import { readFileSync } from 'node:fs';
import { CONNECTIONS, SPARE_DESCRIPTORS } from './limits.ts';

/** Linux has the process's own limits here (proc(5)). On other systems they are not known. */
const LIMITS_FILE = '/proc/self/limits';

/** @param limits the text of the file; undefined: there is none */
export function connectionsBy(limits: string | undefined): number {
  const soft = /^Max open files\s+(\d+)\s/m.exec(limits ?? '')?.[1];
  return soft === undefined ? CONNECTIONS : Math.max(1, Math.min(CONNECTIONS, Number(soft) - SPARE_DESCRIPTORS));
}

export function connectionsHere(): number {
  let limits: string | undefined;
  try {
    limits = readFileSync(LIMITS_FILE, 'utf8');
  } catch {
    // Another system.
  }
  return connectionsBy(limits);
}
