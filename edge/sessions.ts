/**
 * The FIX sessions of this edge, with and without a connection, and the sink for the venue's reports: a report for a client that is
 * away goes to its session's store and is sent after its next Logon.
 */

import type { EndCause, FixSessionKey } from '../core/sessions/model.ts';
import type { BodyWriter } from './fix/body-writer.ts';
import { BY_VENUE, type FixSession } from './fix/session/ports.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import { Session } from './fix/session/session.ts';
import { Tag } from './fix/tags.ts';
import type { Journal, JournalSession } from './journal/journal.ts';
import { SESSION_LEVEL_NUMBERS } from './journal/limits.ts';
import type { SessionState, SessionTerms } from './journal/session-state.ts';
import { AWAY_SESSIONS, OUTPUT_BYTES } from './limits.ts';
import type { Metrics } from './metrics.ts';
import type { Player, Turns } from './turn.ts';
import type { VenueSession, VenueSink } from './venue/venue.ts';

/** A session's connection, as others may use it. */
export interface Holder extends Player {
  /** Logout with `text`, then the end. */
  end(cause: EndCause, text: string): void;
  /** Output that the client has not taken, bytes. */
  backlog(): number;
}

/** One FIX session, over all its connections. */
export interface Entry {
  readonly fix: FixSession;
  readonly store: JournalSession;
  /** Set at each Logon; the gateway's profile before the first one. */
  profile: SessionProfile;
  /** The session as the venue knows it; renewed at each Logon. */
  venue: VenueSession;
  /** Undefined while the client is away. */
  holder: Holder | undefined;
  /** The connection that left last; it may still have output that waits for the journal. */
  leaving: WeakRef<Holder> | undefined;
}

/** Ends the connection of a session. */
export function vacate(entry: Entry, holder: Holder): void {
  entry.holder = undefined;
  entry.leaving = new WeakRef(holder);
  entry.store.rest();
}

/** Names a session in the journal and at the venue: CompIDs hold no `|`, and SenderSubID comes last. */
export function sessionId(key: FixSessionKey): string {
  return [key.begin_string, key.target_comp_id, key.sender_comp_id, key.sender_sub_id].join('|');
}

/** SenderCompID out of a {@link sessionId}. */
const senderOf = (id: string): string => id.split('|', 3)[2] ?? '';

/** What the journal keeps about a session for a time when its client has not logged on yet: who it is, which dictionaries it has. */
export interface About {
  readonly venue: VenueSession;
  readonly named: Pick<SessionProfile, 'data_dictionary' | 'transport_data_dictionary' | 'app_data_dictionary'>;
}

function aboutOf(venue: VenueSession, profile: SessionProfile): About {
  const { data_dictionary, transport_data_dictionary, app_data_dictionary } = profile;
  return { venue, named: { data_dictionary, transport_data_dictionary, app_data_dictionary } };
}

/** The session's epoch when it was last noted in the journal; 0: it never was. @param about of its terms */
export function epochOf(about: string): number {
  return about === '' ? 0 : ((JSON.parse(about) as About).venue.epoch ?? 0);
}

/** What the journal keeps about a session: enough to submit its messages to the venue again. */
function termsOf(venue: VenueSession, profile: SessionProfile): SessionTerms {
  const { policy, window, window_s } = profile.cl_ord_id;
  return {
    retention: profile.resend_retention,
    retention_s: profile.resend_retention_s,
    ids: policy === 'reject' ? window : 0,
    ids_s: window_s,
    about: JSON.stringify(aboutOf(venue, profile)),
  };
}

/** Text for a client whose session another Logon has taken. */
export const TAKEN_OVER = 'Another Logon took this session over';

export interface SessionsParts {
  readonly journal: Journal;
  readonly turns: Turns;
  /** The gateway's. */
  readonly profile: SessionProfile;
  /** Numbers of a block that sessions reserve in the journal; 0: none do. */
  readonly numbers: number;
  readonly metrics: Metrics;
}

