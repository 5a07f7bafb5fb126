// The tables as they are made where no stack does.
import { DescribeTableCommand, DescribeTimeToLiveCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTables, endStreams } from '../../adapters/dynamodb/create-tables.ts';
import { Database } from '../../adapters/dynamodb/database.ts';
import { TABLES, tableNames } from '../../adapters/dynamodb/tables.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { startStore, type TestStore } from '../support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await startStore();
}, 30_000);
afterAll(() => store?.stop());

describe('the tables', () => {
  test('are made once, by however many processes, with keys, indexes and expiry as defined, and no streams', async () => {
    const names = tableNames('once');
    await Promise.all([1, 2, 3].map(() => createTables(store.client, names)));
    await createTables(store.client, names);
    for (const table of Object.values(TABLES)) {
      const TableName = names[table.suffix];
      const { Table } = await store.client.send(new DescribeTableCommand({ TableName }));
      expect(Table?.KeySchema?.map(({ AttributeName }) => AttributeName)).toEqual(['pk', 'sk']);
      const indexes = (Table?.GlobalSecondaryIndexes ?? []).map(({ IndexName }) => IndexName);
      expect(indexes.sort()).toEqual(table.indexes.map(({ name }) => name).sort());
      expect(Table?.StreamSpecification?.StreamEnabled ?? false).toBe(false);
      const ttl = await store.client.send(new DescribeTimeToLiveCommand({ TableName }));
      expect(ttl.TimeToLiveDescription?.AttributeName).toBe(table.ttlAttribute);
    }
    expect(TABLES.audit.ttlAttribute).toBeUndefined();
    expect(() => tableNames('a b')).toThrow(RangeError);
  });

  test('that were made with streams lose them, and nothing else', async () => {
    const tables = await store.tables();
    const TableName = tables.audit;
    const StreamSpecification = { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } as const;
    await store.client.send(new UpdateTableCommand({ TableName, StreamSpecification }));
    const described = async () => (await store.client.send(new DescribeTableCommand({ TableName }))).Table;
    expect((await described())?.StreamSpecification?.StreamEnabled).toBe(true);
    const database = new Database(store.client, tables, systemRandom);
    const row = { pk: 'a', sk: 'b', day_pk: 'D', time_sk: 'T' };
    await database.write({ put: 'audit', row });
    await endStreams(store.client);
    expect((await described())?.StreamSpecification?.StreamEnabled ?? false).toBe(false);
    await database.write({ put: 'audit', row: { ...row, sk: 'c' } });
    expect(await database.all('audit', 'a')).toHaveLength(2);
  });
});
