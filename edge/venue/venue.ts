/**
 * Where orders go. A venue knows no socket, no clock and no session rules: it is handed application messages that are in
 * sequence, valid and admitted, and writes its answers through a sink.
 */

import type { MessageName } from '../../core/sessions/model.ts';
import type { Dictionary } from '../fix/dictionary/index.ts';
import type { BodyWriter } from '../fix/encoder.ts';
import type { Message } from '../fix/message.ts';
import type { Done } from '../syncs.ts';

/**
 * One FIX session as venues see it: plain data, which a venue may keep and write to disk. Two records with the same `id`
 * are the same session; the one given last is right about the rest.
 */
export interface VenueSession {
  /** Stable over reconnects and restarts. */
  readonly id: string;
  /** Whose orders these are; a user may have several sessions. */
  readonly user_id: string;
  readonly begin_string: string;
  /** ApplVerID (1128) that rules application messages over FIXT.1.1: '7', '8', '9'; '' otherwise. */
  readonly appl_ver_id: string;
  /** The client's SenderCompID (49). */
  readonly sender_comp_id: string;
  /** The client's SenderSubID (50); '' when it has none. */
  readonly sender_sub_id: string;
  /** Our CompID: the client's TargetCompID (56). */
  readonly target_comp_id: string;
  /** Its orders are cancelled when it has been away for so long, ms; undefined: they stay. */
  readonly cancel_after_ms?: number;
  /** Rises with whatever fences who had the session before: a venue that several edges share takes nothing of a lower one. */
  readonly epoch?: number;
}

/** Whose orders an admin has cancelled; a session by its {@link VenueSession.id}. */
export type OrdersOf =
  | { readonly of: 'session'; readonly id: string }
  | { readonly of: 'users'; readonly user_ids: ReadonlySet<string> }
  | { readonly of: 'everybody' };

/** What keeps a mass cancel that comes late, or again, from what it was not about. */
export interface HowToCancel {
  /** When it was asked for, epoch ms. */
  readonly asked_at?: number;
  /** Sessions that are left alone, by {@link VenueSession.id}. */
  readonly spared?: (id: string) => boolean;
}

/** What comes with a message. The edge may keep one such record per connection and overwrite it. */
export interface SubmitContext {
  readonly session: VenueSession;
  /** How often the session's numbers have been reset; with `msg_seq_num` it names the message for ever. */
  readonly generation: number;
  readonly msg_seq_num: number;
  /** The session's dictionary: where header, body and groups begin. */
  readonly dictionary: Dictionary;
  /** Epoch ms. */
  readonly now: number;
  /**
   * The message comes out of the journal after a restart, whose session is away: the venue did not have its effects on
   * disk. One that has them after all, by session, generation and number, must not do it again.
   */
  readonly recovered: boolean;
}

/**
 * The way back to clients; the edge implements it. It throws nothing: a client that cannot be written to is the edge's to
 * deal with, and an order must not be left half matched for it.
 */
export interface VenueSink {
  /**
   * Begins a message to a session, whether its client is there or away: the writer stands after the standard header, in
   * the connection's output buffer or in the queue of what waits. Further header fields are the first ones written. The
   * body is written at once and ended with {@link close}; nothing else is begun before that.
   */
  open(session: VenueSession, msgType: number): BodyWriter;
  close(): void;
  /**
   * Whether the client is connected and reads what it is sent. What is worthless later (market data) is not written
   * otherwise.
   */
  live(session: VenueSession): boolean;
  /**
   * Whether a report of this number is to be told: false when it has been told before, or when the session is another
   * edge's by now, whom it is told to. True only with {@link open} following in the same turn.
   */
  due?(session: VenueSession, number: number): boolean;
  /** What has been made for the session up to this time, epoch ms, may have been told already, as nobody knows for sure; 0: nothing. */
  lostAt?(session: VenueSession): number;
  /** Another edge has taken the session, as this record has it, away from here: the venue has refused what it sent. */
  fenced?(session: VenueSession): void;
  /** For a venue that answers in its own time: what `work` makes is written, and sent once it is. Not within another turn. */
  turn(work: () => void): void;
}

