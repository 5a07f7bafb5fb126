/** What the adapters ask of DynamoDB, call by call, whoever carries it: the SDK (here), or direct.ts where calls are many. */
import {
  BatchGetItemCommand,
  type BatchGetItemCommandInput,
  type BatchGetItemCommandOutput,
  BatchWriteItemCommand,
  type BatchWriteItemCommandInput,
  type BatchWriteItemCommandOutput,
  DeleteItemCommand,
  type DeleteItemCommandInput,
  type DeleteItemCommandOutput,
  type DynamoDBClient,
  GetItemCommand,
  type GetItemCommandInput,
  type GetItemCommandOutput,
  PutItemCommand,
  type PutItemCommandInput,
  type PutItemCommandOutput,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
  ScanCommand,
  type ScanCommandInput,
  type ScanCommandOutput,
  TransactWriteItemsCommand,
  type TransactWriteItemsCommandInput,
  type TransactWriteItemsCommandOutput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
  type UpdateItemCommandOutput,
} from '@aws-sdk/client-dynamodb';

/** Inputs and outputs by operation, as the API reference names their fields. */
export interface Operations {
  readonly GetItem: readonly [GetItemCommandInput, GetItemCommandOutput];
  readonly BatchGetItem: readonly [BatchGetItemCommandInput, BatchGetItemCommandOutput];
  readonly Query: readonly [QueryCommandInput, QueryCommandOutput];
  readonly Scan: readonly [ScanCommandInput, ScanCommandOutput];
  readonly PutItem: readonly [PutItemCommandInput, PutItemCommandOutput];
  readonly UpdateItem: readonly [UpdateItemCommandInput, UpdateItemCommandOutput];
  readonly DeleteItem: readonly [DeleteItemCommandInput, DeleteItemCommandOutput];
  readonly BatchWriteItem: readonly [BatchWriteItemCommandInput, BatchWriteItemCommandOutput];
  readonly TransactWriteItems: readonly [TransactWriteItemsCommandInput, TransactWriteItemsCommandOutput];
}
export type Operation = keyof Operations;
export type Output<K extends Operation> = Omit<Operations[K][1], '$metadata'>;

export interface StoreCalls {
  /**
   * One call with its tries. Rejects within about `deadlineMs` (ms), with an Error that has the name and the fields of
   * DynamoDB's exception, or one that says that there was no answer (errors.ts).
   */
  call<K extends Operation>(operation: K, input: Operations[K][0], deadlineMs: number): Promise<Output<K>>;
}

/** Whoever makes stores may have a client of the SDK. */
export type StoreClient = DynamoDBClient | StoreCalls;

export function callsOf(client: StoreClient): StoreCalls {
  return 'call' in client ? client : new SdkCalls(client);
}

const COMMANDS = {
  GetItem: GetItemCommand,
  BatchGetItem: BatchGetItemCommand,
  Query: QueryCommand,
  Scan: ScanCommand,
  PutItem: PutItemCommand,
  UpdateItem: UpdateItemCommand,
  DeleteItem: DeleteItemCommand,
  BatchWriteItem: BatchWriteItemCommand,
  TransactWriteItems: TransactWriteItemsCommand,
} as const;

class SdkCalls implements StoreCalls {
  readonly #client: DynamoDBClient;

  constructor(client: DynamoDBClient) {
    this.#client = client;
  }

  call<K extends Operation>(operation: K, input: Operations[K][0], deadlineMs: number): Promise<Output<K>> {
    const Command = COMMANDS[operation] as new (input: Operations[K][0]) => GetItemCommand;
    const abortSignal = AbortSignal.timeout(deadlineMs);
    return this.#client.send(new Command(input), { abortSignal }) as Promise<unknown> as Promise<Output<K>>;
  }
}
