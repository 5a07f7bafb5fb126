import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import { pageOf } from '../../core/cursors.ts';
import { userAccount } from '../../core/queries.ts';
import type { Run } from '../services.ts';
import { sessionView } from '../views.ts';

/** GET sessions/user */
export const userSessions: Run<'userSessions'> = async (services, { user_id, limit = DEFAULT_LIMIT, cursor }) => {
  const asked = { list: 'sessions/user', user_id };
  const request = services.cursors.request(asked, limit, cursor);
  await userAccount(services, user_id);
  const page = pageOf(await services.slots.ofUser(user_id), (one) => one.session_id, request);
  return { success: true, sessions: page.items.map(sessionView), ...services.cursors.next(asked, page) };
};
