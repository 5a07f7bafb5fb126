/**
 * The gate as an edge, or a firm's own gateway, uses it: requests, results and events. The gate itself is core/gate.ts.
 */
import type { Actor } from '../audit/model.ts';
import type { Credential, User } from '../credentials/model.ts';
import type { LogonProof } from '../credentials/signed.ts';
import type { Admission, Decision, LimiterFigures } from '../limits/admission.ts';
import type { Kind } from '../limits/kinds.ts';
import type { LimitClass, UserLimits } from '../limits/model.ts';
import type { BucketUsage } from '../limits/usage.ts';
import type { OnLimitWarning } from '../limits/watch.ts';
import type { SlotResult } from '../ports.ts';
import type {
  Asked,
  Claimed,
  EdgeCommand,
  EdgeFigures,
  EdgeIdentity,
  EndCause,
  FixSessionKey,
  Holding,
  LiveSession,
  Notice,
  NumbersCommand,
  Reserving,
} from './model.ts';

/** One attempt to log on, before anything about the peer is believed. */
export interface LogonRequest {
  /** 49. */
  readonly sender_comp_id: string;
  /** 56. Undefined where the caller's protocol has none; then it is not checked. */
  readonly target_comp_id?: string | undefined;
  /** 553. When present it must equal 49, or be the id of the Ed25519 key. */
  readonly username?: string | undefined;
  /** Password (554) or RawData (96). Its bytes are read during the call only; the caller may wipe them afterwards. */
  readonly proof: LogonProof;
  /** The client's address, IPv4 or IPv6, without port. */
  readonly address: string;
  /** SHA-256 of the client's certificate, verified in TLS, as 64 hex digits. Undefined: it showed none. */
  readonly certificate?: string | undefined;
}

/** Result of a client's own change of its password (925). */
export type PasswordChange =
  | { readonly result: 'changed' }
  /** It is the newest password already: the answer to an earlier attempt was lost. */
  | { readonly result: 'unchanged' }
  /** `text` tells the client what is wrong with it. */
  | { readonly result: 'refused'; readonly reason: 'new_password' | 'unavailable'; readonly text: string };

/** Why a logon was refused. Audit and log have it; a peer that has not proved itself is never told. */
export type UnprovedReason =
  | 'unknown_sender'
  | 'wrong_password'
  | 'wrong_signature'
  /** The signature is right, but SendingTime is too far off. */
  | 'outside_window'
  /** The signature is right, but has been used before. */
  | 'replayed'
  | 'wrong_target'
  | 'wrong_username'
  | 'address_not_allowed'
  | 'wrong_certificate'
  | 'too_many_bad_logons';

export type ProvenReason =
  | 'suspended'
  | 'revoked'
  | 'expired'
  | 'not_eligible'
  | 'session_limit'
  | 'session_in_use'
  | 'killed'
  | 'locked'
  | 'draining'
  | 'unavailable';

export type RefusalReason = UnprovedReason | ProvenReason;

/**
 * A refusal.
 *
 * `unproved`: the peer has not shown who it is. The text is the same whatever the reason, except for `outside_window`, where
 * only the holder of the secret can have signed. With `--refused-logon silent` nothing is sent.
 *
 * `proven`: the peer has shown who it is and may be told why. So may anybody for `unavailable`, which depends on no identity.
 */
export interface LogonRefused {
  readonly result: 'refused';
  readonly class: 'unproved' | 'proven';
  readonly reason: RefusalReason;
  /** Text (58) of the Logout. */
  readonly text: string;
}

/** The peer has proved itself and may have a session. Pass this to registerSession. */
export interface LogonAccepted {
  readonly result: 'accepted';
  readonly credential: Credential;
  readonly user: User;
  readonly limits: UserLimits;
  readonly max_sessions: number;
  readonly address: string;
  readonly certificate?: string | undefined;
  /** Version of the password, secret or key that was used. An older one works during its grace period only. */
  readonly verifier_version: number;
  /** Version of the policy that this was decided by. */
  readonly policy_version: number;
  /** For people, such as: the password is in its grace period, the credential is about to expire. */
  readonly warnings: readonly string[];
}

export type LogonResult = LogonAccepted | LogonRefused;

/** The gate has ended the session, freed its slot and recorded it. Send a Logout with `text` and close; do not unregister. */
export type OnEnd = (cause: EndCause, text: string) => void;

export interface RegisterRequest {
  readonly logon: LogonAccepted;
  readonly key: FixSessionKey;
  /** Id of the live session, of the same key, to take over: its slot is inherited. From a result `held`. */
  readonly supersedes?: string | undefined;
  /** Sequence numbers to reserve together with the slot; see SessionSlots.take. */
  readonly numbers?: Reserving | 'none' | undefined;
  readonly onEnd: OnEnd;
}

