import { removeTier as remove } from '../../core/policy/tiers.ts';
import type { Run } from '../services.ts';
import { tierView } from '../views.ts';

/** POST rate-limits/tiers/remove */
export const removeTier: Run<'removeTier'> = async (services, { name, reason, if_version }, actor) => ({
  success: true,
  tier: tierView(await remove(services, { actor, reason, if_version }, name)),
});
