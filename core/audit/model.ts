/** Audit records and the hash chains they form: one chain per subject (`user:<id>`, `policy`), per edge boot (`edge:<id>:<incarnation>`) and a few per principal for what names no subject (`refused:<principal>`, `announced:<principal>`). */

/** By the name of a row: what it must be, or null: it must not be there. */
export type StateNotes = Readonly<Record<string, string | null>>;

/** Where a chain stands: `seq` of its last record (0: none yet) and that record's hash (64 zeros: none yet). */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

export const EMPTY_CHAIN: ChainHead = { seq: 0, hash: '0'.repeat(64) };

export const AUDIT_TYPES = [
  'provision',
  'revoke',
  'suspend',
  'reactivate',
  'regenerate_password',
  'password_changed',
  'key_add',
  'key_remove',
  'expire',
  'profile_update',
  'user_update',
  'policy_seeded',
  'tier_update',
  'tier_put',
  'tier_remove',
  'rule_add',
  'rule_remove',
  'rule_enable',
  'rule_disable',
  'override_set',
  'override_remove',
  'violations_reset',
  'session_kill',
  'lock',
  'unlock',
  'edge_drain',
  'sequence_set',
  'sequence_reset',
  'session_notify',
  'edge_started',
  'edge_stopped',
  'edge_shut',
  'edge_opened',
  'logon',
  'logon_refused',
  'session_started',
  'session_ended',
  'session_killed',
  'notice_told',
  'rate_limit_violation',
  'archive_sealed',
  'access_refused',
  'restored',
  'resealed',
  'erased',
  'export',
] as const;
export type AuditType = (typeof AUDIT_TYPES)[number];

/** Who did it: an IAM principal (ARN) through the API, or an edge. */
export interface Actor {
  readonly principal: string;
  readonly source_ip?: string;
  readonly user_agent?: string;
  readonly request_id?: string;
}

/** What the domain says of an event; {@link AuditRecord} is this with its place in a chain. */
export interface AuditEntry {
  /** ULID; also the ClientRequestToken of the transaction that writes it. */
  readonly id: string;
  /** Epoch ms. */
  readonly at: number;
  readonly type: AuditType;
  readonly outcome: 'done' | 'refused';
  readonly actor: Actor;
  readonly user_id?: string;
  readonly sender_comp_id?: string;
  readonly session_id?: string;
  readonly reason?: string;
  /** JSON: what changed, from what to what. Never a secret. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Digests of the rows that it left behind (core/audit/state.ts); absent: it wrote none, or an earlier release wrote it. */
  readonly state?: StateNotes;
}

export interface AuditRecord extends AuditEntry {
  readonly chain: string;
  /** 1 for the first. */
  readonly seq: number;
  readonly prev_hash: string;
  /** SHA-256, hex, over the canonical JSON (RFC 8785) of everything else in the record. */
  readonly hash: string;
}

/** A stored row that is no record any more: damaged, or put there by somebody else. */
export interface UnreadableRecord {
  readonly chain: string;
  /** Its place, by the row's own key. */
  readonly seq: number;
  readonly id?: string;
  /** What is wrong with it. */
  readonly unreadable: string;
}

/** What stands in the trail. */
export type StoredRecord = AuditRecord | UnreadableRecord;

/** Largest time that a date can hold (ECMA-262, 21.4.1.1). */
const MAX_TIME = 8.64e15;

/** The value as a record, when it has the form of one; whether it is true is for the chain to tell. */
export function asRecord(value: unknown): AuditRecord | undefined {
  if (!isObject(value)) return undefined;
  const { id, at, type, outcome, actor, details, chain, seq, prev_hash, hash } = value;
  const texts = [id, type, outcome, chain, prev_hash, hash];
  if (!texts.every((one) => typeof one === 'string')) return undefined;
  if (!Number.isInteger(at) || Math.abs(at as number) > MAX_TIME || !Number.isSafeInteger(seq)) return undefined;
  if (!isObject(actor) || typeof actor.principal !== 'string' || !isObject(details)) return undefined;
  return value as unknown as AuditRecord;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
