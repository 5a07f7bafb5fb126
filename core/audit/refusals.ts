/** Refused requests that name nobody whose chain could hold them. */
import { type AdminPorts, MAX_ROUNDS } from '../admin.ts';
import { FixgateError } from '../errors.ts';
import { ulid } from '../ids.ts';
import { link, refusedChain } from './chain.ts';
import type { Actor, AuditType } from './model.ts';

export interface Refusal {
  readonly type: AuditType;
  readonly actor: Actor;
  readonly error: FixgateError;
  readonly reason?: string | undefined;
  readonly user_id?: string | undefined;
  readonly sender_comp_id?: string | undefined;
  readonly session_id?: string | undefined;
}

/** Chains beside a principal's first one, for requests that are refused at the same time. */
const MORE_CHAINS = 31;

/**
 * Appends a record of the refusal to a chain of the principal: the first one, and when another request of the same
 * moment has taken the place, one of the others, so that a tool which sends dozens of wrong requests at once has each
 * of them on record. Throws `busy` when all tries met others.
 */
export async function recordRefusal(
  ports: Pick<AdminPorts, 'trail' | 'digests' | 'random' | 'clock'>,
  refusal: Refusal,
): Promise<void> {
  const { type, actor, error } = refusal;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const number = round === 0 ? 0 : 1 + ((ports.random.bytes(1)[0] as number) % MORE_CHAINS);
    const chain = refusedChain(actor.principal, number);
    const head = await ports.trail.head(chain);
    const at = ports.clock.now();
    const record = link(ports.digests, chain, head, {
      id: ulid(at, ports.random),
      at,
      type,
      outcome: 'refused',
      actor,
      ...(refusal.user_id === undefined ? {} : { user_id: refusal.user_id }),
      ...(refusal.reason === undefined ? {} : { reason: refusal.reason }),
      ...(refusal.sender_comp_id === undefined ? {} : { sender_comp_id: refusal.sender_comp_id }),
      ...(refusal.session_id === undefined ? {} : { session_id: refusal.session_id }),
      details: refusalDetails(error),
    });
    if ((await ports.trail.append([record])) === 'appended') return;
  }
  throw new FixgateError('busy');
}

/** What a refused record says of its error. */
export function refusalDetails(error: FixgateError): Record<string, unknown> {
  return {
    code: error.code,
    message: error.message,
    ...(error.details.length === 0 ? {} : { details: error.details }),
  };
}
