// Batches in one transaction: what the store is asked, what is in it then, and what becomes of what no transaction takes.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Operation, StoreCalls } from '../../adapters/dynamodb/calls.ts';
import { Database, type Row } from '../../adapters/dynamodb/database.ts';
import { tableNames } from '../../adapters/dynamodb/tables.ts';
import { WholeBatches } from '../../adapters/dynamodb/whole-batches.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { StoreUnavailable } from '../../core/errors.ts';
import { directOf, startStore, type TestStore } from '../support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store.stop());

/** Counts what goes through. */
function counted(calls: StoreCalls): { readonly calls: StoreCalls; readonly asked: Operation[] } {
  const asked: Operation[] = [];
  return {
    asked,
    calls: {
      call: (operation, input, deadlineMs) => {
        asked.push(operation);
        return calls.call(operation, input, deadlineMs);
      },
    },
  };
}

const row = (n: number, value = 'v'): Row => ({ pk: 'p', sk: String(n).padStart(3, '0'), value });
const put = (n: number, value?: string) => ({ put: 'sessions', row: row(n, value) }) as const;

test('puts and removals of a batch, of several tables, are one transaction for each 25', async () => {
  const direct = directOf(store.endpoint);
  const { calls, asked } = counted(direct);
  const database = new Database(new WholeBatches(calls), await store.tables(), systemRandom);
  await database.batch(Array.from({ length: 60 }, (_, n) => put(n)));
  expect(asked).toEqual(Array(3).fill('TransactWriteItems'));
  expect(await database.all('sessions', 'p')).toEqual(Array.from({ length: 60 }, (_, n) => row(n)));
  await database.batch([
    ...Array.from({ length: 10 }, (_, n) => ({ remove: { table: 'sessions', pk: 'p', sk: row(n).sk } }) as const),
    { put: 'journal', row: row(7, 'other table') },
    put(59, 'anew'),
  ]);
  const left = Array.from({ length: 49 }, (_, n) => row(n + 10));
  expect(await database.all('sessions', 'p')).toEqual([...left, row(59, 'anew')]);
  expect(await database.all('journal', 'p')).toEqual([row(7, 'other table')]);
  expect(asked).not.toContain('BatchWriteItem');
  direct.destroy();
});

test('a row that no store takes is refused as in a batch', async () => {
  const direct = directOf(store.endpoint);
  const tables = await store.tables();
  const large = [put(1), put(2, 'x'.repeat(500_000))];
  const failure = (database: Database) => database.batch(large).then(undefined, (error: Error) => error.name);
  const byRow = await failure(new Database(direct, tables, systemRandom));
  expect(byRow).toBe('ValidationException');
  expect(await failure(new Database(new WholeBatches(direct), tables, systemRandom))).toBe(byRow);
  direct.destroy();
});

/** A store whose transactions fail so, and that takes batches. */
function failing(name: string, more: object): { readonly database: Database; readonly asked: Operation[] } {
  const { calls, asked } = counted({
    call: async (operation) => {
      if (operation === 'TransactWriteItems') throw Object.assign(new Error('said'), { name, ...more });
      return {} as never;
    },
  });
  const database = new Database(new WholeBatches(calls), tableNames('t'), systemRandom, 3_000, async () => {});
  return { database, asked };
}
const cancelledBy = (Code: string) => ({ CancellationReasons: [{ Code }] });

test.each([
  ['another transaction is in its way', 'TransactionCanceledException', cancelledBy('TransactionConflict')],
  ['it is too large', 'ValidationException', {}],
])('it is written as a batch when %s', async (_, name, more) => {
  const { database, asked } = failing(name, more);
  await database.batch([put(1)]);
  expect(asked).toEqual(['TransactWriteItems', 'BatchWriteItem']);
});

test.each([
  ['is away', 'TimeoutError', {}],
  ['throttles', 'TransactionCanceledException', cancelledBy('ThrottlingError')],
])('a store that %s is asked no more', async (_, name, more) => {
  const { database, asked } = failing(name, more);
  await expect(database.batch([put(1)])).rejects.toThrow(StoreUnavailable);
  expect(asked).toEqual(['TransactWriteItems']);
});
