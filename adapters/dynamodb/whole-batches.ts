/**
 * Makes each batch of writes as one transaction, for a store that commits a batch row by row: the embedded one syncs its file for each
 * row of BatchWriteItem, 0.5 to 2 ms, and once for a transaction. In DynamoDB a transaction costs twice as much as a batch, so there batches
 * stay what they are. What a transaction does not take (one more is in its way, or it is too large) is written as a batch.
 */
import type { BatchWriteItemCommandInput, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { Operation, Operations, Output, StoreCalls } from './calls.ts';
import { cancellation, isOutage } from './errors.ts';

export class WholeBatches implements StoreCalls {
  readonly #calls: StoreCalls;

  constructor(calls: StoreCalls) {
    this.#calls = calls;
  }

  call<K extends Operation>(operation: K, input: Operations[K][0], deadlineMs: number): Promise<Output<K>> {
    if (operation !== 'BatchWriteItem') return this.#calls.call(operation, input, deadlineMs);
    return this.#batch(input as BatchWriteItemCommandInput, deadlineMs) as Promise<Output<K>>;
  }

  async #batch(input: BatchWriteItemCommandInput, deadlineMs: number): Promise<Output<'BatchWriteItem'>> {
    const until = performance.now() + deadlineMs;
    try {
      await this.#calls.call('TransactWriteItems', { TransactItems: itemsOf(input) }, deadlineMs);
      return {};
    } catch (error) {
      if (isOutage(error) || cancellation(error)?.kind === 'outage') throw error;
      return this.#calls.call('BatchWriteItem', input, until - performance.now());
    }
  }
}

function itemsOf({ RequestItems = {} }: BatchWriteItemCommandInput): TransactWriteItem[] {
  return Object.entries(RequestItems).flatMap(([TableName, requests]) =>
    requests.map(({ PutRequest, DeleteRequest }) =>
      DeleteRequest === undefined
        ? { Put: { TableName, Item: PutRequest?.Item } }
        : { Delete: { TableName, Key: DeleteRequest.Key } },
    ),
  );
}
