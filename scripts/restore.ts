// After a restore to a moment: makes the rows of a table those of the restored one, says what the restore has undone, and makes
// the tables safe to serve. Shows what it would do, and does it with --yes. Exit code 0: done, or nothing to do; 1: there is
// something to do, or something that cannot be done; 2: it could not be read.

import { existsSync, statSync } from 'node:fs';
import { Command } from 'commander';
import { createCheckpointStore } from '../adapters/dynamodb/checkpoints.ts';
import { Database } from '../adapters/dynamodb/database.ts';
import { putBack } from '../adapters/dynamodb/put-back.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { folderObjects, type Objects } from '../adapters/objects.ts';
import { checkpointsSince, createArchiveReader } from '../adapters/s3/archive-reader.ts';
import { Bucket } from '../adapters/s3/bucket.ts';
import { POLICY_CHAIN } from '../core/audit/chain.ts';
import { servingEdges } from '../core/credentials/reach.ts';
import { NO_ARCHIVE } from '../core/restore/archive-reader.ts';
import { adoptCheckpoints } from '../core/restore/checkpoints.ts';
import { type Finding, findings, isBehind } from '../core/restore/findings.ts';
import { notAgain } from '../core/restore/lost.ts';
import { type RestoreContext, type Restored, refill, restorePolicy, restoreUser } from '../core/restore/reconcile.ts';
import { knownSessions, raiseNumbers } from '../core/sessions/numbers.ts';
import { userName } from './actor.ts';
import { adminPortsWithoutKeys, storesOf } from './stores-of.ts';

const TABLES = ['credentials', 'policy', 'audit', 'branch-keys'] as const;
const DRY = 'nothing was changed: add --yes to do it';

interface Options {
  readonly dataDir: string;
  readonly archive: string;
  readonly moment: string;
  readonly reason: string;
  readonly edgesStopped?: boolean;
  readonly yes?: boolean;
}

interface NumbersOptions {
  readonly dataDir: string;
  readonly beyond: number;
  readonly reason: string;
  readonly yes?: boolean;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function opened({ dataDir, archive }: Pick<Options, 'dataDir' | 'archive'>) {
  const { stores, client, tables, close } = storesOf(dataDir);
  const credentials = () => client.config.credentials();
  const objects = archive === 'none' ? undefined : objectsOf(archive, credentials);
  const { audit: trail, ...rest } = stores;
  const reader = objects === undefined ? NO_ARCHIVE : createArchiveReader(objects);
  const checkpoints = createCheckpointStore(new Database(client, tables, systemRandom));
  const ports = { ...rest, trail, archive: reader, digests: nodeDigests, random: systemRandom, clock: systemClock };
  return { ports, objects, checkpoints, close };
}

/** A bucket by its name, or a folder that was copied from one. */
function objectsOf(
  archive: string,
  credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string }>,
): Objects {
  if (existsSync(archive) && statSync(archive).isDirectory()) return folderObjects(archive);
  const region = process.env.AWS_REGION;
  if (region === undefined)
    throw new Error(`there is no folder ${archive}, and AWS_REGION does not say where a bucket is`);
  return new Bucket({ region, bucket: archive, credentials, endpoint: process.env.AWS_ENDPOINT_URL });
}

type Opened = ReturnType<typeof opened>;

async function everything(
  options: Options,
  work: (opened: Opened, found: readonly Finding[]) => Promise<number>,
): Promise<number> {
  const all = opened(options);
  try {
    const found: Finding[] = [];
    for await (const one of findings(all.ports)) found.push(one);
    for (const { chain, fault } of found) if (fault !== undefined) say(`FAULT ${chain}: ${fault}`);
    return await work(all, found);
  } finally {
    all.close();
  }
}

/** What was undone, chain by chain. @returns how many subjects are behind */
function tell(found: readonly Finding[]): number {
  const behind = found.filter(isBehind);
  for (const { chain, row, trail, lost } of behind)
    say(
      `BEHIND ${chain}: the row stands at ${row?.seq ?? 0}, the trail ends at ${trail.seq}; undone: ${counted(notAgain(lost))}`,
    );
  const missing = found.reduce((sum, one) => sum + one.missing.length, 0);
  if (missing > 0) say(`MISSING ${missing} records that the archive has and the table has not`);
  return behind.length;
}

const counted = (types: Readonly<Record<string, number>>): string =>
  Object.entries(types)
    .map(([type, count]) => `${count} ${type}`)
    .join(', ') || 'nothing that was done';

