/**
 * The FIX sessions of this edge, with and without a connection, and the venue's way back to them: a report for a client
 * that is away goes to its session's store and is sent after its next Logon.
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

/** What a session's connection is to others than itself. */
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
  /** Settled at each Logon; the gateway's until the first one. */
  profile: SessionProfile;
  /** As the venue knows it; renewed at each Logon. */
  venue: VenueSession;
  /** Undefined while the client is away. */
  holder: Holder | undefined;
  /** The last that has left it, which may still have output that waits for the journal. */
  leaving?: WeakRef<Holder>;
}

/** Its connection has ended. */
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

/** Who a session is and which dictionaries it has, for a time when nobody has logged on yet. */
export interface About {
  readonly venue: VenueSession;
  readonly named: Pick<SessionProfile, 'data_dictionary' | 'transport_data_dictionary' | 'app_data_dictionary'>;
}

function aboutOf(venue: VenueSession, profile: SessionProfile): About {
  const { data_dictionary, transport_data_dictionary, app_data_dictionary } = profile;
  return { venue, named: { data_dictionary, transport_data_dictionary, app_data_dictionary } };
}

/** The epoch under which a session was spoken for when its journal was told so; 0: it was told nothing. @param about of its terms */
export function epochOf(about: string): number {
  return about === '' ? 0 : ((JSON.parse(about) as About).venue.epoch ?? 0);
}

/** What the journal is told of a session: enough to give the venue its messages again. */
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

/** What a client is told whose session another Logon has. */
export const TAKEN_OVER = 'Another Logon took this session over';

export interface SessionsParts {
  readonly journal: Journal;
  readonly turns: Turns;
  /** The gateway's. */
  readonly profile: SessionProfile;
  /** Of a block that a session reserves to send ahead of what is durable; 0: none does. */
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
  /** Who left them last, see {@link Entry.leaving}. */
  readonly #leavers = new Map<string, WeakRef<Holder>>();
  #open: Entry | undefined;
  #again: Entry | undefined;
  /** The one asked for last: a batch has many messages of one session. */
  #last: Entry | undefined;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    for (const id of parts.journal.keys()) this.#count(senderOf(id));
  }

  /** Whether this would be a new session of a credential that has begun `most` already. */
  crowded(id: string, most: number): boolean {
    return (this.#begun.get(senderOf(id)) ?? 0) >= most && !this.#parts.journal.has(id);
  }

  /** The session of this key if it has begun, at hand or not. */
  begun(venue: VenueSession): Entry | undefined {
    return this.#entries.has(venue.id) || this.#parts.journal.has(venue.id) ? this.entry(venue) : undefined;
  }

  /** The number that the session sends next, whether it is at hand or not; 1 for one that has not begun. */
  nextOut(id: string): number {
    const known = this.#entries.get(id);
    if (known !== undefined) return known.store.nextOut;
    const { journal } = this.#parts;
    return journal.has(id) ? journal.session(id).nextOut : 1;
  }

  #count(sender: string): void {
    this.#begun.set(sender, (this.#begun.get(sender) ?? 0) + 1);
  }

  /** The session of this key; made from what the journal has when it is not at hand. */
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
    const entry: Entry = { fix: new Session(identity, profile, store), store, profile, venue, holder: undefined };
    this.#entries.set(venue.id, entry);
    if (this.#entries.size > AWAY_SESSIONS) this.#forgetOne();
    return entry;
  }

  /** The same, at a Logon: its profile is what the credential says now, and so is what the venue is told of the client. */
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

  /** Into the journal that its profile wants, while its client is away. */
  #place({ id }: VenueSession, { journal: kind = 'store' }: SessionProfile): void {
    const { journal } = this.#parts;
    if (journal.place === undefined || this.#entries.get(id)?.holder !== undefined) return;
    if (journal.place(id, kind)) this.#forget(id);
  }

  /** What the journal has of a session, at hand or not. */
  storeOf(id: string): JournalSession {
    return this.#entries.get(id)?.store ?? this.#parts.journal.session(id);
  }

  /** Only what is at hand. */
  known(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** @param how whose the message is: 0 for one of the gateway's own */
  open(session: VenueSession, msgType: number, how = BY_VENUE): BodyWriter {
    const { turns, metrics } = this.#parts;
    const entry = this.entry(session);
    this.#open = entry;
    if (entry.holder !== undefined) turns.touch(entry.holder);
    else metrics.keptForAway();
    const writer = entry.fix.begin(msgType, turns.now, how);
    return this.#again === entry ? writer.flag(Tag.PossResend, true) : writer;
  }

  /** From now on what is said to this session may have been said before; undefined: to none. */
  answeredAgain(entry: Entry | undefined): void {
    this.#again = entry;
  }

  lostAt({ id }: VenueSession): number {
    return this.storeOf(id).lostAt;
  }

  close(): void {
    const entry = this.#open;
    if (entry === undefined) throw new RangeError('no message has been begun');
    this.#open = undefined;
    entry.fix.commit();
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

  /** Everything of a session, from another edge: inside a turn. @throws JournalError: it is as before */
  adopt(id: string, state: SessionState): void {
    const { journal } = this.#parts;
    const isNew = !journal.has(id);
    journal.adopt(id, state);
    if (isNew) this.#count(senderOf(id));
    this.#forget(id);
  }

  /** Another edge has it, under this epoch: what still comes for it is that edge's too. */
  gaveAway(id: string, epoch: number): void {
    const leaving = this.#entries.get(id)?.leaving;
    if (leaving !== undefined) this.#leavers.set(id, leaving);
    this.#forget(id);
    this.#gone.set(id, Math.max(epoch, this.#gone.get(id) ?? 0));
  }

  /** Who left a session last, here or gone, if anything of it is still there. */
  leaver(id: string): Holder | undefined {
    return (this.#entries.get(id)?.leaving ?? this.#leavers.get(id))?.deref();
  }

  /** The epoch under which it has been given away; 0: it has not. */
  goneBy(id: string): number {
    return this.#gone.get(id) ?? 0;
  }

  /** It is here. */
  came(id: string): void {
    this.#leavers.delete(id);
    this.#gone.delete(id);
  }

  #forget(id: string): void {
    this.#entries.delete(id);
    this.#last = undefined;
  }

  fenced({ id, epoch }: VenueSession): void {
    const entry = this.#entries.get(id);
    // It may be ours again by now.
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

  /** Takes back what a failed piece of work has begun and not ended. */
  abandon(): void {
    this.#open?.fix.cancel();
    this.#open = undefined;
    this.#again = undefined;
  }

  /** The one longest away; the journal keeps what it is. */
  #forgetOne(): void {
    for (const [id, entry] of this.#entries) {
      if (entry.holder !== undefined || entry === this.#open) continue;
      this.#entries.delete(id);
      this.#last = undefined;
      return;
    }
  }
}
