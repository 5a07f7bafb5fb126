/**
 * What an edge, or a firm's own gateway, asks of the gate and what it hears back. The gate itself is core/gate.ts.
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
  /** 56; undefined where the caller's protocol has none: then it is not compared. */
  readonly target_comp_id?: string | undefined;
  /** 553; equals 49 when present, or names the Ed25519 key. */
  readonly username?: string | undefined;
  /** Password (554) or RawData (96). Its bytes are read during the call only; the caller may wipe them afterwards. */
  readonly proof: LogonProof;
  /** The client's address, IPv4 or IPv6, without port. */
  readonly address: string;
  /** SHA-256 of the certificate that the client has shown in TLS and that was verified, 64 hex digits; undefined: none. */
  readonly certificate?: string | undefined;
}

/** How a client's own change of its password came out. */
export type PasswordChange =
  | { readonly result: 'changed' }
  /** It is the newest already: an earlier answer was lost. */
  | { readonly result: 'unchanged' }
  /** `text` for the client, which says what is wrong with it. */
  | { readonly result: 'refused'; readonly reason: 'new_password' | 'unavailable'; readonly text: string };

/** Why a logon was refused; the audit and the log have it, an unproved peer never hears it. */
export type UnprovedReason =
  | 'unknown_sender'
  | 'wrong_password'
  | 'wrong_signature'
  /** The signature is right, and SendingTime too far off. */
  | 'outside_window'
  /** The signature is right, and was used before. */
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
 * A refusal. `unproved`: identity, proof or address; one and the same text whatever the reason (but for `outside_window`,
 * where only the holder of the secret can have signed), and what `--refused-logon silent` passes over. `proven`: the peer has shown who it is and may be told why; also for the one
 * reason that depends on nobody's identity, `unavailable`.
 */
export interface LogonRefused {
  readonly result: 'refused';
  readonly class: 'unproved' | 'proven';
  readonly reason: RefusalReason;
  /** For 58 of the Logout. */
  readonly text: string;
}

/** A peer that has proved itself and may hold a session; hand it to registerSession. */
export interface LogonAccepted {
  readonly result: 'accepted';
  readonly credential: Credential;
  readonly user: User;
  readonly limits: UserLimits;
  readonly max_sessions: number;
  readonly address: string;
  readonly certificate?: string | undefined;
  /** Version of the password, secret or key that proved it: an older one may work during a grace only. */
  readonly verifier_version: number;
  /** Version of the policy by which it was decided. */
  readonly policy_version: number;
  /** For people: a password in its grace, a credential about to expire. */
  readonly warnings: readonly string[];
}

export type LogonResult = LogonAccepted | LogonRefused;

/** The gate ended the session: slot and record are seen to. Send Logout with `text` and close; no need to unregister. */
export type OnEnd = (cause: EndCause, text: string) => void;

export interface RegisterRequest {
  readonly logon: LogonAccepted;
  readonly key: FixSessionKey;
  /** Session to be taken over, one of the same key: its slot is inherited. Comes out of `held`. */
  readonly supersedes?: string | undefined;
  /** What is reserved with the slot, see SessionSlots.take. */
  readonly numbers?: Reserving | 'none' | undefined;
  readonly onEnd: OnEnd;
}

export type RegisterResult =
  | { readonly result: 'registered'; readonly session: GateSession; readonly holding: Holding }
  /** The key is live elsewhere or here: the caller decides (probe, refuse, takeover) and asks again with `supersedes`. */
  | { readonly result: 'held'; readonly holder: LiveSession; readonly local: GateSession | undefined }
  | LogonRefused;

export interface SessionFigures {
  readonly messages: number;
  /** Admitted. */
  readonly orders: number;
  /** Refused for a rate. */
  readonly violations: number;
}

/** Where a user's limits stand, as a client is told when it asks. */
export interface LimitState extends Readonly<Record<LimitClass, BucketUsage>> {
  /** Live sessions of the user over all edges, and the most it may have. */
  readonly sessions: { readonly used: number; readonly max: number };
  /** False: the store did not answer in time; what other edges have used since this one looked last is not in it. */
  readonly fresh: boolean;
}

/** What is kept of a credential while it has a session. */
export type LiveCredential = Pick<Credential, 'user_id' | 'sender_comp_id' | 'target_comp_id'> & {
  /** Epoch ms. */
  readonly expires_at: number | undefined;
  readonly expiry_recorded_at: number | undefined;
};

