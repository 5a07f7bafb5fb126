/** Suspend, reactivate and revoke: of one credential, or of all that a user has. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { FixgateError } from '../errors.ts';
import { type Changed, changeAccount, checkVersion, ownerOf, present } from './change.ts';
import type { Credential, CredentialStatus, User } from './model.ts';

/** Whom an operation is about. */
export type Target = { readonly user_id: string } | { readonly sender_comp_id: string };

export type StatusChange = 'suspend' | 'reactivate' | 'revoke';

interface Transition {
  readonly from: readonly CredentialStatus[];
  readonly to: CredentialStatus;
  /** Live sessions end with it. */
  readonly ends?: 'suspended' | 'revoked';
}

/** Nothing leads away from `revoked`. */
const TRANSITIONS: Readonly<Record<StatusChange, Transition>> = {
  suspend: { from: ['active'], to: 'suspended', ends: 'suspended' },
  reactivate: { from: ['suspended'], to: 'active' },
  revoke: { from: ['active', 'suspended'], to: 'revoked', ends: 'revoked' },
};

export interface StatusChanged {
  readonly user: User;
  /** Those that changed. */
  readonly credentials: readonly Credential[];
}

/**
 * Changes the status of a credential, or of each of a user's that allows it. Refuses with user_not_found,
 * credential_not_found, wrong_status (none allows it) and version_conflict (of the credential, or of the user).
 */
export async function changeStatus(
  ports: AdminPorts,
  context: ChangeContext,
  type: StatusChange,
  target: Target,
): Promise<StatusChanged> {
  const sender = 'sender_comp_id' in target ? target.sender_comp_id : undefined;
  const user_id =
    'user_id' in target
      ? target.user_id
      : await ownerOf(ports, { ...context, type, sender_comp_id: target.sender_comp_id });
  return changeAccount(ports, { ...context, type, user_id, sender_comp_id: sender }, (account) => {
    const user = present(account);
    const asked = targets(account.credentials, sender);
    checkVersion(context.if_version, sender === undefined ? user.version : (asked[0]?.version ?? 0));
    const { from, to, ends } = TRANSITIONS[type];
    const allowed = asked.filter((one) => from.includes(one.status));
    if (allowed.length === 0) throw wrongStatus(asked);
    const epoch = user.epoch + (ends ? 1 : 0);
    const names = allowed.map((one) => one.sender_comp_id);
    const reason = context.reason ?? to;
    return {
      user: { ...user, epoch },
      changed: allowed.map((one) => withStatus(one, to, context.reason)),
      ...(sender === undefined ? {} : { sender_comp_id: sender }),
      details: { credentials: allowed.map((one) => ({ sender_comp_id: one.sender_comp_id, from: one.status, to })) },
      ...(ends
        ? {
            reach: {
              kind: 'end_user' as const,
              below_epoch: epoch,
              cause: ends,
              reason,
              ...(sender === undefined ? {} : { sender_comp_ids: names }),
            },
          }
        : {}),
      result: (after) => ({ user: after.user ?? user, credentials: pick(after, names) }),
    };
  });
}

/** Most credentials that a refusal lists: a user gathers revoked ones without end, an audit record has room for some. */
const MAX_LISTED = 20;

/** The refusal of a change that none of these credentials allows. */
export function wrongStatus(asked: readonly Credential[]): FixgateError {
  const listed = asked.slice(0, MAX_LISTED).map(({ sender_comp_id, status }) => ({ sender_comp_id, status }));
  return new FixgateError('wrong_status', undefined, listed);
}

/** The refusal of what a credential of another proof would allow. */
export function wrongProof({ sender_comp_id, proof }: Credential): FixgateError {
  return new FixgateError('wrong_proof', undefined, [{ sender_comp_id, proof: proof.type }]);
}

/** The credential with another status; the reason of the last change stays with it. */
export function withStatus(credential: Credential, status: CredentialStatus, reason: string | undefined): Credential {
  const { status_reason: _, ...rest } = credential;
  return { ...rest, status, ...(reason === undefined ? {} : { status_reason: reason }) };
}

/** The credential of that name, or all; refuses with credential_not_found when there is none of it. */
export function targets(credentials: readonly Credential[], sender: string | undefined): readonly Credential[] {
  const found = sender === undefined ? credentials : credentials.filter((one) => one.sender_comp_id === sender);
  if (sender !== undefined && found.length === 0) throw new FixgateError('credential_not_found');
  return found;
}

function pick(after: Changed, names: readonly string[]): readonly Credential[] {
  return after.credentials.filter((one) => names.includes(one.sender_comp_id));
}