export class Sessions implements VenueSink {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #parts: SessionsParts;
  /** Sessions that the journal has, by SenderCompID. */
  readonly #begun = new Map<string, number>();
  /** Sessions that other edges have taken from here, and under which epoch. */
  readonly #gone = new Map<string, number>();
  /** The connections that left those last; see {@link Entry.leaving}. */
  readonly #leavers = new Map<string, WeakRef<Holder>>();
  /** Whose message was begun last, and whether it is not completed. */
  #opened: Entry | undefined;
  #isOpen = false;
  #again: Entry | undefined;
  /** The one asked for last: a batch has many messages of one session. */
  #last: Entry | undefined;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    for (const id of parts.journal.keys()) this.#count(senderOf(id));
  }

  /** Whether this would be a new session of a credential that has `most` sessions already. */
  crowded(id: string, most: number): boolean {
    return (this.#begun.get(senderOf(id)) ?? 0) >= most && !this.#parts.journal.has(id);
  }

  /** The session of this key if it has begun, in memory or in the journal only. */
  begun(venue: VenueSession): Entry | undefined {
    return this.#entries.has(venue.id) || this.#parts.journal.has(venue.id) ? this.entry(venue) : undefined;
  }

  /** The number that the session sends next, in memory or not; 1 if it has not begun. */
  nextOut(id: string): number {
    const known = this.#entries.get(id);
    if (known !== undefined) return known.store.nextOut;
    const { journal } = this.#parts;
    return journal.has(id) ? journal.session(id).nextOut : 1;
  }

  #count(sender: string): void {
    this.#begun.set(sender, (this.#begun.get(sender) ?? 0) + 1);
  }

  /** The session of this key; loaded from the journal if it is not in memory. */
  entry(venue: VenueSession): Entry {
    if (this.#last?.venue === venue) return this.#last;
    const known = this.#entries.get(venue.id);
    this.#last = known;
    if (known !== undefined) return known;
    const { journal, profile } = this.#parts;
    if (!journal.has(venue.id)) this.#count(venue.sender_comp_id);
    const store = journal.session(venue.id);
    const identity = {
      beginString: venue.begin_string,
      senderCompId: venue.sender_comp_id,
      targetCompId: venue.target_comp_id,
      senderSubId: venue.sender_sub_id,
    };
    const fix = new Session(identity, profile, store);
    const entry: Entry = { fix, store, profile, venue, holder: undefined, leaving: undefined };
    this.#entries.set(venue.id, entry);
    if (this.#entries.size > AWAY_SESSIONS) this.#forgetOne();
    return entry;
  }

  /** The same at a Logon: with the credential's present profile, and with the client as the venue is to know it now. */
  renewed(venue: VenueSession, profile: SessionProfile): Entry {
    this.#place(venue, profile);
    const entry = this.entry(venue);
    entry.fix.configure(profile);
    entry.profile = profile;
    entry.venue = venue;
    const { journal, numbers } = this.#parts;
    const store = journal.session(venue.id, termsOf(venue, profile));
    if (numbers === 0 || profile.commit === 'before-send') store.sendAhead(SESSION_LEVEL_NUMBERS, 'session_level');
    else store.sendAhead(numbers);
    return entry;
  }

  /** Moves the session to the journal that its profile asks for, while its client is away. */
  #place({ id }: VenueSession, { journal: kind = 'store' }: SessionProfile): void {
    const { journal } = this.#parts;
    if (journal.place === undefined || this.#entries.get(id)?.holder !== undefined) return;
    if (journal.place(id, kind)) this.#forget(id);
  }

  /** What the journal has of a session, in memory or not. */
  storeOf(id: string): JournalSession {
    return this.#entries.get(id)?.store ?? this.#parts.journal.session(id);
  }

  /** The session if it is in memory. */
  known(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** @param how whose the message is: 0 for one of the gateway's own */
  open(session: VenueSession, msgType: number, how = BY_VENUE): BodyWriter {
    const { turns, metrics } = this.#parts;
    const entry = this.entry(session);
    if (this.#opened !== entry) this.#opened = entry; // a write of what is young costs more than a look
    this.#isOpen = true;
    if (entry.holder !== undefined) turns.touch(entry.holder);
    else metrics.keptForAway();
    const writer = entry.fix.begin(msgType, turns.now, how);
    return this.#again !== undefined && this.#again === entry ? writer.flag(Tag.PossResend, true) : writer;
  }

  /** From now on reports to this session may have been sent before, and get 97=Y. Undefined: ends that. */
  answeredAgain(entry: Entry | undefined): void {
    this.#again = entry;
  }

  lostAt({ id }: VenueSession): number {
    return this.storeOf(id).lostAt;
  }

  close(): void {
    if (!this.#isOpen) throw new RangeError('no message has been begun');
    this.#isOpen = false;
    this.#opened!.fix.commit();
  }

  live(session: VenueSession): boolean {
    const entry = this.#entries.get(session.id);
    return entry?.holder !== undefined && entry.fix.active && entry.holder.backlog() < OUTPUT_BYTES / 4;
  }

  due({ id }: VenueSession, number: number): boolean {
    if (this.#gone.has(id)) return false;
    if (number === 0) return true;
    const { journal } = this.#parts;
    if (number <= journal.told(id)) return false;
    journal.tell(id, number);
    return true;
  }

  /** Adopts the state of a session from another edge. Within a turn. @throws JournalError: nothing was changed */
  adopt(id: string, state: SessionState): void {
    const { journal } = this.#parts;
    const isNew = !journal.has(id);
    journal.adopt(id, state);
    if (isNew) this.#count(senderOf(id));
    this.#forget(id);
  }

  /** Another edge has the session, under this epoch: later reports for it are that edge's too. */
  gaveAway(id: string, epoch: number): void {
    this.#forget(id);
    this.#gone.set(id, Math.max(epoch, this.#gone.get(id) ?? 0));
  }

  /** The connection that left a session last, if it may still have output. */
  leaver(id: string): Holder | undefined {
    return (this.#entries.get(id)?.leaving ?? this.#leavers.get(id))?.deref();
  }

  /** The epoch under which another edge has taken the session; 0: none has. */
  goneBy(id: string): number {
    return this.#gone.get(id) ?? 0;
  }

  /** The session is here again. */
  came(id: string): void {
    this.#leavers.delete(id);
    this.#gone.delete(id);
  }

  #forget(id: string): void {
    const leaving = this.#entries.get(id)?.leaving;
    if (leaving !== undefined) this.#leavers.set(id, leaving);
    this.#entries.delete(id);
    this.#last = undefined;
  }

  fenced({ id, epoch }: VenueSession): void {
    const entry = this.#entries.get(id);
    // It may have come back meanwhile.
    if (entry?.venue.epoch === epoch) entry?.holder?.end('superseded', TAKEN_OVER);
  }

  turn(work: () => void): void {
    const { turns } = this.#parts;
    turns.run(() => {
      turns.touch({ dirty: false, settle() {}, writeOut() {}, unwritable() {} });
      try {
        work();
      } catch (error) {
        this.abandon();
        throw error;
      }
    });
  }

  /** Takes back a message that failed work has begun and not completed. */
  abandon(): void {
    if (this.#isOpen) this.#opened?.fix.cancel();
    this.#isOpen = false;
    this.#again = undefined;
  }

  /** Drops from memory the session that has been away for longest; the journal has it. */
  #forgetOne(): void {
    for (const [id, entry] of this.#entries) {
      if (entry.holder !== undefined || (this.#isOpen && entry === this.#opened)) continue;
      this.#entries.delete(id);
      this.#last = undefined;
      return;
    }
  }
}
