import { removeOverride as remove } from '../../core/policy/rules.ts';
import type { Run } from '../services.ts';
import { overrideView } from '../views.ts';

/** POST rules/override/remove */
export const removeOverride: Run<'removeOverride'> = async (services, request, actor) => {
  const { user_id, rule_id, reason, if_version } = request;
  const removed = await remove(services, { actor, reason, if_version }, user_id, rule_id);
  return { success: true, override: overrideView(removed) };
};
