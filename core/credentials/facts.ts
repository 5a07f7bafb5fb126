/** New facts about a user, and what follows from them. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { evaluate, failures } from '../eligibility/evaluate.ts';
import type { Evaluation, Facts } from '../eligibility/model.ts';
import type { Policy } from '../ports.ts';
import { changeAccount, checkVersion, present } from './change.ts';
import type { User } from './model.ts';
import { withStatus } from './status.ts';

/** What happens to a user who no longer meets the rules: `warn`, so that only its next logon is refused, or `suspend` at once. */
export type OnIneligible = 'warn' | 'suspend';

export interface FactsUpdated {
  readonly user: User;
  readonly evaluation: Evaluation;
  /** SenderCompIDs suspended by this change. */
  readonly suspended: readonly string[];
}

/** Replaces the facts that are given and asks the rules again. Refuses with user_not_found and version_conflict. */
export function updateFacts(
  ports: AdminPorts,
  context: ChangeContext,
  userId: string,
  given: { readonly [K in keyof Facts]?: Facts[K] | undefined },
  onIneligible: OnIneligible,
): Promise<FactsUpdated> {
  return changeAccount(ports, { ...context, type: 'user_update', user_id: userId }, async (account, now) => {
    const before = present(account);
    checkVersion(context.if_version, before.version);
    const facts = { ...before.facts, ...withoutUndefined(given) };
    const evaluation = await evaluateUser(ports, { ...before, facts }, await ports.policy.read(), now);
    const suspended =
      !evaluation.eligible && onIneligible === 'suspend'
        ? account.credentials.filter((one) => one.status === 'active')
        : [];
    const names = suspended.map((one) => one.sender_comp_id);
    const epoch = before.epoch + (names.length > 0 ? 1 : 0);
    const reason = `not eligible: ${failures(evaluation)
      .map((one) => one.rule)
      .join(', ')}`;
    return {
      user: { ...before, facts, epoch },
      changed: suspended.map((one) => withStatus(one, 'suspended', reason)),
      details: {
        facts: differences(before.facts, facts),
        eligible: evaluation.eligible,
        policy_version: evaluation.policy_version,
        failing: failures(evaluation).map((one) => one.rule),
        suspended: names,
      },
      ...(names.length > 0
        ? { reach: { kind: 'end_user' as const, below_epoch: epoch, cause: 'not_eligible' as const, reason } }
        : {}),
      result: (after) => ({ user: after.user ?? before, evaluation, suspended: names }),
    };
  });
}

/** Evaluates the rules for a user, with the user's overrides. */
export async function evaluateUser(
  ports: Pick<AdminPorts, 'policy' | 'expressions'>,
  user: Pick<User, 'user_id' | 'facts' | 'tier' | 'bypass'>,
  policy: Pick<Policy, 'rules' | 'version'>,
  now: number,
): Promise<Evaluation> {
  const overrides = await ports.policy.overrides(user.user_id);
  const { facts, tier } = user;
  const bypassed = user.bypass !== undefined;
  return evaluate(
    { facts, tier, rules: policy.rules, overrides, policy_version: policy.version, bypassed },
    ports.expressions,
    now,
  );
}

function differences(before: Facts, after: Facts): Record<string, { from: unknown; to: unknown }> {
  const changed: Record<string, { from: unknown; to: unknown }> = {};
  for (const key of Object.keys(after) as (keyof Facts)[]) {
    if (JSON.stringify(before[key]) !== JSON.stringify(after[key]))
      changed[key] = { from: before[key], to: after[key] };
  }
  return changed;
}

/** Those facts that are given. */
export function withoutUndefined(given: { readonly [K in keyof Facts]?: Facts[K] | undefined }): Partial<Facts> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<Facts>;
}
