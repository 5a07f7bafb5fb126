/** A DynamoDB client that gives up soon: nobody on a FIX line waits longer than seconds for a store. */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

export interface ClientOptions {
  readonly region: string;
  /** Another endpoint than AWS's own: the embedded store, DynamoDB Local, LocalStack. */
  readonly endpoint?: string;
  /** Undefined: the SDK's own chain (the role of the function or task). */
  readonly credentials?: DynamoDBClientConfig['credentials'];
}

const CONNECT_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 2_000;
/** The first try and two more; the deadline of a call (database.ts) stands above them. */
const MAX_ATTEMPTS = 3;
/** More requests than these at once wait for a connection. */
const MAX_SOCKETS = 128;

/** @param options where the store is, and who asks */
export function createClient(options: ClientOptions): DynamoDBClient {
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return new DynamoDBClient({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
}
