/** From the environment to services: read once, checked, and a wrong value stops the function with the variable's name. */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { createExpressions } from '../adapters/cel/expressions.ts';
import { KMS_KEY_VARIABLES, LOCAL_KEY_VARIABLES } from '../adapters/key-variables.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { EnvironmentError, openStoresOf, readVariables, STORE_VARIABLES } from '../adapters/store-environment.ts';
import { assemble, type Parts } from './assemble.ts';
import { logger } from './log.ts';
import type { Log, Services } from './services.ts';

const common = {
  ...STORE_VARIABLES,
  FIXGATE_ON_INELIGIBLE: z.enum(['warn', 'suspend']).default('warn'),
};

const Environment = z.discriminatedUnion('FIXGATE_KEY_PROVIDER', [
  z.object({ ...common, ...LOCAL_KEY_VARIABLES }),
  z.object({
    ...common,
    ...KMS_KEY_VARIABLES,
    FIXGATE_CURSOR_KEY_SECRET_ARN: z.string().regex(/^arn:[^\s]+$/, 'is no ARN'),
  }),
]);
export type Environment = z.output<typeof Environment>;

/** What the functions need. @throws EnvironmentError */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  return readVariables(Environment, env);
}

/** Who seals: lambdas/keyed.ts, or nobody. */
export type OpenKeys = (environment: Environment, client: DynamoDBClient) => Pick<Parts, 'box' | 'vault'>;

/** Of functions whose operations seal nothing: their roles have no key, and their bundles no library for it. */
const noKeys: OpenKeys = () => {
  const refuse = () => Promise.reject(new Error('this function seals and opens nothing'));
  const box = { seal: refuse, open: refuse };
  return { box, vault: { ...box, decoy: refuse } };
};

/** Services over DynamoDB, as a function of AWS and the local gateway have them. @throws EnvironmentError */
export async function openServicesWith(
  openKeys: OpenKeys,
  env: NodeJS.ProcessEnv,
  log: Log = logger,
): Promise<Services> {
  const environment = readEnvironment(env);
  const cursorKey =
    environment.FIXGATE_KEY_PROVIDER === 'local'
      ? await cursorKeyInFile(environment.FIXGATE_SECRETS_FILE)
      : await cursorKeyInSecret(environment.FIXGATE_CURSOR_KEY_SECRET_ARN, environment.AWS_REGION);
  const { stores, leases, client } = openStoresOf(environment);
  return assemble({
    stores,
    leases,
    ...openKeys(environment, client),
    cursorKey,
    digests: nodeDigests,
    random: systemRandom,
    clock: systemClock,
    expressions: createExpressions(),
    onIneligible: environment.FIXGATE_ON_INELIGIBLE,
    log,
    pause,
  });
}

/** The services of this process, opened at the first request. A failed opening is tried again. */
export function servicesOf(openKeys: OpenKeys): () => Promise<Services> {
  let services: Promise<Services> | undefined;
  return () => {
    services ??= openServicesWith(openKeys, process.env).catch((error: unknown) => {
      services = undefined;
      throw error;
    });
    return services;
  };
}

/** Of functions that seal nothing. */
export const keylessServices = servicesOf(noKeys);

async function cursorKeyInFile(file: string): Promise<Uint8Array> {
  let cursor_key: unknown;
  try {
    cursor_key = JSON.parse(await readFile(file, 'utf8')).cursor_key;
  } catch (error) {
    // A parser's message would quote the file.
    const why =
      error instanceof SyntaxError ? 'is not JSON' : `cannot be read (${(error as NodeJS.ErrnoException).code})`;
    throw new EnvironmentError(`FIXGATE_SECRETS_FILE: ${file} ${why}`);
  }
  const cursorKey = Buffer.from(typeof cursor_key === 'string' ? cursor_key : '', 'base64');
  if (cursorKey.length < 32) throw new EnvironmentError(`FIXGATE_SECRETS_FILE: ${file} has no cursor_key of 256 bits`);
  return new Uint8Array(cursorKey);
}

async function cursorKeyInSecret(SecretId: string, region: string): Promise<Uint8Array> {
  const { SecretString = '' } = await new SecretsManagerClient({ region }).send(
    new GetSecretValueCommand({ SecretId }),
  );
  const cursorKey = new TextEncoder().encode(SecretString);
  if (cursorKey.length < 32)
    throw new EnvironmentError('FIXGATE_CURSOR_KEY_SECRET_ARN: the secret is shorter than 32 bytes');
  return cursorKey;
}
