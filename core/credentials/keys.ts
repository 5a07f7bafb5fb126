/** Public keys of a credential that proves itself by Ed25519: one is added, one is taken away. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { FixgateError } from '../errors.ts';
import { changeAccount, checkVersion, ownerOf, present } from './change.ts';
import { readPublicKey } from './ed25519.ts';
import { type Credential, type Ed25519Key, MAX_KEYS, type User } from './model.ts';
import { nextVersion, works } from './proof.ts';
import { targets, wrongProof, wrongStatus } from './status.ts';

/** A key as a request gives it. */
export interface KeyInput {
  readonly public_key: string;
  /** By which the client names it in 553; left out: made of the key. */
  readonly key_id?: string | undefined;
}

export type AcceptedKey = Pick<Ed25519Key, 'key_id' | 'public_key'>;

export interface KeysChanged {
  readonly user: User;
  readonly credential: Credential;
  readonly key: Ed25519Key;
}

/** Reads the key. Refuses with invalid_request what is none, under the path `<at>public_key`. */
export function acceptedKey({ public_key, key_id }: KeyInput, at = ''): AcceptedKey {
  const read = readPublicKey(public_key);
  if (!read.ok) {
    throw new FixgateError('invalid_request', undefined, [{ path: `${at}public_key`, message: read.problem }]);
  }
  // Twenty characters of the key itself: nobody has two that begin alike.
  const made = read.public_key.slice(0, 20).replaceAll('+', '-');
  return { public_key: read.public_key, key_id: key_id ?? made };
}

/**
 * Adds a key; it works at once, beside the others. Refuses with credential_not_found, wrong_proof, wrong_status (revoked),
 * key_exists, too_many_keys, version_conflict, invalid_request (no Ed25519 key).
 */
export async function addKey(
  ports: AdminPorts,
  context: ChangeContext,
  sender_comp_id: string,
  input: KeyInput,
): Promise<KeysChanged> {
  const request = { ...context, type: 'key_add' as const, sender_comp_id };
  const user_id = await ownerOf(ports, request);
  return changeAccount(ports, { ...request, user_id }, (account, now) => {
    const user = present(account);
    const { credential, keys } = keysOf(account.credentials, sender_comp_id, context, now);
    const accepted = acceptedKey(input);
    const { key_id, public_key } = accepted;
    if (keys.some((one) => one.key_id === key_id || one.public_key === public_key)) {
      throw new FixgateError('key_exists', undefined, [{ sender_comp_id, key_id }]);
    }
    if (keys.length >= MAX_KEYS) {
      throw new FixgateError('too_many_keys', undefined, [{ keys: keys.length, maximum: MAX_KEYS }]);
    }
    const key: Ed25519Key = { ...accepted, version: nextVersion(credential.proof), created_at: now };
    return {
      user,
      changed: [{ ...credential, proof: { type: 'ed25519', keys: [key, ...keys] } }],
      sender_comp_id,
      details: { key_id, public_key, verifier_version: key.version },
      result: (after) => ({
        user: after.user ?? user,
        credential: after.credentials.find((one) => one.sender_comp_id === sender_comp_id) ?? credential,
        key,
      }),
    };
  });
}

/**
 * A key works for `graceSeconds` more (0: not at all). The last one may go: nobody can log on then until another is
 * added. Live sessions stay. Refuses with credential_not_found, wrong_proof, wrong_status (revoked), key_not_found,
 * version_conflict.
 */
export async function removeKey(
  ports: AdminPorts,
  context: ChangeContext,
  sender_comp_id: string,
  key_id: string,
  graceSeconds: number,
): Promise<KeysChanged> {
  const request = { ...context, type: 'key_remove' as const, sender_comp_id };
  const user_id = await ownerOf(ports, request);
  return changeAccount(ports, { ...request, user_id }, (account, now) => {
    const user = present(account);
    const { credential, keys } = keysOf(account.credentials, sender_comp_id, context, now);
    const found = keys.find((one) => one.key_id === key_id);
    if (found === undefined) throw new FixgateError('key_not_found', undefined, [{ sender_comp_id, key_id }]);
    const retires_at = now + graceSeconds * 1000;
    const key = { ...found, retires_at: Math.min(retires_at, found.retires_at ?? retires_at) };
    const after = keys.map((one) => (one === found ? key : one));
    return {
      user,
      changed: [{ ...credential, proof: { type: 'ed25519', keys: after } }],
      sender_comp_id,
      details: { key_id, verifier_version: key.version, grace_seconds: graceSeconds },
      result: (done) => ({
        user: done.user ?? user,
        credential: done.credentials.find((one) => one.sender_comp_id === sender_comp_id) ?? credential,
        key,
      }),
    };
  });
}

/** The credential and its keys that work; those that have retired before are let go with the next change. */
function keysOf(
  credentials: readonly Credential[],
  sender: string,
  context: ChangeContext,
  now: number,
): { readonly credential: Credential; readonly keys: readonly Ed25519Key[] } {
  const [credential] = targets(credentials, sender) as readonly [Credential];
  checkVersion(context.if_version, credential.version);
  if (credential.status === 'revoked') throw wrongStatus([credential]);
  const { proof } = credential;
  if (proof.type !== 'ed25519') throw wrongProof(credential);
  return { credential, keys: proof.keys.filter((one) => works(one, now)) };
}
