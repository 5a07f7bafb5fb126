// `npm run audit:verify` as an auditor runs it: a process of its own over the embedded store.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createAuditAdapters, createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import type { Stores } from '../../adapters/stores.ts';
import { link } from '../../core/audit/chain.ts';
import type { CheckpointFile } from '../../core/audit/checkpoint.ts';
import { makeCheckpoint } from '../../core/audit/checkpointer.ts';
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import { createMemoryCheckpointArchive } from '../support/checkpoints.ts';
import { change, run, user } from '../support/stores.ts';
import { type Ended, overTables } from './tool.ts';

let stores: Stores;

const over = overTables(async ({ store, tables }) => {
  stores = createDynamoAdapters({ client: store.client, tables, random: systemRandom });
  await stores.audit.append(run('edge:e:1', 5));
  await stores.directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann') }));
});

const verify = (...args: readonly string[]) => over.run('audit-verify', ...args);

/** Writes over the record at a place of a chain, as whoever has the table's keys could. */
async function overwrite(chain: string, seq: number, record: string): Promise<void> {
  await over.store.client.send(
    new UpdateItemCommand({
      TableName: over.tables.audit,
      Key: marshall({ pk: chain, sk: String(seq).padStart(16, '0') }),
      UpdateExpression: 'SET #r = :r',
      ExpressionAttributeNames: { '#r': 'record' },
      ExpressionAttributeValues: marshall({ ':r': record }),
    }),
  );
}

describe('the stored trail', () => {
  test('is whole while nobody touches it', async () => {
    expect(await verify()).toMatchObject({
      code: 0,
      out: '2 chains, 6 records whole, 0 chains broken\n1 rows as their records left them, 0 of an earlier release, 0 written directly\n',
    });
  }, 20_000);

  test.each([
    ['cut short', '{"id":"01', 'it is not JSON'],
    ['JSON, but no record', '{"seq":3}', 'it has not the form of an audit record'],
    ['null', 'null', 'it has not the form of an audit record'],
  ])(
    'with a record that is %s names it, and does not stop there',
    async (_title, text, what) => {
      await overwrite('edge:e:1', 3, text);
      const { code, out } = await verify();
      expect(code).toBe(1);
      expect(out).toMatch(new RegExp(`^BROKEN edge:e:1: record 3 \\(\\w{26}\\) cannot be read: ${what}$`, 'm'));
      expect(out).toContain('2 chains, 1 records whole, 1 chains broken');
      const listed = await stores.audit.query({}, { limit: 10 }, Date.now());
      expect(listed.items).toHaveLength(6);
      expect(listed.items).toContainEqual(expect.objectContaining({ chain: 'edge:e:1', seq: 3, unreadable: what }));
      expect((await stores.audit.head('edge:e:1')).seq).toBe(5);
    },
    20_000,
  );
});

