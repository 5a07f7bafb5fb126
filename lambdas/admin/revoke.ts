import { changeStatus } from '../../core/credentials/status.ts';
import type { Run } from '../services.ts';
import { credentialView, userView } from '../views.ts';
import { targetOf, tierOf } from './target.ts';

/** POST revoke */
export const revoke: Run<'revoke'> = async (services, request, actor) => {
  const { reason, if_version } = request;
  const { user, credentials } = await changeStatus(
    services,
    { actor, reason, if_version },
    'revoke',
    targetOf(request),
  );
  const now = services.clock.now();
  return {
    success: true,
    user: userView(user, await tierOf(services, user)),
    credentials: credentials.map((one) => credentialView(one, now)),
  };
};
