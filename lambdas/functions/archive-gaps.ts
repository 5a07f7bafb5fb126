/** Nightly: what the stream did not bring to the archive, from where the last night ended. */
import { systemClock } from '../../adapters/node/clock.ts';
import { fillSince, LATE_MS } from '../../core/audit/archive.ts';
import { openArchive } from '../audit-wiring.ts';
import { logger } from '../log.ts';
import { metric } from '../metric.ts';

interface Invocation {
  getRemainingTimeInMillis(): number;
}

/** Time that the last slice and its mark need. */
const RESERVE_MS = 60_000;

/** @param _event whatever @returns what was done, for whoever calls it by hand */
export async function handler(_event: unknown, invocation?: Invocation) {
  const { trail, archive, checkpoints, archiveMark } = openArchive(process.env);
  const from = Math.max(0, (await archiveMark.read()) - LATE_MS);
  const done = { records: 0, filled: 0, through: from };
  const strange = (chain: string, seq: number): void => {
    logger.error({ chain, seq }, 'a row of the audit table is no record');
    metric('AuditRowsAltered', 1);
  };
  await fillSince({ trail, archive }, from, systemClock.now(), strange, async (through, { records, filled, grown }) => {
    await checkpoints.note(grown);
    await archiveMark.write(through);
    done.records += records;
    done.filled += filled;
    done.through = through;
    return (invocation?.getRemainingTimeInMillis() ?? Number.POSITIVE_INFINITY) > RESERVE_MS;
  });
  metric('AuditGapsFilled', done.filled);
  logger.info(done, 'archive compared with the trail');
  return done;
}
