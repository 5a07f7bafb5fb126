/**
 * What a session asks of its surroundings, and what it offers them. A session knows no socket, no clock and no timer:
 * the connection feeds it messages and the time, and does what it says.
 */

import type { Verdict } from '../dictionary/verdict.ts';
import type { BodyWriter, Encoder } from '../encoder.ts';
import type { Message } from '../message.ts';
import type { TagTraits } from '../traits.ts';
import type { SessionProfile } from './profile.ts';

/** The time of one batch of work; the connection keeps one such record and overwrites it. */
export interface Instant {
  /** Wall clock, integer milliseconds since 1970: SendingTime. */
  readonly epochMs: number;
  /** Monotonic clock, milliseconds: timers. */
  readonly monoMs: number;
}

/** Who speaks with whom; with BeginString this is the name of a FIX session. */
export interface SessionIdentity {
  readonly beginString: string;
  /** The client's SenderCompID: 49 of what comes in, 56 of what goes out. */
  readonly senderCompId: string;
  /** Our CompID: 56 of what comes in, 49 of what goes out. */
  readonly targetCompId: string;
  /** The client's SenderSubID (50), given back as 57; '' when it has none. */
  readonly senderSubId: string;
}

/** A whole message in the store, from `8=` to the SOH after `10=`. Valid until the next call to the store. */
export interface StoredMessage {
  /** 0 when it has no number yet. */
  readonly msgSeqNum: number;
  readonly buf: Buffer;
  readonly start: number;
  readonly end: number;
}

/** How a message is kept, a sum of these two. For resending; one that is not is recorded, where the store records, and its number is used. */
export const KEEP = 1;
/** Made by the venue: it counts only if the venue, too, comes back with what made it. */
export const BY_VENUE = 2;

/** What became of an application message of the client. */
/** By the gateway itself. */
export const ANSWERED = 0;
export const SUBMITTED = 16;
export const REFUSED = 32;
export const INVALID = 48;
export type Fate = typeof ANSWERED | typeof SUBMITTED | typeof REFUSED | typeof INVALID;

/** The store has it but not at hand; it wakes the connection, which calls {@link Session.resumeResend}, when it has. */
export const LOADING = 'loading';

/**
 * The durable part of a session; edge-io's journal, in memory in tests. Calls return at once: what is written is in
 * order and durable before the connection lets the bytes out that depend on it.
 */
export interface SessionStore {
  /** Next MsgSeqNum expected of the client, from 1. */
  readonly nextIn: number;
  /** Next MsgSeqNum to send, from 1. */
  readonly nextOut: number;
  /** How often the numbers have been reset; an outbound number is never reused within one generation. */
  readonly generation: number;
  /** When the numbers last started at 1, epoch ms. */
  readonly createdAt: number;

  setNextIn(next: number): void;
  /** The same after a session-level message: forgotten in a crash, it is asked for again, and its sender fills the gap. */
  noteNextIn(next: number): void;
  /** A number was used by a session-level message, which is not kept. */
  setNextOut(next: number): void;
  /** Both numbers to 1, next generation, sent messages forgotten; pending ones stay. */
  reset(epochMs: number): void;

  /** Copies a sent application message; nextOut becomes `msgSeqNum` + 1. `how`: {@link KEEP}, {@link BY_VENUE}. */
  append(msgSeqNum: number, buf: Buffer, start: number, end: number, epochMs: number, how: number): void;
  /** The first kept message with a number in [from, to]; its cost does not depend on the size of the range. */
  next(from: number, to: number): StoredMessage | undefined | typeof LOADING;

  /** Application messages without a number yet: made while the client was away or its resend was being served. */
  readonly pending: number;
  /** Copies a message, whose MsgSeqNum is 0, to the end of the pending ones. `how`: {@link BY_VENUE}, or 0. */
  enqueue(buf: Buffer, start: number, end: number, epochMs: number, how: number): void;
  /** Epoch ms up to which pending messages may have been sent, and what says so been lost; 0: none were. */
  readonly lostAt: number;
  /** The oldest pending message. */
  peek(): StoredMessage | undefined | typeof LOADING;
  /**
   * The oldest pending message has been sent as `msgSeqNum`, encoded as given: one atomic change removes it and appends
   * this. `how`: {@link KEEP}, or 0.
   */
  promote(msgSeqNum: number, buf: Buffer, start: number, end: number, epochMs: number, how: number): void;

