/**
 * Stores, leases and keys as the environment names them: the one place where lambdas, the edge and firms' own gateways
 * turn variables into adapters. A wrong value stops the start with a message that names the variable.
 */
import { KMSClient } from '@aws-sdk/client-kms';
import type { TokenLeases } from '../core/limits/leases-port.ts';
import type { SecretBox } from '../core/ports.ts';
import { createClient } from './dynamodb/client.ts';
import { createDynamoAdapters } from './dynamodb/stores.ts';
import type { TableName, TableNames } from './dynamodb/tables.ts';
import { DynamoTokenLeases } from './dynamodb/token-leases.ts';
import { fileMasterKeys } from './kms/master-keys.ts';
import { createHierarchicalSecretBox, createRawAesSecretBox } from './kms/secret-box.ts';
import { systemRandom } from './node/random.ts';
import type { Stores } from './stores.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Adapters {
  readonly stores: Stores;
  readonly leases: TokenLeases;
  readonly box: SecretBox;
  /** Closes connections; a process that ends needs no call. */
  close(): void;
}

const TABLE_VARIABLES = {
  credentials: 'FIXGATE_TABLE_CREDENTIALS',
  sessions: 'FIXGATE_TABLE_SESSIONS',
  limits: 'FIXGATE_TABLE_LIMITS',
  policy: 'FIXGATE_TABLE_POLICY',
  audit: 'FIXGATE_TABLE_AUDIT',
} as const satisfies Record<TableName, string>;

/**
 * Reads AWS_REGION, FIXGATE_TABLE_CREDENTIALS|SESSIONS|LIMITS|POLICY|AUDIT, FIXGATE_DYNAMODB_ENDPOINT (when it is not
 * AWS's own) and FIXGATE_KEY_PROVIDER: `local` with FIXGATE_SECRETS_FILE, or `kms` with FIXGATE_TABLE_BRANCH_KEYS,
 * FIXGATE_ENVELOPE_KEY_ARN and FIXGATE_BRANCH_KEY_ID (`fixgate` when unset). Credentials are found by the SDK.
 * @throws Error naming the variable that is missing or wrong
 */
export function environmentAdapters(env: Environment): Adapters {
  const region = required(env, 'AWS_REGION');
  const endpoint = env.FIXGATE_DYNAMODB_ENDPOINT;
  const client = createClient({ region, ...(endpoint ? { endpoint } : {}) });
  const tables = Object.fromEntries(
    Object.entries(TABLE_VARIABLES).map(([name, variable]) => [name, required(env, variable)]),
  ) as TableNames;
  return {
    stores: createDynamoAdapters({ client, tables, random: systemRandom }),
    leases: new DynamoTokenLeases(client, tables.limits),
    box: secretBox(env, region, client),
    close: () => client.destroy(),
  };
}

function secretBox(env: Environment, region: string, dynamodb: ReturnType<typeof createClient>): SecretBox {
  const provider = required(env, 'FIXGATE_KEY_PROVIDER');
  switch (provider) {
    case 'local':
      return createRawAesSecretBox(fileMasterKeys(required(env, 'FIXGATE_SECRETS_FILE')));
    case 'kms': {
      const tableName = required(env, 'FIXGATE_TABLE_BRANCH_KEYS');
      return createHierarchicalSecretBox({
        kms: new KMSClient({ region }),
        dynamodb,
        tableName,
        logicalName: tableName,
        kmsKeyArn: required(env, 'FIXGATE_ENVELOPE_KEY_ARN'),
        branchKeyId: env.FIXGATE_BRANCH_KEY_ID ?? 'fixgate',
      });
    }
    default:
      throw new Error(`FIXGATE_KEY_PROVIDER must be local or kms, not ${provider}`);
  }
}

function required(env: Environment, variable: string): string {
  const value = env[variable];
  if (value === undefined || value === '') throw new Error(`${variable} is not set`);
  return value;
}
