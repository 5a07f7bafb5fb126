/**
 * Makes stores, leases and keys from environment variables. The one place where lambdas, the edge, tools and firms' own gateways
 * do so. Read once; a wrong value stops the start with a message that names the variable.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import * as z from 'zod';
import type { KeyAge, SecretBox, SecretVault } from '../core/ports.ts';
import { DirectCalls, type DirectOptions } from './dynamodb/direct.ts';
import { KMS_KEY_VARIABLES, LOCAL_KEY_VARIABLES } from './key-variables.ts';
import { fileMasterKeys } from './kms/master-keys.ts';
import { createHierarchicalSecretBox, createRawAesSecretBox } from './kms/secret-box.ts';
import { createKmsVault, createRawAesVault } from './kms/vault.ts';
import { systemRandom } from './node/random.ts';
import {
  clientOptions,
  type Environment,
  type OpenStores,
  openStoresOf,
  readVariables,
  STORE_VARIABLES,
} from './store-environment.ts';

export * from './key-variables.ts';
export * from './store-environment.ts';

const Store = z.object(STORE_VARIABLES);
const Keys = z.discriminatedUnion('FIXGATE_KEY_PROVIDER', [z.object(LOCAL_KEY_VARIABLES), z.object(KMS_KEY_VARIABLES)]);
export type KeyVariables = z.output<typeof Keys>;

/** The SecretBox of the provider that the environment names. */
export function secretBoxOf(keys: KeyVariables, region: string, dynamodb: DynamoDBClient): SecretBox & KeyAge {
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

/** The SecretVault of the provider that the environment names. */
export function vaultOf(keys: KeyVariables, region: string): SecretVault & KeyAge {
  if (keys.FIXGATE_KEY_PROVIDER === 'local') return createRawAesVault(fileMasterKeys(keys.FIXGATE_SECRETS_FILE));
  return createKmsVault({ kms: new KMSClient({ region }), keyArn: keys.FIXGATE_PROOF_KEY_ARN });
}

/** Stores and keys together, for edges and firms' own gateways. @throws EnvironmentError */
export function environmentAdapters(
  env: Environment,
  told: Pick<DirectOptions, 'onDate' | 'onFailedTry'> = {},
): OpenStores & { readonly box: SecretBox & KeyAge; readonly vault: SecretVault & KeyAge } {
  const variables = readVariables(Store, env);
  const keys = readVariables(Keys, env);
  const open = openStoresOf(variables, new DirectCalls({ ...clientOptions(variables), ...told }, systemRandom));
  const { AWS_REGION: region } = variables;
  return { ...open, box: secretBoxOf(keys, region, open.client), vault: vaultOf(keys, region) };
}
