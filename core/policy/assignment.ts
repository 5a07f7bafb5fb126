/** Which tier a user has, and what it means for edges. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { changeAccount, checkVersion, present } from '../credentials/change.ts';
import type { User } from '../credentials/model.ts';
import { FixgateError } from '../errors.ts';
import type { Tier, UserLimits } from '../limits/model.ts';
import type { Policy } from '../ports.ts';

/** The tier of that name, or the refusal `tier_not_found`. */
export function tierNamed(policy: Pick<Policy, 'tiers'>, name: string): Tier {
  const tier = policy.tiers.find((one) => one.name === name);
  if (tier === undefined) throw new FixgateError('tier_not_found', undefined, [{ tier: name }]);
  return tier;
}

/** A tier as the limits of one user. */
export function limitsOf(tier: Tier, assignment: number): UserLimits {
  const { orders_per_second, messages_per_second, burst, version } = tier;
  return { orders_per_second, messages_per_second, burst, assignment, definition: version };
}

/** Sessions a user may hold: its own number, which the tier's maximum caps. */
export function maxSessions(
  user: { readonly max_sessions?: number | undefined },
  tier: Pick<Tier, 'max_sessions'>,
): number {
  return Math.min(user.max_sessions ?? tier.max_sessions, tier.max_sessions);
}

export interface TierAssigned {
  readonly user: User;
  readonly tier: Tier;
}

/** Gives a user another tier; live sessions have its rates as soon as their edge has the command. Refuses with user_not_found, tier_not_found, version_conflict. */
export function assignTier(
  ports: AdminPorts,
  context: ChangeContext,
  userId: string,
  name: string,
): Promise<TierAssigned> {
  return changeAccount(ports, { ...context, type: 'tier_update', user_id: userId }, async (account) => {
    const before = present(account);
    checkVersion(context.if_version, before.version);
    const tier = tierNamed(await ports.policy.read(), name);
    const tier_assignment = before.tier_assignment + 1;
    const user = { ...before, tier: name, tier_assignment, epoch: before.epoch + 1 };
    return {
      user,
      changed: account.credentials.filter((one) => one.status !== 'revoked').map((one) => ({ ...one, tier: name })),
      details: { from: before.tier, to: name },
      reach: { kind: 'limits', limits: limitsOf(tier, tier_assignment), tier: name },
      result: (after) => ({ user: after.user ?? user, tier }),
    };
  });
}

/** Zeroes a user's violation counters: first the record, then the counters, then the edges that count. Refuses with user_not_found, version_conflict. */
export async function resetViolations(ports: AdminPorts, context: ChangeContext, userId: string): Promise<User> {
  const before = await ports.violations.read(userId);
  const { order, cancel, message } = before;
  const user = await changeAccount(ports, { ...context, type: 'violations_reset', user_id: userId }, (account) => {
    const subject = present(account);
    checkVersion(context.if_version, subject.version);
    return {
      details: { order, cancel, message },
      reach: { kind: 'violations' },
      result: () => subject,
    };
  });
  await ports.violations.reset(userId);
  return user;
}
