import { putTier as put } from '../../core/policy/tiers.ts';
import type { Run } from '../services.ts';
import { tierView } from '../views.ts';

/** POST rate-limits/tiers/put */
export const putTier: Run<'putTier'> = async (services, request, actor) => {
  const { reason, if_version, disconnect, ...tier } = request;
  const definition = disconnect === undefined ? tier : { ...tier, disconnect };
  return { success: true, tier: tierView(await put(services, { actor, reason, if_version }, definition)) };
};
