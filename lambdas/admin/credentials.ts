import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import type { Run } from '../services.ts';
import { credentialView } from '../views.ts';

/** GET credentials */
export const credentials: Run<'credentials'> = async (services, { status, tier, limit = DEFAULT_LIMIT, cursor }) => {
  const asked = { list: 'credentials', status, tier };
  const filter = { ...(status === undefined ? {} : { status }), ...(tier === undefined ? {} : { tier }) };
  const page = await services.directory.listCredentials(filter, services.cursors.request(asked, limit, cursor));
  const now = services.clock.now();
  return {
    success: true,
    credentials: page.items.map((one) => credentialView(one, now)),
    ...services.cursors.next(asked, page),
  };
};
