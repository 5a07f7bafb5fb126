import { regeneratePassword as regenerate } from '../../core/credentials/regenerate.ts';
import type { Run } from '../services.ts';
import { issuedView, userView } from '../views.ts';
import { targetOf, tierOf } from './target.ts';

/** POST regenerate-password */
export const regeneratePassword: Run<'regeneratePassword'> = async (services, request, actor) => {
  const { reason, if_version, grace_seconds } = request;
  const done = await regenerate(services, { actor, reason, if_version }, targetOf(request), grace_seconds);
  return {
    success: true,
    credentials: issuedView(done.issued),
    user: userView(done.user, await tierOf(services, done.user)),
    version: done.credential.version,
  };
};
