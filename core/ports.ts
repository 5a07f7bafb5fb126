/**
 * The ports of the domain: what it needs from stores, keys and cryptography. Each port has an adapter in memory and a real
 * one, and one compliance suite that both pass. Every method may reject with StoreUnavailable (core/errors.ts). A condition
 * that does not hold is a result, not an error.
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
  /** Where the next page starts. Undefined: this is the last page. Opaque: callers hand it back as {@link PageRequest.after}. */
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
 * A change to one account with its audit record: ONE transaction. Conditions: the user's chain head is still `expected`,
 * each new credential's SenderCompID is free, each changed credential still has its expected version. Without `user` its row
 * keeps its content (a refused change, or a change to a credential alone).
 */
export interface AccountChange {
  readonly user_id: string;
  readonly expected: ChainHead;
  /** Used by a restore only: the chain head in the user's row, which is behind the chain. The condition is on this head then. */
  readonly row_head?: ChainHead;
  readonly user?: User;
  readonly created: readonly Credential[];
  readonly changed: readonly { readonly credential: Credential; readonly expected_version: number }[];
  readonly record: AuditRecord;
  /** What to do with the user's entry in the list of locks. Undefined: nothing. */
  readonly lock?: 'put' | 'remove';
  /** Commands for edges, written in the same transaction. */
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

/** A row of the table of accounts, for verification. */
export type DirectoryRow =
  | { readonly kind: 'user'; readonly user: User }
  | { readonly kind: 'credential'; readonly credential: Credential }
  /** A row that the product does not know. */
  | { readonly kind: 'strange'; readonly key: string };

/** Users and credentials. */
export interface Directory {
  account(userId: string): Promise<Account>;
  /** The credential with its user, read consistently. This is the read of a logon. */
  credential(senderCompId: string): Promise<{ readonly credential: Credential; readonly user: User } | undefined>;
  commit(change: AccountChange): Promise<CommitResult>;
  /**
   * Sorted by user and SenderCompID within (status, tier). Lists are eventually consistent: they come from an index. A listed
   * credential has no `idempotency`, and its `proof` no secrets: the index does not hold them.
   */
  listCredentials(
    filter: { readonly status?: CredentialStatus; readonly tier?: string },
    page: PageRequest,
  ): Promise<Page<Credential>>;
  listUsers(
    filter: { readonly status?: CredentialStatus; readonly tier?: string },
    page: PageRequest,
  ): Promise<Page<User>>;
  /** Locks of users, sorted by user; includes expired ones. */
  listLocks(page: PageRequest): Promise<Page<Lock>>;
  /** Every user and credential, unordered, each read consistently. A scan: for verification and repair only. */
  scan(): AsyncIterable<DirectoryRow>;
  /** Users by status and tier. */
  countUsers(): Promise<
    readonly { readonly status: CredentialStatus; readonly tier: string; readonly count: number }[]
  >;
  /** Replaces the credential's proof by the same proof sealed anew, without an audit record. False: the credential has changed since it was read. */
  reseal(credential: Credential, proof: CredentialProof): Promise<boolean>;
  /**
   * Called at the first logon with a password, secret or key: sets first_logon_at if it is unset, and retires older passwords
   * and secrets. `credential` is given as it was read. False: it has changed since, read it again.
   */
  noteLogon(credential: Credential, at: number, verifierVersion: number): Promise<boolean>;
}

/** Rules, tiers, overrides and locks with the head of the policy chain. */
export interface Policy {
  /** Rises by one with each change. */
  readonly version: number;
  readonly chain: ChainHead;
  readonly rules: readonly Rule[];
  readonly tiers: readonly Tier[];
  /** Locks of tiers and of everybody; includes expired ones. */
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
  /** Consistent. An empty store gives version 0 and no rules or tiers. */
  read(): Promise<Policy>;
  /** The version alone: one consistent read of one item, cheap enough to poll. */
  version(): Promise<number>;
  /**
   * The overrides of a user, sorted by rule.
   * @param ofRules ids of rules: no override of these is missing in the answer, others may be; left out: all overrides
   */
  overrides(userId: string, ofRules?: readonly string[]): Promise<readonly Override[]>;
  /** Every row by its name (core/audit/state.ts), unordered. A scan: for verification only. */
  scan(): AsyncIterable<{ readonly name: string; readonly value: unknown }>;
  /** ONE transaction, if the chain head is still `expected`. Raises `version` by one if there are edits. */
  commit(change: {
    readonly expected: ChainHead;
    /** See {@link AccountChange.row_head}. */
    readonly row_head?: ChainHead;
    readonly expected_version: number;
    readonly edits: readonly PolicyEdit[];
    readonly record: AuditRecord;
    /** Commands for edges, written in the same transaction. */
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
  /**
   * Appends consecutive records of one chain, each only if its place is free. For chains with a single writer. Repeating a
   * call does no harm. 'taken': another record has the place.
   */
  append(records: readonly AuditRecord[]): Promise<'appended' | 'taken'>;
  /** Newest first, by (at, id). A row that can no longer be read as a record is returned as such, in its place. `now`: where the walk back through the days begins. */
  query(filter: AuditQuery, page: PageRequest, now: number): Promise<Page<StoredRecord>>;
  /** Records of one chain in order, from its first or from the one with number `from`. */
  chain(chain: string, page: PageRequest, from?: number): Promise<Page<StoredRecord>>;
  /** Number and hash of the last record of a chain, read consistently. */
  head(chain: string): Promise<ChainHead>;
  /** Names of all chains. A scan: for verification only. */
  chains(): AsyncIterable<string>;
  /**
   * The chain head that is kept outside the audit table, in the user's or the policy's row: it shows when the end of a chain
   * has been cut off. Undefined for chains of edges, which have none.
   */
  expectedHead(chain: string): Promise<ChainHead | undefined>;
}

export type SlotResult =
  | { readonly result: 'taken'; readonly slot: number; readonly holding: Holding }
  /** No slot is free. `holders`: the user's live sessions. */
  | { readonly result: 'full'; readonly holders: readonly LiveSession[] }
  /** The user's epoch has changed: read the account again. */
  | { readonly result: 'epoch_changed' }
  /** The FIX session is live already, as `holder`. Nothing was taken. */
  | { readonly result: 'held'; readonly holder: LiveSession }
  /** This incarnation of the edge has been declared dead, has stopped or was superseded: it may take nothing. */
  | { readonly result: 'fenced' };

/** Slots bound exactly how many sessions a user has. A slot is free if its holder's edge is dead, has stopped or has a newer incarnation. */
export interface SessionSlots {
  /**
   * Takes a slot for a session, in ONE transaction.
   *
   * A free slot below `maxSessions` becomes the session's, and its session row is written, if the user's epoch is still
   * `session.epoch` and this edge is alive with its incarnation. If `supersedes` names a live session of the same key, the
   * slot of that one is inherited, and the command `told` is written for its edge.
   *
   * The edge also becomes the one that acts for the FIX session ({@link Holding}), under a new epoch unless this incarnation
   * had it before. `numbers` are reserved with it, unless another edge must hand the session over first. `none`: the session
   * needs no reservation. Undefined: what is reserved stays.
   */
  take(
    session: Omit<LiveSession, 'slot'>,
    maxSessions: number,
    supersedes?: string,
    told?: AddressedCommand,
    numbers?: Reserving | 'none',
  ): Promise<SlotResult>;
  /** Records that this edge's journal durably has everything of the session, and its reserved numbers. False: another edge has taken it since. */
  settle(session: Omit<LiveSession, 'slot'>, epoch: number, reserved?: Reserved): Promise<boolean>;
  /** Changes reserved numbers. Returns for each whether it was done: not if another edge or incarnation has the session. */
  reserve(reservations: readonly Reservation[]): Promise<readonly boolean[]>;
  /** After a restore: moves the end of what is reserved for the FIX session up by `beyond`. Without effect if nothing is. */
  passNumbers(userId: string, key: FixSessionKey, beyond: number): Promise<void>;
  /** Epoch of the FIX session's last taking ({@link Holding}). 0: it was never taken. */
  epoch(session: Pick<LiveSession, 'user_id' | 'key'>): Promise<number>;
  /** All FIX sessions under these SenderCompIDs that were ever taken, each with the edge whose journal has it. */
  homes(
    userId: string,
    senderCompIds: readonly string[],
  ): Promise<readonly { readonly key: FixSessionKey; readonly edge_id: string }[]>;
  /** Frees slot and session row of each session, if they are still that session's. Idempotent; not one transaction. */
  release(sessions: readonly LiveSession[]): Promise<void>;
  /** Sessions that hold a slot, on edges that are not dead. */
  ofUser(userId: string): Promise<readonly LiveSession[]>;
  session(sessionId: string): Promise<LiveSession | undefined>;
  list(page: PageRequest): Promise<Page<LiveSession>>;
}

/** Edges: their rows, heartbeats and command queues. */
export interface EdgeRegistry {
  /** Registers the edge as alive, with an incarnation above all earlier ones. This fences the earlier one. */
  register(edgeId: string, version: string, now: number): Promise<EdgeIdentity>;
  /**
   * As `register`, but only if no process serves under this name: the last incarnation has stopped or was declared dead, or
   * there is none. Undefined: a process serves, or another was quicker. If the reply is lost, the row may say alive with no
   * process behind it.
   */
  claim(edgeId: string, version: string, now: number): Promise<EdgeIdentity | undefined>;
  /** Makes sure that the next incarnation of this edge is above this one: for when the counting rows were lost. */
  passIncarnation(edgeId: string, incarnation: number): Promise<void>;
  /** Renews the lease and writes the figures. False: this incarnation was declared dead or superseded. */
  heartbeat(
    edge: EdgeIdentity,
    heartbeat: number,
    state: 'alive' | 'draining',
    figures: EdgeFigures,
    now: number,
  ): Promise<boolean>;
  /** Marks the edge as stopped, after a clean end. */
  stop(edge: EdgeIdentity, figures: EdgeFigures, now: number): Promise<void>;
  /** Marks the edge as dead if its row still has this incarnation and heartbeat. True: done, or it was dead already. */
  declareDead(edge: EdgeIdentity, heartbeat: number): Promise<boolean>;
  /**
   * Removes the session rows of this incarnation, which has ended, and of those before it. They no longer count and are not listed, so this only
   * frees space. Taking such a session over also removes its row.
   */
  removeSessions(edge: EdgeIdentity): Promise<void>;
  /** All edges, sorted by name. */
  list(): Promise<readonly EdgeRow[]>;
  /** One edge, read consistently. Undefined: there is none, or its last heartbeat was more than a week ago. */
  find(edgeId: string): Promise<EdgeRow | undefined>;
  /** The next `count` serving edges after this one, in the order of names and from the last on to the first; fewer if there are no more. Consistent. */
  following(edgeId: string, count: number): Promise<readonly EdgeRow[]>;
  /** Commands whose id is above `after` ('' for all), oldest first, read consistently. */
  commands(edgeId: string, after: string): Promise<readonly EdgeCommand[]>;
  /** Writes commands that belong to no account's transaction (a kill), or that such a transaction has missed. */
  send(commands: readonly AddressedCommand[]): Promise<void>;
  /** Answers the question that another edge asked by the command with this id. A later answer replaces it. Kept for a day. */
  tellAnswer(commandId: string, answer: Answer, now: number): Promise<void>;
  /** The latest answer, read consistently. */
  answer(commandId: string): Promise<Answer | undefined>;
  /** Reports the sequence numbers of sessions, for people. A later report replaces it. */
  tellNumbers(numbers: readonly SessionNumbers[]): Promise<void>;
  /** Latest reports of the sessions of a SenderCompID. */
  numbers(senderCompId: string): Promise<readonly SessionNumbers[]>;
  /** Reports how many sessions of this edge an announcement has reached. */
  tellReceipt(receipt: NoticeReceipt, now: number): Promise<void>;
  /** Reports about an announcement, one for each edge, read consistently. Kept for a day. */
  receipts(noticeId: string): Promise<readonly NoticeReceipt[]>;
  /** Removes these commands. By id, because a command with a smaller id may be committed after a larger one was read. */
  acknowledge(edgeId: string, ids: readonly string[]): Promise<void>;
}

/** Violation counters of users, summed over edges. */
export interface ViolationCounters {
  add(userId: string, type: ViolationType, count: number, at: number): Promise<void>;
  read(userId: string): Promise<Violations>;
  /** Zeroes them; the reset itself is audited by the caller. */
  reset(userId: string): Promise<void>;
}

/** Remembers the signed Logons that any edge has accepted, so that none is accepted twice. */
export interface SignedLogons {
  /**
   * True for the first call with this SenderCompID and digest; false for every other call until `until` (epoch ms). A call
   * repeated with the same `attempt` counts as the same call. Rows whose `until` is before `now` are ignored.
   */
  once(logon: {
    readonly sender_comp_id: string;
    /** SHA-256 of what was signed, hex. */
    readonly digest: string;
    /** Identifies this call. */
    readonly attempt: string;
    readonly until: number;
    readonly now: number;
  }): Promise<boolean>;
}

/** Seals and opens small secrets by envelope encryption. `context` is authenticated with the secret. */
export interface SecretBox {
  seal(plaintext: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /** Rejects if the ciphertext was sealed with another context, or was changed. */
  open(ciphertext: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>;
}

/** Tells whether a secret is sealed under the current key. */
export interface KeyAge {
  /** Whether this was sealed under the key that seals now. Rejects with StoreUnavailable. */
  isCurrent(ciphertext: Uint8Array): Promise<boolean>;
}

/**
 * Seals and opens secrets that are needed in the clear again (of HMAC), each wrapped by itself. Admin functions seal, edges
 * open: in AWS no role may do both.
 */
export interface SecretVault extends SecretBox {
  /**
   * A ciphertext that takes as long to open as a real one, whether or not it opens. For edges, which may not seal: a Logon
   * with an unknown name must not be answered sooner.
   */
  decoy(context: Readonly<Record<string, string>>): Promise<Uint8Array>;
}

/** Hashes, MACs and signatures. Synchronous and pure. */
export interface Digests {
  /** Hex. */
  sha256(text: string): string;
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Constant time; false when lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** RFC 8032; `publicKey` has 32 bytes, `signature` 64. False if it does not verify, whatever the reason. Never throws. */
  verifyEd25519(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean;
}

/** Eligibility expressions in CEL over `user`. */
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
