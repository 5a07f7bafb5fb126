/** The state of one FIX session: what the handlers read and change. Nothing here does anything by itself. */

import type { Verdict } from '../dictionary/verdict.ts';
import type { Encoder, HeaderTemplate } from '../encoder.ts';
import type { Message } from '../message.ts';
import type { TimestampDecimals } from '../timestamp.ts';
import type { Name } from '../words.ts';
import type { CloseCause, Instant, SessionIdentity, SessionOutput, SessionStore } from './ports.ts';
import type { SessionProfile } from './profile.ts';
import type { InboundQueue } from './queue.ts';
import { isBefore42, isFixt } from './versions.ts';

/** What a client had missed when it logged on, as far as it has been sent. */
export interface Recovery {
  /** The last number sent before. */
  readonly upTo: number;
  /** The last one sent again: a number that is asked for twice counts once. */
  served: number;
  resent: number;
  /** Pending messages sent. */
  delivered: number;
  /** Monotonic ms after which it is none any more if nothing was asked for. */
  readonly beginsBy: number;
}

/** What belongs to one connection. */
export interface Live {
  readonly output: SessionOutput;
  /** HeartBtInt of the Logon in ms; 0: no heartbeats. */
  heartBtMs: number;
  /** Monotonic ms. */
  lastSent: number;
  lastReceived: number;
  /** When the TestRequest that is unanswered was sent; -1: none is. */
  testRequestedAt: number;
  /** Until when pending messages wait for the client to ask for what it missed; 0: they do not. */
  pendingFrom: number;
  /** Until it is over; undefined afterwards. */
  recovery: Recovery | undefined;
  /** Whether a queued message waits for the gate. */
  held: boolean;
  /** When the session period is over, epoch ms; Infinity: never. */
  endsAt: number;
  /** When that is looked at next, monotonic ms: the wall clock may be set meanwhile. */
  endCheckAt: number;
}

export type Phase =
  | { readonly state: 'away' }
  | { readonly state: 'active'; readonly live: Live }
  /** Our Logout is out; `deadline` is monotonic ms. */
  | { readonly state: 'logout_sent'; readonly live: Live; readonly deadline: number }
  /** Asked the connection to close. */
  | { readonly state: 'ended'; readonly live: Live; readonly cause: CloseCause };

export const AWAY: Phase = { state: 'away' };

/** Messages of the client that we miss. */
export type Gap =
  | { readonly state: 'none' }
  /** Open until `until` has come; `asked` is the last number that our ResendRequest covers, Infinity for EndSeqNo 0. */
  | { readonly state: 'open'; readonly until: number; readonly asked: number };

export const NO_GAP: Gap = { state: 'none' };

/** Messages of ours that the client asked for again. */
export type Resend =
  | { readonly state: 'idle' }
  /** `next` to `to` are still to be sent. */
  | { readonly state: 'serving'; next: number; readonly to: number };

export const IDLE: Resend = { state: 'idle' };

/** Where an application message that has been begun is written: none is; to the client; to those that wait for it. */
export const NO_DRAFT = 0;
export const LIVE_DRAFT = 1;
export const PENDING_DRAFT = 2;
export type Draft = typeof NO_DRAFT | typeof LIVE_DRAFT | typeof PENDING_DRAFT;

/** A range that waits for the one being served, or for the end of the window. */
export interface Waiting {
  readonly from: number;
  readonly to: number;
  /** Monotonic ms. */
  readonly notBefore: number;
}

export interface SessionRecord {
  readonly identity: SessionIdentity;
  /** BeginString, SenderCompID and TargetCompID of all that comes in. */
  readonly names: { readonly begin: Name; readonly sender: Name; readonly target: Name };
  /** These three change between connections only. */
  profile: SessionProfile;
  header: HeaderTemplate;
  decimals: TimestampDecimals;
  readonly store: SessionStore;
  phase: Phase;

  gap: Gap;
  /** The highest number seen ahead of its turn; what lies up to it and neither came nor is queued is missing. */
  highest: number;
  /** The last PossDup number seen ahead of its turn: a lower or equal one begins another pass of a resend. */
  lastPossDup: number;
  /** Whether the pass of a resend now coming in has been found to have a hole, and was asked for again. */
  holeAsked: boolean;
  /** When we last asked, or a message in the gap last came; monotonic ms. */
  gapMovedAt: number;
  readonly queue: InboundQueue;

  resend: Resend;
  waiting: Waiting | undefined;
  /** Requests served in the present window. */
  readonly window: { since: number; served: number; from: number; to: number; same: number };

  /** MsgSeqNum being processed or processed last: LastMsgSeqNumProcessed (369). */
  lastProcessed: number;
  /** What was found last to be in time, in the turn of {@link Live.lastReceived}: a SendingTime ({@link Message.timeOf}); 0: none. */
  timely: number;
  readonly verdict: Verdict;
  /** For messages out of the queue and out of the store. */
  readonly view: Message;
  readonly stored: Message;
  /** For application messages made while the client is away; made with the first. */
  scratch: Encoder | undefined;
  /** The application message begun and not committed. */
  draft: Draft;
  /** When it was begun, in the same turn: the turn's own record. */
  draftNow: Instant;
  /** Whose it is: BY_VENUE (ports.ts), or 0. */
  draftHow: number;
}

/** Whether our headers carry LastMsgSeqNumProcessed (369): the profile wants it, and the version has it (since FIX.4.2). */
export const saysLastProcessed = (s: SessionRecord): boolean =>
  s.profile.enable_last_msg_seq_num_processed && !isBefore42(s.identity.beginString);

/** Whether Logon and Logout carry SessionStatus (1409): the profile wants it, and the version has it. */
export const saysSessionStatus = (s: SessionRecord): boolean =>
  s.profile.enable_session_status && isFixt(s.identity.beginString);
