/** The few operations of DynamoDB that the adapters are made of: rows are plain objects, an outage is StoreUnavailable. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { QueryCommandInput, ScanCommandInput, TransactWriteItem, WriteRequest } from '@aws-sdk/client-dynamodb';
import { StoreUnavailable } from '../../core/errors.ts';
import type { Random } from '../../core/time.ts';
import { callsOf, type Operation, type Operations, type Output, type StoreCalls, type StoreClient } from './calls.ts';
import { cancellation, isFailedCondition, isOutage, isRace } from './errors.ts';
import { type Expression, expressionsOf, nameMap } from './expressions.ts';
import { fromItem, type Item, toItem, toValues } from './items.ts';
import type { TableName, TableNames } from './tables.ts';

/** A row as it is stored; strings, numbers, booleans, bytes, lists and maps of them. */
export type Row = Record<string, unknown> & { readonly pk: string; readonly sk: string };

export interface Key {
  readonly table: TableName;
  readonly pk: string;
  readonly sk: string;
}

export type Write =
  | { readonly put: TableName; readonly row: Row; readonly when?: Expression }
  | { readonly update: Key; readonly change: Expression; readonly when?: Expression }
  | { readonly remove: Key; readonly when?: Expression }
  | { readonly check: Key; readonly when: Expression };

/** Rows of one partition between two sort keys, both inclusive. */
export interface Range {
  readonly table: TableName;
  readonly index?: string;
  readonly pk: readonly [attribute: string, value: string];
  readonly sk: string;
  readonly from: string;
  readonly to: string;
  readonly descending?: boolean;
  readonly filter?: Expression;
  /** Only these attributes. */
  readonly only?: readonly string[];
}

export interface RangePage {
  readonly rows: readonly Row[];
  readonly last: Item | undefined;
}

/** One of a batch. */
interface Request {
  readonly table: string;
  readonly request: WriteRequest;
}

export type Outcome = { readonly result: 'done' } | { readonly result: 'refused'; readonly failed: readonly number[] };

/** What a try came to that may be made again. */
export interface Race {
  readonly result: 'race';
  readonly error: unknown;
}

/** Above every sort key that we write. */
export const LAST_KEY = '\u{10ffff}';

/** A call with all its tries ends within this. */
const DEADLINE_MS = 3_000;
/** Tries of a call that meets transactions of others on its rows. */
const RACE_TRIES = 8;
const IN_THE_WAY = 'others keep writing the same rows';
/** Bounds of DynamoDB. */
export const BATCH_GET = 100;
const BATCH_WRITE = 25;
/** Batches of one call that are under way at a time: an edge that ends has hundreds. */
const BATCHES_AT_ONCE = 4;
export const TRANSACTION = 100;

export class Database {
  readonly tables: TableNames;
  readonly #calls: StoreCalls;
  readonly #random: Random;
  readonly #pause: (ms: number) => Promise<unknown>;
  readonly #deadlineMs: number;

  /**
   * @param deadlineMs of a call with all its tries
   * @param pause waits between tries
   */
  constructor(
    client: StoreClient,
    tables: TableNames,
    random: Random,
    deadlineMs: number = DEADLINE_MS,
    pause: (ms: number) => Promise<unknown> = sleep,
  ) {
    this.#deadlineMs = deadlineMs;
    this.#calls = callsOf(client);
    this.tables = tables;
    this.#random = random;
    this.#pause = pause;
  }

  /** One row, consistently. */
  async get({ table, pk, sk }: Key): Promise<Row | undefined> {
    const input = { TableName: this.tables[table], Key: toItem({ pk, sk }), ConsistentRead: true };
    const { Item } = await this.#call('GetItem', input);
    return Item && (fromItem(Item) as Row);
  }

  /** Those of the rows that exist, consistently each, in no order. Keys are distinct. */
  async getAll(keys: readonly Key[]): Promise<readonly Row[]> {
    const found: Row[] = [];
    let rest = keys;
    for (let attempt = 0; rest.length > 0; attempt++) {
      const { rows, left } = await this.getSome(rest.slice(0, BATCH_GET));
      for (const [, row] of rows) found.push(row);
      rest = [...left, ...rest.slice(BATCH_GET)];
      if (left.length > 0) await this.backOff(attempt, 'reads are throttled');
    }
    return found;
  }

