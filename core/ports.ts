/**
 * What the domain needs of the world. Each port has a memory adapter and a real one, and one compliance suite that
 * both pass. Every method may reject with StoreUnavailable (core/errors.ts); a failed condition is a value, not an error.
 */
import type { AuditEntry, AuditRecord, AuditType, ChainHead, StoredRecord } from './audit/model.ts';
import type { Credential, CredentialProof, CredentialStatus, User, UserRecord } from './credentials/model.ts';
import type { Override, Rule } from './eligibility/model.ts';
import type { Tier, Violations, ViolationType } from './limits/model.ts';
import type { Lock, LockTarget } from './locks/model.ts';
import type {
  Answer,
  EdgeCommand,
  EdgeFigures,
  EdgeIdentity,
  EdgeRow,
  EdgeState,
  FixSessionKey,
  Holding,
  LiveSession,
  NoticeReceipt,
  Reservation,
  Reserved,
  Reserving,
  SessionNumbers,
} from './sessions/model.ts';

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page starts; undefined: there is none. Opaque: adapters make it, callers hand it back. */
  readonly next?: string;
}

export interface PageRequest {
  /** 1 to 1000. */
  readonly limit: number;
  readonly after?: string;
}

/** A user with all its credentials, read consistently. */
export interface Account {
  readonly user: UserRecord;
  readonly credentials: readonly Credential[];
}

/**
 * A change to one account and its audit record: ONE transaction. Condition: the user's chain head is still
 * `expected`; each new credential's SenderCompID is free; each changed credential has still its expected version.
 * `user` undefined: only the record is appended (a refused change, or a change to a credential alone).
 */
export interface AccountChange {
  readonly user_id: string;
  readonly expected: ChainHead;
  /** The head that the user's row has when a restore has set it back behind its chain: the condition then. */
  readonly row_head?: ChainHead;
  readonly user?: User;
  readonly created: readonly Credential[];
  readonly changed: readonly { readonly credential: Credential; readonly expected_version: number }[];
  readonly record: AuditRecord;
  /** What becomes of the user's entry in the list of locks; undefined: nothing. */
  readonly lock?: 'put' | 'remove';
  /** Commands for edges, in the same transaction. */
  readonly commands: readonly AddressedCommand[];
}

export interface AddressedCommand {
  readonly edge_id: string;
  readonly command: EdgeCommand;
}

export type CommitResult =
  | { readonly result: 'committed' }
  | { readonly result: 'conflict' }
  | { readonly result: 'sender_comp_id_taken'; readonly sender_comp_id: string };

/** A row of accounts, as it stands. */
export type DirectoryRow =
  | { readonly kind: 'user'; readonly user: User }
  | { readonly kind: 'credential'; readonly credential: Credential }
  /** Is neither, nor anything else that stands there. */
  | { readonly kind: 'strange'; readonly key: string };

/** Users and credentials. */
export interface Directory {
  account(userId: string): Promise<Account>;
  /** Consistent; with its user. The logon's read. */
  credential(senderCompId: string): Promise<{ readonly credential: Credential; readonly user: User } | undefined>;
  commit(change: AccountChange): Promise<CommitResult>;
  /** Sorted by user then SenderCompID within (status, tier); lists lag the truth by the index. Of a credential in a list `proof` is without secrets and `idempotency` absent: no index holds them. */
  listCredentials(
    filter: { readonly status?: CredentialStatus; readonly tier?: string },
    page: PageRequest,
  ): Promise<Page<Credential>>;
  listUsers(
    filter: { readonly status?: CredentialStatus; readonly tier?: string },
    page: PageRequest,
  ): Promise<Page<User>>;
  /** Locks of users, expired ones among them, by user. */
  listLocks(page: PageRequest): Promise<Page<Lock>>;
  /** Every user and credential, in no order, consistently each; a scan, for verification and repair only. */
  scan(): AsyncIterable<DirectoryRow>;
  /** Users by status and tier. */
  countUsers(): Promise<
    readonly { readonly status: CredentialStatus; readonly tier: string; readonly count: number }[]
  >;
  /** Puts the same proof, sealed anew, in place of the credential's. Without a record of its own. False: the credential has changed since it was read. */
  reseal(credential: Credential, proof: CredentialProof): Promise<boolean>;
  /** Written by the edge at the first logon with a password, secret or key: sets first_logon_at when unset and retires older passwords and secrets. False: the credential, given as it was read, has changed since; read again. */
  noteLogon(credential: Credential, at: number, verifierVersion: number): Promise<boolean>;
}

