/** Provisioning and killing, as an admin meets them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, type DynamoDBClient, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { createClient } from '../adapters/dynamodb/client.ts';
import type { Product } from '../local/product.ts';
import { type Figure, figure, percentile, timed } from './figures.ts';
import type { Sizes } from './sizes.ts';
import { onStage } from './stage.ts';

/** How often an edge looks for commands: what a kill waits for at most before anything happens. */
const COMMAND_POLL_MS = 250;
const WARM_UP = 5;
const TABLE = 'fixgate-bench';
/** What a provision writes: user, credential, idempotency, audit record and chain head, of some hundred bytes each. */
const ROWS = 4;
const ROW_BYTES = 500;

/** A transaction of the same shape as a provision's, on the store itself. */
async function bareTransaction(client: DynamoDBClient, i: number): Promise<void> {
  const puts = Array.from({ length: ROWS }, (_, row) => ({
    Put: {
      TableName: TABLE,
      Item: { pk: { S: `${i}` }, sk: { S: `${row}` }, content: { S: 'x'.repeat(ROW_BYTES) } },
      ConditionExpression: 'attribute_not_exists(pk)',
    },
  }));
  await client.send(new TransactWriteItemsCommand({ TransactItems: puts }));
}

async function openBareStore(product: Product): Promise<DynamoDBClient> {
  const client = createClient({
    region: product.local.region,
    endpoint: product.local.dynamodb_endpoint,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  return client;
}

/** POST provision, beside a signed GET that reads the rules, and beside a transaction of as many rows on the store. */
export const provision = (sizes: Sizes): Promise<Figure[]> =>
  onStage([], async ({ product, user }) => {
    const client = await openBareStore(product);
    const provisionOne = async (i: number): Promise<void> => void (await user(`user-${i}`));
    const read = async (): Promise<void> => {
      const { status } = await product.admin.get('rules');
      if (status !== 200) throw new Error(`rules answered ${status}`);
    };
    const count = sizes.provisions;
    for (let i = 0; i < WARM_UP; i++) {
      await provisionOne(-1 - i);
      await read();
      await bareTransaction(client, -1 - i);
    }
    const took = await timed(count, provisionOne);
    const reads = await timed(count, read);
    const transactions = await timed(count, (i) => bareTransaction(client, i));
    client.destroy();
    const settings = `${count} users, one after the other, embedded store`;
    const at = (p: number, aim?: { most: number }): Figure[] => {
      const name = `provision p${p * 100}`;
      const value = percentile(took, p);
      const limits = aim === undefined ? undefined : ({ of: 'value', ...aim } as const);
      return [
        figure(name, value, 'ms', ['signed GET rules', percentile(reads, p)], settings, limits),
        figure(name, value, 'ms', [`store transaction of ${ROWS} rows`, percentile(transactions, p)], settings, limits),
      ];
    };
    return [...at(0.5, { most: 50 }), ...at(0.99)];
  });

/** From sending POST sessions/kill to the client's receiving its Logout, beside how often the edge looks for commands. */
export const kill = (sizes: Sizes): Promise<Figure[]> =>
  onStage([], async ({ product, user }) => {
    const credentials = await user('killed');
    const took: number[] = [];
    for (let i = 0; i < sizes.kills; i++) {
      const client = product.client(credentials);
      const answer = await client.logon(credentials.password, [[141, 'Y']]);
      if (answer.type !== 'A') throw new Error(`the Logon is refused: ${answer}`);
      // A session ends with a poll, so that the next would always begin right after one.
      await sleep(Math.random() * COMMAND_POLL_MS);
      const since = performance.now();
      const logout = client.next((message) => message.type === '5').then(() => performance.now());
      const reply = await product.admin.post('sessions/kill', { user_id: 'killed', reason: 'benchmark' });
      if (reply.status !== 200) throw new Error(`kill answered ${reply.status} ${JSON.stringify(reply.body)}`);
      took.push((await logout) - since);
      await client.closed();
    }
    const settings = `${sizes.kills} sessions, one after the other, each at any moment between two polls`;
    const beside = ['command poll', COMMAND_POLL_MS] as const;
    return [
      figure('kill p50', percentile(took, 0.5), 'ms', beside, settings),
      figure('kill p99', percentile(took, 0.99), 'ms', beside, settings, { of: 'value', most: 500 }),
    ];
  });
