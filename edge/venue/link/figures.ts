/** What an edge tells of its link. */

import type { LinkFigures } from '../venue.ts';
import { CANCEL_ALL, MASS_CANCEL, typeOf } from './frames.ts';
import type { Mailbox } from './mailbox.ts';

type Counted = Pick<LinkFigures, 'up' | 'links' | 'hung' | 'fenced' | 'dropped'>;

/** @param box of the venue; undefined: there is none yet */
export function figuresOf(box: Mailbox | undefined, counted: Counted): LinkFigures {
  const [waiting, waiting_bytes] = box === undefined ? [0, 0] : [box.count, box.bytes];
  return {
    ...counted,
    waiting,
    waiting_bytes,
    // Looked for only where it is asked for: all that waits is looked at.
    get cancels_waiting() {
      return box === undefined ? 0 : cancelsAmong(box);
    },
  };
}

function cancelsAmong(box: Mailbox): number {
  let count = 0;
  for (const { frame } of box.after(0)) {
    const type = typeOf(frame);
    if (type === CANCEL_ALL || type === MASS_CANCEL) count += 1;
  }
  return count;
}