export type RegisterResult =
  | { readonly result: 'registered'; readonly session: GateSession; readonly holding: Holding }
  /** The FIX session is live, here or on another edge. The caller decides what to do about it and may ask again with `supersedes`. */
  | { readonly result: 'held'; readonly holder: LiveSession; readonly local: GateSession | undefined }
  | LogonRefused;

export interface SessionFigures {
  readonly messages: number;
  /** Orders that were admitted. */
  readonly orders: number;
  /** Messages refused because of a rate limit. */
  readonly violations: number;
}

/** Where a user's limits stand, as a client is told when it asks. */
export interface LimitState extends Readonly<Record<LimitClass, BucketUsage>> {
  /** Live sessions of the user over all edges, and the most it may have. */
  readonly sessions: { readonly used: number; readonly max: number };
  /** False: the store did not answer in time, so what other edges have used lately is not included. */
  readonly fresh: boolean;
}

/** The part of a credential that is kept in memory while it has a session. */
export type LiveCredential = Pick<Credential, 'user_id' | 'sender_comp_id' | 'target_comp_id'> & {
  /** Epoch ms. */
  readonly expires_at: number | undefined;
  readonly expiry_recorded_at: number | undefined;
};

/** A live session of this gate. Kinds and answers are those of core/limits/admission.ts. */
export interface GateSession {
  readonly session: LiveSession;
  readonly credential: LiveCredential;
  /** False once it has ended, for whatever reason. */
  readonly live: boolean;
  readonly figures: SessionFigures;
  /** Decides one application message, as UserAdmissions.admit does; orders also need the edge's lease (else REFUSED_STORE). */
  admit(kind: Kind, nowMs: number): Admission;
  /**
   * Admits some orders of a batch before they are read (UserAdmissions.admitOrders). Give back those that do not come: in the same turn
   * of the event loop, before anything else is asked of this session.
   * @returns how many are admitted; 0: ask for each
   */
  admitAhead(nowMs: number): number;
  giveBack(orders: number): void;
  /** After WAIT: `decided` is called once, within 500 ms (a cancel: 1250). The function returned cancels the wait. */
  onGrant(kind: Kind, decided: (decision: Decision) => void): () => void;
  /** When such a message may be admitted, for the text of a refusal; ms from now. */
  retryAfterMs(kind: Kind, nowMs: number): number;
  /** Counts a session-level message, which no limit applies to, for the figures. */
  count(): void;
  /** Where the user's limits stand. Reads the store at most once a second for each user; never rejects. */
  limits(): Promise<LimitState>;
  /**
   * Warns when `percent` of one of the user's buckets is used up. Warns again only after use has fallen below half of that.
   * `tell` may be called within `admit`, and at any other time until the session ends. Call this once for each session.
   */
  watchLimits(percent: number, tell: OnLimitWarning): void;
}

/** What trackMessage answers. */
export type TrackResult =
  | { readonly admitted: true }
  | { readonly admitted: false; readonly refused: LimitClass | 'store' | 'ended'; readonly retry_ms: number };

/** Whose resting orders are to be cancelled at the venue. */
export type OrdersOf =
  | { readonly of: 'session'; readonly key: FixSessionKey }
  | { readonly of: 'users'; readonly user_ids: ReadonlySet<string> }
  | { readonly of: 'everybody' };

/** Whether something is done for good, whatever dies then: asked again until it is. */
export type Done = () => boolean;

/** Events of the gate for its owner. Each is called at most once per occurrence, and never inside a call by the owner. */
export interface GateEvents {
  /** The edge's lease has ended (false) or is back (true). Between the two orders are refused, cancels pass, connections stay. */
  onOrders?(allowed: boolean): void;
  /** Another edge has declared this incarnation dead. Every session has ended with cause `fenced`; call `rejoin` to go on. */
  onFenced?(identity: EdgeIdentity): void;
  /** An admin has set the sequence numbers of a FIX session. The owner, who keeps them, does it unless the session is live. */
  onNumbers?(command: NumbersCommand): void;
  /** Another edge asks about a session. The owner answers by EdgeRegistry.tellAnswer (core/ports.ts). */
  onAsked?(question: Asked): void;
  /**
   * A kill or a lock asks for it. The sessions concerned admit nothing any more by then. A command to do so stays in the store until it
   * is done: it may come again, to a later process.
   * @param askedAt epoch ms, by the clock of who asked
   * @returns undefined: it is done
   */
  onCancelOrders?(whose: OrdersOf, askedAt: number): Done | undefined;
  /** An admin announces something to the clients of these sessions. @returns how many were told */
  onNotice?(notice: Notice, sessions: readonly GateSession[]): Promise<number>;
  /** An admin drains this edge. The gate already refuses logons; its owner does the rest. */
  onDrain?(reason: string): void;
  /** A command was applied. `ageMs`: time since it was given, measured by two clocks. */
  onCommand?(type: EdgeCommand['type'], ageMs: number): void;
  /** Result of asking the store for a slot. `supersedes`: the slot of a live session was to be taken over. */
  onSlot?(result: SlotResult['result'], supersedes: boolean): void;
  /** Many bad logons for one name, over all addresses. */
  onBadLogons?(senderCompId: string, count: number): void;
}

