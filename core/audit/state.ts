/**
 * Digests of rows: the record of a change has a digest of each row that it wrote, which reveals rows that were written by other means
 * than the product. Digests cover what an admin decides. Left out are what a logon changes by itself (first logon, early end of an
 * older password), which has no record in this chain, and sealed secrets, which may be sealed again.
 */

import type { Credential, CredentialProof, User } from '../credentials/model.ts';
import { proofItems } from '../credentials/proof.ts';
import type { Rule } from '../eligibility/model.ts';
import { toBase64 } from '../encoding.ts';
import { lockName } from '../locks/model.ts';
import type { Digests, PolicyEdit } from '../ports.ts';
import { canonicalJson } from './canonical.ts';
import type { StateNotes } from './model.ts';

/** In the chain of a user. */
export const USER = 'user';
export const credentialName = (senderCompId: string): string => `credential:${senderCompId}`;

/** SHA-256 of all there is. */
export function noteOf(digests: Digests, value: unknown): string {
  return digests.sha256(canonicalJson(value));
}

/** Digest of what does not change by itself, then of each password, secret or key its version and when it ends. */
export function credentialNote(digests: Digests, credential: Credential): string {
  const { proof, first_logon_at: _f, version: _v, updated_at: _u, idempotency: _i, ...rest } = credential;
  const ends = proofItems(proof).map(({ version, retires_at }) =>
    retires_at === undefined ? String(version) : `${version}=${retires_at}`,
  );
  return [noteOf(digests, { ...rest, proof: lasting(proof) }), ...ends].join(';');
}

/** Whether the credential is what the note says, but for what a logon may have done since: end older proofs sooner. */
export function credentialIs(digests: Digests, note: string, credential: Credential): boolean {
  const [digest, ...noted] = note.split(';');
  const [own] = credentialNote(digests, credential).split(';');
  const items = proofItems(credential.proof);
  if (digest !== own || noted.length !== items.length) return false;
  return items.every(({ version, retires_at = Number.POSITIVE_INFINITY }, i) => {
    const [named, end = Number.POSITIVE_INFINITY] = (noted[i] ?? '').split('=');
    return Number(named) === version && retires_at <= Number(end);
  });
}

function lasting(proof: CredentialProof): unknown {
  switch (proof.type) {
    case 'password':
      return proof.verifiers.map(({ version, salt, created_at }) => ({ version, salt: toBase64(salt), created_at }));
    case 'hmac_sha256':
      return proof.secrets.map(({ version, created_at }) => ({ version, created_at }));
    case 'ed25519':
      return proof.keys.map(({ retires_at: _, ...key }) => key);
  }
}

/** Digests of the rows that a change of an account writes. */
export function accountNotes(
  digests: Digests,
  user: User | undefined,
  credentials: readonly Credential[],
): StateNotes | undefined {
  const notes = [
    ...(user === undefined ? [] : [[USER, noteOf(digests, user)] as const]),
    ...credentials.map((one) => [credentialName(one.sender_comp_id), credentialNote(digests, one)] as const),
  ];
  return notes.length === 0 ? undefined : Object.fromEntries(notes);
}

/** Names of the policy's rows. */
export const ruleName = (id: Rule['id']): string => `rule:${id}`;
export const tierName = (name: string): string => `tier:${name}`;
export const lockRowName = (name: string): string => `lock:${name}`;
/** Parts are escaped: neither id can pass for another pair. */
export const overrideName = (userId: string, ruleId: string): string =>
  `override:${encodeURIComponent(userId)}:${encodeURIComponent(ruleId)}`;

/** Digests of the rows that a change of the policy writes. */
export function policyNotes(digests: Digests, edits: readonly PolicyEdit[]): StateNotes | undefined {
  if (edits.length === 0) return undefined;
  return Object.fromEntries(edits.map((edit) => [nameOf(edit), noteOrGone(digests, edit)]));
}

function nameOf(edit: PolicyEdit): string {
  if ('put_rule' in edit) return ruleName(edit.put_rule.id);
  if ('remove_rule' in edit) return ruleName(edit.remove_rule);
  if ('put_tier' in edit) return tierName(edit.put_tier.name);
  if ('remove_tier' in edit) return tierName(edit.remove_tier);
  if ('put_lock' in edit) return lockRowName(lockName(edit.put_lock.target));
  if ('remove_lock' in edit) return lockRowName(lockName(edit.remove_lock));
  const { user_id, rule_id } = 'put_override' in edit ? edit.put_override : edit.remove_override;
  return overrideName(user_id, rule_id);
}

function noteOrGone(digests: Digests, edit: PolicyEdit): string | null {
  if ('put_rule' in edit) return noteOf(digests, edit.put_rule);
  if ('put_tier' in edit) return noteOf(digests, edit.put_tier);
  if ('put_lock' in edit) return noteOf(digests, edit.put_lock);
  if ('put_override' in edit) return noteOf(digests, edit.put_override);
  return null;
}
