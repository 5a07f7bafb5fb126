import { unlock as lift } from '../../core/locks/locks.ts';
import type { Run } from '../services.ts';
import { lockView } from '../views.ts';
import { lockTargetOf } from './target.ts';

/** POST unlock */
export const unlock: Run<'unlock'> = async (services, request, actor) => {
  const { reason, if_version } = request;
  const lifted = await lift(services, { actor, reason, if_version }, lockTargetOf(request));
  return { success: true, lock: lockView(lifted) };
};
