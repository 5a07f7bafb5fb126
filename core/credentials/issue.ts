/** New passwords and secrets, and what is stored of them. */
import { utf8 } from '../encoding.ts';
import type { Digests, SecretBox, SecretVault } from '../ports.ts';
import type { Secret } from '../secret.ts';
import type { Random } from '../time.ts';
import { generatePassword } from './generate.ts';
import type { AcceptedKey } from './keys.ts';
import {
  type CredentialProof,
  type HmacSecret,
  type PasswordVerifier,
  type ProofItem,
  type ProofType,
  secretContext,
  verifierContext,
} from './model.ts';
import { nextVersion, WORKING_SECRETS, working } from './proof.ts';

const SALT_BYTES = 32;

export interface IssuePorts {
  readonly digests: Digests;
  readonly box: SecretBox;
  readonly vault: Pick<SecretVault, 'seal'>;
  readonly random: Random;
}

/** A proof that has a secret; an Ed25519 credential has none. */
export type SecretProof = Exclude<CredentialProof, { type: 'ed25519' }>;

/** What its client is given: a password or a secret is on its one way out. */
export type IssuedProof =
  | { readonly proof: 'password'; readonly password: Secret }
  | { readonly proof: 'hmac_sha256'; readonly secret: Secret }
  | { readonly proof: 'ed25519'; readonly key_id: string };

export type Issued = { readonly sender_comp_id: string; readonly target_comp_id: string } & IssuedProof;

export interface Renewed {
  readonly proof: SecretProof;
  readonly issued: Exclude<IssuedProof, { proof: 'ed25519' }>;
  readonly version: number;
}

/** The verifier of a password, given as bytes. `version` is one above the newest of the credential (1 for the first). */
export async function sealVerifier(
  ports: Pick<IssuePorts, 'digests' | 'box' | 'random'>,
  senderCompId: string,
  version: number,
  password: Uint8Array,
  now: number,
): Promise<PasswordVerifier> {
  const salt = ports.random.bytes(SALT_BYTES);
  const mac = ports.digests.hmacSha256(salt, password);
  const sealed = await ports.box.seal(mac, verifierContext(senderCompId, version));
  return { version, salt, sealed, created_at: now };
}

async function sealSecret(
  ports: IssuePorts,
  senderCompId: string,
  version: number,
  secret: Secret,
  now: number,
): Promise<HmacSecret> {
  const sealed = await ports.vault.seal(utf8(secret.reveal()), secretContext(senderCompId, version));
  return { version, sealed, created_at: now };
}

/**
 * A new password or secret before those there are. The newest that works goes on until `retiresAt` (epoch ms; what an
 * earlier grace has set sooner stays); undefined: no other works any more.
 */
export async function renewProof(
  ports: IssuePorts,
  senderCompId: string,
  before: SecretProof,
  now: number,
  retiresAt?: number,
): Promise<Renewed> {
  const secret = generatePassword(ports.random);
  const version = nextVersion(before);
  if (before.type === 'password') {
    const made = await sealVerifier(ports, senderCompId, version, utf8(secret.reveal()), now);
    const verifiers = [made, ...inGrace(before.verifiers, now, retiresAt)];
    return { version, proof: { type: 'password', verifiers }, issued: { proof: 'password', password: secret } };
  }
  const made = await sealSecret(ports, senderCompId, version, secret, now);
  const secrets = [made, ...inGrace(before.secrets, now, retiresAt)];
  return { version, proof: { type: 'hmac_sha256', secrets }, issued: { proof: 'hmac_sha256', secret } };
}

/** The proof of a new credential. `key` is asked for by `ed25519`, and by nothing else. */
export async function firstProof(
  ports: IssuePorts,
  senderCompId: string,
  type: ProofType,
  key: AcceptedKey | undefined,
  now: number,
): Promise<{ readonly proof: CredentialProof; readonly issued: IssuedProof }> {
  if (key !== undefined) {
    const keys = [{ ...key, version: 1, created_at: now }];
    return { proof: { type: 'ed25519', keys }, issued: { proof: 'ed25519', key_id: key.key_id } };
  }
  const none: SecretProof =
    type === 'hmac_sha256' ? { type: 'hmac_sha256', secrets: [] } : { type: 'password', verifiers: [] };
  return renewProof(ports, senderCompId, none, now);
}

/** The newest that works, with its end. */
export function inGrace<T extends ProofItem>(
  items: readonly T[],
  now: number,
  retiresAt: number | undefined,
): readonly T[] {
  const [newest] = working(items, now, WORKING_SECRETS);
  if (newest === undefined || retiresAt === undefined) return [];
  return [{ ...newest, retires_at: Math.min(retiresAt, newest.retires_at ?? retiresAt) }];
}
