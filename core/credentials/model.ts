/** Users and credentials as the domain sees them. A user owns 1 to 10 credentials; limits and facts are the user's. */
import type { ChainHead } from '../audit/model.ts';
import type { Facts } from '../eligibility/model.ts';
import type { Lock } from '../locks/model.ts';
import type { ProfileOverrides } from '../sessions/profile.ts';

/** Most credentials a user may have that are not revoked. */
export const MAX_CREDENTIALS_PER_USER = 10;

export type CredentialStatus = 'active' | 'suspended' | 'revoked';

/** Shape of SenderCompID (49) and TargetCompID (56). */
export const COMP_ID_PATTERN = /^[A-Za-z0-9_.:/-]{1,64}$/;

/** How a client proves itself in its Logon; chosen when the credential is provisioned. */
export const PROOF_TYPES = ['password', 'hmac_sha256', 'ed25519'] as const;
export type ProofType = (typeof PROOF_TYPES)[number];

/** Public keys of a credential that work at a time: one in use, one to come, one for another machine. */
export const MAX_KEYS = 3;

/** One password, secret or key of a credential, and when it works. */
export interface ProofItem {
  /** Rises by one with each one of the credential; part of the encryption context. */
  readonly version: number;
  readonly created_at: number;
  /** From then on (epoch ms) it no longer works; undefined: no end. */
  readonly retires_at?: number;
}

/** A verifier HMAC-SHA-256(salt, password), sealed by envelope encryption under {@link verifierContext}. */
export interface PasswordVerifier extends ProofItem {
  readonly salt: Uint8Array;
  readonly sealed: Uint8Array;
}

/** The secret of an HMAC, which has to be recovered: wrapped by the vault's own key under {@link secretContext}. */
export interface HmacSecret extends ProofItem {
  readonly sealed: Uint8Array;
}

export interface Ed25519Key extends ProofItem {
  /** Unique among the credential's keys that work. */
  readonly key_id: string;
  /** The 32 bytes of RFC 8032, in base64. */
  readonly public_key: string;
}

/** What is kept of a client's proof, newest first. Of passwords and secrets at most two work at a time (a grace). */
export type CredentialProof =
  | { readonly type: 'password'; readonly verifiers: readonly PasswordVerifier[] }
  | { readonly type: 'hmac_sha256'; readonly secrets: readonly HmacSecret[] }
  | { readonly type: 'ed25519'; readonly keys: readonly Ed25519Key[] };

export interface Credential {
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  readonly user_id: string;
  readonly status: CredentialStatus;
  /** Why it has this status; the last admin's reason. */
  readonly status_reason?: string;
  readonly proof: CredentialProof;
  /** Addresses, CIDRs or ranges (`a-b`), IPv4 or IPv6; empty: any. */
  readonly allowed_ips: readonly string[];
  /** SHA-256 of the client certificates (DER) by which it logs on over TLS, 64 hex digits; absent: none is asked for. */
  readonly certificate_fingerprints?: readonly string[];
  /** What its sessions have otherwise than the gateway's default; read at each Logon. */
  readonly session_profile?: ProfileOverrides;
  readonly expires_at?: number;
  /** When its expiry was written to the audit trail: that is done once. */
  readonly expiry_recorded_at?: number;
  /** First successful logon; undefined: never yet. */
  readonly first_logon_at?: number;
  /** Of the provision request that made it, while it may be repeated. */
  readonly idempotency?: {
    readonly key: string;
    readonly principal: string;
    readonly digest: string;
    readonly until: number;
  };
  /** Copied from the user so that lists by tier need no join. */
  readonly tier: string;
  readonly created_at: number;
  readonly updated_at: number;
  /** Rises by one with each change. */
  readonly version: number;
}

/** A user; `absent` ones have a chain (refused changes) and nothing else. */
export type UserRecord =
  | { readonly state: 'absent'; readonly user_id: string; readonly chain: ChainHead }
  | ({ readonly state: 'present'; readonly chain: ChainHead } & User);

export interface User {
  readonly user_id: string;
  readonly facts: Facts;
  readonly tier: string;
  /** Rises by one with each assignment of a tier; orders limit definitions (with the tier's own version). */
  readonly tier_assignment: number;
  /** The user's own cap; the tier's maximum caps it. Undefined: the tier's. */
  readonly max_sessions?: number;
  /** Set when provisioned with a bypass: the rules are not asked for this user. */
  readonly bypass?: { readonly reason: string; readonly by: string; readonly at: number };
  /** May not log on; undefined: may. Look at its expiry (core/locks/model.ts). */
  readonly lock?: Lock;
  /** Rises with whatever must end sessions or reach edges; taking a slot is conditional on it. */
  readonly epoch: number;
  /** `active` when any credential is, else `suspended` when any is, else `revoked`. */
  readonly status: CredentialStatus;
  readonly created_at: number;
  readonly updated_at: number;
  readonly version: number;
}

/** The encryption context of a verifier: compared with the row's after opening, so that a moved ciphertext does not open. */
export function verifierContext(senderCompId: string, version: number): Record<string, string> {
  return { table: 'credentials', sender_comp_id: senderCompId, version: String(version) };
}

/** The encryption context of an HMAC secret; grants are conditional on its names and constant values (lib/storage-stack.ts). */
export function secretContext(senderCompId: string, version: number): Record<string, string> {
  return { ...verifierContext(senderCompId, version), proof: 'hmac_sha256' };
}
