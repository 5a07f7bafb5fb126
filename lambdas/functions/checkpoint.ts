/** Every minute: a signed checkpoint of the chains that have grown. */
import { systemClock } from '../../adapters/node/clock.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { type CheckpointPorts, makeCheckpoint } from '../../core/audit/checkpointer.ts';
import { ulid } from '../../core/ids.ts';
import { openCheckpoints } from '../audit-wiring.ts';
import { logger } from '../log.ts';
import { metric } from '../metric.ts';

let ports: CheckpointPorts | undefined;

export async function handler() {
  ports ??= { ...openCheckpoints(process.env), digests: nodeDigests, clock: systemClock };
  const outcome = await makeCheckpoint(ports, ulid(systemClock.now(), systemRandom));
  const broken = 'broken' in outcome ? outcome.broken : [];
  for (const verdict of broken) logger.error(verdict, 'an audit chain is broken and is not signed');
  metric('AuditChainsBroken', broken.length);
  logger.info({ ...outcome, broken: broken.length }, 'checkpoint');
  return outcome;
}