const check = (options: Options): Promise<number> =>
  everything(options, async ({ ports, objects, checkpoints }, found) => {
    const behind = tell(found);
    const adopted = await adopt(objects, checkpoints, false);
    const serving = await edgesOf(ports);
    const faults = found.filter(({ fault }) => fault !== undefined).length;
    const missing = found.some((one) => one.missing.length > 0);
    say(
      `${found.length} chains, ${behind} behind, ${faults} faults, ${adopted} checkpoints to take back, ${serving} edges that say they serve`,
    );
    return behind + faults + adopted > 0 || missing ? 1 : 0;
  });

const reconcile = (options: Options): Promise<number> =>
  everything(options, async ({ ports, objects, checkpoints }, found) => {
    const behind = tell(found);
    const faults = found.filter(({ fault }) => fault !== undefined);
    const serving = await edgesOf(ports);
    if (faults.length > 0 || (serving > 0 && options.edgesStopped !== true)) {
      if (serving > 0)
        say(`${serving} edges say that they serve: stop them; of those that were killed say --edges-stopped`);
      say('not done: a restore is reconciled while everything stands still and every chain can go on');
      return 1;
    }
    if (options.yes !== true) {
      say(
        `would put ${behind} rows behind their trail, raise every user's epoch, and put out again who was put out since`,
      );
      say(DRY);
      return 1;
    }
    const actor = { principal: `restore:${userName()}` };
    const context: RestoreContext = { actor, reason: options.reason, moment: Date.parse(options.moment) };
    const adopted = await adopt(objects, checkpoints, true);
    const done: Restored[] = [];
    for (const one of found) {
      const restored = await subject(ports, context, one);
      if (restored === undefined || restored.result === 'already') continue;
      done.push(restored);
      const again = restored.again.length === 0 ? '' : `; done again: ${restored.again.join(', ')}`;
      const undone = Object.keys(restored.lost).length === 0 ? '' : `; undone: ${counted(restored.lost)}`;
      say(`${restored.result.toUpperCase()} ${restored.chain}${again}${undone}`);
    }
    await passIncarnations(ports, found);
    await tellNumbers(ports, found);
    say(`${done.length} subjects restored, ${adopted} checkpoints taken back; now audit:verify, then start the edges`);
    return 0;
  });

async function subject(ports: Opened['ports'], context: RestoreContext, found: Finding): Promise<Restored | undefined> {
  const { chain } = found;
  if (chain === POLICY_CHAIN) return restorePolicy(ports, context, found);
  if (chain.startsWith('user:')) return restoreUser(ports, context, chain.slice('user:'.length), found);
  await refill(ports, found);
  return undefined;
}

/** Of edges whose rows are gone the next boot must not write into a chain that is there. */
async function passIncarnations({ edges }: Opened['ports'], found: readonly Finding[]): Promise<void> {
  const highest = new Map<string, number>();
  for (const { chain } of found) {
    const [, edge, incarnation] = /^edge:(.+):(\d+)$/.exec(chain) ?? [];
    if (edge !== undefined) highest.set(edge, Math.max(Number(incarnation), highest.get(edge) ?? 0));
  }
  for (const [edge, incarnation] of highest) await edges.passIncarnation(edge, incarnation);
}

/** Numbers are in the journals of edges, which no restore touches: which journals must be there. */
async function tellNumbers(ports: Opened['ports'], found: readonly Finding[]): Promise<void> {
  const users = found.filter(({ chain }) => chain.startsWith('user:')).map(({ chain }) => chain.slice('user:'.length));
  const journals = new Map<string, number>();
  for (const user of users)
    for (const { edge_id } of await knownSessions(ports, user)) journals.set(edge_id, (journals.get(edge_id) ?? 0) + 1);
  for (const [edge, sessions] of journals)
    say(
      `NUMBERS of ${sessions} sessions are in the journal of ${edge}: start it with that journal; where it is lost or older: restore numbers`,
    );
}

