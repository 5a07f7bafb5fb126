import { updateProfile as update } from '../../core/credentials/profile.ts';
import type { Run } from '../services.ts';
import { credentialView, userView } from '../views.ts';
import { tierOf } from './target.ts';

/** POST credentials/profile */
export const updateProfile: Run<'updateProfile'> = async (services, request, actor) => {
  const { sender_comp_id, session_profile, reason, if_version } = request;
  const { user, credential } = await update(services, { actor, reason, if_version }, sender_comp_id, session_profile);
  return {
    success: true,
    user: userView(user, await tierOf(services, user)),
    credential: credentialView(credential, services.clock.now()),
  };
};
