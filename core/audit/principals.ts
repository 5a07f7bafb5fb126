/** Records in chains of a principal, for what names no subject whose own chain could hold them. */
import { type AdminPorts, MAX_ROUNDS } from '../admin.ts';
import { FixgateError } from '../errors.ts';
import { ulid } from '../ids.ts';
import { link } from './chain.ts';
import type { AuditEntry, AuditRecord } from './model.ts';

/** Chains beside a principal's first one, for what it does at the same time. */
const MORE_CHAINS = 31;

/**
 * Appends a record to a chain of the principal: the first one, and when another request of the same moment has taken
 * the place, one of the others, so that a tool which sends dozens of requests at once has each of them on record.
 * Throws `busy` when all tries met others.
 *
 * @param chainOf the chain of this number, 0 the first
 */
export async function appendForPrincipal(
  ports: Pick<AdminPorts, 'trail' | 'digests' | 'random' | 'clock'>,
  chainOf: (number: number) => string,
  entry: Omit<AuditEntry, 'id' | 'at'>,
): Promise<AuditRecord> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const number = round === 0 ? 0 : 1 + ((ports.random.bytes(1)[0] as number) % MORE_CHAINS);
    const chain = chainOf(number);
    const head = await ports.trail.head(chain);
    const at = ports.clock.now();
    const record = link(ports.digests, chain, head, { id: ulid(at, ports.random), at, ...entry });
    if ((await ports.trail.append([record])) === 'appended') return record;
  }
  throw new FixgateError('busy');
}
