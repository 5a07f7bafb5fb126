/** Revoke, suspend and reactivate differ in the change alone. */
import { changeStatus } from '../../core/credentials/status.ts';
import type { Run } from '../services.ts';
import { credentialView, userView } from '../views.ts';
import { targetOf, tierOf } from './target.ts';

/** The operation that makes this change and answers with what became of user and credentials: one shape for all three. */
export function changingStatus(change: 'revoke' | 'suspend' | 'reactivate'): Run<typeof change> {
  return async (services, request, actor) => {
    const { reason, if_version } = request;
    const context = { actor, reason, if_version };
    const { user, credentials } = await changeStatus(services, context, change, targetOf(request));
    const now = services.clock.now();
    return {
      success: true,
      user: userView(user, await tierOf(services, user)),
      credentials: credentials.map((one) => credentialView(one, now)),
    };
  };
}
