/** What an edge keeps of its link to the venue. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isMarked, markBoot, sameBoot } from '../../boot.ts';
import { LINK_FILE, Mailroom } from './mailroom.ts';
import type { LinkVenueOptions } from './options.ts';

/** Opens it, or begins it. */
export function openOwn({ directory, boot, syncs, most_in_all, log }: LinkVenueOptions): Mailroom {
  if (directory !== undefined && boot !== undefined) forgetUnlessUp(directory, boot, syncs);
  return new Mailroom({
    directory,
    syncs,
    newId: randomUUID(),
    counts: () => true,
    onLost: (_, dropped, sessions) =>
      log.error({ dropped, sessions }, 'too much waits for the venue: the oldest messages for it were dropped'),
    most: most_in_all,
  });
}

/**
 * A machine that has been down since may have lost the end of the log, and the venue has heard of what it said: numbers would come
 * again, or be missing for good. It begins anew then, as on another disk (docs/adr/0041-numbers-that-are-reserved.md).
 */
function forgetUnlessUp(directory: string, boot: string, syncs: LinkVenueOptions['syncs']): void {
  mkdirSync(directory, { recursive: true });
  if (sameBoot(directory, boot)) return;
  // A release before has left no mark beside its log.
  if (isMarked(directory)) rmSync(join(directory, LINK_FILE), { force: true });
  markBoot(directory, boot, syncs);
}