  /** One call for at most {@link BATCH_GET} distinct keys: the rows that exist, and the keys that the store has put off. */
  async getSome(
    keys: readonly Key[],
  ): Promise<{ readonly rows: readonly [Key, Row][]; readonly left: readonly Key[] }> {
    const request: Record<string, { Keys: Item[]; ConsistentRead: boolean }> = {};
    const names = new Map<string, TableName>();
    for (const { table, pk, sk } of keys) {
      const name = this.tables[table];
      names.set(name, table);
      request[name] ??= { Keys: [], ConsistentRead: true };
      request[name].Keys.push(toItem({ pk, sk }));
    }
    const reply = await this.#call('BatchGetItem', { RequestItems: request });
    const keyOf = (name: string, { pk, sk }: Row): Key => ({ table: names.get(name) as TableName, pk, sk });
    const rows = Object.entries(reply.Responses ?? {}).flatMap(([name, items]) =>
      items.map((item): [Key, Row] => {
        const row = fromItem(item) as Row;
        return [keyOf(name, row), row];
      }),
    );
    const left = Object.entries(reply.UnprocessedKeys ?? {}).flatMap(([name, { Keys = [] }]) =>
      Keys.map((key) => keyOf(name, fromItem(key) as Row)),
    );
    return { rows, left };
  }

  /** One page of a range; consistent on a table, not on an index. */
  async range(range: Range, limit?: number, start?: Item): Promise<RangePage> {
    const input: QueryCommandInput = {
      TableName: this.tables[range.table],
      ...(range.index === undefined ? { ConsistentRead: true } : { IndexName: range.index }),
      KeyConditionExpression: '#k0 = :k0 AND #k1 BETWEEN :from AND :to',
      ...(range.filter === undefined ? {} : { FilterExpression: range.filter.text }),
      ...(range.only === undefined ? {} : { ProjectionExpression: range.only.map((name) => `#${name}`).join(', ') }),
      ExpressionAttributeNames: {
        '#k0': range.pk[0],
        '#k1': range.sk,
        ...nameMap([...(range.filter?.names ?? []), ...(range.only ?? [])]),
      },
      ExpressionAttributeValues: toValues({
        ':k0': range.pk[1],
        ':from': range.from,
        ':to': range.to,
        ...range.filter?.values,
      }),
      ScanIndexForward: range.descending !== true,
      ...(limit === undefined ? {} : { Limit: limit }),
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    };
    const reply = await this.#call('Query', input);
    return { rows: (reply.Items ?? []).map((item) => fromItem(item) as Row), last: reply.LastEvaluatedKey };
  }

  /** All rows of a range, page by page. */
  async *rows(range: Range): AsyncGenerator<Row> {
    let last: Item | undefined;
    do {
      const page = await this.range(range, undefined, last);
      yield* page.rows;
      last = page.last;
    } while (last !== undefined);
  }

  /** All rows of a partition of a table whose sort keys begin so, or those of them that a filter lets pass. */
  async all(table: TableName, pk: string, prefix = '', filter?: Expression): Promise<readonly Row[]> {
    const [from, to] = [prefix === '' ? ' ' : prefix, prefix + LAST_KEY];
    const range: Range = { table, pk: ['pk', pk], sk: 'sk', from, to, ...(filter === undefined ? {} : { filter }) };
    const rows: Row[] = [];
    for await (const row of this.rows(range)) rows.push(row);
    return rows;
  }

  /** Every row of a table, these attributes only. For verification. */
  async *scan(table: TableName, only: readonly string[]): AsyncGenerator<Record<string, unknown>> {
    let last: Item | undefined;
    do {
      const input: ScanCommandInput = {
        TableName: this.tables[table],
        ConsistentRead: true,
        ProjectionExpression: only.map((name) => `#${name}`).join(', '),
        ExpressionAttributeNames: nameMap(only),
        ...(last === undefined ? {} : { ExclusiveStartKey: last }),
      };
      const reply = await this.#call('Scan', input);
      for (const item of reply.Items ?? []) yield fromItem(item);
      last = reply.LastEvaluatedKey;
    } while (last !== undefined);
  }

  /** One write under its condition. False: the condition did not hold. */
  async write(write: Exclude<Write, { check: Key }>): Promise<boolean> {
    const item = this.#item(write);
    try {
      if (item.Put) await this.#call('PutItem', item.Put);
      else if (item.Delete) await this.#call('DeleteItem', item.Delete);
      else await this.#call('UpdateItem', item.Update as NonNullable<typeof item.Update>);
      return true;
    } catch (error) {
      if (isFailedCondition(error)) return false;
      throw error;
    }
  }

