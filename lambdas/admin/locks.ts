import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import { locks as list } from '../../core/locks/locks.ts';
import type { Run } from '../services.ts';
import { lockView } from '../views.ts';

/** GET locks */
export const locks: Run<'locks'> = async (services, { limit = DEFAULT_LIMIT, cursor }) => {
  const asked = { list: 'locks' };
  const page = await list(services, services.cursors.request(asked, limit, cursor));
  return { success: true, locks: page.items.map(lockView), ...services.cursors.next(asked, page) };
};