  /**
   * Copies an application message of the client, [start, end) as it came, before anything follows from it, where the
   * store keeps such. [idStart, idEnd) is its ClOrdID when it is one to be remembered; equal: it has none.
   */
  received(
    msgSeqNum: number,
    buf: Buffer,
    start: number,
    end: number,
    epochMs: number,
    fate: Fate,
    idStart: number,
    idEnd: number,
  ): void;
  /** A sent message has been sent again. */
  resent(msgSeqNum: number, epochMs: number): void;
  /** Whether [start, end) is the ClOrdID of a message received within the session's window; false where there is none. */
  knowsId(buf: Buffer, start: number, end: number, epochMs: number): boolean;
}

/** What the application did with a message. */
export const DELIVERED = 0;
/** Nothing yet: the gate waits for a token. The same message is delivered again later. */
export const HOLD = 1;
/** The application does not do this type: the session answers BusinessMessageReject 380=3. */
export const UNSUPPORTED = 2;
export type Delivery = typeof DELIVERED | typeof HOLD | typeof UNSUPPORTED;

/** What the connection does after feeding a message. */
/** Taken: feed the next one. */
export const FED = 0;
/** Not taken: stop feeding; when the gate lets go, feed the SAME message again. */
export const AGAIN = 1;
/** Taken, but a queued message waits for the gate: stop feeding; when the gate lets go, call resume(). */
export const HELD = 2;
/** The connection is being closed: drop what else was read. */
export const ENDED = 3;
/** Taken, and nothing follows from it: feed the next one. Its number need not be written before something else is. */
export const QUIET = 4;
export type Fed = typeof FED | typeof AGAIN | typeof HELD | typeof ENDED | typeof QUIET;

/** Why a session asks for its connection to be closed. */
export type CloseCause =
  | 'logout' // the client's Logout, answered
  | 'logout_answered' // our Logout was answered
  | 'logout_timeout' // our Logout was not answered in time
  | 'ended' // we ended it: killed, taken over, draining
  | 'logon_refused'
  | 'msg_seq_num_too_low'
  | 'msg_seq_num_missing'
  | 'heartbeat_timeout';

/** Holds a message, of which tokenise said `tokens`, against its dictionary: false, and the first mistake in `verdict`. */
export type Validator = (message: Message, tokens: number, verdict: Verdict) => boolean;

/** What a session asks of its connection. */
export interface SessionOutput {
  /** By the session's BeginString, the Logon's DefaultApplVerID (1137) and the profile. */
  readonly validate: Validator;
  /** What the tokeniser has to know of tags in the session’s messages. */
  readonly traits: TagTraits;
  /**
   * Writes into the connection's output buffer; the connection writes out what has been ended, when it will. It must
   * have room for DIVERT_BACKLOG_BYTES (limits.ts) and the longest message: a session that meets OutputFull throws it on.
   */
  readonly encoder: Encoder;
  /** Bytes in the output buffer that the socket has not taken. */
  backlog(): number;
  /** An application message in sequence and valid, exactly once (but see HOLD). May call Session.begin and commit. */
  deliver(message: Message, msgSeqNum: number, now: Instant): Delivery;
  /**
   * What is wrong with what a Logon within the session proves itself by; undefined: nothing. HOLD: that is being looked at,
   * and the same message comes again.
   */
  unproved(message: Message): UnprovedLogon | undefined | typeof HOLD;
  /**
   * After a Logon with something to recover, once: all of it has been sent, `resent` again and `delivered` for the first
   * time, News apart. May call Session.begin and commit.
   */
  recovered(resent: number, delivered: number, now: Instant): void;
  /** Flush, then close. Called once a connection; the connection calls Session.onDisconnect when it is closed. */
  close(cause: CloseCause, text: string): void;
}

/** Why a Logon was refused. A gateway that refuses silently may be silent about the first three; the others always get a Logout. */
export type LogonRefusal =
  | 'sending_time'
  | 'begin_string'
  | 'invalid'
  | 'encrypt_method'
  | 'outside_session_time'
  | 'heartbeat_interval'
  | 'msg_seq_num_too_low'
  | 'next_expected_msg_seq_num';

