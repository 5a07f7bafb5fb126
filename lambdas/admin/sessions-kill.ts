import { killSession, killUser } from '../../core/credentials/kill.ts';
import type { Run } from '../services.ts';

/** POST sessions/kill */
export const killSessions: Run<'killSessions'> = async (services, request, actor) => {
  const { session_id, user_id, reason, if_version, cancel_orders } = request;
  const context = { actor, reason, if_version, cancel_orders };
  const killed =
    session_id === undefined
      ? await killUser(services, context, user_id as string)
      : await killSession(services, context, session_id);
  const { session_ids, cancelling_edges } = killed;
  return { success: true, session_ids: [...session_ids], ...(cancelling_edges !== undefined && { cancelling_edges }) };
};
