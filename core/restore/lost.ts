/** What undone records had changed, and which of that is done again: what keeps users out, never what lets them in. */
import type { AuditRecord } from '../audit/model.ts';
import type { CredentialStatus } from '../credentials/model.ts';
import { inForce, type Lock, lockName } from '../locks/model.ts';

/** How a user stood when the records ended. */
export interface LostUser {
  /** By SenderCompID; the last word of the records. */
  readonly statuses: ReadonlyMap<string, CredentialStatus>;
  /** Credentials whose password, secret or key was replaced or removed: the older one works again. */
  readonly renewed: ReadonlySet<string>;
  /** The user's lock at the end; null: it was lifted; undefined: nothing was said of it. */
  readonly lock: Lock | null | undefined;
  /** SenderCompIDs that were provisioned. */
  readonly provisioned: ReadonlySet<string>;
}

const RENEWS = new Set(['regenerate_password', 'password_changed', 'key_remove']);

export function lostOfUser(records: readonly AuditRecord[]): LostUser {
  const statuses = new Map<string, CredentialStatus>();
  const renewed = new Set<string>();
  const provisioned = new Set<string>();
  let lock: Lock | null | undefined;
  for (const { type, outcome, sender_comp_id, details } of records) {
    if (outcome !== 'done') continue;
    if (type === 'provision' && sender_comp_id !== undefined) provisioned.add(sender_comp_id);
    if (RENEWS.has(type) && sender_comp_id !== undefined) renewed.add(sender_comp_id);
    for (const { sender_comp_id: name, to } of changesIn(details)) statuses.set(name, to);
    // An eligibility that ended suspends by another shape.
    if (type === 'user_update') for (const name of textsIn(details.suspended)) statuses.set(name, 'suspended');
    if (type === 'lock' || type === 'restored') lock = lockIn(details) ?? lock;
    if (type === 'unlock') lock = null;
  }
  return { statuses, renewed, lock, provisioned };
}

/** Locks of tiers and of everybody that were in force at the end of these records, and are at `now`. */
export function lostLocks(records: readonly AuditRecord[], now: number): readonly Lock[] {
  const locks = new Map<string, Lock>();
  for (const { type, outcome, details } of records) {
    const lock = lockIn(details);
    if (outcome !== 'done' || lock === undefined) continue;
    if (type === 'lock') locks.set(lockName(lock.target), lock);
    if (type === 'unlock') locks.delete(lockName(lock.target));
  }
  return [...locks.values()].filter((lock) => inForce(lock, now));
}

/** Types of what was undone and is not done again, with how often: for people to look at. */
export function notAgain(records: readonly AuditRecord[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { type, outcome } of records) if (outcome === 'done') counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

function changesIn(details: AuditRecord['details']): readonly { sender_comp_id: string; to: CredentialStatus }[] {
  const { credentials } = details;
  return Array.isArray(credentials) ? credentials.filter((one) => typeof one?.to === 'string') : [];
}

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

function lockIn({ lock }: AuditRecord['details']): Lock | undefined {
  return typeof lock === 'object' && lock !== null && 'target' in lock ? (lock as Lock) : undefined;
}
