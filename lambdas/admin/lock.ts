import { lock as put } from '../../core/locks/locks.ts';
import type { Run } from '../services.ts';
import { lockView } from '../views.ts';
import { lockTargetOf } from './target.ts';

/** POST lock */
export const lock: Run<'lock'> = async (services, request, actor) => {
  const { reason, if_version, cancel_orders } = request;
  const expires_at = request.expires_at === undefined ? undefined : Date.parse(request.expires_at);
  const given = { target: lockTargetOf(request), reason, expires_at, cancel_orders };
  const { lock: locked, sessions, cancelling_edges } = await put(services, { actor, reason, if_version }, given);
  const cancelling = cancelling_edges === undefined ? {} : { cancelling_edges };
  return { success: true, lock: lockView(locked), sessions, ...cancelling };
};
