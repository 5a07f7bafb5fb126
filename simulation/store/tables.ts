/**
 * DynamoDB in memory: what each call does, at one instant and in one go. Time, loss and delay are the client's matter.
 * Rows are never changed in place, by nobody: they are handed out as they are.
 */
import {
  type AttributeValue,
  type BatchGetItemCommandInput,
  type BatchWriteItemCommandInput,
  type CancellationReason,
  ConditionalCheckFailedException,
  type DeleteItemCommandInput,
  type GetItemCommandInput,
  type PutItemCommandInput,
  type QueryCommandInput,
  type ScanCommandInput,
  TransactionCanceledException,
  type TransactWriteItem,
  type TransactWriteItemsCommandInput,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { attribute, conditionOf, type Item, updateOf } from './expressions.ts';

type Partition = Map<string, Item>;

/** One write with its condition, as single calls and transactions have it in common. */
export interface Change {
  readonly TableName?: string | undefined;
  readonly Key?: Item | undefined;
  readonly Item?: Item | undefined;
  readonly UpdateExpression?: string | undefined;
  readonly ConditionExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Record<string, string> | undefined;
  readonly ExpressionAttributeValues?: Record<string, AttributeValue> | undefined;
}

export type ChangeKind = 'Put' | 'Update' | 'Delete' | 'ConditionCheck';
const KINDS: readonly ChangeKind[] = ['Put', 'Update', 'Delete', 'ConditionCheck'];

/** Told of each row that was written or removed. */
export type OnWrite = (table: string, pk: string, sk: string, item: Item | undefined) => void;

/** How long the token of a transaction is remembered (DynamoDB: ten minutes). */
const TOKEN_LIFE_MS = 600_000;

export class Tables {
  onWrite: OnWrite = () => {};
  readonly #tables = new Map<string, Map<string, Partition>>();
  readonly #tokens = new Map<string, { readonly until: number; readonly items: readonly TransactWriteItem[] }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** One row as it is now; not to be changed. */
  peek(table: string, pk: string, sk: string): Item | undefined {
    return this.#tables.get(table)?.get(pk)?.get(sk);
  }

  /** Rows of a partition, by sort key. */
  partition(table: string, pk: string): readonly Item[] {
    const rows = [...(this.#tables.get(table)?.get(pk) ?? [])];
    return rows.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
  }

  readonly calls: Readonly<Record<string, (input: never) => object>> = {
    GetItemCommand: (input: GetItemCommandInput) => this.#get(input),
    BatchGetItemCommand: (input: BatchGetItemCommandInput) => this.#batchGet(input),
    QueryCommand: (input: QueryCommandInput) => this.#query(input),
    ScanCommand: (input: ScanCommandInput) => this.#scan(input),
    PutItemCommand: (input: PutItemCommandInput) => this.#one('Put', input as Change, input),
    UpdateItemCommand: (input: UpdateItemCommandInput) => this.#one('Update', input as Change, input),
    DeleteItemCommand: (input: DeleteItemCommandInput) => this.#one('Delete', input as Change, input),
    BatchWriteItemCommand: (input: BatchWriteItemCommandInput) => this.#batchWrite(input),
    TransactWriteItemsCommand: (input: TransactWriteItemsCommandInput) => this.#transact(input),
  };

  #get({ TableName, Key }: GetItemCommandInput): object {
    const Item = this.peek(TableName ?? '', Key?.pk?.S ?? '', Key?.sk?.S ?? '');
    return Item === undefined ? {} : { Item };
  }

  #batchGet({ RequestItems = {} }: BatchGetItemCommandInput): object {
    const Responses: Record<string, Item[]> = {};
    for (const [table, { Keys = [] }] of Object.entries(RequestItems)) {
      const rows = Keys.map((key) => this.peek(table, key.pk?.S ?? '', key.sk?.S ?? ''));
      Responses[table] = rows.flatMap((row) => (row === undefined ? [] : [row]));
    }
    return { Responses };
  }

  #query(input: QueryCommandInput): object {
    if (input.IndexName !== undefined) throw new SyntaxError(`no indexes here: ${input.IndexName}`);
    const by = { names: input.ExpressionAttributeNames, values: input.ExpressionAttributeValues };
    const within = conditionOf(input.KeyConditionExpression ?? '');
    const passes = input.FilterExpression === undefined ? undefined : conditionOf(input.FilterExpression);
    const pk = by.values?.[':k0']?.S ?? '';
    const start = input.ExclusiveStartKey?.sk?.S;
    let rows = this.partition(input.TableName ?? '', pk).filter((row) => within(row, by));
    if (input.ScanIndexForward === false) rows = [...rows].reverse();
    if (start !== undefined) rows = rows.slice(rows.findIndex((row) => row.sk?.S === start) + 1);
    const read = rows.slice(0, input.Limit ?? rows.length);
    const last = read.length < rows.length ? read.at(-1) : undefined;
    const Items = read.filter((row) => passes?.(row, by) ?? true).map((row) => projected(row, input));
    const key = last && { pk: last.pk, sk: last.sk };
    return key === undefined ? { Items } : { Items, LastEvaluatedKey: key };
  }

  #scan(input: ScanCommandInput): object {
    const partitions = [...(this.#tables.get(input.TableName ?? '') ?? [])];
    return {
      Items: partitions.flatMap(([, rows]) => [...rows.values()].map((row) => projected(row, input))),
    };
  }

  #one(kind: ChangeKind, change: Change, input: { ReturnValuesOnConditionCheckFailure?: string | undefined }): object {
    if (!this.#holds(change)) {
      const standing = this.#row(change);
      const told = input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && standing !== undefined;
      throw new ConditionalCheckFailedException({
        $metadata: {},
        message: 'The conditional request failed',
        ...(told ? { Item: standing } : {}),
      });
    }
    this.#apply(kind, change);
    return { Attributes: this.#row(change) ?? {} };
  }

  #batchWrite({ RequestItems = {} }: BatchWriteItemCommandInput): object {
    for (const [TableName, requests] of Object.entries(RequestItems)) {
      for (const { PutRequest, DeleteRequest } of requests) {
        if (PutRequest !== undefined) this.#apply('Put', { TableName, Item: PutRequest.Item });
        else this.#apply('Delete', { TableName, Key: DeleteRequest?.Key });
      }
    }
    return {};
  }

  #transact({ TransactItems = [], ClientRequestToken: token }: TransactWriteItemsCommandInput): object {
    if (token !== undefined && this.#wasDone(token, TransactItems)) return {};
    const changes = TransactItems.map(changeOf);
    const reasons: CancellationReason[] = changes.map(({ change }) =>
      this.#holds(change) ? { Code: 'None' } : { Code: 'ConditionalCheckFailed' },
    );
    if (reasons.some(({ Code }) => Code !== 'None')) throw cancelled(reasons);
    for (const { kind, change } of changes) this.#apply(kind, change);
    if (token !== undefined) this.#tokens.set(token, { until: this.#now() + TOKEN_LIFE_MS, items: TransactItems });
    return {};
  }

  #wasDone(token: string, items: readonly TransactWriteItem[]): boolean {
    const known = this.#tokens.get(token);
    if (known === undefined || known.until < this.#now()) return false;
    if (known.items !== items && JSON.stringify(known.items) !== JSON.stringify(items))
      throw new TypeError(`token ${token} stands for another transaction`);
    return true;
  }

  #row({ TableName = '', Key, Item }: Change): Item | undefined {
    const key = Key ?? Item;
    return this.peek(TableName, key?.pk?.S ?? '', key?.sk?.S ?? '');
  }

  #holds(change: Change): boolean {
    const { ConditionExpression, ExpressionAttributeNames: names, ExpressionAttributeValues: values } = change;
    return ConditionExpression === undefined || conditionOf(ConditionExpression)(this.#row(change), { names, values });
  }

  #apply(kind: ChangeKind, change: Change): void {
    if (kind === 'ConditionCheck') return;
    const { TableName = '', Key, Item } = change;
    const key = Key ?? Item;
    const pk = key?.pk?.S;
    const sk = key?.sk?.S;
    if (pk === undefined || sk === undefined) throw new TypeError('a write without its key');
    const table = this.#tables.get(TableName) ?? new Map<string, Partition>();
    this.#tables.set(TableName, table);
    const rows = table.get(pk) ?? new Map<string, Item>();
    table.set(pk, rows);
    const next = kind === 'Delete' ? undefined : kind === 'Put' ? Item : updated(rows.get(sk), change);
    if (next === undefined) rows.delete(sk);
    else rows.set(sk, next);
    this.onWrite(TableName, pk, sk, next);
  }
}

function updated(before: Item | undefined, change: Change): Item {
  const { Key, UpdateExpression = '', ExpressionAttributeNames: names, ExpressionAttributeValues: values } = change;
  const item = { ...(before ?? Key) };
  updateOf(UpdateExpression)(item, { names, values });
  return item;
}

function changeOf(item: TransactWriteItem): { readonly kind: ChangeKind; readonly change: Change } {
  const kind = KINDS.find((one) => item[one] !== undefined);
  if (kind === undefined) throw new TypeError('an empty item of a transaction');
  return { kind, change: item[kind] as Change };
}

export function cancelled(CancellationReasons: CancellationReason[]): TransactionCanceledException {
  return new TransactionCanceledException({ $metadata: {}, message: 'Transaction cancelled', CancellationReasons });
}

function projected(
  row: Item,
  by: { ProjectionExpression?: string | undefined; ExpressionAttributeNames?: Record<string, string> | undefined },
): Item {
  if (by.ProjectionExpression === undefined) return row;
  const names = by.ProjectionExpression.split(',').map((one) => attribute(one.trim(), by.ExpressionAttributeNames));
  return Object.fromEntries(names.flatMap((name) => (row[name] ? [[name, row[name]]] : [])));
}
