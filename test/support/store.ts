// The embedded store on a free port of the loopback, in memory, for one test file. Where there is no binary for the
// platform, FIXGATE_DYNAMODB_ENDPOINT says where a store is; without either the tests fail, they are never skipped.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type ClientOptions, createClient } from '../../adapters/dynamodb/client.ts';
import { createTables } from '../../adapters/dynamodb/create-tables.ts';
import { DirectCalls } from '../../adapters/dynamodb/direct.ts';
import { type TableNames, tableNames } from '../../adapters/dynamodb/tables.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { freePort } from '../../local/free-port.ts';
import { storeBinary } from '../../local/store.ts';

export interface TestStore {
  readonly endpoint: string;
  readonly client: DynamoDBClient;
  /** Fresh tables of a new prefix. */
  tables(): Promise<TableNames>;
  stop(): Promise<void>;
}

const OTHER = process.env.FIXGATE_TEST_STORE;
const READY_WITHIN_MS = 15_000;
const GUARD = join(resolve(import.meta.dirname, '..', '..'), 'local', 'guard.ts');

export async function startStore(): Promise<TestStore> {
  // scripts/compliance-dynamodb-local.ts: another store than the embedded one, though that is there.
  const other = OTHER;
  if (other !== undefined) return storeAt(other, async () => {});
  const binary = storeBinary();
  const given = process.env.FIXGATE_DYNAMODB_ENDPOINT;
  if (binary !== undefined) {
    const port = await freePort();
    // The guard ends the store when the pipe to this process closes, whatever ends this process.
    const args = [GUARD, binary, 'serve', '-p', String(port)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'ignore'] });
    const endpoint = `http://127.0.0.1:${port}`;
    await ready(endpoint, child);
    return storeAt(endpoint, async () => {
      const gone = once(child, 'exit');
      child.stdin?.end();
      await gone;
    });
  }
  if (given !== undefined) return storeAt(given, async () => {});
  throw new Error(
    `there is no embedded store for ${process.platform}-${process.arch}; set FIXGATE_DYNAMODB_ENDPOINT to DynamoDB Local or LocalStack`,
  );
}

/** What that store is given more of than an edge would give it: on a busy machine a virtual machine pauses for seconds. */
export const patienceOf = (endpoint: string): { readonly requestTimeoutMs?: number; readonly deadlineMs?: number } =>
  endpoint === OTHER ? { requestTimeoutMs: 20_000, deadlineMs: 30_000 } : {};

function optionsOf(endpoint: string): ClientOptions {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const { requestTimeoutMs } = patienceOf(endpoint);
  return {
    region: 'us-east-1',
    endpoint,
    credentials,
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
  };
}

export const clientOf = (endpoint: string): DynamoDBClient => createClient(optionsOf(endpoint));
export const directOf = (endpoint: string): DirectCalls => new DirectCalls(optionsOf(endpoint), systemRandom);

function storeAt(endpoint: string, end: () => Promise<void>): TestStore {
  const client = clientOf(endpoint);
  return {
    endpoint,
    client,
    async tables() {
      const names = tableNames(`test-${randomBytes(6).toString('hex')}`);
      await createTables(client, names);
      return names;
    },
    async stop() {
      client.destroy();
      await end();
    },
  };
}

async function ready(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      await fetch(endpoint, { signal: AbortSignal.timeout(500) });
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) throw error;
      await new Promise((next) => setTimeout(next, 20));
    }
  }
}
