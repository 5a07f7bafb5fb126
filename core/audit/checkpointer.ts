/** Makes checkpoints: one holder at a time, at most one every five seconds, each chain looked at before it is signed. */
import type { AuditTrail, Digests } from '../ports.ts';
import type { Clock } from '../time.ts';
import { type ChainVerdict, ChainWalk } from './chain.ts';
import {
  type CheckpointBody,
  type CheckpointFile,
  type CheckpointLeaf,
  checkpointHash,
  checkpointText,
  inOrder,
  MAX_LEAVES,
  merkleRoot,
  NO_CHECKPOINT,
} from './checkpoint.ts';
import type { AuditSigner, CheckpointArchive, CheckpointStore, PendingChain } from './checkpoint-port.ts';
import type { ChainHead } from './model.ts';

/** Signing costs money each time. */
export const CHECKPOINT_EVERY_MS = 5_000;
/** A run that has not ended by then has lost its lease; what it commits after that meets the condition of the commit. */
export const LEASE_MS = 120_000;
/** Records read at a time. */
const PAGE = 500;

export interface CheckpointPorts {
  readonly trail: Pick<AuditTrail, 'chain'>;
  readonly store: CheckpointStore;
  readonly archive: CheckpointArchive;
  readonly signer: AuditSigner;
  readonly digests: Digests;
  readonly clock: Pick<Clock, 'now'>;
}

export type Broken = Extract<ChainVerdict, { whole: false }>;

export type CheckpointOutcome =
  | { readonly result: 'held' | 'too_soon' }
  /** `broken`: chains that were not signed, for what is wrong with them. */
  | { readonly result: 'nothing'; readonly broken: readonly Broken[] }
  | { readonly result: 'made'; readonly number: number; readonly chains: number; readonly broken: readonly Broken[] };

/** One run. @param holder names this run among others */
export async function makeCheckpoint(ports: CheckpointPorts, holder: string): Promise<CheckpointOutcome> {
  const { store, clock } = ports;
  const now = clock.now();
  if (!(await store.lease(holder, now, now + LEASE_MS))) return { result: 'held' };
  try {
    return await made(ports, now);
  } finally {
    await store.release(holder);
  }
}

async function made(ports: CheckpointPorts, now: number): Promise<CheckpointOutcome> {
  const { store, archive, signer, digests } = ports;
  const newest = await store.last();
  const last = newest?.checkpoint;
  // Its maker ended before what it has signed was noted.
  if (newest?.settled === false) await store.settle(await archive.read(newest.checkpoint.number));
  if (last !== undefined && now - last.at < CHECKPOINT_EVERY_MS) return { result: 'too_soon' };
  const broken: Broken[] = [];
  const leaves: CheckpointLeaf[] = [];
  for (const pending of await store.pending(MAX_LEAVES)) {
    const leaf = await leafOf(ports, pending);
    if (leaf === undefined) continue;
    if ('fault' in leaf) broken.push(leaf);
    else leaves.push(leaf);
  }
  if (leaves.length === 0) return { result: 'nothing', broken };
  const ordered = inOrder(leaves);
  const body: CheckpointBody = {
    version: 1,
    number: (last?.number ?? 0) + 1,
    at: now,
    previous: last === undefined ? NO_CHECKPOINT : checkpointHash(digests, last),
    chains: ordered.length,
    root: merkleRoot(digests, ordered),
    key: signer.key,
  };
  const signature = await signer.sign(digests.sha256(checkpointText(body)));
  // A run that ended before its commit has left its file: then that one counts, and ours is made by the next run.
  const kept: CheckpointFile = await archive.keep({ ...body, signature, leaves: ordered });
  if (!(await store.commit(kept))) return { result: 'held' };
  await store.settle(kept);
  return { result: 'made', number: kept.number, chains: kept.chains, broken };
}

/** The records since the chain was signed last, looked at one by one. Undefined: there are none. */
async function leafOf(
  ports: CheckpointPorts,
  { chain, seq }: PendingChain,
): Promise<CheckpointLeaf | Broken | undefined> {
  const from = await ports.store.signed(chain);
  if (from.seq >= seq) {
    await ports.store.forget({ chain, seq });
    return undefined;
  }
  const verdict = await walkFrom(ports, chain, from);
  if (!verdict.whole) return verdict;
  return { chain, first: from.seq + 1, seq: verdict.head.seq, hash: verdict.head.hash };
}

async function walkFrom({ trail, digests }: CheckpointPorts, chain: string, from: ChainHead): Promise<ChainVerdict> {
  const walk = new ChainWalk(digests, chain, undefined, from);
  let after: string | undefined;
  do {
    const page = await trail.chain(chain, after === undefined ? { limit: PAGE } : { limit: PAGE, after }, from.seq + 1);
    for (const record of page.items) if (!walk.next(record)) return walk.end();
    after = page.next;
  } while (after !== undefined);
  return walk.end();
}
