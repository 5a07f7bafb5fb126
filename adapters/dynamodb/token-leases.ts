/** The limiter's items in DynamoDB: `U#user / BUCKETS`, one conditional put an exchange, no read in the good case. */
import type { AttributeValue, ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { StoreUnavailable } from '../../core/errors.ts';
import type { Three } from '../../core/limits/kinds.ts';
import type { Buckets, Lease } from '../../core/limits/lease.ts';
import {
  type Exchanged,
  type ExchangeOutcome,
  MAX_EXCHANGE_TRIES,
  type TokenLeases,
} from '../../core/limits/leases-port.ts';
import { callsOf, type Operation, type Operations, type Output, type StoreCalls, type StoreClient } from './calls.ts';
import { isFailedCondition, isOutage, isRace } from './errors.ts';
import type { Item } from './items.ts';

/** One write with the SDK's own retries; the limiter has given up on it long before. */
const DEADLINE_MS = 3_000;
const SORT_KEY = 'BUCKETS';
/**
 * Of the item; absent: 1. A release may add what others may pass over; for anything else it takes the next number, and one that does not
 * know it leaves the item alone: written over, tokens that another edge holds would be granted again.
 */
const FORMAT = 1;

export class DynamoTokenLeases implements TokenLeases {
  readonly #calls: StoreCalls;
  readonly #table: string;

  /** @param table the name of the `limits` table */
  constructor(client: StoreClient, table: string) {
    this.#calls = callsOf(client);
    this.#table = table;
  }

  async exchange<R>(
    userId: string,
    known: Buckets | undefined,
    compute: (current: Buckets | undefined) => Exchanged<R> | undefined,
  ): Promise<ExchangeOutcome<R>> {
    let current = known;
    for (let tries = 0; tries < MAX_EXCHANGE_TRIES; tries++) {
      const exchanged = compute(current);
      if (exchanged === undefined) return { outcome: 'abandoned' };
      const failed = await this.#put(userId, exchanged.next, current);
      if (failed === undefined) return { outcome: 'written', buckets: exchanged.next, result: exchanged.result };
      current = failed.item;
    }
    return { outcome: 'contended', current };
  }

  async read(userId: string): Promise<Buckets | undefined> {
    const input = { TableName: this.#table, Key: keyOf(userId), ConsistentRead: true };
    const { Item } = await this.#call('GetItem', input);
    return Item === undefined ? undefined : fromItem(Item);
  }

  /** Undefined: written. Else the item that stood in the way, or none. */
  async #put(
    userId: string,
    next: Buckets,
    current: Buckets | undefined,
  ): Promise<{ readonly item: Buckets | undefined } | undefined> {
    const input = {
      TableName: this.#table,
      Item: toItem(userId, next),
      ...(current === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: '#version = :version',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: { ':version': number(current.version) },
          }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    } as const;
    try {
      await this.#call('PutItem', input);
      return undefined;
    } catch (error) {
      if (!isFailedCondition(error)) throw error;
      const { Item } = error as ConditionalCheckFailedException;
      return { item: Item === undefined ? undefined : fromItem(Item) };
    }
  }

  async #call<K extends Operation>(operation: K, input: Operations[K][0]): Promise<Output<K>> {
    try {
      return await this.#calls.call(operation, input, DEADLINE_MS);
    } catch (error) {
      if (isOutage(error) || isRace(error)) throw new StoreUnavailable('the store does not answer', { cause: error });
      throw error;
    }
  }
}

function keyOf(userId: string): Item {
  return { pk: { S: `U#${userId}` }, sk: { S: SORT_KEY } };
}

/** Nanoseconds since 1970 have 19 digits: DynamoDB's numbers hold them, JavaScript's do not. */
function number(value: number | bigint): AttributeValue {
  return { N: String(value) };
}

function toItem(userId: string, buckets: Buckets): Item {
  const { limits, tats, edges } = buckets;
  const records: Item = {};
  for (const [edge, { tokens, expires, call }] of Object.entries(edges)) {
    records[edge] = { M: { tokens: { L: tokens.map(number) }, expires: number(expires), call: number(call) } };
  }
  return {
    ...keyOf(userId),
    format: number(FORMAT),
    version: number(buckets.version),
    orders_per_second: number(limits.orders_per_second),
    messages_per_second: number(limits.messages_per_second),
    burst: number(limits.burst),
    assignment: number(limits.assignment),
    definition: number(limits.definition),
    tats: { L: tats.map(number) },
    edges: { M: records },
  };
}

/** @throws StoreUnavailable of a later release; the limiter then does as if the store were away */
function fromItem(item: Item): Buckets {
  const format = Number(item.format?.N ?? FORMAT);
  if (format > FORMAT) throw new StoreUnavailable(`leases of format ${format}, which is of a later release`);
  const edges: Record<string, Lease> = {};
  for (const [edge, record] of Object.entries(item.edges?.M ?? {})) {
    const lease = record.M ?? {};
    edges[edge] = {
      tokens: three(lease.tokens, Number),
      expires: BigInt(digits(lease.expires)),
      call: Number(digits(lease.call)),
    };
  }
  const field = (name: string) => Number(digits(item[name]));
  return {
    version: field('version'),
    limits: {
      orders_per_second: field('orders_per_second'),
      messages_per_second: field('messages_per_second'),
      burst: field('burst'),
      assignment: field('assignment'),
      definition: field('definition'),
    },
    tats: three(item.tats, BigInt),
    edges,
  };
}

function three<T>(value: AttributeValue | undefined, as: (digits: string) => T): Three<T> {
  const [order, message, cancel] = value?.L ?? [];
  return [as(digits(order)), as(digits(message)), as(digits(cancel))];
}

/** @throws TypeError the item is not one of ours */
function digits(value: AttributeValue | undefined): string {
  if (value?.N === undefined) throw new TypeError('a BUCKETS item lacks a number');
  return value.N;
}
