/** How users and credentials stand in their table. */
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import type {
  Credential,
  CredentialProof,
  CredentialStatus,
  HmacSecret,
  PasswordVerifier,
  User,
  UserRecord,
} from '../../core/credentials/model.ts';
import type { EdgeCommand } from '../../core/sessions/model.ts';
import { listed } from '../changes.ts';
import { key, shardOf } from '../keys.ts';
import { headOf } from './audit.ts';
import type { Key, Row } from './database.ts';
import { LIST_SHARDS } from './tables.ts';

/** Seconds that a command waits for its edge; one that comes back later begins a new incarnation without sessions. */
const COMMAND_LIFE_S = 86_400;

export function userKey(userId: string): Key {
  return { table: 'credentials', pk: key('U', userId), sk: 'META' };
}

export function credentialKey(senderCompId: string): Key {
  return { table: 'credentials', pk: key('S', senderCompId), sk: 'CRED' };
}

/** The row of a user. Facts stand in no index: `user` is not projected. */
export function userRow(user: User): Row {
  const { user_id, status, tier } = user;
  const shard = shardOf(user_id, LIST_SHARDS);
  return {
    pk: userKey(user_id).pk,
    sk: 'META',
    user_id,
    user: JSON.stringify(user),
    epoch: user.epoch,
    status_pk: key('UST', status, shard),
    status_sk: key(tier, user_id),
    tier_pk: key('UT', tier, shard),
    tier_sk: key(status, user_id),
  };
}

/** The row of a credential. `credential`, which the indexes show, is without secrets; the rest stands beside it. */
export function credentialRow(credential: Credential): Row {
  const { sender_comp_id, user_id, status, tier, idempotency } = credential;
  const shard = shardOf(sender_comp_id, LIST_SHARDS);
  return {
    pk: credentialKey(sender_comp_id).pk,
    sk: 'CRED',
    version: credential.version,
    credential: JSON.stringify(listed(credential)),
    verifiers: sealedOf(credential.proof),
    idempotency: idempotency && JSON.stringify(idempotency),
    status_pk: key('ST', status, shard),
    status_sk: key(tier, user_id, sender_comp_id),
    tier_pk: key('T', tier, shard),
    tier_sk: key(status, user_id, sender_comp_id),
  };
}

/** Says, in the user's partition, that this credential is the user's. */
export function pointerRow({ user_id, sender_comp_id }: Credential): Row {
  return { pk: userKey(user_id).pk, sk: key('C', sender_comp_id), sender_comp_id };
}

/** Locked users, for lists; one partition, for an admin locks one at a time. */
export const LOCKS = 'LOCKS';

export function lockKey(userId: string): Key {
  return { table: 'credentials', pk: LOCKS, sk: key(userId) };
}

/** The user's lock, as its row has it. */
export function lockRow({ user_id, lock }: User): Row {
  const { pk, sk } = lockKey(user_id);
  return { pk, sk, lock: JSON.stringify(lock) };
}

/** A command in the queue of its edge. */
export function commandRow(edgeId: string, command: EdgeCommand): Row {
  return {
    pk: key('CMD', edgeId),
    sk: command.id,
    command: JSON.stringify(command),
    expires_at: Math.ceil(command.at / 1000) + COMMAND_LIFE_S,
  };
}

export function toUser(row: Row): User | undefined {
  return typeof row.user === 'string' ? JSON.parse(row.user) : undefined;
}

export function toUserRecord(userId: string, row: Row | undefined): UserRecord {
  const chain = row === undefined ? EMPTY_CHAIN : headOf(row);
  const user = row && toUser(row);
  return user === undefined ? { state: 'absent', user_id: userId, chain } : { ...user, state: 'present', chain };
}

export function toCredential(row: Row): Credential {
  const shown: Credential = JSON.parse(row.credential as string);
  return {
    ...shown,
    proof: withSealed(shown.proof, row.verifiers),
    ...(typeof row.idempotency === 'string' ? { idempotency: JSON.parse(row.idempotency) } : {}),
  };
}

/** What of a proof stands beside what indexes show: passwords and secrets, sealed. */
function sealedOf(proof: CredentialProof): readonly (PasswordVerifier | HmacSecret)[] | undefined {
  if (proof.type === 'ed25519') return undefined;
  return proof.type === 'password' ? proof.verifiers : proof.secrets;
}

function withSealed(shown: CredentialProof | undefined, sealed: unknown): CredentialProof {
  if (shown?.type === 'ed25519') return shown;
  if (shown?.type === 'hmac_sha256') return { type: 'hmac_sha256', secrets: sealed as readonly HmacSecret[] };
  // A row of the time when all proved themselves by passwords says no type.
  return { type: 'password', verifiers: sealed as readonly PasswordVerifier[] };
}

/** Status and tier of a user out of its keys in the index by status: `UST#status#shard`, `tier#user`. */
export function indexedUser(row: Row): { readonly status: CredentialStatus; readonly tier: string } {
  const [, status] = (row.status_pk as string).split('#');
  const [tier] = (row.status_sk as string).split('#');
  return { status: status as CredentialStatus, tier: decodeURIComponent(tier as string) };
}
