import { CreateTableCommand, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BranchKeyOptions, ensureBranchKey, rotateBranchKey } from '../../adapters/kms/branch-key.ts';
import { createHierarchicalSecretBox } from '../../adapters/kms/secret-box.ts';
import { TestKms } from '../support/kms.ts';
import { startStore, type TestStore } from '../support/store.ts';

const DAY = 86_400_000;
const CONTEXT = { table: 'credentials', sender_comp_id: 'A', version: '1' };
const SECRET = new TextEncoder().encode('of A');

describe('the branch key', () => {
  let store: TestStore;
  const kms = new TestKms();
  let made = 0;

  beforeAll(async () => {
    [store] = await Promise.all([startStore(), kms.start()]);
  });
  afterAll(async () => {
    await store?.stop();
    await kms.stop();
  });

  async function empty(): Promise<BranchKeyOptions> {
    const tableName = `branch-keys-${made++}`;
    await store.client.send(
      new CreateTableCommand({
        TableName: tableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: ['branch-key-id', 'type'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        KeySchema: [
          { AttributeName: 'branch-key-id', KeyType: 'HASH' },
          { AttributeName: 'type', KeyType: 'RANGE' },
        ],
      }),
    );
    await waitUntilTableExists(
      { client: store.client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 },
      { TableName: tableName },
    );
    const common = { dynamodb: store.client, tableName, logicalName: 'fixgate-test', branchKeyId: 'fixgate' };
    return { ...common, kms: kms.client(), kmsKeyArn: kms.keyArn };
  }
  const boxOf = (options: BranchKeyOptions) => createHierarchicalSecretBox(options);

  test('is made once, and what is sealed with it opens', async () => {
    const options = await empty();
    await expect(boxOf(options).seal(SECRET, CONTEXT)).rejects.toThrow();
    expect(await ensureBranchKey(options, 1)).toEqual({ result: 'created', created_at: 1 });
    const again = await ensureBranchKey(options, 2);
    expect(again.result).toBe('present');
    const sealed = await boxOf(options).seal(SECRET, CONTEXT);
    expect(await boxOf(options).open(sealed, CONTEXT)).toEqual(SECRET);
  });

  test('made by several at once is still one', async () => {
    const options = await empty();
    const results = await Promise.all([1, 2, 3, 4].map((now) => ensureBranchKey(options, now)));
    expect(results.filter(({ result }) => result === 'created')).toHaveLength(1);
    const sealed = await boxOf(options).seal(SECRET, CONTEXT);
    expect(await boxOf(options).open(sealed, CONTEXT)).toEqual(SECRET);
  });

  test('is given a new version when it is old, not before; older versions open what they sealed', async () => {
    const options = await empty();
    const now = Date.now();
    await ensureBranchKey(options, now);
    const before = await boxOf(options).seal(SECRET, CONTEXT);
    expect((await rotateBranchKey(options, 90 * DAY, now + 89 * DAY)).result).toBe('present');
    expect((await rotateBranchKey(options, 90 * DAY, now + 91 * DAY)).result).toBe('rotated');
    const after = await boxOf(options).seal(SECRET, CONTEXT);
    for (const sealed of [before, after]) expect(await boxOf(options).open(sealed, CONTEXT)).toEqual(SECRET);
    // The version's name stands in each ciphertext.
    expect(await boxOf(options).isCurrent(before)).toBe(false);
    expect(await boxOf(options).isCurrent(after)).toBe(true);
    expect(await boxOf(options).isCurrent(new Uint8Array([2, 1, 2, 3]))).toBe(false);
  });

  test('is not made under another name for a store that was restored', async () => {
    const options = await empty();
    await ensureBranchKey(options, 1);
    const sealed = await boxOf(options).seal(SECRET, CONTEXT);
    await expect(boxOf({ ...options, logicalName: 'another' }).open(sealed, CONTEXT)).rejects.toThrow();
  });

  test('that was never made cannot be rotated, and is nobody’s', async () => {
    expect(await boxOf(await empty()).isCurrent(new Uint8Array(200))).toBe(false);
    await expect(rotateBranchKey(await empty(), DAY, 0)).rejects.toThrow('there is no branch key fixgate');
  });
});
