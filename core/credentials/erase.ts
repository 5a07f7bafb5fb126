/**
 * Erases what is kept about a user, so that only the pseudonym stays. The audit trail cannot forget, and the pseudonym must not be given
 * to anybody else: so user and credentials stay as empty, revoked rows, and every fact in them is removed.
 */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { FixgateError } from '../errors.ts';
import { changePolicy } from '../policy/change.ts';
import { changeAccount, present } from './change.ts';
import type { Credential, CredentialProof, User } from './model.ts';

export interface Erased {
  readonly credentials: number;
  readonly overrides: number;
}

/** Rows of one transaction, with room for the user's and the record. */
const AT_ONCE = 80;

/** What would be erased. Refuses with user_not_found, wrong_status (a credential is not revoked). */
export async function erasable(ports: Pick<AdminPorts, 'directory' | 'policy'>, userId: string): Promise<Erased> {
  const account = await ports.directory.account(userId);
  present(account);
  checkRevoked(account.credentials);
  const overrides = (await ports.policy.overrides(userId)).length;
  return { credentials: account.credentials.filter(says).length, overrides };
}

/**
 * Empties user, credentials and overrides, each on record. Repeating it goes on where it ended. Refuses as {@link erasable}.
 */
export async function eraseUser(ports: AdminPorts, context: ChangeContext, userId: string): Promise<Erased> {
  const overrides = await ports.policy.overrides(userId);
  let credentials = 0;
  for (let left = true; left; ) {
    const done = await changeAccount(ports, { ...context, type: 'erased', user_id: userId }, (account) => {
      const user = present(account);
      checkRevoked(account.credentials);
      const telling = account.credentials.filter(says);
      const now = telling.slice(0, AT_ONCE);
      const names = now.map(({ sender_comp_id }) => sender_comp_id);
      return {
        user: emptied(user),
        changed: now.map(silent),
        lock: 'remove' as const,
        details: { credentials: names },
        result: () => ({ count: now.length, left: telling.length > now.length }),
      };
    });
    credentials += done.count;
    left = done.left;
  }
  const rules = overrides.map(({ rule_id }) => rule_id);
  if (rules.length > 0)
    await changePolicy(ports, { ...context, type: 'override_remove', user_id: userId }, () => ({
      edits: rules.map((rule_id) => ({ remove_override: { user_id: userId, rule_id } })),
      details: { rules },
      result: undefined,
    }));
  return { credentials, overrides: overrides.length };
}

/** An erasure never ends access: the user has to be revoked first, which shows what that ends. */
function checkRevoked(credentials: readonly Credential[]): void {
  const open = credentials.filter(({ status }) => status !== 'revoked');
  if (open.length === 0) return;
  const named = open.map(({ sender_comp_id, status }) => ({ sender_comp_id, status }));
  throw new FixgateError('wrong_status', 'Revoke the user first: an erasure is for who has no access any more.', named);
}

/** The user with neutral facts, and nothing that an admin has written. */
function emptied({ bypass: _b, lock: _l, max_sessions: _m, ...user }: User): User {
  const facts = { account_balance: 0, trading_volume: 0, account_age_days: 0, kyc_level: 0, groups: [] };
  return { ...user, facts };
}

/** The pseudonym, that it is revoked, and when it was made. */
function silent(credential: Credential): Credential {
  const { sender_comp_id, target_comp_id, user_id, status, proof, tier, created_at, updated_at, version } = credential;
  const kept = { sender_comp_id, target_comp_id, user_id, status, tier, created_at, updated_at, version };
  return { ...kept, proof: nothing(proof), allowed_ips: [] };
}

function nothing({ type }: CredentialProof): CredentialProof {
  if (type === 'password') return { type, verifiers: [] };
  return type === 'hmac_sha256' ? { type, secrets: [] } : { type, keys: [] };
}

/** Whether there is anything left in it. */
function says(credential: Credential): boolean {
  return JSON.stringify(silent(credential)) !== JSON.stringify(orderedAs(credential));
}

/** The same members in the order of {@link silent}, with whatever else there is behind them. */
function orderedAs(credential: Credential): object {
  const order = silent(credential);
  const known = Object.keys(order) as (keyof Credential)[];
  return { ...Object.fromEntries(known.map((name) => [name, credential[name]])), ...credential };
}
