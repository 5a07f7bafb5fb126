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
  /** Told of each reply's Date (epoch ms) and of when the request went and the reply came (monotonic ms). */
  readonly onDate?: OnDate | undefined;
}

export type OnDate = (date: number, sent: number, heard: number) => void;

const CONNECT_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 2_000;
/** The first try and two more; the deadline of a call (database.ts) stands above them. */
const MAX_ATTEMPTS = 3;
/** More requests than these at once wait for a connection. */
const MAX_SOCKETS = 128;

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
      connectionTimeout: Math.max(CONNECT_TIMEOUT_MS, requestTimeout / 2),
      requestTimeout,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  // It takes every request and reply to pieces for a log that nobody has asked for.
  client.middlewareStack.remove('loggerMiddleware');
  if (options.onDate !== undefined) watchDates(client, options.onDate);
  return client;
}

/** Next to the wire, within retries: each try is timed by itself. */
function watchDates(client: DynamoDBClient, onDate: OnDate): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const sent = performance.now();
      const answer = await next(args);
      const { headers } = answer.response as { headers?: Readonly<Record<string, string>> };
      if (headers?.date !== undefined) onDate(Date.parse(headers.date), sent, performance.now());
      return answer;
    },
    { step: 'deserialize', priority: 'low', name: 'watchDates' },
  );
}