/** Of every FIX session that there ever was. */
async function numbers({ dataDir, beyond, reason, yes }: NumbersOptions): Promise<number> {
  const { stores, close } = storesOf(dataDir);
  const ports = adminPortsWithoutKeys(stores);
  const context = { actor: { principal: `restore:${userName()}` }, reason };
  let [users, sessions] = [0, 0];
  try {
    for await (const chain of stores.audit.chains()) {
      if (!chain.startsWith('user:')) continue;
      const user = chain.slice('user:'.length);
      const told = yes ? await raiseNumbers(ports, context, user, beyond) : (await knownSessions(ports, user)).length;
      if (told > 0) users += 1;
      sessions += told;
    }
  } finally {
    close();
  }
  say(`outbound numbers of ${sessions} sessions of ${users} users ${yes ? 'go' : 'would go'} on ${beyond} further`);
  if (yes !== true && sessions > 0) say(DRY);
  return yes === true || sessions === 0 ? 0 : 1;
}

async function edgesOf({ edges }: Opened['ports']): Promise<number> {
  return (await servingEdges({ edges })).length;
}

function adopt(objects: Objects | undefined, store: Opened['checkpoints'], act: boolean): Promise<number> {
  if (objects === undefined) return Promise.resolve(0);
  return adoptCheckpoints({ store, since: (number) => checkpointsSince(objects, number), digests: nodeDigests }, act);
}

async function back({
  dataDir,
  table,
  from,
  yes,
}: {
  dataDir: string;
  table: string;
  from: string;
  yes?: boolean;
}): Promise<number> {
  const { client, tables, close } = storesOf(dataDir);
  try {
    const to = table === 'branch-keys' ? process.env.FIXGATE_TABLE_BRANCH_KEYS : tables[table as keyof typeof tables];
    if (to === undefined) throw new Error('FIXGATE_TABLE_BRANCH_KEYS is missing');
    const { same, put, removed } = await putBack(client, from, to, yes === true);
    say(
      `${to}: ${same} rows are as in ${from}, ${put} ${yes ? 'put as there' : 'differ'}, ${removed} ${yes ? 'removed' : 'are not there'}`,
    );
    if (yes !== true && put + removed > 0) say(DRY);
    return yes === true || put + removed === 0 ? 0 : 1;
  } finally {
    close();
  }
}

const HELP = `
Order: stop the edges; restore the damaged table to a moment (AWS gives it another name); put-back; check; reconcile; audit:verify;
start the edges. Leave the audit table as it is unless it is damaged itself: reconcile needs what came after the moment, from there
or from the archive. It writes one record of type restored into the chain of every user and of the policy.`;

const program = new Command('restore')
  .description('What follows a restore of tables to a moment.')
  .addHelpText('after', HELP);
const command = (name: string, description: string): Command =>
  program
    .command(name)
    .description(description)
    .allowExcessArguments(false)
    .option('--data-dir <directory>', 'of a running npm start', process.env.FIXGATE_DATA_DIR ?? '.fixgate');
const ARCHIVE = [
  '--archive <bucket or folder>',
  "of the audit's records and checkpoints; none: there is no archive",
] as const;
const moment = (text: string): string => {
  if (Number.isNaN(Date.parse(text))) program.error(`--moment: ${text} is no time such as 2026-11-25T08:00:00Z`);
  return text;
};
const countOf = (text: string): number => {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1_000_000_000)
    program.error(`--beyond: ${text} is none of 1 to 1000000000`);
  return count;
};
const ended = async (code: Promise<number>): Promise<void> => {
  process.exitCode = await code;
};

command('put-back', 'makes the rows of a table those of a restored one')
  .requiredOption('--from <name>', 'of the restored table')
  .option('--yes', 'do it; otherwise it is counted')
  .addOption(program.createOption('--table <table>', 'of the deployment').choices(TABLES).makeOptionMandatory())
  .action((options) => ended(back(options)));
command('check', 'what the restore has undone; changes nothing')
  .requiredOption(...ARCHIVE)
  .action((options: Options) => ended(check(options)));
command('reconcile', 'makes the tables safe to serve')
  .requiredOption(...ARCHIVE)
  .requiredOption('--moment <time>', 'to which the tables were restored; names this restore', moment)
  .requiredOption('--reason <text>', 'for the records')
  .option('--edges-stopped', 'edges that say they serve have been killed')
  .option('--yes', 'do it; otherwise it is shown')
  .action((options: Options) => ended(reconcile(options)));
command(
  'numbers',
  'where journals of edges, or the table of one, are older than their sessions: FIX numbers go on beyond what was used',
)
  .option('--beyond <n>', 'more than any session has sent since', countOf, 10_000_000)
  .requiredOption('--reason <text>', 'for the records')
  .option('--yes', 'do it; otherwise it is counted')
  .action((options: NumbersOptions) => ended(numbers(options)));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`not done: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
