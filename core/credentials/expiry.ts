/** Expiry of credentials: checked whenever one is read, and recorded in the audit trail once, by the first process that sees it. */
import type { AdminPorts } from '../admin.ts';
import type { Actor } from '../audit/model.ts';
import { changeAccount, present } from './change.ts';
import type { Credential } from './model.ts';

/** What is known of a credential that may have expired. */
export interface Expiring extends Pick<Credential, 'user_id' | 'sender_comp_id'> {
  /** Epoch ms. */
  readonly expires_at?: number | undefined;
  readonly expiry_recorded_at?: number | undefined;
}

/** True from `expires_at` on. */
export function hasExpired(credential: Pick<Expiring, 'expires_at'>, now: number): boolean {
  return credential.expires_at !== undefined && credential.expires_at <= now;
}

/**
 * Writes the `expire` record of a credential that has expired, and ends the sessions it still has. Does nothing when
 * it has not expired or the record is there; concurrent callers write it once.
 */
export async function recordExpiry(ports: AdminPorts, actor: Actor, credential: Expiring): Promise<void> {
  const { user_id, sender_comp_id } = credential;
  if (credential.expiry_recorded_at !== undefined || !hasExpired(credential, ports.clock.now())) return;
  await changeAccount<void>(ports, { actor, type: 'expire', user_id, sender_comp_id }, (account, now) => {
    const user = present(account);
    const found = due(account.credentials, sender_comp_id, now);
    if (!found) return { skip: undefined };
    const epoch = user.epoch + 1;
    return {
      user: { ...user, epoch },
      changed: [{ ...found, expiry_recorded_at: now }],
      sender_comp_id,
      details: { expires_at: found.expires_at },
      reach: {
        kind: 'end_user',
        below_epoch: epoch,
        cause: 'expired',
        reason: 'credential expired',
        sender_comp_ids: [sender_comp_id],
      },
      result: () => undefined,
    };
  });
}

function due(credentials: readonly Credential[], name: string, now: number): Credential | undefined {
  const found = credentials.find((one) => one.sender_comp_id === name);
  return found && found.expiry_recorded_at === undefined && hasExpired(found, now) ? found : undefined;
}
