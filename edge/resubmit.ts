/**
 * After a restart, before any client is back: submits to the venue again the messages that it has lost. Its reports wait for the
 * clients.
 */

import type { Dictionaries } from './dictionaries.ts';
import { Message, TOKENS_OK, tokenise } from './fix/message.ts';
import type { Accepted, Journal } from './journal/journal.ts';
import type { Logger } from './log.ts';
import type { About, Sessions } from './sessions.ts';
import { nobody, type Turns } from './turn.ts';
import type { Venue, VenueSession } from './venue/venue.ts';

/** Mark of the venue's next flush, if anything has happened since the last one; 0: nothing has. */
export const nextMark = ({ mark, pending, sealed }: Venue): number =>
  mark === undefined || !pending ? 0 : mark + (sealed ? 2 : 1);

/** A link's log that has no flush may have been begun anew: what a journal says is of the one before, were it of the first flush. */
const markOf = ({ mark, claim }: Venue): number | undefined => (mark === 0 && claim !== undefined ? -1 : mark);

export interface ResubmitParts {
  readonly journal: Journal;
  readonly turns: Turns;
  readonly sessions: Sessions;
  readonly venue: Venue;
  readonly dictionaries: Dictionaries;
  readonly log: Logger;
}

/** Makes journal and venue agree, on disk. @throws JournalError `damaged` */
export function resubmit(parts: ResubmitParts): void {
  const { journal, turns, venue } = parts;
  turns.run(() => {
    turns.touch(nobody());
    const message = new Message();
    for (const accepted of journal.settle(markOf(venue))) submitOne(parts, accepted, message);
  });
}

/**
 * Submits one message. If the venue throws, that is logged and the others go on.
 * @param by the session as it is now; undefined: as the journal has it
 */
export function submitOne(
  parts: Omit<ResubmitParts, 'journal'>,
  accepted: Accepted,
  message: Message,
  by?: VenueSession,
): void {
  const { sessions, dictionaries, turns, venue, log } = parts;
  const { key, generation, msgSeqNum } = accepted;
  try {
    const { venue: known, named } = JSON.parse(accepted.about) as About;
    const session = by ?? known;
    if (tokenise(accepted.message, 0, accepted.message.length, message) !== TOKENS_OK)
      throw new Error('it does not parse');
    const version = message.applVerId < 0 ? session.appl_ver_id : message.text(message.applVerId);
    const chosen = dictionaries.of(named);
    if (!chosen.known) throw new Error(chosen.problem);
    const dictionary = chosen.dictionaries.get(session.begin_string, version);
    if (dictionary === undefined) throw new Error(`there is no dictionary for ${session.begin_string} ${version}`);
    const { epochMs: now } = turns.now;
    venue.submit(message, { session, generation, msg_seq_num: msgSeqNum, dictionary, now, recovered: true });
  } catch (error) {
    sessions.abandon();
    log.error({ error, session: key, msg_seq_num: msgSeqNum }, 'a message could not be given to the venue again');
  }
}