/** Rules, tiers, overrides and locks with the head of the policy chain. */
export interface Policy {
  /** Rises by one with each change. */
  readonly version: number;
  readonly chain: ChainHead;
  readonly rules: readonly Rule[];
  readonly tiers: readonly Tier[];
  /** Of tiers and of everybody; expired ones among them. */
  readonly locks: readonly Lock[];
}

export type PolicyEdit =
  | { readonly put_rule: Rule }
  | { readonly remove_rule: string }
  | { readonly put_tier: Tier }
  | { readonly remove_tier: string }
  | { readonly put_override: Override }
  | { readonly remove_override: { readonly user_id: string; readonly rule_id: string } }
  | { readonly put_lock: Lock }
  | { readonly remove_lock: LockTarget };

export interface PolicyStore {
  /** Consistent; seeds nothing: an empty store gives version 0 and nothing else. */
  read(): Promise<Policy>;
  /** One consistent read of one item: cheap enough to poll. */
  version(): Promise<number>;
  overrides(userId: string): Promise<readonly Override[]>;
  /** Every row by its name (core/audit/state.ts), in no order; a scan, for verification only. */
  scan(): AsyncIterable<{ readonly name: string; readonly value: unknown }>;
  /** ONE transaction under the condition that the chain head is still `expected`; bumps `version` by one when there are edits. */
  commit(change: {
    readonly expected: ChainHead;
    /** As of an account's change. */
    readonly row_head?: ChainHead;
    readonly expected_version: number;
    readonly edits: readonly PolicyEdit[];
    readonly record: AuditRecord;
    /** For edges, in the same transaction. */
    readonly commands?: readonly AddressedCommand[];
  }): Promise<'committed' | 'conflict'>;
}

export interface AuditQuery {
  readonly user_id?: string;
  readonly type?: AuditType;
  readonly actor?: string;
  /** Epoch ms, inclusive. */
  readonly from?: number;
  /** Epoch ms, exclusive. */
  readonly to?: number;
}

export interface AuditTrail {
  /** Appends records that follow each other in one chain, each put if absent; the writer is the chain's only one. Repeating it is harmless. 'taken': another record has the place. */
  append(records: readonly AuditRecord[]): Promise<'appended' | 'taken'>;
  /** Newest first, by (at, id); a row that is no record any more is shown as such in its place. `now` bounds the walk backwards through days. */
  query(filter: AuditQuery, page: PageRequest, now: number): Promise<Page<StoredRecord>>;
  /** One chain from its first record on, or from the one with this number. */
  chain(chain: string, page: PageRequest, from?: number): Promise<Page<StoredRecord>>;
  /** The last record of a chain, consistently. */
  head(chain: string): Promise<ChainHead>;
  /** Names of all chains; a scan, for verification only. */
  chains(): AsyncIterable<string>;
  /** Heads of chains that stand outside the audit table (a user's or the policy's row), to see a cut tail; undefined for edge chains. */
  expectedHead(chain: string): Promise<ChainHead | undefined>;
}

export type SlotResult =
  | { readonly result: 'taken'; readonly slot: number; readonly holding: Holding }
  /** Live sessions of the user that hold the slots. */
  | { readonly result: 'full'; readonly holders: readonly LiveSession[] }
  /** The user's epoch is no longer the expected one: read the account again. */
  | { readonly result: 'epoch_changed' }
  /** The session's key is held by this live session; nothing was taken. */
  | { readonly result: 'held'; readonly holder: LiveSession }
  /** This edge has been declared dead, stopped or superseded: nothing it takes would count. */
  | { readonly result: 'fenced' };

