/**
 * Makes the rows of a table those of another: of one that was restored to a moment, which AWS gives a name of its own. The
 * table that all names, grants, streams and alarms are about stays.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AttributeValue,
  BatchWriteItemCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ScanCommand,
  type ScanCommandOutput,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';

type Item = Record<string, AttributeValue>;

export interface PutBack {
  /** Rows that are alike. */
  readonly same: number;
  /** Rows that are put as they were. */
  readonly put: number;
  /** Rows that were not there at the moment, and are removed. */
  readonly removed: number;
}

const BATCH = 25;
/** Tries of a batch that is throttled. */
const TRIES = 10;

/** Compares, and with `act` writes. Two tables of other keys are refused. */
export async function putBack(client: DynamoDBClient, from: string, to: string, act: boolean): Promise<PutBack> {
  const [keys, others] = await Promise.all([keyNames(client, to), keyNames(client, from)]);
  if (keys.join() !== others.join()) throw new Error(`${from} has other keys than ${to}`);
  const digests = new Map<string, string>();
  for await (const item of items(client, to)) digests.set(keyText(item, keys), digestOf(item));
  let [same, put] = [0, 0];
  let batch: WriteRequest[] = [];
  const write = async (request: WriteRequest | undefined): Promise<void> => {
    if (!act) return;
    if (request !== undefined) batch.push(request);
    if (request !== undefined && batch.length < BATCH) return;
    await send(client, to, batch);
    batch = [];
  };
  for await (const item of items(client, from)) {
    const text = keyText(item, keys);
    const before = digests.get(text);
    digests.delete(text);
    if (before === digestOf(item)) same += 1;
    else {
      put += 1;
      await write({ PutRequest: { Item: item } });
    }
  }
  for (const text of digests.keys()) await write({ DeleteRequest: { Key: JSON.parse(text) } });
  await write(undefined);
  return { same, put, removed: digests.size };
}

async function* items(client: DynamoDBClient, TableName: string): AsyncGenerator<Item> {
  let last: Item | undefined;
  do {
    const page: ScanCommandOutput = await client.send(
      new ScanCommand({ TableName, ConsistentRead: true, ...(last === undefined ? {} : { ExclusiveStartKey: last }) }),
    );
    yield* page.Items ?? [];
    last = page.LastEvaluatedKey;
  } while (last !== undefined);
}

async function keyNames(client: DynamoDBClient, TableName: string): Promise<readonly string[]> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  return (Table?.KeySchema ?? []).map(({ AttributeName = '' }) => AttributeName);
}

const keyText = (item: Item, keys: readonly string[]): string =>
  JSON.stringify(Object.fromEntries(keys.map((name) => [name, item[name]])));

/** Bytes print as what they are; the order of attributes and of sets says nothing. */
function digestOf(item: Item): string {
  const text = JSON.stringify(item, (_name, value) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash('sha256').update(text).digest('base64');
}

async function send(client: DynamoDBClient, table: string, batch: readonly WriteRequest[]): Promise<void> {
  let rest = [...batch];
  for (let attempt = 1; rest.length > 0; attempt++) {
    const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: rest } }));
    rest = UnprocessedItems?.[table] ?? [];
    if (rest.length > 0 && attempt === TRIES) throw new Error(`writes to ${table} are throttled: repeat the command`);
    if (rest.length > 0) await sleep(50 * attempt);
  }
}
