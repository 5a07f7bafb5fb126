/**
 * The state after a restore: for each chain, the records that the subject's row does not know. The audit trail, in table and archive,
 * is the truth; rows that were set back have to follow it.
 */
import { ChainWalk, headAfter } from '../audit/chain.ts';
import type { AuditRecord, ChainHead, StoredRecord } from '../audit/model.ts';
import { recordsOf } from '../audit/walk.ts';
import type { AuditTrail, Digests } from '../ports.ts';
import type { ArchiveReader } from './archive-reader.ts';

export interface FindingPorts {
  readonly trail: Pick<AuditTrail, 'chain' | 'chains' | 'head' | 'expectedHead'>;
  readonly archive: ArchiveReader;
  readonly digests: Digests;
}

export interface Finding {
  readonly chain: string;
  /** The head that the subject's row keeps; undefined: no row keeps one. */
  readonly row: ChainHead | undefined;
  /** The last record that there is. */
  readonly trail: ChainHead;
  /** Records after the row's head: their changes are undone. For a chain without a row: records that the table lacks. */
  readonly lost: readonly AuditRecord[];
  /** Of them, those that the table lacks and the archive has. */
  readonly missing: readonly AuditRecord[];
  /** Why the chain cannot be continued. Undefined: it can. */
  readonly fault?: string;
}

/** All chains of table and archive, one by one. */
export async function* findings(ports: FindingPorts): AsyncGenerator<Finding> {
  const seen = new Set<string>();
  for (const chains of [ports.trail.chains(), ports.archive.chains()])
    for await (const chain of chains) {
      if (seen.has(chain)) continue;
      seen.add(chain);
      yield await finding(ports, chain);
    }
}

/** One chain. */
export async function finding(ports: FindingPorts, chain: string): Promise<Finding> {
  const row = await ports.trail.expectedHead(chain);
  const table = await ports.trail.head(chain);
  const base = row === undefined || row.seq > table.seq ? table : row;
  const walk = new ChainWalk(ports.digests, chain, undefined, base);
  const lost: AuditRecord[] = [];
  const missing: AuditRecord[] = [];
  let head = base;
  let fault = row !== undefined && row.seq === table.seq && row.hash !== table.hash ? OTHER_END : undefined;
  for await (const { record, from } of behind(ports, chain, base, table)) {
    if (record === 'other') fault ??= FORKED;
    else if (fault !== undefined || !walk.next(record)) break;
    else {
      const one = record as AuditRecord;
      head = headAfter(one);
      if (row !== undefined && one.seq === row.seq && one.hash !== row.hash) fault = OTHER_END;
      if (row === undefined || one.seq > row.seq) lost.push(one);
      if (from === 'archive') missing.push(one);
    }
  }
  const verdict = walk.end();
  if (!verdict.whole) fault ??= `record ${verdict.seq} ${verdict.text}`;
  if (row !== undefined && head.seq < row.seq)
    fault ??= `the row stands at ${row.seq}, the trail ends at ${head.seq}: what is between is missing`;
  return { chain, row, trail: head, lost, missing, ...(fault === undefined ? {} : { fault }) };
}

type Behind = { readonly record: StoredRecord | 'other'; readonly from: 'table' | 'archive' };

/** Records behind `base`: those of the table, then what only the archive has. `other`: they part where the table ends. */
async function* behind(
  { trail, archive }: FindingPorts,
  chain: string,
  base: ChainHead,
  table: ChainHead,
): AsyncGenerator<Behind> {
  if (base.seq < table.seq)
    for await (const record of recordsOf(trail, chain, base.seq + 1)) yield { record, from: 'table' };
  for await (const record of archive.records(chain, Math.max(0, table.seq - 1))) {
    if (record.seq > table.seq) yield { record, from: 'archive' };
    else if (record.hash !== table.hash) yield { record: 'other', from: 'archive' };
  }
}

const FORKED = 'the archive has another record where the table ends: it was written to after the restore';
const OTHER_END = 'the row keeps the hash of another record than stands there';

export const sameHead = (a: ChainHead, b: ChainHead): boolean => a.seq === b.seq && a.hash === b.hash;
export const isBehind = ({ row, trail }: Finding): boolean => row !== undefined && !sameHead(row, trail);
