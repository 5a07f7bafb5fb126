import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteItemCommand, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TableNames, tableNames } from '../../adapters/dynamodb/tables.ts';
import { openStores } from '../../adapters/environment.ts';
import { padded } from '../../adapters/keys.ts';
import { ensureDefaults } from '../../core/policy/defaults.ts';
import { Secret } from '../../core/secret.ts';
import { operations } from '../../lambdas/functions/credentials.ts';
import { createHandler } from '../../lambdas/handler.ts';
import { openServices } from '../../lambdas/keyed.ts';
import { createLogger } from '../../lambdas/log.ts';
import { readEnvironment } from '../../lambdas/wiring.ts';
import { startStore, type TestStore } from '../support/store.ts';
import { FACTS, restEvent } from './support.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const directory = mkdtempSync(join(tmpdir(), 'fixgate-wiring-'));
const secrets = join(directory, 'secrets.json');

const variables = (tables: TableNames) =>
  Object.fromEntries(Object.entries(tables).map(([name, table]) => [`FIXGATE_TABLE_${name.toUpperCase()}`, table]));
const TABLES = variables(tableNames('some'));
const KMS = {
  ...TABLES,
  AWS_REGION: 'eu-west-1',
  FIXGATE_KEY_PROVIDER: 'kms',
  FIXGATE_TABLE_BRANCH_KEYS: 'branch-keys',
  FIXGATE_ENVELOPE_KEY_ARN: 'arn:aws:kms:eu-west-1:111122223333:key/k',
  FIXGATE_PROOF_KEY_ARN: 'arn:aws:kms:eu-west-1:111122223333:key/p',
  FIXGATE_CURSOR_KEY_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:s',
};

describe('the environment', () => {
  test('of a deployment is read whole', () => {
    const defaults = {
      FIXGATE_BRANCH_KEY_ID: 'fixgate',
      FIXGATE_EDGE_ROWS: 'together',
      FIXGATE_STORE_BATCHES: 'by_row',
      FIXGATE_ON_INELIGIBLE: 'warn',
    };
    expect(readEnvironment(KMS)).toEqual({ ...KMS, ...defaults });
  });

  test.each([
    ['FIXGATE_TABLE_AUDIT', undefined],
    ['FIXGATE_TABLE_AUDIT', ''],
    ['FIXGATE_TABLE_AUDIT', 'a b'],
    ['FIXGATE_KEY_PROVIDER', undefined],
    ['FIXGATE_KEY_PROVIDER', 'vault'],
    ['FIXGATE_ENVELOPE_KEY_ARN', 'key/k'],
    ['FIXGATE_PROOF_KEY_ARN', 'key/p'],
    ['FIXGATE_DYNAMODB_ENDPOINT', 'localhost:8000'],
    ['FIXGATE_STORE_BATCHES', 'some'],
    ['FIXGATE_ON_INELIGIBLE', 'maybe'],
    ['AWS_REGION', undefined],
  ])('with %s %j stops, naming it', (variable, value) => {
    expect(() => readEnvironment({ ...KMS, [variable]: value })).toThrow(variable);
  });

  test('of a tool needs the tables alone, and names all that is missing', () => {
    expect(() => openStores({})).toThrow(/FIXGATE_TABLE_CREDENTIALS is missing.*FIXGATE_TABLE_AUDIT is missing/);
  });

  test('with a secrets file that is none stops without a word of its content', async () => {
    const file = join(directory, 'broken.json');
    const local = { ...TABLES, AWS_REGION: 'x', FIXGATE_KEY_PROVIDER: 'local', FIXGATE_SECRETS_FILE: file };
    await expect(openServices(local)).rejects.toThrow(/FIXGATE_SECRETS_FILE.*ENOENT/);
    writeFileSync(file, '{"cursor_key": "hushhush');
    await expect(openServices(local)).rejects.toThrow(`FIXGATE_SECRETS_FILE: ${file} is not JSON`);
    writeFileSync(file, '{"cursor_key": "hush"}');
    await expect(openServices(local)).rejects.toThrow('256 bits');
  });
});

