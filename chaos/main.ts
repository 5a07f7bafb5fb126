/** `npm run chaos`: breaks a whole installation on purpose and checks what was promised. Exit code 0: all held; 1: not; 2: it could not be run; 3: there is no embedded store here. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { removeDirectory, temporaryDirectory } from '../local/product.ts';
import { storeBinary } from '../local/store.ts';
import { verdicts } from './checks/all.ts';
import { Conductor, type Plan } from './conductor.ts';
import { writeEvents } from './evidence.ts';
import { FAULTS, type FaultKind, type Verdict } from './ledger.ts';
import { report } from './report.ts';
import { LEAST_MOST_MS } from './schedule.ts';
import { openWorld, type WorldHandle } from './world-handle.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const EXIT_BROKEN = 1;
const EXIT_FAILED = 2;
/** There is no embedded store for this platform. */
const EXIT_NOTHING_TRIED = 3;
/** Starting, healing and the end take no longer: fifteen minutes in all, unless more are asked for. */
const BEYOND_MINUTES = 7;
/** In the data directory. */
const LOGS = 'logs';

const number =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isFinite(value) || value < least || value > most)
      throw new Error(`${text} is no number from ${least} to ${most}`);
    return value;
  };

const command = new Command('chaos')
  .description('Starts edges, a venue and the embedded store, breaks them under load, and checks what was promised.')
  .option('--seed <n>', 'what is broken when', number(0, 2 ** 31), Math.floor(Math.random() * 1e6))
  .option('--minutes <m>', 'for how long things are broken', number(0, 24 * 60), 8)
  .option('--sessions <n>', 'clients', number(10, 20_000), 1000)
  .option('--edges <n>', 'edges', number(2, 16), 3)
  .addOption(
    new Option('--journal <kind>', 'store: sessions go on at any edge; file: they go back to theirs')
      .choices(['store', 'file'])
      .default('store'),
  )
  .addOption(
    new Option('--only <kinds...>', 'these faults and no others; what they do not try counts for nothing')
      .choices(FAULTS)
      .default([]),
  )
  .option('--at-most <s>', 'no faults that last longer', number(LEAST_MOST_MS / 1000, 3600), Number.POSITIVE_INFINITY)
  .option('--short', 'about a minute, a hundred sessions: what a commit is tried with')
  .option(
    '--patience <n>',
    'times as long as promised things may take, on a machine that does other things',
    number(1, 100),
    1,
  )
  .option('--ledger <file>', 'writes all that was seen there, as JSON')
  .option(
    '--keep',
    'leaves data and logs where they are, and says where; without it only logs, when a promise is broken',
  )
  .parse();

interface Options {
  readonly seed: number;
  readonly minutes: number;
  readonly sessions: number;
  readonly edges: number;
  readonly journal: Plan['journal'];
  readonly only: readonly FaultKind[];
  readonly atMost: number;
  readonly short?: true;
  readonly patience: number;
  readonly ledger?: string;
  readonly keep?: true;
}

interface Tally {
  readonly passed: number;
  readonly broken: number;
}

async function conducted(plan: Plan, world: WorldHandle, dataDir: string): Promise<Conductor> {
  const addresses = await world.begin(dataDir, plan.edges, plan.journal);
  say(`${plan.edges} edges are ready; provisioning`);
  return Conductor.open(plan, world, addresses);
}

/** Runs the plan and judges it. What explains a promise that was broken, or why it could not be run, is kept. */
async function tried(plan: Plan, heading: string, file: string | undefined, keep: boolean): Promise<Tally> {
  const dataDir = temporaryDirectory();
  const world = openWorld();
  const over = given(plan.minutes + BEYOND_MINUTES * plan.patience);
  let conductor: Conductor | undefined;
  let told = 'it was not judged';
  let tally: Tally | undefined;
  try {
    conductor = await Promise.race([conducted(plan, world, dataDir), over]);
    const ledger = await Promise.race([conductor.run(), over]);
    const found = verdicts(ledger, plan);
    if (file !== undefined) writeFileSync(file, JSON.stringify({ ...ledger, users: [...ledger.users.values()] }));
    told = report(ledger, found);
    say(told);
    tally = tallyOf(plan, found);
    return tally;
  } finally {
    await world.end();
    if (tally?.broken === 0 && !keep) removeDirectory(dataDir);
    else {
      const logs = explained(dataDir, `${heading}\n${told}\n`, conductor);
      if (!keep) for (const name of readdirSync(dataDir)) if (name !== LOGS) removeDirectory(join(dataDir, name));
      if (keep) say(`data: ${dataDir}`);
      say(`\nlogs of all processes, and what was broken and seen: ${logs}`);
    }
  }
}

/** Puts beside the logs what was broken and seen. @returns where */
function explained(dataDir: string, text: string, conductor: Conductor | undefined): string {
  const logs = join(dataDir, LOGS);
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(logs, 'report.txt'), text);
  if (conductor !== undefined) writeEvents(logs, conductor.seen, performance.timeOrigin);
  return logs;
}

function tallyOf({ only, atMost }: Plan, found: readonly Verdict[]): Tally {
  const some = only.length > 0 || Number.isFinite(atMost);
  const counted = found.filter(({ held, against }) => held || against.length > 0 || !some);
  const broken = counted.filter(({ held }) => !held).length;
  return { passed: counted.length - broken, broken };
}

/** Rejects when it takes too long, or somebody has had enough. */
function given(minutes: number): Promise<never> {
  return new Promise((_, reject) => {
    const late = (): void => reject(new Error(`not done after ${minutes} minutes`));
    setTimeout(late, minutes * 60_000).unref();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => reject(new Error(`ended by ${name}`)));
  });
}

async function main(): Promise<number> {
  if (storeBinary() === undefined) return EXIT_NOTHING_TRIED;
  const { short, ledger: file, keep, ...options } = command.opts<Options>();
  const size = short ? { minutes: 0, sessions: 100 } : {};
  const plan: Plan = { ...options, ...size, say };
  const { seed, minutes, sessions, edges, patience } = plan;
  const load = loadavg()[0]?.toFixed(1);
  const heading = [
    `seed ${seed}, ${sessions} sessions, ${edges} edges, journal ${plan.journal}, ${minutes} minutes of faults, patience ${patience}`,
    `${availableParallelism()} cores, load average before ${load}\n`,
  ].join('\n');
  say(heading);
  const { passed, broken } = await tried(plan, heading, file, keep === true);
  say(`\n${passed} passed, ${broken} failed`);
  return broken === 0 ? 0 : EXIT_BROKEN;
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`chaos could not be run: ${error.stack}\n`);
    process.exit(EXIT_FAILED);
  },
);