  /** Adds to a number of a row, which begins at 0, and gives the sum. Adds once more when a reply was lost. */
  async increment({ table, pk, sk }: Key, attribute: string): Promise<number> {
    const { Attributes } = await this.#call('UpdateItem', {
      TableName: this.tables[table],
      Key: toItem({ pk, sk }),
      UpdateExpression: 'ADD #n :one',
      ExpressionAttributeNames: { '#n': attribute },
      ExpressionAttributeValues: toValues({ ':one': 1 }),
      ReturnValues: 'UPDATED_NEW',
    });
    return fromItem(Attributes ?? {})[attribute] as number;
  }

  /** All writes or none. `failed`: indexes of the writes whose condition did not hold. @param token at most 36 characters */
  async transact(writes: readonly Write[], token?: string): Promise<Outcome> {
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.tryTransact(writes, token);
      if (outcome.result !== 'race') return outcome;
      await this.backOff(attempt, IN_THE_WAY, outcome.error);
    }
  }

  /** The same, once. `race`: somebody else's transaction was in the way, and nothing was done. */
  async tryTransact(writes: readonly Write[], token?: string): Promise<Outcome | Race> {
    if (writes.length > TRANSACTION) {
      throw new RangeError(`a transaction of ${writes.length} rows; ${TRANSACTION} are the most`);
    }
    const input = {
      TransactItems: writes.map((write) => this.#item(write)),
      ...(token === undefined ? {} : { ClientRequestToken: token }),
    };
    try {
      await this.#once('TransactWriteItems', input);
      return { result: 'done' };
    } catch (error) {
      const cancelled = cancellation(error);
      if (cancelled?.kind === 'conditions') return { result: 'refused', failed: cancelled.failed };
      if (cancelled?.kind === 'race' || isRace(error)) return { result: 'race', error };
      throw error;
    }
  }

  /** Puts and removes without conditions, in batches, some at a time; neither one transaction nor in order. */
  async batch(
    writes: readonly ({ readonly put: TableName; readonly row: Row } | { readonly remove: Key })[],
  ): Promise<void> {
    const requests: readonly Request[] = writes.map((write) =>
      'put' in write
        ? { table: this.tables[write.put], request: { PutRequest: { Item: toItem(write.row) } } }
        : {
            table: this.tables[write.remove.table],
            request: { DeleteRequest: { Key: toItem({ pk: write.remove.pk, sk: write.remove.sk }) } },
          },
    );
    let next = 0;
    const some = async (): Promise<void> => {
      while (next < requests.length) {
        const batch = requests.slice(next, next + BATCH_WRITE);
        next += BATCH_WRITE;
        await this.#writeBatch(batch);
      }
    };
    await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, some));
  }

  async #writeBatch(batch: readonly Request[]): Promise<void> {
    let rest = batch;
    for (let attempt = 0; rest.length > 0; attempt++) {
      const reply = await this.#call('BatchWriteItem', { RequestItems: toRequests(rest) });
      rest = Object.entries(reply.UnprocessedItems ?? {}).flatMap(([table, left]) =>
        left.map((request) => ({ table, request })),
      );
      if (rest.length > 0) await this.backOff(attempt, 'writes are throttled');
    }
  }

  /** One call, again when transactions of others are in its way. */
  async #call<K extends Operation>(operation: K, input: Operations[K][0]): Promise<Output<K>> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(operation, input);
      } catch (error) {
        if (!isRace(error) && cancellation(error)?.kind !== 'race') throw error;
        await this.backOff(attempt, IN_THE_WAY, error);
      }
    }
  }

  /** One call within its deadline. */
  async #once<K extends Operation>(operation: K, input: Operations[K][0]): Promise<Output<K>> {
    try {
      return await this.#calls.call(operation, input, this.#deadlineMs);
    } catch (error) {
      if (!isOutage(error) && cancellation(error)?.kind !== 'outage') throw error;
      throw new StoreUnavailable('the store does not answer', { cause: error });
    }
  }

  /** Waits before another try, longer each time. @throws StoreUnavailable when there have been enough */
  async backOff(attempt: number, what: string, cause?: unknown): Promise<void> {
    if (attempt + 1 >= RACE_TRIES) throw new StoreUnavailable(what, { cause });
    const share = ((this.#random.bytes(1)[0] ?? 0) + 1) / 256;
    await this.#pause(Math.min(200, 4 * 2 ** attempt) * share);
  }

  #item(write: Write): TransactWriteItem {
    const expressions = expressionsOf(write.when, 'change' in write ? write.change : undefined);
    const at = ({ table, pk, sk }: Key) => ({ TableName: this.tables[table], Key: toItem({ pk, sk }) });
    if ('put' in write) return { Put: { TableName: this.tables[write.put], Item: toItem(write.row), ...expressions } };
    if ('update' in write)
      return { Update: { ...at(write.update), UpdateExpression: write.change.text, ...expressions } };
    if ('remove' in write) return { Delete: { ...at(write.remove), ...expressions } };
    return { ConditionCheck: { ...at(write.check), ConditionExpression: write.when.text, ...expressions } };
  }
}

function toRequests<T>(writes: readonly { readonly table: string; readonly request: T }[]): Record<string, T[]> {
  const requests: Record<string, T[]> = {};
  for (const { table, request } of writes) {
    requests[table] ??= [];
    requests[table].push(request);
  }
  return requests;
}