describe('an export', () => {
  const path = (name: string) => join(over.folder, name);
  const lines = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n');

  test('has every record, is for its maker alone, and is on record itself', async () => {
    const file = path('whole.jsonl');
    const { code, out } = await verify('--export', file, '--reason', 'yearly review');
    expect(code).toBe(0);
    expect(lines(file)).toHaveLength(6);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.partial`)).toBe(false);
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    expect(out).toContain(sha256);
    const { items } = await stores.audit.query({ type: 'export' }, { limit: 10 }, Date.now());
    expect(items).toMatchObject([
      {
        actor: { principal: `local:${userInfo().username}` },
        reason: 'yearly review',
        details: { file: 'whole.jsonl', records: 6, chains: 2, broken: 0, sha256 },
        chain: 'policy',
      },
    ]);
    const offline = await verify('--file', file);
    expect(offline).toMatchObject({ code: 0 });
    expect(offline.out).toBe(`2 chains, 6 records whole, 0 chains broken\nSHA-256 ${sha256}\n`);
    expect(await verify('--export', file)).toMatchObject({ code: 2, err: expect.stringContaining('exists already') });
    expect((await verify('--chain', 'policy')).out).toBe('1 chains, 1 records whole, 0 chains broken\n');
  }, 40_000);

  test('that was altered is broken at the altered record', async () => {
    const file = path('altered.jsonl');
    await verify('--export', file);
    const whole = lines(file);
    const at = whole.findIndex((line) => JSON.parse(line).chain === 'edge:e:1');
    const forged = whole.map((line, n) =>
      n === at + 1 ? line.replace('"refused"', '"done"').replace('ü', 'u') : line,
    );
    await writeFile(file, `${forged.join('\n')}\n`);
    expect(await verify('--file', file)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^BROKEN edge:e:1: record 2 .* was altered after it was hashed$/m),
    });
    await writeFile(file, `${whole.filter((_, n) => n !== at + 2).join('\n')}\n`);
    expect((await verify('--file', file)).out).toMatch(/^BROKEN edge:e:1: record 3 /m);
    await writeFile(file, `${whole.join('\n')}\n`);
    await appendFile(file, 'not a line of ours\n');
    expect(await verify('--file', file)).toMatchObject({
      code: 1,
      out: expect.stringContaining('BROKEN line 7 is no audit record'),
    });
  }, 40_000);

  test('of a broken trail has what stands behind the break too, and says so offline', async () => {
    await overwrite('edge:e:1', 2, 'xx');
    const file = path('broken.jsonl');
    const made = await verify('--export', file);
    expect(made).toMatchObject({ code: 1, out: expect.stringContaining('6 records in') });
    const offline = await verify('--file', file);
    expect(offline).toMatchObject({ code: 1, out: expect.stringContaining('BROKEN edge:e:1: record 2') });
    await over.store.client.send(
      new DeleteItemCommand({
        TableName: over.tables.audit,
        Key: marshall({ pk: 'edge:e:1', sk: '0000000000000002' }),
      }),
    );
    expect((await verify()).out).toMatch(/^BROKEN edge:e:1: record 2 .* has number 3 where 2 belongs$/m);
  }, 40_000);

  test('that cannot be read or made is told, and nothing is left behind', async () => {
    expect(await verify('--file', path('nothing.jsonl'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('ENOENT'),
    });
    expect(await verify('--file', 'a', '--chain', 'b')).toMatchObject({ code: 2 });
    expect(await verify('--export', path('no/such/folder.jsonl'))).toMatchObject({ code: 2 });
    expect((await stores.audit.query({ type: 'export' }, { limit: 1 }, Date.now())).items).toEqual([]);
  }, 40_000);
});

describe('an export held against signed checkpoints', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  let archive: ReturnType<typeof createMemoryCheckpointArchive>;
  let now = Date.now();

  /** Signs what the chains are now. */
  async function checkpoint(): Promise<void> {
    const { trail, checkpoints } = createAuditAdapters({
      client: over.store.client,
      tables: over.tables,
      random: systemRandom,
    });
    const texts: string[] = [];
    const digests = { ...nodeDigests, sha256: (text: string) => nodeDigests.sha256(texts[texts.push(text) - 1] ?? '') };
    const signer = {
      key: 'arn:aws:kms:eu-west-1:1:key/audit',
      sign: async () => sign('sha256', Buffer.from(texts.at(-1) ?? ''), privateKey).toString('base64'),
    };
    for await (const chain of trail.chains()) await checkpoints.note([{ chain, seq: (await trail.head(chain)).seq }]);
    const outcome = await makeCheckpoint(
      { trail, store: checkpoints, archive, signer, digests, clock: { now: () => now } },
      'one',
    );
    expect(outcome.result).toBe('made');
    now += 60_000;
  }

  /** Exports, writes the checkpoints beside it, verifies without a store. */
  async function offline(change: (lines: string[]) => string[] = (lines) => lines): Promise<Ended> {
    const at = await mkdtemp(join(over.folder, 'checkpoints-'));
    const file = join(at, 'export.jsonl');
    await verify('--export', file);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    await writeFile(file, `${change(lines).join('\n')}\n`);
    await mkdir(join(at, 'signed'));
    for (const [number, one] of archive.files)
      await writeFile(join(at, 'signed', `${String(number).padStart(16, '0')}.json`), JSON.stringify(one));
    await writeFile(join(at, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
    return verify('--file', file, '--checkpoints', join(at, 'signed'), '--public-key', join(at, 'key.pem'));
  }

  beforeEach(() => {
    archive = createMemoryCheckpointArchive();
  });

  test('is whole, later records too', async () => {
    await checkpoint();
    await stores.audit.append(run('edge:f:1', 2));
    await checkpoint();
    await stores.audit.append(run('edge:g:1', 1));
    const { code, out } = await offline();
    expect([code, out]).toEqual([0, expect.stringMatching(/^2 checkpoints, 0 broken$/m)]);
  });

  test('has lost the end of a chain, which nothing else would show', async () => {
    await checkpoint();
    const cut = (lines: string[]) => lines.filter((line) => !line.includes('"seq":5'));
    const { code, out } = await offline(cut);
    expect([code, out]).toEqual([1, expect.stringMatching(/^BROKEN edge:e:1: record 5 was signed and is not there$/m)]);
  });

  test('was written anew, every chain of it whole', async () => {
    await checkpoint();
    const forged = run('edge:e:1', 5).map(({ hash: _, ...record }) => ({ ...record, reason: 'forged' }));
    let head = EMPTY_CHAIN;
    const whole = forged.map(({ chain, seq: _seq, prev_hash: _prev, ...entry }) => {
      const record = link(nodeDigests, chain, head, entry);
      head = { seq: record.seq, hash: record.hash };
      return JSON.stringify(record);
    });
    const { code, out } = await offline((lines) => [...lines.filter((line) => !line.includes('edge:e:1')), ...whole]);
    expect(code).toBe(1);
    expect(out).toMatch(/, 0 chains broken$/m);
    expect(out).toMatch(/^BROKEN edge:e:1: record 5 is not the one that a checkpoint has signed$/m);
  });

  test('by checkpoints that are not whole themselves', async () => {
    await checkpoint();
    const [[number, one]] = [...archive.files] as [[number, CheckpointFile]];
    archive.files.set(number, { ...one, at: one.at + 1 });
    const { code, out } = await offline();
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/^BROKEN checkpoint 0{15}1\.json is not signed by this key$/m),
    ]);
  });

  test('the options go together', async () => {
    expect(await verify('--file', 'a', '--checkpoints', 'b')).toMatchObject({ code: 2 });
    expect(await verify('--checkpoints', 'b', '--public-key', 'c')).toMatchObject({ code: 2 });
  });
});
