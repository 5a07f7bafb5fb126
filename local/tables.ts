/** The tables of a local installation, made from the definitions that the CDK stack deploys. */
import { createClient } from '../adapters/dynamodb/client.ts';
import { createTables } from '../adapters/dynamodb/create-tables.ts';
import type { TableNames } from '../adapters/dynamodb/tables.ts';

/** Makes what is missing in the store that `environment` names (see environment.ts). */
export async function makeTables(environment: NodeJS.ProcessEnv): Promise<void> {
  const client = createClient({
    region: required(environment, 'AWS_REGION'),
    endpoint: required(environment, 'FIXGATE_DYNAMODB_ENDPOINT'),
    credentials: {
      accessKeyId: required(environment, 'AWS_ACCESS_KEY_ID'),
      secretAccessKey: required(environment, 'AWS_SECRET_ACCESS_KEY'),
    },
  });
  const name = (table: string): string => required(environment, `FIXGATE_TABLE_${table}`);
  const names: TableNames = {
    credentials: name('CREDENTIALS'),
    sessions: name('SESSIONS'),
    limits: name('LIMITS'),
    policy: name('POLICY'),
    audit: name('AUDIT'),
  };
  try {
    await createTables(client, names);
  } finally {
    client.destroy();
  }
}

function required(environment: NodeJS.ProcessEnv, name: string): string {
  const value = environment[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
