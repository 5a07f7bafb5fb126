import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import { pageOf } from '../../core/cursors.ts';
import type { Run } from '../services.ts';
import { ruleView } from '../views.ts';

/** GET rules */
export const rules: Run<'rules'> = async (services, { limit = DEFAULT_LIMIT, cursor }) => {
  const asked = { list: 'rules' };
  const request = services.cursors.request(asked, limit, cursor);
  const policy = await services.policy.read();
  const page = pageOf(policy.rules, (one) => one.id, request);
  return {
    success: true,
    rules: page.items.map(ruleView),
    ...services.cursors.next(asked, page),
    version: policy.version,
  };
};
