/** How a counterparty's sessions are kept otherwise than the gateway's default: said with the credential. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { FixgateError } from '../errors.ts';
import { changedOverrides, type ProfileChange, type ProfileOverrides, togetherProblems } from '../sessions/profile.ts';
import { changeAccount, checkVersion, ownerOf, present } from './change.ts';
import type { Credential, User } from './model.ts';
import { targets, wrongStatus } from './status.ts';

export interface ProfileUpdated {
  readonly user: User;
  readonly credential: Credential;
}

/**
 * Changes the settings that are given; null takes one away. It is in force from the next Logon on: a live session stays
 * as it is. Refuses with credential_not_found, wrong_status (revoked), version_conflict, invalid_request (settings that
 * do not go together).
 */
export async function updateProfile(
  ports: AdminPorts,
  context: ChangeContext,
  sender_comp_id: string,
  change: ProfileChange,
): Promise<ProfileUpdated> {
  const request = { ...context, type: 'profile_update' as const, sender_comp_id };
  const user_id = await ownerOf(ports, request);
  return changeAccount(ports, { ...request, user_id }, (account) => {
    const user = present(account);
    const [credential] = targets(account.credentials, sender_comp_id) as readonly [Credential];
    checkVersion(context.if_version, credential.version);
    if (credential.status === 'revoked') throw wrongStatus([credential]);
    const { session_profile: before = {}, ...rest } = credential;
    const after = changedOverrides(before, change);
    checkTogether(after);
    return {
      user,
      changed: [Object.keys(after).length === 0 ? rest : { ...rest, session_profile: after }],
      sender_comp_id,
      details: { from: named(before, change), to: named(after, change) },
      result: (done) => ({
        user: done.user ?? user,
        credential: done.credentials.find((one) => one.sender_comp_id === sender_comp_id) ?? credential,
      }),
    };
  });
}

/** Refuses with invalid_request settings of which one needs another. */
export function checkTogether(profile: ProfileOverrides): void {
  const problems = togetherProblems(profile);
  if (problems.length === 0) return;
  throw new FixgateError(
    'invalid_request',
    undefined,
    problems.map(({ path, message }) => ({ path: ['session_profile', ...path].join('.'), message })),
  );
}

/** Those that the change names; null: no override. */
function named(profile: ProfileOverrides, change: ProfileChange): Readonly<Record<string, unknown>> {
  const values = profile as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.keys(change).map((name) => [name, values[name] ?? null]));
}
