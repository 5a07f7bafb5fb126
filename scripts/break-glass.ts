// Stops everything when the admin API cannot: writes the lock of everybody straight to the tables, by the same functions and
// with the same audit record as the API would; or, without any store, shuts the edges of a data directory by a file. Shows
// what it would do, and does it with --yes. Exit code 0: done, or shown; 1: refused or not possible.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { servingEdges } from '../core/credentials/reach.ts';
import { FixgateError } from '../core/errors.ts';
import { lockPolicy, type PolicyLockPorts, unlockPolicy } from '../core/locks/locks.ts';
import { inForce, lockName, lockText } from '../core/locks/model.ts';
import { SHUT_FILE } from '../edge/shut.ts';
import { EDGES_FOLDER } from '../local/data-dir.ts';
import { userName } from './actor.ts';
import { storesOf } from './stores-of.ts';

const EVERYBODY = { kind: 'everybody' } as const;
/** As the API has it. */
const LONGEST_REASON = 400;
const DRY = 'nothing was changed: add --yes to do it\n';

interface Options {
  readonly dataDir: string;
  readonly reason?: string;
  readonly cancelOrders?: boolean;
  readonly yes?: boolean;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Stores, and who acts: the key by which AWS knows the caller stands in the record, for CloudTrail has it too. */
async function opened(
  dataDir: string,
): Promise<{ ports: PolicyLockPorts; actor: { principal: string; user_agent: string }; close(): void }> {
  const { stores, client, close } = storesOf(dataDir);
  const { accessKeyId } = await client.config.credentials();
  const actor = { principal: `break-glass:${userName()}@${hostname()}`, user_agent: `break-glass ${accessKeyId}` };
  const { policy, edges } = stores;
  return { ports: { policy, edges, digests: nodeDigests, random: systemRandom, clock: systemClock }, actor, close };
}

async function status({ ports }: { ports: PolicyLockPorts }): Promise<void> {
  const now = systemClock.now();
  const { locks, version } = await ports.policy.read();
  say(`policy version ${version}`);
  const holding = locks.filter((lock) => inForce(lock, now));
  for (const lock of holding) say(`lock of ${lockName(lock.target)} by ${lock.by}: ${lockText(lock)}`);
  if (holding.length === 0) say('no lock of a tier or of everybody');
  for (const { edge_id, state, figures } of await servingEdges(ports))
    say(`edge ${edge_id} ${state}, ${figures.sessions} sessions`);
}

/** Runs `work` with stores that are closed afterwards. */
async function withStores(
  { dataDir }: Options,
  work: (opened: { ports: PolicyLockPorts; actor: { principal: string; user_agent: string } }) => Promise<void>,
): Promise<void> {
  const { close, ...rest } = await opened(dataDir);
  try {
    await work(rest);
  } finally {
    close();
  }
}

const lockEverybody = (options: Options): Promise<void> =>
  withStores(options, async ({ ports, actor }) => {
    const { reason = '', cancelOrders: cancel_orders = false, yes } = options;
    await status({ ports });
    say(
      `would lock everybody as ${actor.principal}: every session ends, nobody may log on${cancel_orders ? ', resting orders are cancelled' : ''}`,
    );
    if (yes !== true) return void process.stdout.write(DRY);
    const { lock, sessions } = await lockPolicy(ports, { actor, reason }, { target: EVERYBODY, reason, cancel_orders });
    say(`locked everybody at policy version ${lock.version}; ${sessions} live sessions have to end`);
  });

const unlockEverybody = (options: Options): Promise<void> =>
  withStores(options, async ({ ports, actor }) => {
    await status({ ports });
    if (options.yes !== true) return void process.stdout.write(DRY);
    await unlockPolicy(ports, { actor, reason: options.reason }, EVERYBODY);
    say('unlocked everybody; locks of users and tiers stand as they did');
  });

/** The data directories of the edges of this machine: the first one's is the data directory itself. */
function edgeDirectories(dataDir: string): readonly string[] {
  const others = join(dataDir, EDGES_FOLDER);
  const names = existsSync(others) ? readdirSync(others) : [];
  return [dataDir, ...names.map((name) => join(others, name))];
}

function shut({ dataDir, reason = '', cancelOrders, yes }: Options): void {
  for (const directory of edgeDirectories(resolve(dataDir))) {
    const file = join(directory, SHUT_FILE);
    say(`${yes === true ? 'writing' : 'would write'} ${file}`);
    if (yes !== true) continue;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, `${reason}\n${cancelOrders === true ? 'cancel_orders\n' : ''}`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  if (yes !== true) process.stdout.write(DRY);
}

function open({ dataDir, yes }: Options): void {
  for (const directory of edgeDirectories(resolve(dataDir))) {
    const file = join(directory, SHUT_FILE);
    if (!existsSync(file)) continue;
    say(`${yes === true ? 'removing' : 'would remove'} ${file}`);
    if (yes === true) rmSync(file);
  }
  if (yes !== true) process.stdout.write(DRY);
}

const HELP = `
lock-everybody and unlock-everybody need the tables: those of <data-dir>/local.json while npm start runs, or those of the
FIXGATE_TABLE_ variables, and the rights of the stack's break-glass role (-c breakGlassPrincipal=ARN). The API's unlock lifts
such a lock too. shut and open need nothing but the disk of the edge's machine, and hold for edges that start later.`;

const program = new Command('break-glass')
  .description('Stops everything without the admin API.')
  .addHelpText('after', HELP);
const reason = (text: string): string => {
  if (!/^[ -~]{1,400}$/.test(text)) program.error(`--reason: 1 to ${LONGEST_REASON} printable ASCII characters`);
  return text;
};
const command = (name: string, description: string, run: (options: Options) => void | Promise<void>): Command =>
  program
    .command(name)
    .description(description)
    .allowExcessArguments(false)
    .option('--data-dir <directory>', 'of a local installation', process.env.FIXGATE_DATA_DIR ?? '.fixgate')
    .action(run);
const YES = ['--yes', 'do it; otherwise it is shown'] as const;
const CANCEL = ['--cancel-orders', 'have the venue cancel what rests'] as const;

command('status', 'locks in force, and edges', (options) => withStores(options, status));
command('lock-everybody', 'ends every session and refuses every logon, by the tables', lockEverybody)
  .requiredOption('--reason <text>', 'clients see it', reason)
  .option(...CANCEL)
  .option(...YES);
command('unlock-everybody', 'lifts that lock', unlockEverybody)
  .requiredOption('--reason <text>', 'for the record', reason)
  .option(...YES);
command('shut', 'ends every session and refuses every logon, by a file on this machine', shut)
  .requiredOption('--reason <text>', 'clients see it', reason)
  .option(...CANCEL)
  .option(...YES);
command('open', 'removes that file', open).option(...YES);

try {
  await program.parseAsync();
} catch (error) {
  const text =
    error instanceof FixgateError
      ? `${error.code}: ${error.message}`
      : `${(error as Error).name}: ${(error as Error).message}`;
  process.stderr.write(`not done: ${text}\n`);
  process.exitCode = 1;
}
