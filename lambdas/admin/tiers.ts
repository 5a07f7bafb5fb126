import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import { pageOf } from '../../core/cursors.ts';
import type { Run } from '../services.ts';
import { tierView } from '../views.ts';

/** GET rate-limits/tiers */
export const tiers: Run<'tiers'> = async (services, { limit = DEFAULT_LIMIT, cursor }) => {
  const asked = { list: 'rate-limits/tiers' };
  const request = services.cursors.request(asked, limit, cursor);
  const policy = await services.policy.read();
  const page = pageOf(policy.tiers, (one) => one.name, request);
  return {
    success: true,
    tiers: page.items.map(tierView),
    ...services.cursors.next(asked, page),
    version: policy.version,
  };
};
