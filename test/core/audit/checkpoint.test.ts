import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMemoryAdapters } from '../../../adapters/memory/stores.ts';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import { link } from '../../../core/audit/chain.ts';
import {
  type CheckpointFile,
  type CheckpointLeaf,
  CheckpointWalk,
  inOrder,
  merkleRoot,
  NO_CHECKPOINT,
} from '../../../core/audit/checkpoint.ts';
import {
  CHECKPOINT_EVERY_MS,
  type CheckpointPorts,
  LEASE_MS,
  makeCheckpoint,
} from '../../../core/audit/checkpointer.ts';
import { type AuditRecord, type ChainHead, EMPTY_CHAIN } from '../../../core/audit/model.ts';
import { createMemoryCheckpointArchive, createMemoryCheckpoints } from '../../support/checkpoints.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** KMS signs a digest; Node signs a text. Both give ECDSA over the text's SHA-256. */
const texts = new Map<string, string>();
const digests = {
  ...nodeDigests,
  sha256: (text: string) => {
    const hash = nodeDigests.sha256(text);
    texts.set(hash, text);
    return hash;
  },
};
const signer = {
  key: 'arn:aws:kms:eu-west-1:1:key/audit',
  sign: async (sha256: string) => sign('sha256', Buffer.from(texts.get(sha256) ?? ''), privateKey).toString('base64'),
};
const verified = (text: string, signature: string): boolean =>
  verify('sha256', Buffer.from(text), publicKey, Buffer.from(signature, 'base64'));

const leaf = (chain: string, first: number, seq: number, hash = 'h'): CheckpointLeaf => ({ chain, first, seq, hash });

describe('the Merkle root', () => {
  const leaves = (names: readonly string[]) => inOrder(names.map((name) => leaf(name, 1, 1)));

  test('is of RFC 9162: the left subtree is the largest full one', () => {
    const [a, b, c] = leaves(['a', 'b', 'c']) as [CheckpointLeaf, CheckpointLeaf, CheckpointLeaf];
    const node = (left: string, right: string) => nodeDigests.sha256(`\u0001${left}${right}`);
    const one = (of: CheckpointLeaf) => merkleRoot(nodeDigests, [of]);
    expect(merkleRoot(nodeDigests, [a, b, c])).toBe(node(node(one(a), one(b)), one(c)));
  });

  test('is another for whatever is changed, added, left out or put elsewhere', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 40 }),
        fc.nat(),
        (names, at) => {
          const all = leaves(names);
          const root = merkleRoot(nodeDigests, all);
          const i = at % all.length;
          const chosen = all[i] as CheckpointLeaf;
          const changed = all.with(i, { ...chosen, hash: 'other' });
          const less = all.toSpliced(i, 1);
          const swapped = all.with(i, all[(i + 1) % all.length] as CheckpointLeaf).with((i + 1) % all.length, chosen);
          for (const other of [changed, less, swapped, [...all, chosen]])
            expect(merkleRoot(nodeDigests, other)).not.toBe(root);
        },
      ),
    );
  });
});

