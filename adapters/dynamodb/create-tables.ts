/**
 * Makes the tables where no stack does: in the embedded store and in tests. Without streams: who reads them is deployed by
 * the stack, and the embedded store looks through all that a stream ever had at each write.
 */
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  type DynamoDBClient,
  paginateListTables,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { type IndexDefinition, TABLES, type TableDefinition, type TableNames } from './tables.ts';

const READY_WITHIN_S = 30;

/** Makes what is missing; tables that are there are left as they are. */
export async function createTables(client: DynamoDBClient, names: TableNames): Promise<void> {
  await Promise.all(Object.values(TABLES).map((table) => createTable(client, names[table.suffix], table)));
}

async function createTable(client: DynamoDBClient, name: string, table: TableDefinition): Promise<void> {
  if (await exists(client, name)) return;
  try {
    await client.send(new CreateTableCommand(inputOf(name, table)));
  } catch (error) {
    // Another process was quicker.
    if ((error as Error).name !== 'ResourceInUseException') throw error;
  }
  await waitUntilTableExists({ client, maxWaitTime: READY_WITHIN_S, minDelay: 1, maxDelay: 2 }, { TableName: name });
  if (table.ttlAttribute === undefined) return;
  const ttl = { AttributeName: table.ttlAttribute, Enabled: true };
  try {
    await client.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: ttl }));
  } catch (error) {
    // It is on already: the quicker process did it.
    if ((error as Error).name !== 'ValidationException') throw error;
  }
}

/** Ends the streams of all tables. For an embedded store that was filled when its tables were made with them. */
export async function endStreams(client: DynamoDBClient): Promise<void> {
  for await (const { TableNames = [] } of paginateListTables({ client }, {}))
    for (const TableName of TableNames) {
      const { Table } = await client.send(new DescribeTableCommand({ TableName }));
      if (Table?.StreamSpecification?.StreamEnabled !== true) continue;
      await client.send(new UpdateTableCommand({ TableName, StreamSpecification: { StreamEnabled: false } }));
    }
}

async function exists(client: DynamoDBClient, name: string): Promise<boolean> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    return Table?.TableStatus === 'ACTIVE';
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return false;
    throw error;
  }
}

function inputOf(name: string, table: TableDefinition): CreateTableCommandInput {
  const attributes = new Set<string>([table.partitionKey, table.sortKey]);
  for (const { partitionKey, sortKey } of table.indexes) attributes.add(partitionKey).add(sortKey);
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [...attributes].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: schema(table),
    ...(table.indexes.length === 0
      ? {}
      : {
          GlobalSecondaryIndexes: table.indexes.map((index) => ({
            IndexName: index.name,
            KeySchema: schema(index),
            Projection: projection(index.projection),
          })),
        }),
  };
}

function schema({ partitionKey, sortKey }: { readonly partitionKey: string; readonly sortKey: string }) {
  return [
    { AttributeName: partitionKey, KeyType: 'HASH' as const },
    { AttributeName: sortKey, KeyType: 'RANGE' as const },
  ];
}

function projection(kind: IndexDefinition['projection']) {
  if (kind === 'all') return { ProjectionType: 'ALL' as const };
  if (kind === 'keys') return { ProjectionType: 'KEYS_ONLY' as const };
  return { ProjectionType: 'INCLUDE' as const, NonKeyAttributes: [...kind] };
}
