import { addKey as add } from '../../core/credentials/keys.ts';
import type { Run } from '../services.ts';
import { credentialView, keyView, userView } from '../views.ts';
import { tierOf } from './target.ts';

/** POST credentials/keys/add */
export const addKey: Run<'addKey'> = async (services, request, actor) => {
  const { sender_comp_id, public_key, key_id, reason, if_version } = request;
  const input = { public_key, key_id };
  const { user, credential, key } = await add(services, { actor, reason, if_version }, sender_comp_id, input);
  return {
    success: true,
    user: userView(user, await tierOf(services, user)),
    credential: credentialView(credential, services.clock.now()),
    key: keyView(key),
  };
};
