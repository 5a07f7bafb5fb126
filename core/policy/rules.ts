/** Eligibility rules and what admins decide for one user and one rule. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { checkVersion } from '../credentials/change.ts';
import { hasMinimum, isOf } from '../eligibility/evaluate.ts';
import type { Override, Rule } from '../eligibility/model.ts';
import { FixgateError } from '../errors.ts';
import type { Policy } from '../ports.ts';
import { changePolicy, checkRoom } from './change.ts';

/** A rule without its versions, whatever its type. */
export type NewRule = Rule extends infer R ? (R extends Rule ? Omit<R, 'added' | 'version'> : never) : never;

/** Adds a rule. Refuses with rule_exists, policy_full, invalid_expression (details has the position of the mistake), version_conflict. */
export async function addRule(ports: AdminPorts, context: ChangeContext, rule: NewRule): Promise<Rule> {
  const added = await changePolicy(ports, { ...context, type: 'rule_add' }, (policy, version) => {
    const before = policy.rules.find((one) => one.id === rule.id);
    checkVersion(context.if_version, before?.version ?? 0);
    if (before) throw new FixgateError('rule_exists', undefined, [{ rule: rule.id }]);
    checkRoom(policy, 'rules');
    if (rule.type === 'custom') checkExpression(ports, rule.expression);
    const after = { ...rule, added: version, version } as Rule;
    return { edits: [{ put_rule: after }], details: { rule: after }, result: after };
  });
  return added as Rule;
}

/** Removes a rule; overrides of it are void from then on. Refuses with rule_not_found, version_conflict. */
export async function removeRule(ports: AdminPorts, context: ChangeContext, id: string): Promise<Rule> {
  const removed = await changePolicy(ports, { ...context, type: 'rule_remove' }, (policy) => {
    const rule = ruleNamed(policy, id);
    checkVersion(context.if_version, rule.version);
    return { edits: [{ remove_rule: id }], details: { rule }, result: rule };
  });
  return removed as Rule;
}

/** Enables or disables a rule. Refuses with rule_not_found, version_conflict. */
export async function setRuleEnabled(
  ports: AdminPorts,
  context: ChangeContext,
  id: string,
  enabled: boolean,
): Promise<Rule> {
  const type = enabled ? 'rule_enable' : 'rule_disable';
  const changed = await changePolicy(ports, { ...context, type }, (policy, version) => {
    const before = ruleNamed(policy, id);
    checkVersion(context.if_version, before.version);
    const rule: Rule = { ...before, enabled, version };
    return { edits: [{ put_rule: rule }], details: { rule: id, from: before.enabled, to: enabled }, result: rule };
  });
  return changed as Rule;
}

/** What an admin decides for one user: exempt from the rule, or measured by another minimum. */
export type NewOverride = {
  readonly user_id: string;
  readonly rule_id: string;
  readonly reason: string;
  /** Epoch ms. */
  readonly expires_at?: number | undefined;
} & ({ readonly exempt: true } | { readonly exempt: false; readonly threshold: number });

/**
 * Puts an override, in place of any of the same user and rule. The user need not be provisioned yet: an override is how
 * somebody whom the rules refuse gets in. Refuses with rule_not_found, invalid_request (a threshold for a rule without
 * a minimum, an expiry that has passed), version_conflict.
 */
export async function setOverride(ports: AdminPorts, context: ChangeContext, given: NewOverride): Promise<Override> {
  const { user_id, rule_id, reason, expires_at } = given;
  const put = await changePolicy(
    ports,
    { ...context, reason, type: 'override_set', user_id },
    async (policy, version, now) => {
      const rule = ruleNamed(policy, rule_id);
      const before = (await ports.policy.overrides(user_id)).find((one) => isOf(one, rule));
      checkVersion(context.if_version, before?.version ?? 0);
      if (!given.exempt && !hasMinimum(rule)) {
        throw new FixgateError('invalid_request', undefined, [
          { path: 'threshold', message: `a ${rule.type} rule has no minimum; send exempt: true` },
        ]);
      }
      if (expires_at !== undefined && expires_at <= now) {
        throw new FixgateError('invalid_request', undefined, [{ path: 'expires_at', message: 'has passed' }]);
      }
      const override: Override = {
        user_id,
        rule_id,
        reason,
        by: context.actor.principal,
        created_at: now,
        ...(expires_at === undefined ? {} : { expires_at }),
        ...(given.exempt ? { exempt: true as const } : { exempt: false as const, threshold: given.threshold }),
        version,
      };
      return {
        edits: [{ put_override: override }],
        details: { override, ...(before ? { before } : {}) },
        result: override,
      };
    },
  );
  return put as Override;
}

/** Removes an override. Refuses with override_not_found, version_conflict. */
export async function removeOverride(
  ports: AdminPorts,
  context: ChangeContext,
  userId: string,
  ruleId: string,
): Promise<Override> {
  const request = { ...context, type: 'override_remove' as const, user_id: userId };
  const removed = await changePolicy(ports, request, async (policy) => {
    const rule = policy.rules.find((one) => one.id === ruleId);
    const before = (await ports.policy.overrides(userId)).find((one) => rule && isOf(one, rule));
    if (!before) throw new FixgateError('override_not_found', undefined, [{ user_id: userId, rule_id: ruleId }]);
    checkVersion(context.if_version, before.version);
    return {
      edits: [{ remove_override: { user_id: userId, rule_id: ruleId } }],
      details: { override: before },
      result: before,
    };
  });
  return removed as Override;
}

function ruleNamed(policy: Policy, id: string): Rule {
  const rule = policy.rules.find((one) => one.id === id);
  if (rule === undefined) throw new FixgateError('rule_not_found', undefined, [{ rule: id }]);
  return rule;
}

function checkExpression(ports: AdminPorts, expression: string): void {
  const compiled = ports.expressions.compile(expression);
  if (compiled.ok) return;
  const { message, position } = compiled;
  throw new FixgateError('invalid_expression', `The CEL expression does not compile: ${message}`, [
    { path: 'expression', message, ...(position === undefined ? {} : { position }) },
  ]);
}
