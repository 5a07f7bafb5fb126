import { assignTier } from '../../core/policy/assignment.ts';
import type { Run } from '../services.ts';
import { tierView, userView } from '../views.ts';

/** POST rate-limits/update */
export const updateRateLimit: Run<'updateRateLimit'> = async (services, request, actor) => {
  const { user_id, reason, if_version } = request;
  const { user, tier } = await assignTier(services, { actor, reason, if_version }, user_id, request.tier);
  return { success: true, user: userView(user, tier), tier: tierView(tier) };
};