/** Where the gate logs. A pino logger fits. */
export interface GateLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const SILENT_LOG: GateLog = { info() {}, warn() {}, error() {} };

export interface GateSettings {
  readonly edge_id: string;
  /** Set when `edge_id` is a pool name that was claimed at start; see {@link claimName}. `rejoin` then claims it again. */
  readonly claimed?: Claimed | undefined;
  /** Version of the software, shown with the edge. */
  readonly version: string;
  /** How far SendingTime of a signed Logon may differ from this process's clock, ms; at most {@link MAX_LOGON_WINDOW_MS}. */
  readonly logon_window_ms: number;
  /** So many bad logons within 30 s lead to 30 s of refusal. 0: no limit. */
  readonly bad_logon_limit: number;
  /** False behind a balancer that hides client addresses. Then bad logons are not counted by address alone. */
  readonly real_addresses: boolean;
}

export const DEFAULT_GATE_SETTINGS = {
  version: '0.1.0',
  logon_window_ms: 5_000,
  bad_logon_limit: 15,
  real_addresses: true,
} as const;

export interface CallerRefusal {
  readonly sender_comp_id: string;
  readonly address: string;
  /** A short code, such as `heartbeat_interval`. */
  readonly reason: string;
  readonly text: string;
  /** Set if the peer has proved itself. */
  readonly user_id?: string | undefined;
}

/** The gate as its owner sees it; implemented in core/gate.ts. */
export interface Gate {
  readonly identity: EdgeIdentity;
  /** False when the edge's lease is over: orders are refused, cancels pass. */
  readonly mayPlaceOrders: boolean;
  readonly state: 'running' | 'draining' | 'fenced' | 'stopped';
  /** Checks identity, proof, address, status and rules. Never rejects: if the store is away the logon is refused. */
  validateLogon(request: LogonRequest): Promise<LogonResult>;
  /**
   * Sets the new password that a Logon asks for (925). The client must have used its newest password, and its session must
   * be registered. When this resolves the change is committed and audited. The old password works for a short grace period.
   * Never rejects.
   */
  changePassword(session: GateSession, logon: LogonAccepted, password: Uint8Array): Promise<PasswordChange>;
  /** Takes a slot. Never rejects: if the store is away the session is refused. */
  registerSession(request: RegisterRequest): Promise<RegisterResult>;
  /**
   * As `session.admit`, for callers that do not have the session at hand. `kind`: true for an order, false for any other message
   * but a cancel. A promise only while tokens are on their way (at most 500 ms, a cancel 1250): hold what follows until then.
   */
  trackMessage(userId: string, sessionId: string, kind: LimitClass | boolean): TrackResult | Promise<TrackResult>;
  /** Ends a session of this gate and frees its slot. Idempotent; resolves when the slot is free or its release is queued. */
  unregisterSession(sessionId: string, cause: EndCause, text?: string): Promise<void>;
  /** Records a refusal that the caller decided itself (session in use, bad HeartBtInt, …), for audit and figures. */
  noteRefusal(refusal: CallerRefusal): void;
  /**
   * Records in the audit chain of this edge that a part of the message archive is complete, with its digest (type
   * `archive_sealed`). Resolves once the record is in the store, however long that takes.
   */
  noteArchived(details: Readonly<Record<string, unknown>>): Promise<void>;
  /** Gives a user another tier. Audited, and in force here at once. Rejects with FixgateError (core/errors.ts). */
  updateUserTier(userId: string, tier: string, actor: Actor, reason?: string): Promise<void>;
  /** Live sessions of a user, over all edges. Rejects with StoreUnavailable. */
  userSessions(userId: string): Promise<readonly LiveSession[]>;
  /** Live sessions of this gate. */
  sessions(): Iterable<GateSession>;
  session(sessionId: string): GateSession | undefined;
  /** For stats and metrics. */
  figures(): EdgeFigures;
  limiterFigures(): LimiterFigures;
  /** Refuses new logons from now on. Other edges learn of it by the heartbeat. */
  drain(): void;
  /** Why this gate is shut; undefined: it is not. */
  readonly shutFor: string | undefined;
  /**
   * Ends every session (cause `locked`) and refuses every logon until it is called with undefined, also across `rejoin`. Needs no
   * store. Recorded in the edge's own audit chain once the store answers.
   */
  shut(reason: string | undefined): void;
  /** After onFenced: registers a new incarnation. Rejects with StoreUnavailable, or NoFreeName if another process has the name. */
  rejoin(): Promise<void>;
  /** Ends every session (cause `drain`), flushes records and counters, gives leases and slots back, and registers as `stopped`. */
  stop(): Promise<void>;
}
