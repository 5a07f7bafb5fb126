import { DEFAULT_LIMIT } from '../../contract/fields.ts';
import { pageOf } from '../../core/cursors.ts';
import { userAccount } from '../../core/queries.ts';
import type { Run } from '../services.ts';
import { credentialView, userView } from '../views.ts';
import { tierOf } from './target.ts';

/** GET credentials/user */
export const userCredentials: Run<'userCredentials'> = async (services, { user_id, limit = DEFAULT_LIMIT, cursor }) => {
  const asked = { list: 'credentials/user', user_id };
  const request = services.cursors.request(asked, limit, cursor);
  const account = await userAccount(services, user_id);
  const page = pageOf(account.credentials, (one) => one.sender_comp_id, request);
  const now = services.clock.now();
  return {
    success: true,
    user: userView(account.user, await tierOf(services, account.user)),
    credentials: page.items.map((one) => credentialView(one, now)),
    ...services.cursors.next(asked, page),
  };
};
