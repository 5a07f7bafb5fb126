import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import type { Run } from '../services.ts';
import { sessionView } from '../views.ts';

/** GET sessions */
export const sessions: Run<'sessions'> = async (services, { limit = DEFAULT_LIMIT, cursor }) => {
  const asked = { list: 'sessions' };
  const page = await services.slots.list(services.cursors.request(asked, limit, cursor));
  return { success: true, sessions: page.items.map(sessionView), ...services.cursors.next(asked, page) };
};