describe('the log', () => {
  const logged = (fields: object) => {
    let text = '';
    const stream = {
      write(line: string) {
        text += line;
      },
    };
    createLogger({}, stream).info(fields, 'x');
    return text;
  };

  test('shows no secret, by type and by name', () => {
    const text = logged({
      issued: new Secret('hush'),
      credentials: { password: 'hush' },
      a: { b: { secret_access_key: 'hush' } },
    });
    expect(text).not.toContain('hush');
    expect(text.match(/\[redacted\]/g)).toHaveLength(3);
  });

  test('has a level of the list, or says so', () => {
    expect(() => createLogger({ FIXGATE_LOG_LEVEL: 'loud' })).toThrow('FIXGATE_LOG_LEVEL');
  });
});

describe('over the embedded store', () => {
  let store: TestStore;
  let tables: TableNames;
  let environment: NodeJS.ProcessEnv;

  beforeAll(async () => {
    store = await startStore();
    tables = await store.tables();
    const key = () => randomBytes(32).toString('base64');
    writeFileSync(secrets, JSON.stringify({ master_key: { id: 'k', key: key() }, cursor_key: key() }));
    environment = {
      ...variables(tables),
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      FIXGATE_DYNAMODB_ENDPOINT: store.endpoint,
      FIXGATE_KEY_PROVIDER: 'local',
      FIXGATE_SECRETS_FILE: secrets,
    };
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' });
    const quiet = createLogger({ FIXGATE_LOG_LEVEL: 'silent' });
    const services = await openServices(environment, quiet);
    await ensureDefaults(services, { principal: 'deployment' });
    const handler = createHandler(operations, async () => services, quiet);
    for (const user_id of ['u1', 'u2', 'u1']) {
      const body = JSON.stringify({ user_id, rate_limit_tier: 'basic', ...FACTS });
      await handler(restEvent('POST', '/provision', { body }));
    }
  });

  afterAll(async () => {
    await store.stop();
    rmSync(directory, { recursive: true });
  });

  const verify = (...args: string[]): Promise<{ code: number; out: string }> =>
    new Promise((resolve) => {
      const run = [join(ROOT, 'scripts', 'audit-verify.ts'), ...args];
      execFile(process.execPath, run, { env: { PATH: process.env.PATH, ...environment } }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, out: stdout + stderr });
      });
    });

  test('the deployed wiring provisions, and audit:verify finds every chain whole', async () => {
    expect(await verify()).toEqual({
      code: 0,
      out: expect.stringMatching(
        /^3 chains, 4 records whole, 0 chains broken\n[1-9]\d* rows as their records left them, 0 of an earlier release, 0 written directly\n$/,
      ),
    });
    expect(await verify('--chain', 'user:u1')).toEqual({
      code: 0,
      out: '1 chains, 2 records whole, 0 chains broken\n',
    });
  });

  test('audit:verify names the first broken record, and a chain that is gone', async () => {
    const key = (chain: string, seq: number) => ({ pk: { S: chain }, sk: { S: padded(seq) } });
    const at = { TableName: tables.audit, Key: key('user:u1', 2) };
    const { Item } = await store.client.send(new GetItemCommand(at));
    const forged = Item?.record?.S?.replace('"outcome":"refused"', '"outcome":"done"') as string;
    expect(forged).not.toBe(Item?.record?.S);
    const change = { UpdateExpression: 'SET #r = :r', ExpressionAttributeNames: { '#r': 'record' } };
    await store.client.send(
      new UpdateItemCommand({ ...at, ...change, ExpressionAttributeValues: { ':r': { S: forged } } }),
    );
    await store.client.send(new DeleteItemCommand({ TableName: tables.audit, Key: key('user:u2', 1) }));
    const { code, out } = await verify();
    expect(code).toBe(1);
    expect(out).toMatch(/BROKEN user:u1: record 2 \(\w{26}\) was altered/);
    expect(out).toMatch(/BROKEN user:u2: record 1 the chain ends at 0/);
    expect(out).toContain('2 chains broken');
  });

  test('audit:verify says when it cannot read', async () => {
    environment.FIXGATE_TABLE_AUDIT = 'no-such-table';
    expect(await verify()).toMatchObject({ code: 2, out: expect.stringContaining('could not be verified') });
  });
});