/** What the Logout says to a Logon within a session that does not prove what it claims. */
export interface UnprovedLogon {
  readonly text: string;
  /** SessionStatus; see session-status.ts. */
  readonly status: number;
}

export interface RefusedLogon {
  readonly refusal: LogonRefusal;
  readonly text: string;
}

/** What the answer to a Logon says of the session where version (FIXT.1.1) and profile have fields for it: 1409 and 58. */
export interface Greeting {
  /** SessionStatus; see session-status.ts. */
  readonly status: number;
  /** '' for none. */
  readonly text: string;
}

export type LogonResult = { readonly accepted: true } | ({ readonly accepted: false } & RefusedLogon);

/** What the connection and the application call. `Session` in session.ts is the one implementation. */
export interface FixSession {
  readonly identity: SessionIdentity;
  /** Whether a client is logged on and no Logout has been sent or received. */
  readonly active: boolean;
  /** Whether a resend or pending messages wait for room in the output: call {@link resumeResend} after a flush. */
  readonly resending: boolean;
  /** Whether a queued message waits for the gate: feed nothing, call {@link resume} when it lets go. */
  readonly held: boolean;

  /** Settings from now on, while the client is away. @throws Error while it is not */
  configure(profile: SessionProfile): void;
  /** What a Logon would be refused for under this profile, also while another connection has the session. Changes nothing. */
  judge(message: Message, profile: SessionProfile, validate: Validator, now: Instant): RefusedLogon | undefined;
  /**
   * A Logon that tokenise found in order and that has been authenticated. Accepted: `output` is the session's from now on and the answer is written.
   * Refused: nothing was written and no number used; the connection calls {@link refuse} or closes silently.
   */
  onLogon(message: Message, output: SessionOutput, now: Instant, greeting?: Greeting): LogonResult;
  /** One Logout with `text` that uses no number on either side, then close; for a Logon that was not accepted. */
  refuse(text: string, output: SessionOutput, now: Instant): void;
  /** Any framed, tokenised message after the Logon. `tokens` is tokenise's result. */
  onMessage(message: Message, tokens: number, now: Instant): Fed;
  /** Goes on with queued messages after a HOLD. FED: feed again; HELD: still waiting. */
  resume(now: Instant): Fed;
  /** Goes on with a resend and with pending messages. */
  resumeResend(now: Instant): void;
  /** Call at or after {@link nextTimerAt}. */
  onTimer(now: Instant): void;
  /** Monotonic ms when {@link onTimer} has something to do; Infinity: never. Changes with every other call. */
  nextTimerAt(): number;

  /**
   * Starts an application message; the caller writes the body and calls {@link commit} before anything else. While the
   * client is away or behind, the message goes to the store without a number and out later, in order, once.
   * @param how {@link BY_VENUE} for what the venue says
   */
  begin(msgType: number, now: Instant, how?: number): BodyWriter;
  commit(): void;
  /** Takes back the message begun. */
  cancel(): void;
  /** BusinessMessageReject (Reject in FIX.4.0 and 4.1) for a message just delivered. `refId`: 379, '' for none. */
  businessReject(message: Message, reason: number, refId: string, text: string, now: Instant): void;
  /** Reject (35=3) for a message just delivered: limits. `reason` 373 or -1, `refTag` 371 or 0. */
  reject(message: Message, reason: number, refTag: number, text: string, now: Instant): void;

  /** A TestRequest now: whoever is there answers it. Nothing when one is unanswered already, or nobody is logged on. */
  testRequest(now: Instant): void;
  /** Logout with `text` and SessionStatus (session-status.ts), then waits (bounded) for the answer. */
  logout(text: string, now: Instant, status?: number): void;
  /** Logout with `text` and SessionStatus, then closes without waiting: kill, takeover. */
  end(text: string, now: Instant, status?: number): void;
  /**
   * The connection is closed, by whomever; its output says which, for after a takeover the old one still has its end
   * to tell. For a takeover: {@link end}, this for the old connection at once, then {@link onLogon} for the new one.
   */
  onDisconnect(output: SessionOutput, now: Instant): void;

  /** Admin: both numbers to 1. False: nothing was done, because a client is connected. */
  resetNumbers(now: Instant): boolean;
}
