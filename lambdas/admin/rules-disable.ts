import { setRuleEnabled } from '../../core/policy/rules.ts';
import type { Run } from '../services.ts';
import { ruleView } from '../views.ts';

/** POST rules/disable */
export const disableRule: Run<'disableRule'> = async (services, { id, reason, if_version }, actor) => ({
  success: true,
  rule: ruleView(await setRuleEnabled(services, { actor, reason, if_version }, id, false)),
});
