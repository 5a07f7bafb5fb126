/** What a credential keeps of its client's proof: which of it works when, and what is shown of it. */
import type { Credential, CredentialProof, ProofItem } from './model.ts';

/** Passwords and secrets that may work at a time: the new one, and the old one in its grace. */
export const WORKING_SECRETS = 2;

/** All passwords, secrets or keys, newest first. */
export function proofItems(proof: CredentialProof): readonly ProofItem[] {
  switch (proof.type) {
    case 'password':
      return proof.verifiers;
    case 'hmac_sha256':
      return proof.secrets;
    case 'ed25519':
      return proof.keys;
  }
}

/** Those that work at `now`, newest first, at most `most`. */
export function working<T extends ProofItem>(items: readonly T[], now: number, most: number): readonly T[] {
  return items.filter((one) => works(one, now)).slice(0, most);
}

export function works(item: ProofItem, now: number): boolean {
  return item.retires_at === undefined || now < item.retires_at;
}

/** Whether what proved a logon under this version works at `now` still. */
export function stillWorks({ proof }: Credential, version: number, now: number): boolean {
  return proofItems(proof).some((one) => one.version === version && works(one, now));
}

/** The version of the next one. */
export function nextVersion(proof: CredentialProof): number {
  return 1 + proofItems(proof).reduce((highest, one) => Math.max(highest, one.version), 0);
}

/**
 * The proof after a logon by `version`: older passwords and secrets retire at once. Keys do not: each may be another
 * machine's. The same object when nothing changes.
 */
export function retiredBy(proof: CredentialProof, version: number, at: number): CredentialProof {
  const outlived = (one: ProofItem) => one.version < version && works(one, at);
  const retire = <T extends ProofItem>(items: readonly T[]): readonly T[] =>
    items.map((one) => (outlived(one) ? { ...one, retires_at: at } : one));
  if (proof.type === 'ed25519' || !proofItems(proof).some(outlived)) return proof;
  return proof.type === 'password'
    ? { type: 'password', verifiers: retire(proof.verifiers) }
    : { type: 'hmac_sha256', secrets: retire(proof.secrets) };
}

/** Without what is sealed: for lists, and for the part of a row that indexes show. Public keys are no secret. */
export function withoutSecrets(proof: CredentialProof): CredentialProof {
  if (proof.type === 'password') return { type: 'password', verifiers: [] };
  return proof.type === 'hmac_sha256' ? { type: 'hmac_sha256', secrets: [] } : proof;
}
