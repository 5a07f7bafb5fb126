// npm run compliance:dynamodb-local: the suites of the store's ports over DynamoDB Local, AWS's own emulation, beside the embedded
// store that all other tests use. Needs Java (a JDK) and Maven, which fetches it. Exit code 3: they are not here, nothing was tried.

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, QueryCommand, TransactWriteItemsCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { createTables } from '../adapters/dynamodb/create-tables.ts';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { guarded, isThere, run } from '../deploy/process.ts';
import { freePort } from '../local/free-port.ts';
import { ROOT } from '../local/product.ts';

const EXIT_NOTHING = 3;
const FETCHED_WITHIN_MS = 5 * 60_000;
const READY_WITHIN_MS = 30_000;
const TESTED_WITHIN_MS = 10 * 60_000;
const HOME = join(ROOT, 'deploy', 'dynamodb-local');
const CACHE = join(ROOT, 'node_modules', '.cache', 'dynamodb-local');
const LIBRARIES = join(CACHE, 'lib');
const LOG = join(CACHE, 'log');
/** DynamoDB Local by its own main class listens on every address of the machine. */
const LOOPBACK = join(HOME, 'Loopback.java');
/** Its first calls are interpreted, and take longer than an edge waits for a store; the quick compiler gets there soonest. */
const QUICKLY = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
const WARM_MS = 400;
const WARM_WITHIN_MS = 60_000;
const AT_ONCE = 64;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function fetched(): Promise<boolean> {
  const lacking = ['java', 'javac', 'mvn'].find((program) => !isThere(program));
  if (lacking !== undefined) {
    say(`skipped: there is no ${lacking} on this machine`);
    return false;
  }
  mkdirSync(CACHE, { recursive: true });
  if (existsSync(LIBRARIES)) return true;
  const args = ['-q', '-B', `-Dcache=${CACHE}`, 'dependency:copy-dependencies', `-DoutputDirectory=${LIBRARIES}`];
  try {
    await run('mvn', args, { env: process.env, cwd: HOME, timeoutMs: FETCHED_WITHIN_MS, log: LOG });
    return true;
  } catch (error) {
    say(`skipped: DynamoDB Local cannot be had: ${(error as Error).message.slice(0, 500)}`);
    return false;
  }
}

/** Calls of each kind, many at once, until they are answered as quickly as tests expect of any store. */
async function warmed(endpoint: string): Promise<void> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint, credentials, maxAttempts: 1 });
  const tables = tableNames('warm');
  await createTables(client, tables);
  const TableName = tables.sessions;
  const calls = (n: number): Promise<unknown>[] => {
    const Item = { pk: { S: `p${n}` }, sk: { S: 's' }, n: { N: '0' } };
    const Key = { pk: Item.pk, sk: Item.sk };
    const grown = {
      UpdateExpression: 'ADD #n :one',
      ExpressionAttributeNames: { '#n': 'n' },
      ExpressionAttributeValues: { ':one': { N: '1' } },
    };
    return [
      client.send(new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName, Item } }] })),
      client.send(new UpdateItemCommand({ TableName, Key: { ...Key, sk: { S: 'u' } }, ...grown })),
      client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :p',
          ExpressionAttributeValues: { ':p': Item.pk },
        }),
      ),
    ];
  };
  for (const from = performance.now(); performance.now() - from < WARM_WITHIN_MS; ) {
    const since = performance.now();
    await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => calls(n)).flat());
    if (performance.now() - since < WARM_MS) break;
  }
  client.destroy();
}

async function main(): Promise<number> {
  if (!(await fetched())) return EXIT_NOTHING;
  const port = await freePort();
  const classes = ['-Djava.library.path=lib', '-cp', join(LIBRARIES, '*'), LOOPBACK];
  const server = guarded('java', [...QUICKLY, ...classes, '-inMemory', '-disableTelemetry', '-port', String(port)], {
    env: process.env,
    cwd: CACHE,
    log: LOG,
  });
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    for (const from = performance.now(); ; await sleep(200)) {
      const answer = await fetch(endpoint, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
      if (answer !== undefined) break;
      if (performance.now() - from > READY_WITHIN_MS) throw new Error(`DynamoDB Local does not answer; see ${LOG}`);
    }
    await warmed(endpoint);
    const jest = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
    const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest];
    const said = await run(process.execPath, [...node, '--maxWorkers=1', '--testTimeout=60000', 'test/adapters'], {
      env: { ...process.env, FIXGATE_TEST_STORE: endpoint },
      cwd: ROOT,
      timeoutMs: TESTED_WITHIN_MS,
      log: LOG,
    }).catch((error: Error) => error.message);
    say(said.slice(-6000));
    const [, failed = '0', passed = '0'] = /^Tests: +(?:(\d+) failed, )?(\d+) passed, \d+ total$/m.exec(said) ?? [];
    // A suite that could not run has no test that failed.
    const good = Number(passed) > 0 && /^Test Suites: +\d+ passed, \d+ total$/m.test(said);
    say(`${passed} passed, ${good ? failed : Math.max(1, Number(failed))} failed`);
    return good ? 0 : 1;
  } finally {
    server.stdin?.end();
  }
}

process.exitCode = await main();
process.exit();
