/** From the environment to services: read once, checked, and a wrong value stops the function with the variable's name. */
import { readFile } from 'node:fs/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { createExpressions } from '../adapters/cel/expressions.ts';
import { createClient } from '../adapters/dynamodb/client.ts';
import { createTables } from '../adapters/dynamodb/create-tables.ts';
import { createDynamoAdapters } from '../adapters/dynamodb/stores.ts';
import { DynamoTokenLeases } from '../adapters/dynamodb/token-leases.ts';
import { fileMasterKeys } from '../adapters/kms/master-keys.ts';
import { createHierarchicalSecretBox, createRawAesSecretBox } from '../adapters/kms/secret-box.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import type { SecretBox } from '../core/ports.ts';
import { assemble } from './assemble.ts';
import { logger } from './log.ts';
import type { Log, Services } from './services.ts';

const name = z.string().regex(/^[A-Za-z0-9_.-]{3,255}$/, 'is no table name (3 to 255 of A-Z a-z 0-9 _ . -)');
const arn = z.string().regex(/^arn:[^\s]+$/, 'is no ARN');

const Store = z.object({
  AWS_REGION: z.string().min(1, 'is empty'),
  FIXGATE_DYNAMODB_ENDPOINT: z.url({ protocol: /^https?$/, error: 'is no http or https address' }).optional(),
  FIXGATE_TABLE_CREDENTIALS: name,
  FIXGATE_TABLE_SESSIONS: name,
  FIXGATE_TABLE_LIMITS: name,
  FIXGATE_TABLE_POLICY: name,
  FIXGATE_TABLE_AUDIT: name,
});

const Common = Store.extend({
  FIXGATE_ON_INELIGIBLE: z.enum(['warn', 'suspend']).default('warn'),
});

const Local = Common.extend({
  FIXGATE_KEY_PROVIDER: z.literal('local'),
  /** JSON with master_key and cursor_key, as `npm run secrets` writes it. */
  FIXGATE_SECRETS_FILE: z.string().min(1, 'is empty'),
});

const Kms = Common.extend({
  FIXGATE_KEY_PROVIDER: z.literal('kms'),
  FIXGATE_TABLE_BRANCH_KEYS: name,
  FIXGATE_ENVELOPE_KEY_ARN: arn,
  FIXGATE_BRANCH_KEY_ID: z.string().min(1, 'is empty').default('fixgate'),
  FIXGATE_CURSOR_KEY_SECRET_ARN: arn,
});

const Environment = z.discriminatedUnion('FIXGATE_KEY_PROVIDER', [Local, Kms]);
export type Environment = z.output<typeof Environment>;
export type StoreEnvironment = z.output<typeof Store>;

/** A variable is missing or wrong; the message names each. */
export class EnvironmentError extends Error {}

/** What the functions need. @throws EnvironmentError */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  return parse(Environment, env);
}

/** What reading the tables needs. @throws EnvironmentError */
export function readStoreEnvironment(env: NodeJS.ProcessEnv): StoreEnvironment {
  return parse(Store, env);
}

/** The client of the store, and the names of its tables. */
export function openStores(env: StoreEnvironment) {
  const client = createClient({
    region: env.AWS_REGION,
    ...(env.FIXGATE_DYNAMODB_ENDPOINT === undefined ? {} : { endpoint: env.FIXGATE_DYNAMODB_ENDPOINT }),
  });
  const tables = {
    credentials: env.FIXGATE_TABLE_CREDENTIALS,
    sessions: env.FIXGATE_TABLE_SESSIONS,
    limits: env.FIXGATE_TABLE_LIMITS,
    policy: env.FIXGATE_TABLE_POLICY,
    audit: env.FIXGATE_TABLE_AUDIT,
  };
  return { client, tables, stores: createDynamoAdapters({ client, tables, random: systemRandom }) };
}

/** Services over DynamoDB, as a function of AWS and the local gateway have them. @throws EnvironmentError */
export async function openServices(env: NodeJS.ProcessEnv, log: Log = logger): Promise<Services> {
  const environment = readEnvironment(env);
  const { client, tables, stores } = openStores(environment);
  const { box, cursorKey } =
    environment.FIXGATE_KEY_PROVIDER === 'local' ? await localKeys(environment) : await kmsKeys(environment, client);
  return assemble({
    stores,
    leases: new DynamoTokenLeases(client, tables.limits),
    box,
    cursorKey,
    digests: nodeDigests,
    random: systemRandom,
    clock: systemClock,
    expressions: createExpressions(),
    onIneligible: environment.FIXGATE_ON_INELIGIBLE,
    log,
  });
}

let services: Promise<Services> | undefined;

/** The services of this process: its functions share one client and one set of keys. A failed opening is tried again. */
export function wiredServices(): Promise<Services> {
  services ??= openServices(process.env).catch((error: unknown) => {
    services = undefined;
    throw error;
  });
  return services;
}

/** Makes the tables that are not there yet. In AWS the stack does; this is for a store of one's own. @throws EnvironmentError */
export async function wiredTables(): Promise<void> {
  const { client, tables } = openStores(readStoreEnvironment(process.env));
  await createTables(client, tables);
  client.destroy();
}

interface Keys {
  readonly box: SecretBox;
  readonly cursorKey: Uint8Array;
}

async function localKeys({ FIXGATE_SECRETS_FILE: file }: z.output<typeof Local>): Promise<Keys> {
  const box = createRawAesSecretBox(fileMasterKeys(file));
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
  return { box, cursorKey: new Uint8Array(cursorKey) };
}

async function kmsKeys(environment: z.output<typeof Kms>, dynamodb: DynamoDBClient): Promise<Keys> {
  const region = environment.AWS_REGION;
  const box = createHierarchicalSecretBox({
    kms: new KMSClient({ region }),
    dynamodb,
    tableName: environment.FIXGATE_TABLE_BRANCH_KEYS,
    logicalName: environment.FIXGATE_TABLE_BRANCH_KEYS,
    kmsKeyArn: environment.FIXGATE_ENVELOPE_KEY_ARN,
    branchKeyId: environment.FIXGATE_BRANCH_KEY_ID,
  });
  const SecretId = environment.FIXGATE_CURSOR_KEY_SECRET_ARN;
  const { SecretString = '' } = await new SecretsManagerClient({ region }).send(
    new GetSecretValueCommand({ SecretId }),
  );
  const cursorKey = new TextEncoder().encode(SecretString);
  if (cursorKey.length < 32)
    throw new EnvironmentError('FIXGATE_CURSOR_KEY_SECRET_ARN: the secret is shorter than 32 bytes');
  return { box, cursorKey };
}

function parse<T extends z.ZodType>(schema: T, env: NodeJS.ProcessEnv): z.output<T> {
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
