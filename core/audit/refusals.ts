/** Refused requests that name nobody whose chain could hold them. */
import type { AdminPorts } from '../admin.ts';
import type { FixgateError } from '../errors.ts';
import { refusedChain } from './chain.ts';
import type { Actor, AuditType } from './model.ts';
import { appendForPrincipal } from './principals.ts';

export interface Refusal {
  readonly type: AuditType;
  readonly actor: Actor;
  readonly error: FixgateError;
  readonly reason?: string | undefined;
  readonly user_id?: string | undefined;
  readonly sender_comp_id?: string | undefined;
  readonly session_id?: string | undefined;
}

/** Appends a record of the refusal to a chain of the principal. Throws `busy` when all tries met others. */
export async function recordRefusal(
  ports: Pick<AdminPorts, 'trail' | 'digests' | 'random' | 'clock'>,
  refusal: Refusal,
): Promise<void> {
  const { type, actor, error } = refusal;
  await appendForPrincipal(ports, (number) => refusedChain(actor.principal, number), {
    type,
    outcome: 'refused',
    actor,
    ...(refusal.user_id === undefined ? {} : { user_id: refusal.user_id }),
    ...(refusal.reason === undefined ? {} : { reason: refusal.reason }),
    ...(refusal.sender_comp_id === undefined ? {} : { sender_comp_id: refusal.sender_comp_id }),
    ...(refusal.session_id === undefined ? {} : { session_id: refusal.session_id }),
    details: refusalDetails(error),
  });
}

/** What a refused record says of its error. */
export function refusalDetails(error: FixgateError): Record<string, unknown> {
  return {
    code: error.code,
    message: error.message,
    ...(error.details.length === 0 ? {} : { details: error.details }),
  };
}