describe('the checkpointer', () => {
  let now = 1_000_000;
  let heads: Map<string, ChainHead>;
  let stores: ReturnType<typeof createMemoryAdapters>;
  let archive: ReturnType<typeof createMemoryCheckpointArchive>;
  let ports: CheckpointPorts;

  beforeEach(() => {
    heads = new Map();
    stores = createMemoryAdapters();
    archive = createMemoryCheckpointArchive();
    const store = createMemoryCheckpoints();
    ports = { trail: stores.audit, store, archive, signer, digests, clock: { now: () => now } };
  });

  async function write(chain: string, count = 1): Promise<AuditRecord> {
    let record: AuditRecord | undefined;
    for (let i = 0; i < count; i++) {
      const entry = { at: now, type: 'logon', outcome: 'done', actor: { principal: 'p' }, details: {} } as const;
      record = link(nodeDigests, chain, heads.get(chain) ?? EMPTY_CHAIN, { ...entry, id: `${chain}-${now}-${i}` });
      await stores.audit.append([record]);
      heads.set(chain, { seq: record.seq, hash: record.hash });
    }
    await ports.store.note([{ chain, seq: (record as AuditRecord).seq }]);
    return record as AuditRecord;
  }
  const later = (ms = CHECKPOINT_EVERY_MS): void => {
    now += ms;
  };
  const files = (): CheckpointFile[] => [...archive.files.values()];
  const walked = (all: readonly CheckpointFile[]) => {
    const walk = new CheckpointWalk(nodeDigests, verified);
    return { faults: all.map((file) => walk.next(file)), heads: walk.heads };
  };

  test('signs the heads of all chains that have grown, each checkpoint linked to the one before', async () => {
    await write('policy', 3);
    const edge = await write('edge:a:1', 2);
    expect(await makeCheckpoint(ports, 'one')).toEqual({ result: 'made', number: 1, chains: 2, broken: [] });
    later();
    expect(await makeCheckpoint(ports, 'one')).toEqual({ result: 'nothing', broken: [] });
    const policy = await write('policy');
    expect(await makeCheckpoint(ports, 'one')).toMatchObject({ result: 'made', number: 2, chains: 1 });
    expect(files()[0]).toMatchObject({
      previous: NO_CHECKPOINT,
      leaves: [
        { first: 1, seq: 2 },
        { first: 1, seq: 3 },
      ],
    });
    expect(files()[1]).toMatchObject({ leaves: [{ chain: 'policy', first: 4, seq: 4, hash: policy.hash }] });
    const { faults, heads: signed } = walked(files());
    expect(faults).toEqual([undefined, undefined]);
    expect(signed.get('edge:a:1')?.hash).toBe(edge.hash);
  });

  test('makes none sooner than five seconds after another, and one holder at a time', async () => {
    await write('policy');
    await makeCheckpoint(ports, 'one');
    await write('policy');
    later(CHECKPOINT_EVERY_MS - 1);
    expect(await makeCheckpoint(ports, 'one')).toEqual({ result: 'too_soon' });
    later(1);
    await ports.store.lease('other', now, now + LEASE_MS);
    expect(await makeCheckpoint(ports, 'one')).toEqual({ result: 'held' });
    later(LEASE_MS);
    expect(await makeCheckpoint(ports, 'one')).toMatchObject({ result: 'made', number: 2 });
  });

  test('does not sign a chain that is broken, names it, and signs the others', async () => {
    await write('policy', 2);
    await write('user:a', 3);
    const stored = (await stores.audit.chain('user:a', { limit: 10 })).items as AuditRecord[];
    const trail = {
      chain: async (chain: string, page: { limit: number }, from?: number) => {
        const found = await stores.audit.chain(chain, page, from);
        if (chain !== 'user:a') return found;
        return { items: stored.map((record) => (record.seq === 2 ? { ...record, reason: 'altered' } : record)) };
      },
    };
    const outcome = await makeCheckpoint({ ...ports, trail }, 'one');
    expect(outcome).toMatchObject({ result: 'made', chains: 1, broken: [{ chain: 'user:a', fault: 'hash', seq: 2 }] });
    expect(files()[0]?.leaves.map(({ chain }) => chain)).toEqual(['policy']);
  });

  test('takes what a run has left that ended in the middle, wherever that was', async () => {
    for (const cut of ['commit', 'settle'] as const) {
      await write('policy');
      const broken = { ...ports, store: { ...ports.store, [cut]: () => Promise.reject(new Error('ended')) } };
      await expect(makeCheckpoint(broken, 'one')).rejects.toThrow('ended');
      later();
      await write('user:b');
      let made = 0;
      for (let run = 0; run < 3; run++) {
        if ((await makeCheckpoint(ports, 'two')).result === 'made') made += 1;
        later();
      }
      expect(made).toBeGreaterThan(0);
    }
    const { faults, heads: signed } = walked(files());
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
    expect([signed.get('policy')?.seq, signed.get('user:b')?.seq]).toEqual([2, 2]);
    expect(await ports.store.pending(10)).toEqual([]);
  });

  test('forgets what it is told of again after it was signed', async () => {
    await write('policy');
    await makeCheckpoint(ports, 'one');
    later();
    await ports.store.note([{ chain: 'policy', seq: 1 }]);
    expect(await makeCheckpoint(ports, 'one')).toEqual({ result: 'nothing', broken: [] });
    expect(await ports.store.pending(10)).toEqual([]);
  });

  test('a checkpoint that was made, altered or taken out by somebody else is found', async () => {
    for (const chain of ['a', 'b', 'c']) {
      await write(`user:${chain}`);
      await makeCheckpoint(ports, 'one');
      later();
    }
    const all = files();
    const [one, two, three] = all as [CheckpointFile, CheckpointFile, CheckpointFile];
    expect(walked(all).faults).toEqual([undefined, undefined, undefined]);
    const forged = sign('sha256', Buffer.from('x'), generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const altered: [readonly CheckpointFile[], RegExp][] = [
      [[one, three], /number 3 where 2/],
      [[one, { ...two, previous: NO_CHECKPOINT }], /does not continue/],
      [[one, { ...two, signature: forged.toString('base64') }], /not signed/],
      [[one, { ...two, at: two.at + 1 }], /not signed/],
      [[one, { ...two, leaves: [leaf('user:b', 1, 1, 'other')] }], /other chains/],
      [[one, { ...two, leaves: [] }], /0 chains where 1/],
    ];
    for (const [list, text] of altered) expect(walked(list).faults.find((fault) => fault !== undefined)).toMatch(text);
  });
});
