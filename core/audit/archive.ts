/** Fills gaps of the archive: walks over the days that may have records which the stream did not bring. */
import type { AuditTrail } from '../ports.ts';
import type { AuditArchive } from './archive-port.ts';
import type { PendingChain } from './checkpoint-port.ts';
import type { AuditRecord } from './model.ts';

/** A record may be written some time after its own time: an edge keeps records while the store is away. */
export const LATE_MS = 2 * 86_400_000;
/** What is compared at a time. */
export const SLICE_MS = 3_600_000;
const LONGEST_STEP_MS = 365 * 86_400_000;
/** Records read at a time. */
const PAGE = 500;

export interface GapPorts {
  readonly trail: Pick<AuditTrail, 'query'>;
  readonly archive: AuditArchive;
}

export interface Filled {
  /** Records looked at. */
  readonly records: number;
  /** Of them, how many the archive did not have. */
  readonly filled: number;
  /** Chains that had gaps, and how far their records go. */
  readonly grown: readonly PendingChain[];
}

/**
 * Compares the records of `from` to `to` (epoch ms, the latter exclusive) with the archive and puts those that are missing.
 * Rows that are no records any more cannot be put: `strange` is told of each. Safe to repeat.
 */
export async function fillGaps(
  { trail, archive }: GapPorts,
  from: number,
  to: number,
  strange: (chain: string, seq: number) => void,
): Promise<Filled> {
  const byChain = new Map<string, AuditRecord[]>();
  let after: string | undefined;
  let records = 0;
  do {
    const page = await trail.query({ from, to }, after === undefined ? { limit: PAGE } : { limit: PAGE, after }, to);
    for (const record of page.items) {
      if ('unreadable' in record) {
        strange(record.chain, record.seq);
        continue;
      }
      records += 1;
      byChain.set(record.chain, [...(byChain.get(record.chain) ?? []), record]);
    }
    after = page.next;
  } while (after !== undefined);
  let filled = 0;
  const grown: PendingChain[] = [];
  for (const [chain, found] of byChain) {
    const missing = await fillChain(archive, chain, found);
    filled += missing;
    if (missing > 0) grown.push({ chain, seq: Math.max(...found.map(({ seq }) => seq)) });
  }
  return { records, filled, grown };
}

/**
 * The same from `from` to `to`, however far: an hour at a time where there are records, in longer and longer steps where
 * there are none. `progress` is told after each step up to where the archive is whole, and ends it by false.
 */
export async function fillSince(
  ports: GapPorts,
  from: number,
  to: number,
  strange: (chain: string, seq: number) => void,
  progress: (through: number, filled: Filled) => Promise<boolean>,
): Promise<void> {
  let size = SLICE_MS;
  for (let at = from, more = true; at < to && more; ) {
    const end = Math.min(to, at + size);
    const long = end - at > SLICE_MS;
    if (long && (await ports.trail.query({ from: at, to: end }, { limit: 1 }, to)).items.length > 0) {
      size = Math.max(SLICE_MS, Math.floor(size / 2));
      continue;
    }
    const filled = long ? { records: 0, filled: 0, grown: [] } : await fillGaps(ports, at, end, strange);
    size = filled.records > 0 ? SLICE_MS : Math.min(LONGEST_STEP_MS, size * 2);
    at = end;
    more = await progress(at, filled);
  }
}

async function fillChain(archive: AuditArchive, chain: string, found: readonly AuditRecord[]): Promise<number> {
  const seqs = found.map(({ seq }) => seq);
  const there = new Set<number>();
  for await (const seq of archive.places(chain, Math.min(...seqs), Math.max(...seqs))) there.add(seq);
  let filled = 0;
  for (const record of found) {
    if (there.has(record.seq)) continue;
    if ((await archive.put(record)) === 'put') filled += 1;
  }
  return filled;
}
