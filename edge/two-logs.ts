/** Turns write two logs, the journal before the venue's: what the venue had done without the journal could be told to nobody. */

import type { EdgeIdentity } from '../core/sessions/model.ts';
import type { Dictionaries } from './dictionaries.ts';
import type { Attendant, Journal, LaterJournal } from './journal/journal.ts';
import { RESERVE_NUMBERS } from './journal/limits.ts';
import type { EdgeParts } from './parts.ts';
import { nextMark, resubmit } from './resubmit.ts';
import { Sessions } from './sessions.ts';
import type { Done } from './syncs.ts';
import { Turns } from './turn.ts';
import type { Venue } from './venue/venue.ts';

export interface Logs {
  readonly journal: Journal;
  readonly sessions: Sessions;
  readonly venue: Venue;
}

/**
 * `open` opens journal, sessions and venue over what is kept of them, and brings them to the same state; it rejects with
 * JournalError, or StoreUnavailable where the journal is in the store. `revoked` is told what other edges take from there.
 */
export function twoLogs(parts: EdgeParts) {
  const { config, clock, metrics, log } = parts;
  let [writeJournal, prepareJournal] = [() => {}, () => {}];
  const turns = new Turns(clock, { flush: () => writeJournal(), prepare: () => prepareJournal() }, log);
  const open = async (
    dictionaries: Dictionaries,
    edge: () => EdgeIdentity,
    revoked: Attendant['revoked'],
  ): Promise<Logs> => {
    const journal = typeof parts.journal === 'function' ? await parts.journal(edge) : parts.journal;
    writeJournal = () => journal.flush();
    prepareJournal = () => journal.prepare?.();
    const numbers = config.commit === 'reserve' ? (parts.bounds?.reserved_numbers ?? RESERVE_NUMBERS) : 0;
    const sessions = new Sessions({ journal, turns, profile: config.session_profile, numbers, metrics });
    const venue = await parts.venue(sessions);
    writeJournal = () => journal.flush(nextMark(venue));
    const ahead = config.commit === 'reserve';
    if (journal.later === undefined || ahead) {
      turns.keep({
        flush: () => {
          venue.flush();
          journal.committed(venue.had);
        },
      });
    }
    if (journal.later !== undefined) {
      const followed = { journal, later: journal.later, venue, turns, revoked };
      if (ahead) goAhead(followed);
      else follow(followed);
    }
    resubmit({ journal, turns, sessions, venue, dictionaries, log });
    return { journal, sessions, venue };
  };
  return { turns, open };
}

interface Followed extends Pick<Attendant, 'revoked'> {
  readonly journal: Journal;
  readonly later: LaterJournal;
  readonly venue: Venue;
  readonly turns: Turns;
}

/** The venue writes with each turn; what has come from it is acknowledged once it is durable here. */
function goAhead({ later, venue, turns, revoked }: Followed): void {
  later.attend({
    ...(venue.sync === undefined ? {} : { sync: (done: Done) => venue.sync!(done) }),
    closing: () => venue.closing?.(),
    written: () => venue.durable?.(),
    released: () => setImmediate(() => turns.release()),
    revoked,
  });
  turns.keep({ flush: () => later.retry() });
  turns.defer(later);
}

/** The venue writes what it had done when a batch of the journal was closed, once that batch is durable. */
function follow({ journal, later, venue, turns, revoked }: Followed): void {
  later.attend({
    closing: () => {
      journal.flush(nextMark(venue));
      venue.seal();
    },
    written: () => {
      if (venue.sealed) venue.flush();
      journal.committed(venue.had);
    },
    // Where it happens within a turn, its own connections are served by that.
    released: () => setImmediate(() => turns.release()),
    revoked,
  });
  turns.keep({
    flush: () => {
      later.retry();
      // What leaves nothing in the journal has no batch to wait for, once nothing before it waits: orders given again, or cancelled.
      if (later.waiting === 0 && venue.pending && !venue.sealed) venue.flush();
    },
  });
  turns.defer(later);
}
