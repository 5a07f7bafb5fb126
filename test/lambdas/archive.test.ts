import { beforeEach, describe, expect, test } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { link } from '../../core/audit/chain.ts';
import { type AuditRecord, EMPTY_CHAIN } from '../../core/audit/model.ts';
import { StoreUnavailable } from '../../core/errors.ts';
import { archive } from '../../lambdas/functions/archive.ts';
import { createMemoryCheckpoints } from '../support/checkpoints.ts';

const entry = { at: 1, type: 'logon', outcome: 'done', actor: { principal: 'p' }, details: {} } as const;
const record = (chain: string, seq: number): AuditRecord =>
  link(nodeDigests, chain, { ...EMPTY_CHAIN, seq: seq - 1 }, { ...entry, id: `${chain}${seq}` });
const image = (text: string) => ({ record: { S: text } });
const row = (one: AuditRecord, eventName: 'INSERT' | 'MODIFY' | 'REMOVE' = 'INSERT', old = one): DynamoDBRecord => ({
  eventName,
  dynamodb: {
    SequenceNumber: `at-${one.chain}-${one.seq}`,
    Keys: { pk: { S: one.chain }, sk: { S: String(one.seq) } },
    ...(eventName === 'REMOVE' ? {} : { NewImage: image(JSON.stringify(one)) }),
    ...(eventName === 'INSERT' ? {} : { OldImage: image(JSON.stringify(old)) }),
  },
});

describe('the stream into the archive', () => {
  let kept: AuditRecord[];
  let failing: ReadonlySet<string>;
  let checkpoints: ReturnType<typeof createMemoryCheckpoints>;
  const run = (rows: readonly DynamoDBRecord[]) =>
    archive(rows, {
      checkpoints,
      archive: {
        put: async (one) => {
          if (failing.has(`${one.chain}${one.seq}`)) throw new StoreUnavailable('the archive does not answer');
          kept.push(one);
          return 'put';
        },
        async *places() {},
      },
    });

  beforeEach(() => {
    kept = [];
    failing = new Set();
    checkpoints = createMemoryCheckpoints();
  });

  test('puts each record as it was hashed, and notes how far each chain has grown', async () => {
    const all = [record('policy', 1), record('policy', 2), record('user:a', 7)];
    expect(await run(all.map((one) => row(one)))).toEqual({ batchItemFailures: [] });
    expect(kept).toEqual(all);
    expect(await checkpoints.pending(10)).toEqual([
      { chain: 'policy', seq: 2 },
      { chain: 'user:a', seq: 7 },
    ]);
  });

  test('begins again at the first that failed; nothing from there on is noted', async () => {
    failing = new Set(['policy2']);
    const all = [1, 2, 3].map((seq) => row(record('policy', seq)));
    expect(await run(all)).toEqual({ batchItemFailures: [{ itemIdentifier: 'at-policy-2' }] });
    expect(await checkpoints.pending(10)).toEqual([{ chain: 'policy', seq: 1 }]);
  });

  test('a record that was altered or removed, and a row that is none, are not archived and hold nothing up', async () => {
    const one = record('policy', 1);
    const strange = row(one);
    (strange.dynamodb as { NewImage: object }).NewImage = image('{');
    const rows = [row(one, 'MODIFY', record('policy', 2)), row(one, 'REMOVE'), strange, row(one, 'MODIFY'), row(one)];
    expect(await run(rows)).toEqual({ batchItemFailures: [] });
    expect(kept).toEqual([one]);
  });
});
