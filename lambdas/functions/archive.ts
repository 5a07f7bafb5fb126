/**
 * The stream of the audit table into the archive: each record once, under its place. A record that changes or goes after it
 * was written is told of: nothing in the product does that.
 */
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { AuditArchive } from '../../core/audit/archive-port.ts';
import type { CheckpointStore, PendingChain } from '../../core/audit/checkpoint-port.ts';
import { type AuditRecord, asRecord } from '../../core/audit/model.ts';
import { openArchive } from '../audit-wiring.ts';
import { logger } from '../log.ts';
import { metric } from '../metric.ts';

/** Objects put at once. */
const AT_ONCE = 20;

export interface ArchivePorts {
  readonly archive: AuditArchive;
  readonly checkpoints: Pick<CheckpointStore, 'note'>;
}

let ports: ArchivePorts | undefined;

export function handler(event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  ports ??= openArchive(process.env);
  return archive(event.Records, ports);
}

/** What was archived before the first failure is noted; the stream begins again at that one. */
export async function archive(rows: readonly DynamoDBRecord[], ports: ArchivePorts): Promise<DynamoDBBatchResponse> {
  const done: PendingChain[] = [];
  let failed: DynamoDBRecord | undefined;
  for (let at = 0; at < rows.length && failed === undefined; at += AT_ONCE) {
    const some = rows.slice(at, at + AT_ONCE);
    const results = await Promise.allSettled(some.map((row) => archiveOne(row, ports.archive)));
    for (const [i, result] of results.entries()) {
      if (result.status === 'rejected') {
        logger.error({ err: result.reason }, 'a record could not be archived yet');
        failed = some[i];
        break;
      }
      if (result.value !== undefined) done.push({ chain: result.value.chain, seq: result.value.seq });
    }
  }
  await ports.checkpoints.note(furthest(done));
  const itemIdentifier = failed?.dynamodb?.SequenceNumber;
  return { batchItemFailures: itemIdentifier === undefined ? [] : [{ itemIdentifier }] };
}

async function archiveOne(
  { eventName, dynamodb }: DynamoDBRecord,
  archive: AuditArchive,
): Promise<AuditRecord | undefined> {
  const { Keys, NewImage, OldImage } = dynamodb ?? {};
  const place = { chain: Keys?.pk?.S, seq: Keys?.sk?.S };
  const text = NewImage?.record?.S;
  if (eventName !== 'INSERT') {
    // A put that is repeated writes what stands there.
    if (eventName === 'MODIFY' && text === OldImage?.record?.S) return undefined;
    return told(eventName === 'REMOVE' ? 'an audit record was removed' : 'an audit record was altered', place);
  }
  const record = parsed(text);
  if (record === undefined) return told('a row of the audit table is no record', place);
  await archive.put(record);
  return record;
}

function told(what: string, place: object): undefined {
  logger.error(place, what);
  metric('AuditRowsAltered', 1);
  return undefined;
}

function parsed(text: string | undefined): AuditRecord | undefined {
  try {
    return asRecord(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

function furthest(records: readonly PendingChain[]): readonly PendingChain[] {
  const last = new Map<string, number>();
  for (const { chain, seq } of records) last.set(chain, Math.max(seq, last.get(chain) ?? 0));
  return [...last].map(([chain, seq]) => ({ chain, seq }));
}
