/** Seals again what was sealed under an older key: after a rotation, before the old key is removed. */
import { StoreUnavailable } from '../errors.ts';
import type { Directory, KeyAge, SecretBox, SecretVault } from '../ports.ts';
import { type Credential, type CredentialProof, secretContext, verifierContext } from './model.ts';

export interface ResealPorts {
  readonly directory: Pick<Directory, 'scan' | 'credential' | 'reseal'>;
  readonly box: SecretBox & KeyAge;
  readonly vault: SecretVault & KeyAge;
}

export interface Closed {
  readonly sender_comp_id: string;
  readonly user_id: string;
  /** What the key service or the library says. */
  readonly why: string;
}

export interface Resealed {
  /** That have something sealed and are not revoked. */
  readonly credentials: number;
  /** Of them, those of which all was sealed under the current key already. */
  readonly current: number;
  /** Sealed anew; without `act`, those that would be. */
  readonly resealed: number;
  /** Credentials whose secrets do not open: the key is gone, or they were damaged. */
  readonly closed: readonly Closed[];
  /** Credentials that others changed each time they were tried. Repeat the call for them. */
  readonly busy: readonly string[];
}

/** Tries of one credential that others change meanwhile. */
const ROUNDS = 5;

type One = 'none' | 'current' | 'resealed' | 'busy' | { readonly closed: string };

/**
 * Walks all credentials. Safe to repeat and to end at any time: what is current is passed over.
 * @param act false: only looks. Rejects with StoreUnavailable
 */
export async function resealAll(ports: ResealPorts, act: boolean): Promise<Resealed> {
  const counts = { current: 0, resealed: 0 };
  const closed: Closed[] = [];
  const busy: string[] = [];
  for await (const row of ports.directory.scan()) {
    if (row.kind !== 'credential') continue;
    const { sender_comp_id, user_id } = row.credential;
    const result = await resealOne(ports, row.credential, act);
    if (typeof result === 'object') closed.push({ sender_comp_id, user_id, why: result.closed });
    else if (result === 'current' || result === 'resealed') counts[result] += 1;
    else if (result === 'busy') busy.push(sender_comp_id);
  }
  return { credentials: counts.current + counts.resealed + closed.length + busy.length, ...counts, closed, busy };
}

async function resealOne(ports: ResealPorts, first: Credential, act: boolean): Promise<One> {
  let credential: Credential | undefined = first;
  for (let round = 0; round < ROUNDS && credential !== undefined; round++) {
    if (credential.status === 'revoked' || credential.proof.type === 'ed25519') return 'none';
    const anew = await anewOf(ports, credential, act);
    if (anew === 'current' || 'closed' in anew) return anew;
    if (!act) return 'resealed';
    if (await ports.directory.reseal(credential, anew)) return 'resealed';
    credential = (await ports.directory.credential(credential.sender_comp_id))?.credential;
  }
  return credential === undefined ? 'none' : 'busy';
}

/** Seals all versions again, retired ones too: no version may be left without its ciphertext. */
async function anewOf(
  { box, vault }: ResealPorts,
  { sender_comp_id: name, proof }: Credential,
  act: boolean,
): Promise<CredentialProof | 'current' | { readonly closed: string }> {
  if (proof.type === 'ed25519') return 'current';
  const [keys, contextOf, items] =
    proof.type === 'password'
      ? ([box, verifierContext, proof.verifiers] as const)
      : ([vault, secretContext, proof.secrets] as const);
  const older = new Set<number>();
  for (const { version, sealed } of items) if (!(await keys.isCurrent(sealed))) older.add(version);
  if (older.size === 0) return 'current';
  const anew = new Map<number, Uint8Array>();
  for (const { version, sealed } of items) {
    if (!older.has(version)) continue;
    const plain = await opened(keys, sealed, contextOf(name, version));
    if ('closed' in plain) return plain;
    anew.set(version, act ? await keys.seal(plain.bytes, contextOf(name, version)) : sealed);
  }
  const put = <T extends { readonly version: number; readonly sealed: Uint8Array }>(all: readonly T[]): readonly T[] =>
    all.map((one) => ({ ...one, sealed: anew.get(one.version) ?? one.sealed }));
  return proof.type === 'password'
    ? { type: 'password', verifiers: put(proof.verifiers) }
    : { type: 'hmac_sha256', secrets: put(proof.secrets) };
}

async function opened(
  keys: Pick<SecretBox, 'open'>,
  sealed: Uint8Array,
  context: Record<string, string>,
): Promise<{ readonly bytes: Uint8Array } | { readonly closed: string }> {
  try {
    return { bytes: await keys.open(sealed, context) };
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error;
    return { closed: ((error as Error).message.split('\n')[0] ?? '').slice(0, 200) };
  }
}

/** Why its newest password or secret does not open; undefined: it does, as keys of Ed25519 always do. */
export async function whyClosed(
  { box, vault }: Pick<ResealPorts, 'box' | 'vault'>,
  { sender_comp_id: name, proof }: Credential,
): Promise<string | undefined> {
  if (proof.type === 'ed25519') return undefined;
  const [keys, contextOf, [newest]] =
    proof.type === 'password'
      ? ([box, verifierContext, proof.verifiers] as const)
      : ([vault, secretContext, proof.secrets] as const);
  if (newest === undefined) return undefined;
  const found = await opened(keys, newest.sealed, contextOf(name, newest.version));
  return 'closed' in found ? found.closed : undefined;
}
