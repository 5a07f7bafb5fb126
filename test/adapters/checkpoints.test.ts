/** One suite over both stores of the checkpointer. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAuditAdapters } from '../../adapters/dynamodb/stores.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import type { CheckpointFile } from '../../core/audit/checkpoint.ts';
import type { CheckpointStore } from '../../core/audit/checkpoint-port.ts';
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import { createMemoryCheckpoints } from '../support/checkpoints.ts';
import { startStore, type TestStore } from '../support/store.ts';

let dynamodb: TestStore;
beforeAll(async () => {
  dynamodb = await startStore();
});
afterAll(() => dynamodb?.stop());

const STORES: Readonly<Record<string, () => Promise<CheckpointStore>>> = {
  memory: async () => createMemoryCheckpoints(),
  dynamodb: async () => {
    const tables = await dynamodb.tables();
    return createAuditAdapters({ client: dynamodb.client, tables, random: systemRandom }).checkpoints;
  },
};

const file = (number: number, chains: readonly [string, number][], root = 'r'): CheckpointFile => ({
  version: 1,
  number,
  at: number,
  previous: 'p',
  chains: chains.length,
  root,
  key: 'k',
  signature: 's',
  leaves: chains.map(([chain, seq]) => ({ chain, first: 1, seq, hash: `${chain}${seq}` })),
});

describe.each(Object.keys(STORES))('checkpoints in %s', (name) => {
  let store: CheckpointStore;
  beforeAll(async () => {
    store = await (STORES[name] as () => Promise<CheckpointStore>)();
  });

  test('notes keep the largest number, in the order of names', async () => {
    await store.note([
      { chain: 'user:b', seq: 2 },
      { chain: 'policy', seq: 7 },
    ]);
    await store.note([{ chain: 'policy', seq: 5 }]);
    expect(await store.pending(10)).toEqual([
      { chain: 'policy', seq: 7 },
      { chain: 'user:b', seq: 2 },
    ]);
    expect(await store.pending(1)).toHaveLength(1);
    await store.forget({ chain: 'policy', seq: 6 });
    expect(await store.pending(1)).toEqual([{ chain: 'policy', seq: 7 }]);
  });

  test('nothing is signed at first', async () => {
    expect(await store.last()).toBeUndefined();
    expect(await store.signed('policy')).toEqual(EMPTY_CHAIN);
  });

  test('of two checkpoints with one number the first counts, and committing it again is harmless', async () => {
    const one = file(1, [
      ['policy', 7],
      ['user:b', 1],
    ]);
    expect(await store.commit(file(2, []))).toBe(false);
    expect(await store.commit(one)).toBe(true);
    expect(await store.commit(one)).toBe(true);
    expect(await store.commit(file(1, [], 'other'))).toBe(false);
    const { leaves: _, ...checkpoint } = one;
    expect(await store.last()).toEqual({ checkpoint, settled: false });
  });

  test('settled, its chains are signed and no longer pending unless they have grown since', async () => {
    const one = file(1, [
      ['policy', 7],
      ['user:b', 1],
    ]);
    await store.settle(one);
    await store.settle(one);
    expect((await store.last())?.settled).toBe(true);
    expect(await store.signed('policy')).toEqual({ seq: 7, hash: 'policy7' });
    expect(await store.pending(10)).toEqual([{ chain: 'user:b', seq: 2 }]);
  });

  test('the lease is one holder’s until its time is over or it is given back', async () => {
    expect(await store.lease('a', 0, 10)).toBe(true);
    expect(await store.lease('b', 9, 19)).toBe(false);
    expect(await store.lease('a', 9, 19)).toBe(true);
    expect(await store.lease('b', 19, 29)).toBe(true);
    await store.release('a');
    expect(await store.lease('a', 20, 30)).toBe(false);
    await store.release('b');
    expect(await store.lease('a', 20, 30)).toBe(true);
  });
});
