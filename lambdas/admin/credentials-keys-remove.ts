import { removeKey as remove } from '../../core/credentials/keys.ts';
import type { Run } from '../services.ts';
import { credentialView, keyView, userView } from '../views.ts';
import { tierOf } from './target.ts';

/** POST credentials/keys/remove */
export const removeKey: Run<'removeKey'> = async (services, request, actor) => {
  const { sender_comp_id, key_id, grace_seconds, reason, if_version } = request;
  const context = { actor, reason, if_version };
  const { user, credential, key } = await remove(services, context, sender_comp_id, key_id, grace_seconds);
  return {
    success: true,
    user: userView(user, await tierOf(services, user)),
    credential: credentialView(credential, services.clock.now()),
    key: keyView(key),
  };
};