/** A live session of this gate. Kinds and answers are those of core/limits/admission.ts. */
export interface GateSession {
  readonly session: LiveSession;
  readonly credential: LiveCredential;
  /** False once it has ended, whoever ended it. */
  readonly live: boolean;
  readonly figures: SessionFigures;
  /** Decides one application message, as UserAdmissions.admit does; orders also need the edge's lease (else REFUSED_STORE). */
  admit(kind: Kind, nowMs: number): Admission;
  /** After WAIT: the final word, once, within 250 ms (a cancel: 1250). Returns what forgets the message. */
  onGrant(kind: Kind, decided: (decision: Decision) => void): () => void;
  /** For the Text of a refusal. */
  retryAfterMs(kind: Kind, nowMs: number): number;
  /** Counts a message that draws on no bucket (session level), for the figures. */
  count(): void;
  /** Where the user's limits stand. The store is read at most once a second for a user; never rejects. */
  limits(): Promise<LimitState>;
  /**
   * Warns when `percent` of a bucket of the user is used up: once, and again only after less than half of that was.
   * `tell` may be called within `admit`, and at any other time until the session ends. Called once a session.
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

/** Things of the whole gate that its owner wants to know. Each is called at most once per occurrence, never inside a call of the owner's. */
export interface GateEvents {
  /** The lease ended or came back: orders are refused meanwhile, cancels pass, connections stay. */
  onOrders?(allowed: boolean): void;
  /** Another edge has declared this incarnation dead: every session has been ended with cause `fenced`; `rejoin` starts anew. */
  onFenced?(identity: EdgeIdentity): void;
  /** An admin has changed where the numbers of a FIX session stand: for who keeps them, unless it is live. */
  onNumbers?(command: NumbersCommand): void;
  /** Another edge asks about a session; the owner answers (core/ports.ts, EdgeRegistry.tellAnswer). */
  onAsked?(question: Asked): void;
  /** An admin has asked for it with a kill or a lock; the sessions concerned admit nothing any more. */
  onCancelOrders?(whose: OrdersOf): void;
  /** An admin has something to say to the clients of these sessions. @returns how many were told */
  onNotice?(notice: Notice, sessions: readonly GateSession[]): Promise<number>;
  /** An admin has this edge drained: the gate takes no logons any more, and its owner sees to the rest. */
  onDrain?(reason: string): void;
  /** A command was applied. `ageMs`: since it was given, as far as the clocks agree. */
  onCommand?(type: EdgeCommand['type'], ageMs: number): void;
  /** What a question for a slot came to; `supersedes`: it was to take a session over. */
  onSlot?(result: SlotResult['result'], supersedes: boolean): void;
  /** Many bad logons for one name, over all addresses. */
  onBadLogons?(senderCompId: string, count: number): void;
}

/** Where the gate reports what people should see: the pino logger of the edge fits. */
export interface GateLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const SILENT_LOG: GateLog = { info() {}, warn() {}, error() {} };

export interface GateSettings {
  readonly edge_id: string;
  /** The name is one that others may take, and was: see {@link claimName}. It is begun anew only while nobody else has it. */
  readonly claimed?: Claimed | undefined;
  /** Version of the software, shown with the edge. */
  readonly version: string;
  /** How far SendingTime of a signed Logon may be off this process's clock, ms; at most {@link MAX_LOGON_WINDOW_MS}. */
  readonly logon_window_ms: number;
  /** Bad logons in 30 s before 30 s of refusal; 0: off. */
  readonly bad_logon_limit: number;
  /** False behind a balancer that hides client addresses: then nothing is counted per address alone. */
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
  /** Set when the peer has proved itself. */
  readonly user_id?: string | undefined;
}

/** The gate as its owner sees it; implemented in core/gate.ts. */
export interface Gate {
  readonly identity: EdgeIdentity;
  /** False when the edge's lease is over: orders are refused, cancels pass. */
  readonly mayPlaceOrders: boolean;
  readonly state: 'running' | 'draining' | 'fenced' | 'stopped';
  /** Never rejects: a store that is away is a refusal. */
  validateLogon(request: LogonRequest): Promise<LogonResult>;
  /**
   * Gives a client that has proved itself by its newest password, and whose session is registered, the password that it
   * asks for (925): committed and on record when it resolves. The old one works for a short grace. Never rejects.
   */
  changePassword(session: GateSession, logon: LogonAccepted, password: Uint8Array): Promise<PasswordChange>;
  /** Never rejects: a store that is away is a refusal. */
  registerSession(request: RegisterRequest): Promise<RegisterResult>;
  /**
   * For callers without the handle; with it, `session.admit` is the shorter way. `kind`: true is an order, false any
   * other message that is no cancel. A promise (≤ 250 ms, a cancel 1250) only while a grant is on its way: await it, and hold what follows.
   */
  trackMessage(userId: string, sessionId: string, kind: LimitClass | boolean): TrackResult | Promise<TrackResult>;
  /** Ends a session of this gate and frees its slot. Idempotent; resolves when the slot is free or its release is queued. */
  unregisterSession(sessionId: string, cause: EndCause, text?: string): Promise<void>;
  /** Records a refusal of a Logon that the caller decided itself (held by its holder, bad 108, …), so that audit and figures have it. */
  noteRefusal(refusal: CallerRefusal): void;
  /**
   * Records that a part of the message archive is complete, with its digest, in the audit chain of this edge (type
   * `archive_sealed`). Resolves when the record is in the store, however long that takes.
   */
  noteArchived(details: Readonly<Record<string, unknown>>): Promise<void>;
  /** Gives a user another tier: an audited change, in force here at once. Rejects with FixgateError (core/errors.ts). */
  updateUserTier(userId: string, tier: string, actor: Actor, reason?: string): Promise<void>;
  /** Live sessions of a user, over all edges. Rejects with StoreUnavailable. */
  userSessions(userId: string): Promise<readonly LiveSession[]>;
  /** Live sessions of this gate. */
  sessions(): Iterable<GateSession>;
  session(sessionId: string): GateSession | undefined;
  /** For stats and metrics. */
  figures(): EdgeFigures;
  limiterFigures(): LimiterFigures;
  /** No new logons from now on; told to others with the heartbeat. */
  drain(): void;
  /** Why this gate is shut; undefined: it is not. */
  readonly shutFor: string | undefined;
  /**
   * Ends every session (cause `locked`) and refuses every logon, whatever the store says and whether or not it is there, until
   * it is called with undefined. Also after `rejoin`. On record in the edge's own chain, as soon as the store takes it.
   */
  shut(reason: string | undefined): void;
  /** After onFenced: registers a new incarnation. Rejects with StoreUnavailable, or NoFreeName when another has taken the name. */
  rejoin(): Promise<void>;
  /** Ends every session (cause `drain`), flushes records and counters, gives leases and slots back, says `stopped`. */
  stop(): Promise<void>;
}
