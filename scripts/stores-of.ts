/** Stores and keys for tools that run beside the product. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createExpressions } from '../adapters/cel/expressions.ts';
import { environmentAdapters, type OpenStores, openStores } from '../adapters/environment.ts';
import { fileMasterKeys } from '../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../adapters/kms/vault.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import type { Stores } from '../adapters/stores.ts';
import type { AdminPorts } from '../core/admin.ts';
import { CompiledExpressions } from '../core/eligibility/evaluate.ts';
import type { KeyAge, SecretBox, SecretVault } from '../core/ports.ts';
import { EDGES_FOLDER } from '../local/data-dir.ts';
import { secretsFile } from '../local/secrets.ts';

/** Where the tables are: of the running local installation unless the environment names a store itself. */
function storeEnvironment(dataDir: string): NodeJS.ProcessEnv {
  if (process.env.FIXGATE_TABLE_AUDIT) return process.env;
  const file = join(dataDir, 'local.json');
  if (!existsSync(file)) throw new Error(`there is no ${file}: run npm start, or set the FIXGATE_TABLE_ variables`);
  const local = JSON.parse(readFileSync(file, 'utf8')) as { dynamodb_endpoint: string; region: string };
  const tables = ['credentials', 'sessions', 'limits', 'policy', 'audit', 'journal'];
  return {
    ...Object.fromEntries(tables.map((name) => [`FIXGATE_TABLE_${name.toUpperCase()}`, `fixgate-${name}`])),
    AWS_REGION: local.region,
    FIXGATE_DYNAMODB_ENDPOINT: local.dynamodb_endpoint,
  };
}

/** The stores of a data directory, or of the environment. Throws when there are none. */
export function storesOf(dataDir: string): OpenStores {
  const env = storeEnvironment(dataDir);
  // The embedded store asks for a signature and checks none.
  if (env !== process.env) {
    process.env.AWS_ACCESS_KEY_ID ??= 'local';
    process.env.AWS_SECRET_ACCESS_KEY ??= 'local';
  }
  return openStores(env);
}

const refuse = async (): Promise<never> => {
  throw new Error('this tool has no keys');
};
const NO_KEYS = { seal: refuse, open: refuse, decoy: refuse };

/** What changes of accounts take, for tools by which nothing is sealed or opened. */
export function adminPortsWithoutKeys({ audit: trail, ...rest }: Stores): AdminPorts {
  const expressions = new CompiledExpressions(createExpressions());
  const parts = { digests: nodeDigests, random: systemRandom, clock: systemClock, expressions };
  return { ...rest, trail, box: NO_KEYS, vault: NO_KEYS, ...parts };
}

/** What seals and opens for a data directory: by the environment where it names a provider, else by its own secrets. */
export function keysOf(dataDir: string): { readonly box: SecretBox & KeyAge; readonly vault: SecretVault & KeyAge } {
  if (process.env.FIXGATE_KEY_PROVIDER) return environmentAdapters(process.env);
  const file = secretsFile(dataDir);
  if (!existsSync(file)) throw new Error(`there is no ${file}, and FIXGATE_KEY_PROVIDER names no other keys`);
  const keys = fileMasterKeys(file);
  return { box: createRawAesSecretBox(keys), vault: createRawAesVault(keys) };
}

/** What opens the keys of a data directory's journal. */
export const secretBoxFor = (dataDir: string): SecretBox => keysOf(dataDir).box;

/** Where the archive of an edge is: the first edge of a local installation has the data directory for itself. */
export function archiveDirectories(dataDir: string, edge: string): readonly string[] {
  const own = join(dataDir, EDGES_FOLDER, edge);
  const home = existsSync(own) ? own : dataDir;
  return [join(home, 'archive'), join(home, 'journal'), join(home, 'journal-copy')];
}
