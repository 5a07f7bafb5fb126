/** Walking a whole trail: where it is kept, or as an export of it. */
import type { AuditTrail, Digests } from '../ports.ts';
import { type ChainVerdict, ChainWalk } from './chain.ts';
import type { StoredRecord } from './model.ts';

/** Records read at a time. */
const PAGE = 1000;

export type WalkPorts = { readonly trail: AuditTrail; readonly digests: Digests };

/**
 * The verdict of every chain, or of the one named. `seen` gets each record in the order of its chain, those behind a
 * broken one too.
 */
export async function* walkTrail(
  ports: WalkPorts,
  only?: string,
  seen: (record: StoredRecord) => Promise<void> = async () => {},
): AsyncGenerator<ChainVerdict> {
  if (only !== undefined) yield walkChain(ports, only, seen);
  else for await (const chain of ports.trail.chains()) yield walkChain(ports, chain, seen);
}

/**
 * One chain. The head that its subject's row keeps is read first: what is appended while the chain is read lies behind
 * it and is no fault, unless the row stands still, which then was set back.
 */
async function walkChain(
  { trail, digests }: WalkPorts,
  chain: string,
  seen: (record: StoredRecord) => Promise<void>,
): Promise<ChainVerdict> {
  const expected = await trail.expectedHead(chain);
  const walk = new ChainWalk(digests, chain, expected);
  let beyond: number | undefined;
  for await (const record of recordsOf(trail, chain)) {
    if (expected !== undefined && record.seq > expected.seq) {
      beyond = record.seq;
      break;
    }
    walk.next(record);
    await seen(record);
  }
  const verdict = walk.end();
  if (!verdict.whole || beyond === undefined) return verdict;
  const now = await trail.expectedHead(chain);
  if (now?.seq !== expected?.seq) return verdict;
  return { whole: false, chain, fault: 'tail', seq: beyond, text: 'stands behind the head kept outside the chain' };
}

/** Records of a chain in its order, all or from this number on. */
export async function* recordsOf(
  trail: Pick<AuditTrail, 'chain'>,
  chain: string,
  from = 1,
): AsyncGenerator<StoredRecord> {
  let after: string | undefined;
  do {
    const page = await trail.chain(chain, after === undefined ? { limit: PAGE } : { limit: PAGE, after }, from);
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

/**
 * The verdicts of all chains among these records, of whatever order of chains. A tail that was cut before the export
 * was made is not seen here: the heads are not part of it.
 */
export async function walkRecords(
  digests: Digests,
  records: AsyncIterable<StoredRecord>,
): Promise<readonly ChainVerdict[]> {
  const walks = new Map<string, ChainWalk>();
  for await (const record of records) {
    const walk = walks.get(record.chain) ?? new ChainWalk(digests, record.chain);
    walks.set(record.chain, walk);
    walk.next(record);
  }
  return [...walks.values()].map((walk) => walk.end());
}
