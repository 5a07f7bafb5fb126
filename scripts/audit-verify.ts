// Walks every chain of the audit trail and names the first broken record of each. Exit code 0: all whole; 1: something
// is broken; 2: it could not be read. The tables are those of <data-dir>/local.json while `npm start` runs, or those of
// the environment that the functions have.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { openStores } from '../adapters/environment.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { type ChainVerdict, verifyChain } from '../core/audit/chain.ts';
import type { AuditRecord } from '../core/audit/model.ts';
import type { AuditTrail } from '../core/ports.ts';

const PAGE = 1000;

async function* recordsOf(trail: AuditTrail, chain: string): AsyncGenerator<AuditRecord> {
  let after: string | undefined;
  do {
    const page = await trail.chain(chain, after === undefined ? { limit: PAGE } : { limit: PAGE, after });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

/** Where the tables are: of the running local installation unless the environment names a store itself. */
function storeEnvironment(dataDir: string): NodeJS.ProcessEnv {
  if (process.env.FIXGATE_TABLE_AUDIT) return process.env;
  const file = join(dataDir, 'local.json');
  if (!existsSync(file)) throw new Error(`there is no ${file}: run npm start, or set the FIXGATE_TABLE_ variables`);
  const local = JSON.parse(readFileSync(file, 'utf8')) as { dynamodb_endpoint: string; region: string };
  const tables = ['credentials', 'sessions', 'limits', 'policy', 'audit'];
  return {
    ...Object.fromEntries(tables.map((name) => [`FIXGATE_TABLE_${name.toUpperCase()}`, `fixgate-${name}`])),
    AWS_REGION: local.region,
    FIXGATE_DYNAMODB_ENDPOINT: local.dynamodb_endpoint,
  };
}

/**
 * One chain. The head that its subject's row keeps is read first: what is appended while the chain is read lies behind
 * it and is no fault, unless the row stands still, which then was set back.
 */
async function verifyOne(trail: AuditTrail, chain: string): Promise<ChainVerdict> {
  const expected = await trail.expectedHead(chain);
  let beyond = false;
  async function* upToHead(): AsyncGenerator<AuditRecord> {
    for await (const record of recordsOf(trail, chain)) {
      beyond = expected !== undefined && record.seq > expected.seq;
      if (beyond) return;
      yield record;
    }
  }
  const verdict = await verifyChain(nodeDigests, chain, upToHead(), expected);
  if (!verdict.whole || !beyond) return verdict;
  const now = await trail.expectedHead(chain);
  if (now?.seq !== expected?.seq) return verdict;
  const text = 'stands behind the head kept outside the chain';
  return { whole: false, chain, fault: 'tail', seq: verdict.head.seq + 1, text };
}

async function verify(trail: AuditTrail, only: string | undefined): Promise<number> {
  let records = 0;
  let chains = 0;
  let broken = 0;
  for await (const chain of only === undefined ? trail.chains() : [only]) {
    const verdict = await verifyOne(trail, chain);
    chains += 1;
    if (verdict.whole) {
      records += verdict.head.seq;
      continue;
    }
    broken += 1;
    const id = verdict.id === undefined ? '' : ` (${verdict.id})`;
    process.stdout.write(`BROKEN ${chain}: record ${verdict.seq}${id} ${verdict.text}\n`);
  }
  process.stdout.write(`${chains} chains, ${records} records whole, ${broken} chains broken\n`);
  return broken === 0 ? 0 : 1;
}

const program = new Command('audit:verify')
  .description('Walks the hash chains of the audit trail and names the first broken record of each.')
  .option('--chain <name>', 'only this chain, for example policy or user:alice')
  .option('--data-dir <directory>', 'of a running npm start', process.env.FIXGATE_DATA_DIR ?? '.fixgate');
program.parse();
const options = program.opts<{ chain?: string; dataDir: string }>();

try {
  const env = storeEnvironment(options.dataDir);
  // The embedded store asks for a signature and checks none.
  if (env !== process.env) {
    process.env.AWS_ACCESS_KEY_ID ??= 'local';
    process.env.AWS_SECRET_ACCESS_KEY ??= 'local';
  }
  const { stores, client } = openStores(env);
  process.exitCode = await verify(stores.audit, options.chain);
  client.destroy();
} catch (error) {
  process.stderr.write(`the audit trail could not be verified: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