/** How the way to a venue in another process is. */
export interface LinkFigures {
  readonly up: boolean;
  /** Times it came up. */
  readonly links: number;
  /** Times it was given up because the venue said nothing. */
  readonly hung: number;
  /** Sessions that the venue has fenced this edge from. */
  readonly fenced: number;
  /** Reports that the venue dropped as too much waited for this edge. */
  readonly dropped: number;
  /** Frames that the venue has not acknowledged, and their bytes. */
  readonly waiting: number;
  readonly waiting_bytes: number;
  /** How many of them have orders cancelled that a client has left behind, or an administrator wants gone. */
  readonly cancels_waiting: number;
}

export interface Venue {
  readonly name: string;
  /** False while orders would reach it too late, or never: none are taken, cancels are. Undefined: always there. */
  readonly available?: boolean;
  /** Undefined: it is in this process. */
  readonly link?: LinkFigures;
  /**
   * Whether {@link submit} takes this MsgType (packed, fix/tags.ts). The session answers others with
   * BusinessMessageReject 380=3.
   */
  supports(msgType: number): boolean;
  /** One application message. Reads the view synchronously and keeps no reference to it or to the context. */
  submit(message: Message, context: SubmitContext): void;
  /**
   * The session has been taken from another edge: nothing more of it is sent there, nor taken from there, and its reports
   * wait until {@link sessionStarted}. Undefined: edges do not share this venue. Rejects when the venue has not answered in
   * time, or has seen a higher epoch.
   * @returns the last message of it that the venue has had
   */
  claim?(session: VenueSession, withinMs: number): Promise<MessageName>;
  /** A client has logged on: after its Logon was answered, before its first message is submitted. */
  sessionStarted(session: VenueSession, now: number): void;
  /** Its connection is gone: market data subscriptions end, resting orders stay. */
  sessionEnded(session: VenueSession, now: number): void;
  /** Sessions that have orders resting, as they were given last. */
  resting(): Iterable<VenueSession>;
  /** Cancels what this session itself has placed and is open; its reports wait for it where it is away. */
  cancelAll(session: VenueSession, now: number): void;
  /** Cancels, on an admin's word, whatever of these is open, whether their clients are there or away. */
  massCancel(whose: OrdersOf, now: number, how?: HowToCancel): void;
  /** Lets time pass. @returns epoch ms when it wants to be called again; Infinity: never */
  tick(now: number): number;
  /**
   * Writes what has happened since the last call to disk, all of it or none. Called after a batch of messages and after
   * {@link tick}, after the journal has been written and before the answers leave. Throws when the disk refuses: the edge
   * must not go on as if nothing were, and calls again.
   */
  flush(): void;
  /**
   * Where the journal is answered later: closes what has happened, for {@link flush} to write that and no more, under the
   * next mark; what happens from now on has the one after. Nothing when nothing is {@link pending} or something is sealed.
   */
  seal(): void;
  /**
   * Where sessions send ahead of what is durable: a batch of the journal is closed with what has come from the venue so far,
   * and is {@link durable} later. Undefined: it does not ask whether what it has told is kept.
   */
  closing?(): void;
  durable?(): void;
  /**
   * Where sessions send ahead of what is durable: puts on the disk what has been flushed, while others go on; with what the journal
   * has flushed until now it is durable then. Undefined: that is not this process's matter.
   */
  sync?(done: Done): void;
  /** Whether something is sealed and not written. */
  readonly sealed: boolean;
  /**
   * Mark of the last flush that is on disk: each one that writes has the next whole number. Undefined: nothing is kept, and
   * the journal alone says what was.
   */
  readonly mark: number | undefined;
  /**
   * Mark of the last flush that is on the disk of the venue itself, with all before it, where that is elsewhere: what it has
   * not may have to be given to it again. Undefined: what is flushed is there.
   */
  readonly had?: number;
  /** Whether something has happened that is neither written nor sealed. */
  readonly pending: boolean;
  /** Lets go of its files, and of what has happened since the last {@link flush}; no call follows. */
  close(): Promise<void>;
}