/** Slots: how many sessions a user holds, exactly. A slot whose holder's edge is dead, stopped or of an older incarnation is free. */
export interface SessionSlots {
  /**
   * ONE transaction: a free slot below `max_sessions` becomes this session's and its session row is written, if the
   * user's epoch is still `session.epoch` and this edge's row is alive with its incarnation. When `supersedes` names a
   * session of the same key, its slot is inherited, and `told` is put for the edge of that session. The FIX session is this edge's to speak for from now on, in the same
   * transaction: under a new epoch, unless it was this incarnation's before. So are the `numbers` that it reserves, where nobody
   * else has to give it the session first; `none`: it needs none; undefined: those that it has stay.
   */
  take(
    session: Omit<LiveSession, 'slot'>,
    maxSessions: number,
    supersedes?: string,
    told?: AddressedCommand,
    numbers?: Reserving | 'none',
  ): Promise<SlotResult>;
  /** Everything of the session is in this edge's journal, durably, and these are its numbers. False: another has taken it since. */
  settle(session: Omit<LiveSession, 'slot'>, epoch: number, reserved?: Reserved): Promise<boolean>;
  /** One by one, and each told by whether it was done: it is not where another edge, or another incarnation, has the session. */
  reserve(reservations: readonly Reservation[]): Promise<readonly boolean[]>;
  /** After a restore: what is reserved of the FIX session, if anything, ends so much later. */
  passNumbers(userId: string, key: FixSessionKey, beyond: number): Promise<void>;
  /** Frees slot and session row of each, as far as they are still that session's. Idempotent, and not one transaction. */
  release(sessions: readonly LiveSession[]): Promise<void>;
  /** Sessions that hold a slot, on edges that are not dead. */
  ofUser(userId: string): Promise<readonly LiveSession[]>;
  session(sessionId: string): Promise<LiveSession | undefined>;
  list(page: PageRequest): Promise<Page<LiveSession>>;
}

/** Edges: their rows, heartbeats and command queues. */
export interface EdgeRegistry {
  /** Makes the edge's row alive with an incarnation above any before; the older incarnation is fenced by it. */
  register(edgeId: string, version: string, now: number): Promise<EdgeIdentity>;
  /**
   * As `register`, but only while nobody serves under this name: the last incarnation has stopped, was declared dead, or there
   * is none. Undefined: somebody serves, or was quicker. A row that is alive may be left with nobody behind it when a reply is lost.
   */
  claim(edgeId: string, version: string, now: number): Promise<EdgeIdentity | undefined>;
  /** The next incarnation of this edge is above this one: after the loss of the rows that count them. */
  passIncarnation(edgeId: string, incarnation: number): Promise<void>;
  /** Renews the lease, and tells the figures. False: this incarnation is dead or superseded. */
  heartbeat(
    edge: EdgeIdentity,
    heartbeat: number,
    state: 'alive' | 'draining',
    figures: EdgeFigures,
    now: number,
  ): Promise<boolean>;
  /** 'stopped' after a clean end; no condition on others. */
  stop(edge: EdgeIdentity, figures: EdgeFigures, now: number): Promise<void>;
  /** Writes `dead` if the row still has this incarnation and heartbeat. True: it did, or it was dead already. */
  declareDead(edge: EdgeIdentity, heartbeat: number): Promise<boolean>;
  /** By name. */
  list(): Promise<readonly EdgeRow[]>;
  /** One, consistently. Undefined: there is none, or it stopped beating a week ago. */
  find(edgeId: string): Promise<EdgeRow | undefined>;
  /** The next `count` edges that serve after this one in the circle of names; fewer where there are no more. Read consistently. */
  following(edgeId: string, count: number): Promise<readonly EdgeRow[]>;
  /** Commands after `after` (a command id; '' for all), oldest first, read consistently. */
  commands(edgeId: string, after: string): Promise<readonly EdgeCommand[]>;
  /** Puts commands outside an account's transaction (a kill, or one an earlier read missed). */
  send(commands: readonly AddressedCommand[]): Promise<void>;
  /** Answers what another edge has asked by a command of this id; the later answer counts. Gone a day after. */
  tellAnswer(commandId: string, answer: Answer, now: number): Promise<void>;
  /** The answer so far, consistently. */
  answer(commandId: string): Promise<Answer | undefined>;
  /** Where the numbers of sessions stand, for people; the later call counts. */
  tellNumbers(numbers: readonly SessionNumbers[]): Promise<void>;
  /** Of the sessions of a SenderCompID, as they were told last. */
  numbers(senderCompId: string): Promise<readonly SessionNumbers[]>;
  /** How many sessions of this edge a notice has reached. */
  tellReceipt(receipt: NoticeReceipt, now: number): Promise<void>;
  /** Of a notice, by edge, read consistently; gone a day after it. */
  receipts(noticeId: string): Promise<readonly NoticeReceipt[]>;
  /** Removes these commands. By id: one of a smaller id may be committed after a larger one was read. */
  acknowledge(edgeId: string, ids: readonly string[]): Promise<void>;
}

