/**
 * A client's own change of its password, by NewPassword (925) of its Logon. What is stored has no slow key derivation, so
 * that what people make up must be long and varied.
 */
import type { AdminPorts } from '../admin.ts';
import type { Actor } from '../audit/model.ts';
import { FixgateError } from '../errors.ts';
import type { LogonAccepted, PasswordChange } from '../sessions/api.ts';
import { changeAccount, present } from './change.ts';
import { inGrace, sealVerifier } from './issue.ts';
import { type Credential, type PasswordVerifier, verifierContext } from './model.ts';
import { WORKING_SECRETS, working } from './proof.ts';
import { latin1 } from './signed.ts';
import { targets } from './status.ts';

/** Bounds of a password that a client chooses. 32 random characters hold more than 128 bits. */
const LEAST_CHARACTERS = 32;
const MOST_CHARACTERS = 128;
const LEAST_DISTINCT = 12;

/**
 * For how long the old password works too: a client whose Logon was not answered does not know which one counts, and
 * tries again within some reconnects. The first logon with the new one ends it.
 */
export const NEW_PASSWORD_GRACE_MS = 300_000;

/** What a client hears whose new password is not taken, and why; undefined: as far as its form goes, it is. */
export function newPasswordRefused(credential: Credential, password: Uint8Array): string | undefined {
  const { proof, sender_comp_id } = credential;
  const problem = proof.type === 'password' ? formProblem(password, sender_comp_id) : NO_PASSWORD;
  return problem && refused(problem).text;
}

const NO_PASSWORD = 'is for credentials that prove themselves by a password';

function formProblem(password: Uint8Array, senderCompId: string): string | undefined {
  const { length } = password;
  if (length < LEAST_CHARACTERS || length > MOST_CHARACTERS)
    return `must have ${LEAST_CHARACTERS} to ${MOST_CHARACTERS} characters and has ${length}`;
  if (!password.every((byte) => byte > 0x20 && byte < 0x7f))
    return 'must have printable ASCII characters only, no spaces';
  const distinct = new Set(password).size;
  if (distinct < LEAST_DISTINCT) return `must have ${LEAST_DISTINCT} different characters and has ${distinct}`;
  if (latin1(password).toLowerCase().includes(senderCompId.toLowerCase())) return 'must not contain the SenderCompID';
  return undefined;
}

export interface OwnChange {
  /** The edge, and the client's address. */
  readonly actor: Actor;
  /** The session that the Logon is to begin. */
  readonly session_id: string;
}

/**
 * Changes the password of the account under which `logon` was accepted, with a record in the user's chain. It must be by
 * the newest password: an older one in its grace may not put itself before it. Throws StoreUnavailable and FixgateError
 * (`busy`): then nothing was changed, or the old password works beside the new one.
 */
export async function changeOwnPassword(
  ports: AdminPorts,
  { actor, session_id }: OwnChange,
  logon: Pick<LogonAccepted, 'credential' | 'verifier_version'>,
  password: Uint8Array,
): Promise<PasswordChange> {
  const { user_id, sender_comp_id } = logon.credential;
  const text = newPasswordRefused(logon.credential, password);
  if (text !== undefined) return { result: 'refused', reason: 'new_password', text };
  const request = { actor, type: 'password_changed' as const, user_id, sender_comp_id, session_id };
  return changeAccount<PasswordChange>(ports, request, async (account, now) => {
    const user = present(account);
    const credential = targets(account.credentials, sender_comp_id)[0];
    if (credential === undefined) throw new FixgateError('credential_not_found');
    const { proof } = credential;
    if (proof.type !== 'password') return { skip: refused(NO_PASSWORD) };
    const verifiers = working(proof.verifiers, now, WORKING_SECRETS);
    const [newest] = verifiers;
    // Also the one that has retired since: a client may not go to and fro between two.
    const same = await Promise.all(proof.verifiers.map((one) => isOf(ports, sender_comp_id, one, password)));
    if (newest?.version !== logon.verifier_version) {
      if (same[0]) return { skip: { result: 'unchanged' } };
      return { skip: refused('is taken with the newest password only, and this one is in its grace') };
    }
    if (same.includes(true)) return { skip: refused('must not be the password that there is, or the one before it') };
    const version = newest.version + 1;
    const made = await sealVerifier(ports, sender_comp_id, version, password, now);
    const old = inGrace(verifiers, now, now + NEW_PASSWORD_GRACE_MS);
    return {
      user,
      changed: [{ ...credential, proof: { type: 'password', verifiers: [made, ...old] } }],
      sender_comp_id,
      session_id,
      details: { verifier_version: version, grace_seconds: NEW_PASSWORD_GRACE_MS / 1000 },
      result: () => ({ result: 'changed' }),
    };
  });
}

const refused = (problem: string): Extract<PasswordChange, { result: 'refused' }> => ({
  result: 'refused',
  reason: 'new_password',
  text: `Logon refused: NewPassword (925) ${problem}`,
});

async function isOf(
  { digests, box }: Pick<AdminPorts, 'digests' | 'box'>,
  senderCompId: string,
  verifier: PasswordVerifier,
  password: Uint8Array,
): Promise<boolean> {
  const mac = await box.open(verifier.sealed, verifierContext(senderCompId, verifier.version));
  return digests.equal(digests.hmacSha256(verifier.salt, password), mac);
}
