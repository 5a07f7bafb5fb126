import { removeRule as remove } from '../../core/policy/rules.ts';
import type { Run } from '../services.ts';
import { ruleView } from '../views.ts';

/** POST rules/remove */
export const removeRule: Run<'removeRule'> = async (services, { id, reason, if_version }, actor) => ({
  success: true,
  rule: ruleView(await remove(services, { actor, reason, if_version }, id)),
});
