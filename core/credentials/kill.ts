/** Ending live sessions at an admin's command. */
import type { AdminPorts, ChangeContext } from '../admin.ts';
import { recordRefusal } from '../audit/refusals.ts';
import { FixgateError } from '../errors.ts';
import { changeAccount, checkVersion, present } from './change.ts';

export interface Killed {
  /** Sessions that were live when the command was given. */
  readonly session_ids: readonly string[];
  /** Edges that were told to have orders cancelled; undefined: nobody asked for that. */
  readonly cancelling_edges: number | undefined;
}

const DEFAULT_REASON = 'Session ended by an administrator';

export interface KillContext extends ChangeContext {
  /** Also cancels resting orders at the venue: of the session, or of the user in every session. */
  readonly cancel_orders?: boolean | undefined;
}

/** Ends one session. Refuses with session_not_found. */
export async function killSession(ports: AdminPorts, context: KillContext, sessionId: string): Promise<Killed> {
  const type = 'session_kill';
  const session = await ports.slots.session(sessionId);
  if (!session) {
    const error = new FixgateError('session_not_found', undefined, [{ session_id: sessionId }]);
    await recordRefusal(ports, { ...context, type, session_id: sessionId, error });
    throw error;
  }
  const { user_id, key } = session;
  const { sender_comp_id } = key;
  const { cancel_orders = false } = context;
  return changeAccount(ports, { ...context, type, user_id, session_id: sessionId, sender_comp_id }, (account) => {
    checkVersion(context.if_version, present(account).version);
    return {
      session_id: sessionId,
      sender_comp_id,
      details: { edge_id: session.edge_id, address: session.address, cancel_orders },
      reach: { kind: 'end_session', session, cause: 'killed', reason: context.reason ?? DEFAULT_REASON, cancel_orders },
      result: ({ cancelling }) => ({ session_ids: [sessionId], cancelling_edges: cancelling }),
    };
  });
}

/** Ends every session that the user has now, but none that begins later: the user's epoch separates them. Refuses with user_not_found, version_conflict. */
export function killUser(ports: AdminPorts, context: KillContext, userId: string): Promise<Killed> {
  const { cancel_orders = false } = context;
  return changeAccount(ports, { ...context, type: 'session_kill', user_id: userId }, async (account) => {
    const user = present(account);
    checkVersion(context.if_version, user.version);
    const session_ids = (await ports.slots.ofUser(userId)).map((one) => one.session_id);
    const epoch = user.epoch + 1;
    return {
      user: { ...user, epoch },
      details: { sessions: session_ids, cancel_orders },
      reach: {
        kind: 'end_user',
        below_epoch: epoch,
        cause: 'killed',
        reason: context.reason ?? DEFAULT_REASON,
        cancel_orders,
      },
      result: ({ cancelling }) => ({ session_ids, cancelling_edges: cancelling }),
    };
  });
}
