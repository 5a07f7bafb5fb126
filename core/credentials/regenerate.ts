/** A new password or HMAC secret for a credential, with a grace during which the old one works too. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { FixgateError } from '../errors.ts';
import type { Account } from '../ports.ts';
import { changeAccount, checkVersion, ownerOf, present } from './change.ts';
import { type Issued, renewProof } from './issue.ts';
import type { Credential, User } from './model.ts';
import { type Target, targets, wrongProof, wrongStatus } from './status.ts';

export interface Regenerated {
  readonly issued: Issued;
  readonly credential: Credential;
  readonly user: User;
}

/**
 * Issues a new password or secret. The newest of the old ones works for `graceSeconds` more (0: not at all), or until the new one
 * has logged on; any older one is gone at once. By `user_id` the user must have exactly one credential that is not
 * revoked (else invalid_request). Refuses also with user_not_found, credential_not_found, wrong_status, wrong_proof (it
 * has keys), version_conflict.
 */
export async function regeneratePassword(
  ports: AdminPorts,
  context: ChangeContext,
  target: Target,
  graceSeconds: number,
): Promise<Regenerated> {
  const type = 'regenerate_password';
  const sender = 'sender_comp_id' in target ? target.sender_comp_id : undefined;
  const user_id =
    'user_id' in target
      ? target.user_id
      : await ownerOf(ports, { ...context, type, sender_comp_id: target.sender_comp_id });
  return changeAccount(ports, { ...context, type, user_id, sender_comp_id: sender }, async (account, now) => {
    const user = present(account);
    const credential = theOne(account, sender);
    checkVersion(context.if_version, sender === undefined ? user.version : credential.version);
    const { sender_comp_id, target_comp_id, proof } = credential;
    if (proof.type === 'ed25519') throw wrongProof(credential);
    const retiresAt = graceSeconds > 0 ? now + graceSeconds * 1000 : undefined;
    const renewed = await renewProof(ports, sender_comp_id, proof, now, retiresAt);
    return {
      user,
      changed: [{ ...credential, proof: renewed.proof }],
      sender_comp_id,
      details: { verifier_version: renewed.version, grace_seconds: graceSeconds },
      result: (after) => ({
        issued: { sender_comp_id, target_comp_id, ...renewed.issued },
        user: after.user ?? user,
        credential: after.credentials.find((one) => one.sender_comp_id === sender_comp_id) ?? credential,
      }),
    };
  });
}

function theOne(account: Account, sender: string | undefined): Credential {
  const asked = targets(account.credentials, sender);
  const usable = asked.filter((one) => one.status !== 'revoked');
  const [first] = usable;
  if (first === undefined) throw wrongStatus(asked);
  if (usable.length > 1) {
    throw new FixgateError('invalid_request', 'The user has several credentials: name one by sender_comp_id.', [
      { path: 'sender_comp_id', message: `required; one of ${usable.map((one) => one.sender_comp_id).join(', ')}` },
    ]);
  }
  return first;
}
