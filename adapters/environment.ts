/**
 * Stores, leases and keys as the environment names them: the one place where lambdas, the edge, tools and firms' own
 * gateways turn variables into adapters. Read once; a wrong value stops the start with the variable's name.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { z } from 'zod';
import type { TokenLeases } from '../core/limits/leases-port.ts';
import type { SecretBox, SecretVault } from '../core/ports.ts';
import { createClient, type OnDate } from './dynamodb/client.ts';
import { createTables } from './dynamodb/create-tables.ts';
import { createDynamoAdapters } from './dynamodb/stores.ts';
import { DynamoTokenLeases } from './dynamodb/token-leases.ts';
import { fileMasterKeys } from './kms/master-keys.ts';
import { createHierarchicalSecretBox, createRawAesSecretBox } from './kms/secret-box.ts';
import { createKmsVault, createRawAesVault } from './kms/vault.ts';
import { systemRandom } from './node/random.ts';
import type { Stores } from './stores.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable is missing or wrong; the message names each. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

const tableName = z.string().regex(/^[A-Za-z0-9_.-]{3,255}$/, 'is no table name (3 to 255 of A-Z a-z 0-9 _ . -)');
const arn = z.string().regex(/^arn:[^\s]+$/, 'is no ARN');
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
};

/** Keys in a file: JSON with master_key and cursor_key, as `npm run secrets` writes it. */
export const LOCAL_KEY_VARIABLES = { FIXGATE_KEY_PROVIDER: z.literal('local'), FIXGATE_SECRETS_FILE: text };

/** Keys in KMS: a branch key in its table, wrapped by a KMS key, and another KMS key for secrets of HMAC. */
export const KMS_KEY_VARIABLES = {
  FIXGATE_KEY_PROVIDER: z.literal('kms'),
  FIXGATE_TABLE_BRANCH_KEYS: tableName,
  FIXGATE_ENVELOPE_KEY_ARN: arn,
  FIXGATE_BRANCH_KEY_ID: text.default('fixgate'),
  FIXGATE_PROOF_KEY_ARN: arn,
};

const Store = z.object(STORE_VARIABLES);
const Keys = z.discriminatedUnion('FIXGATE_KEY_PROVIDER', [z.object(LOCAL_KEY_VARIABLES), z.object(KMS_KEY_VARIABLES)]);
export type StoreVariables = z.output<typeof Store>;
export type KeyVariables = z.output<typeof Keys>;

/** The variables of `schema`, checked. @throws EnvironmentError naming each that is missing or wrong */
export function readVariables<T extends z.ZodType>(schema: T, env: Environment): z.output<T> {
  // An empty variable is how shells and task definitions say that there is none.
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
  /** Makes the tables that are not there yet; in AWS the stack does. */
  makeTables(): Promise<void>;
  /** Closes connections; a process that ends needs no call. */
  close(): void;
}

/** @throws EnvironmentError */
export function openStores(env: Environment): OpenStores {
  return openStoresOf(readVariables(Store, env));
}

/** The same, of variables that are checked already. */
export function openStoresOf(variables: StoreVariables, onDate?: OnDate): OpenStores {
  const endpoint = variables.FIXGATE_DYNAMODB_ENDPOINT;
  const client = createClient({
    region: variables.AWS_REGION,
    ...(endpoint === undefined ? {} : { endpoint }),
    onDate,
  });
  const tables = {
    credentials: variables.FIXGATE_TABLE_CREDENTIALS,
    sessions: variables.FIXGATE_TABLE_SESSIONS,
    limits: variables.FIXGATE_TABLE_LIMITS,
    policy: variables.FIXGATE_TABLE_POLICY,
    audit: variables.FIXGATE_TABLE_AUDIT,
  };
  return {
    stores: createDynamoAdapters({ client, tables, random: systemRandom }),
    leases: new DynamoTokenLeases(client, tables.limits),
    client,
    makeTables: () => createTables(client, tables),
    close: () => client.destroy(),
  };
}

/** Envelope encryption by the provider that the environment names. */
export function secretBoxOf(keys: KeyVariables, region: string, dynamodb: DynamoDBClient): SecretBox {
  if (keys.FIXGATE_KEY_PROVIDER === 'local') return createRawAesSecretBox(fileMasterKeys(keys.FIXGATE_SECRETS_FILE));
  return createHierarchicalSecretBox({
    kms: new KMSClient({ region }),
    dynamodb,
    tableName: keys.FIXGATE_TABLE_BRANCH_KEYS,
    logicalName: keys.FIXGATE_TABLE_BRANCH_KEYS,
    kmsKeyArn: keys.FIXGATE_ENVELOPE_KEY_ARN,
    branchKeyId: keys.FIXGATE_BRANCH_KEY_ID,
  });
}

/** Secrets that have to be recovered, by the provider that the environment names. */
export function vaultOf(keys: KeyVariables, region: string): SecretVault {
  if (keys.FIXGATE_KEY_PROVIDER === 'local') return createRawAesVault(fileMasterKeys(keys.FIXGATE_SECRETS_FILE));
  return createKmsVault({ kms: new KMSClient({ region }), keyArn: keys.FIXGATE_PROOF_KEY_ARN });
}

/** Stores and keys together: what the edge and a gateway of one's own need. @throws EnvironmentError */
export function environmentAdapters(
  env: Environment,
  onDate?: OnDate,
): OpenStores & { readonly box: SecretBox; readonly vault: SecretVault } {
  const variables = readVariables(Store, env);
  const keys = readVariables(Keys, env);
  const open = openStoresOf(variables, onDate);
  const { AWS_REGION: region } = variables;
  return { ...open, box: secretBoxOf(keys, region, open.client), vault: vaultOf(keys, region) };
}
