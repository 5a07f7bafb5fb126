/** Makes the store from environment variables, without keys: what needs no keys does not load the libraries for them. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import type { TokenLeases } from '../core/limits/leases-port.ts';
import { callsOf, type StoreCalls } from './dynamodb/calls.ts';
import { type ClientOptions, createClient } from './dynamodb/client.ts';
import { createTables } from './dynamodb/create-tables.ts';
import { createDynamoAdapters } from './dynamodb/stores.ts';
import type { TableNames } from './dynamodb/tables.ts';
import { DynamoTokenLeases } from './dynamodb/token-leases.ts';
import { WholeBatches } from './dynamodb/whole-batches.ts';
import { systemRandom } from './node/random.ts';
import type { Stores } from './stores.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that are missing or wrong; the message names each. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

export const tableName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{3,255}$/, 'is no table name (3 to 255 of A-Z a-z 0-9 _ . -)');
const text = z.string().min(1, 'is empty');

/** Where the tables are; SDK credentials are found by the SDK. */
export const STORE_VARIABLES = {
  AWS_REGION: text,
  FIXGATE_DYNAMODB_ENDPOINT: z.url({ protocol: /^https?$/, error: 'is no http or https address' }).optional(),
  FIXGATE_TABLE_CREDENTIALS: tableName,
  FIXGATE_TABLE_SESSIONS: tableName,
  FIXGATE_TABLE_LIMITS: tableName,
  FIXGATE_TABLE_POLICY: tableName,
  FIXGATE_TABLE_AUDIT: tableName,
  FIXGATE_TABLE_JOURNAL: tableName,
  /** Where rows of edges that start are kept: `spread` is for very many edges. */
  FIXGATE_EDGE_ROWS: z.enum(['together', 'spread'], { error: 'is neither together nor spread' }).default('together'),
  /** How batches of writes are made: `whole`, each in one transaction, for a store that would commit row by row. */
  FIXGATE_STORE_BATCHES: z.enum(['by_row', 'whole'], { error: 'is neither by_row nor whole' }).default('by_row'),
};

const Store = z.object(STORE_VARIABLES);
export type StoreVariables = z.output<typeof Store>;

/** The variables of `schema`, checked. @throws EnvironmentError naming each that is missing or wrong */
export function readVariables<T extends z.ZodType>(schema: T, env: Environment): z.output<T> {
  // In shells and task definitions an empty variable means that it is not set.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const variable = String(path[0] ?? 'FIXGATE_KEY_PROVIDER');
    return `${variable} ${given[variable] === undefined ? 'is missing' : `is wrong: ${message}`}`;
  });
  throw new EnvironmentError(problems.join('; '));
}

export interface OpenStores {
  readonly stores: Stores;
  readonly leases: TokenLeases;
  readonly client: DynamoDBClient;
  readonly tables: TableNames;
  /** Makes tables that do not exist yet. In AWS the stack makes them. */
  makeTables(): Promise<void>;
  /** Closes connections. Not needed at the end of a process. */
  close(): void;
}

/** @throws EnvironmentError */
export function openStores(env: Environment): OpenStores {
  return openStoresOf(readVariables(Store, env));
}

export function clientOptions(variables: StoreVariables): ClientOptions {
  const endpoint = variables.FIXGATE_DYNAMODB_ENDPOINT;
  return { region: variables.AWS_REGION, ...(endpoint === undefined ? {} : { endpoint }) };
}

export function openClient(variables: StoreVariables): DynamoDBClient {
  return createClient(clientOptions(variables));
}

export function tablesOf(variables: StoreVariables): TableNames {
  return {
    credentials: variables.FIXGATE_TABLE_CREDENTIALS,
    sessions: variables.FIXGATE_TABLE_SESSIONS,
    limits: variables.FIXGATE_TABLE_LIMITS,
    policy: variables.FIXGATE_TABLE_POLICY,
    audit: variables.FIXGATE_TABLE_AUDIT,
    journal: variables.FIXGATE_TABLE_JOURNAL,
  };
}

/** The same from checked variables. @param calls how DynamoDB is called; by default by the SDK */
export function openStoresOf(variables: StoreVariables, calls?: StoreCalls & { destroy(): void }): OpenStores {
  const client = openClient(variables);
  const tables = tablesOf(variables);
  const whole = variables.FIXGATE_STORE_BATCHES === 'whole';
  return {
    stores: createDynamoAdapters({
      client: whole ? new WholeBatches(calls ?? callsOf(client)) : (calls ?? client),
      tables,
      random: systemRandom,
      edgeRows: variables.FIXGATE_EDGE_ROWS,
    }),
    leases: new DynamoTokenLeases(calls ?? client, tables.limits),
    client,
    tables,
    makeTables: () => createTables(client, tables),
    close: () => {
      calls?.destroy();
      client.destroy();
    },
  };
}
