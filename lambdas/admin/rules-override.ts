import { setOverride as set } from '../../core/policy/rules.ts';
import type { Run } from '../services.ts';
import { overrideView } from '../views.ts';

/** POST rules/override */
export const setOverride: Run<'setOverride'> = async (services, request, actor) => {
  const { user_id, rule_id, reason, if_version, threshold } = request;
  const expires_at = request.expires_at === undefined ? undefined : Date.parse(request.expires_at);
  const decided = threshold === undefined ? { exempt: true as const } : { exempt: false as const, threshold };
  const context = { actor, reason, if_version };
  const override = await set(services, context, { user_id, rule_id, reason, expires_at, ...decided });
  return { success: true, override: overrideView(override) };
};
