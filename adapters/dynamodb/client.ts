/** A DynamoDB client that gives up soon: nobody on a FIX line waits longer than seconds for a store. */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

export interface ClientOptions {
  readonly region: string;
  /** Another endpoint than AWS's own: the embedded store, DynamoDB Local, LocalStack. */
  readonly endpoint?: string;
  /** Undefined: the SDK's own chain (the role of the function or task). */
  readonly credentials?: DynamoDBClientConfig['credentials'];
  /** How long one try may take, ms; a store that answers slowly for its own reasons (an emulator) may be given more. */
  readonly requestTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 1_000;
export const REQUEST_TIMEOUT_MS = 2_000;
/** The first try and two more; the deadline of a call (database.ts) stands above them. */
export const MAX_ATTEMPTS = 3;
/** More requests than these at once wait for a connection. */
export const MAX_SOCKETS = 128;

/** Of a try that may take so long. */
export const connectTimeoutMs = (requestTimeout: number): number => Math.max(CONNECT_TIMEOUT_MS, requestTimeout / 2);

/** @param options where the store is, and who asks */
export function createClient(options: ClientOptions): DynamoDBClient {
  const { requestTimeoutMs: requestTimeout = REQUEST_TIMEOUT_MS } = options;
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const client = new DynamoDBClient({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: connectTimeoutMs(requestTimeout),
      requestTimeout,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  // It takes every request and reply to pieces for a log that nobody has asked for.
  client.middlewareStack.remove('loggerMiddleware');
  return client;
}