/** Violation counters of users, summed over edges. */
export interface ViolationCounters {
  add(userId: string, type: ViolationType, count: number, at: number): Promise<void>;
  read(userId: string): Promise<Violations>;
  /** Zeroes them; the reset itself is audited by the caller. */
  reset(userId: string): Promise<void>;
}

/** Signed Logons that were accepted, by all edges. */
export interface SignedLogons {
  /**
   * True for the first call with this SenderCompID and digest until `until` (epoch ms), false for every later one; a
   * repeated call with the same `attempt` is the same call. A row past its end counts for nothing at `now`.
   */
  once(logon: {
    readonly sender_comp_id: string;
    /** SHA-256 of what was signed, hex. */
    readonly digest: string;
    /** Names this call among all. */
    readonly attempt: string;
    readonly until: number;
    readonly now: number;
  }): Promise<boolean>;
}

/** Opens and closes small secrets by envelope encryption. */
export interface SecretBox {
  seal(plaintext: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /** Rejects when the ciphertext is not of this context or not whole. */
  open(ciphertext: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>;
}

/** What knows which of its keys is the current one. */
export interface KeyAge {
  /** Whether this was sealed under the key that seals now. Rejects with StoreUnavailable. */
  isCurrent(ciphertext: Uint8Array): Promise<boolean>;
}

/**
 * Secrets that have to be recovered, each wrapped by a key of its own. Admin functions seal and edges open: in AWS no role
 * may do both.
 */
export interface SecretVault extends SecretBox {
  /** A ciphertext that costs to open what a real one costs, whether it opens or not: for who may not seal. */
  decoy(context: Readonly<Record<string, string>>): Promise<Uint8Array>;
}

/** What the domain needs of cryptography; synchronous and pure. */
export interface Digests {
  /** Hex. */
  sha256(text: string): string;
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Constant time; false when lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** RFC 8032; `publicKey` 32 bytes, `signature` 64. False when it does not verify, whatever is wrong with it. */
  verifyEd25519(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean;
}

/** CEL expressions over `user`. */
export interface Expressions {
  /** Parses and type-checks; the result must be bool. */
  compile(
    expression: string,
  ):
    | { readonly ok: true; readonly run: (user: ExpressionUser) => boolean }
    | { readonly ok: false; readonly message: string; readonly position?: number };
}

export interface ExpressionUser {
  readonly account_balance: number;
  readonly trading_volume: number;
  readonly account_age_days: number;
  readonly kyc_level: number;
  readonly groups: readonly string[];
  readonly tier: string;
}

export type { AuditEntry, EdgeState };
