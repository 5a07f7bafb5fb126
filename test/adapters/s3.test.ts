import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { createAuditArchive, createCheckpointArchive, folderOf } from '../../adapters/s3/archive.ts';
import { Bucket } from '../../adapters/s3/bucket.ts';
import { link } from '../../core/audit/chain.ts';
import type { CheckpointFile } from '../../core/audit/checkpoint.ts';
import { type AuditRecord, EMPTY_CHAIN } from '../../core/audit/model.ts';
import { StoreUnavailable } from '../../core/errors.ts';
import { KEYS, TestS3 } from '../support/s3.ts';

const s3 = new TestS3();
let bucket: Bucket;
beforeAll(() => s3.start());
afterAll(() => s3.stop());
beforeEach(() => {
  s3.objects.clear();
  s3.failing.length = 0;
  bucket = new Bucket({ region: 'eu-west-1', bucket: 'archive', endpoint: s3.endpoint, credentials: async () => KEYS });
});

const ODD = 'refused:arn:aws:iam::1:user/ann+bob & co’s #1 (100%)';
const records = (chain: string, count: number): AuditRecord[] => {
  const all: AuditRecord[] = [];
  for (let i = 0; i < count; i++) {
    const entry = { at: 1, type: 'logon', outcome: 'done', actor: { principal: 'p' }, details: { text: 'ü' } } as const;
    const { seq, hash } = all.at(-1) ?? EMPTY_CHAIN;
    all.push(link(nodeDigests, chain, { seq, hash }, { ...entry, id: String(i) }));
  }
  return all;
};

describe('the archive of records', () => {
  test('keeps what is put first, to the letter, under names of every kind', async () => {
    const archive = createAuditArchive(bucket);
    for (const chain of ['policy', 'user:a/b', ODD]) {
      const [record] = records(chain, 1) as [AuditRecord];
      expect(await archive.put(record)).toBe('put');
      expect(await archive.put({ ...record, reason: 'another' })).toBe('present');
      const text = s3.objects.get(`${folderOf(chain)}0000000000000001.json`);
      expect(JSON.parse(text ?? '')).toEqual(record);
    }
    expect(new Set(['policy', 'user:a/b', ODD].map(folderOf)).size).toBe(3);
  });

  test('knows which places of a chain are taken, over many pages, and of that chain alone', async () => {
    const archive = createAuditArchive(bucket);
    for (const record of [...records(ODD, 12), ...records(`${ODD}2`, 3), ...records('policy', 3)])
      if (record.seq !== 5) await archive.put(record);
    const places: number[] = [];
    for await (const seq of archive.places(ODD, 2, 11)) places.push(seq);
    expect(places).toEqual([2, 3, 4, 6, 7, 8, 9, 10, 11]);
  });

  test('has a key of bounded length for a chain of any', () => {
    expect(folderOf('x'.repeat(5000)).length).toBeLessThan(100);
    expect(folderOf('x'.repeat(5000))).not.toBe(folderOf('x'.repeat(5001)));
  });

  test('tries again what S3 throttles, and is an outage when that does not end', async () => {
    const archive = createAuditArchive(bucket);
    const [record] = records('policy', 1) as [AuditRecord];
    s3.failing.push(503, 409);
    expect(await archive.put(record)).toBe('put');
    s3.failing.push(500, 500, 500, 500);
    await expect(archive.put(record)).rejects.toThrow(StoreUnavailable);
    const elsewhere = createAuditArchive(
      new Bucket({
        region: 'eu-west-1',
        bucket: 'archive',
        endpoint: 'http://127.0.0.1:9',
        credentials: async () => KEYS,
      }),
    );
    await expect(elsewhere.put(record)).rejects.toThrow(StoreUnavailable);
  });

  test('says what S3 refuses', async () => {
    const credentials = async () => ({ ...KEYS, secretAccessKey: 'another' });
    const other = new Bucket({ region: 'eu-west-1', bucket: 'archive', endpoint: s3.endpoint, credentials });
    await expect(other.putIfAbsent('a', 'b')).rejects.toThrow('SignatureDoesNotMatch');
  });
});

describe('the archive of checkpoints', () => {
  const file = (root: string): CheckpointFile => ({
    version: 1,
    number: 7,
    at: 1,
    previous: 'p',
    chains: 1,
    root,
    key: 'k',
    signature: 's',
    leaves: [{ chain: 'policy', first: 1, seq: 2, hash: 'h' }],
  });

  test('gives the one that was kept first', async () => {
    const archive = createCheckpointArchive(bucket);
    expect(await archive.keep(file('one'))).toEqual(file('one'));
    expect(await archive.keep(file('two'))).toEqual(file('one'));
    expect(await archive.read(7)).toEqual(file('one'));
    await expect(archive.read(8)).rejects.toThrow('checkpoints/0000000000000008.json is no checkpoint');
  });
});
