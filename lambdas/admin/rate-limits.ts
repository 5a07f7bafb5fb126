import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import { rateLimits as listRateLimits, rateLimitOf } from '../../core/queries.ts';
import type { Run } from '../services.ts';
import { rateLimitView } from '../views.ts';

/** GET rate-limits */
export const rateLimits: Run<'rateLimits'> = async (services, request) => {
  const { user_id, status, tier, limit = DEFAULT_LIMIT, cursor } = request;
  const asked = { list: 'rate-limits', user_id, status, tier };
  const page = services.cursors.request(asked, limit, cursor);
  if (user_id !== undefined) {
    const state = await rateLimitOf(services, user_id);
    const shown = (status ?? state.user.status) === state.user.status && (tier ?? state.user.tier) === state.user.tier;
    return { success: true, rate_limits: shown ? [rateLimitView(state)] : [] };
  }
  const filter = { ...(status === undefined ? {} : { status }), ...(tier === undefined ? {} : { tier }) };
  const found = await listRateLimits(services, filter, page);
  return { success: true, rate_limits: found.items.map(rateLimitView), ...services.cursors.next(asked, found) };
};
