/** `npm run chaos`: breaks a whole installation on purpose and checks what was promised. Exit code 0: all held; 1: not; 2: it could not be run; 3: there is no embedded store here. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { Command, Option } from 'commander';
import { removeDirectory, temporaryDirectory } from '../local/product.ts';
import { storeBinary } from '../local/store.ts';
import { verdicts } from './checks/all.ts';
import { Conductor, type Plan } from './conductor.ts';
import { FAULTS, type FaultKind, type Ledger, type Verdict } from './ledger.ts';
import { report } from './report.ts';
import { openWorld, type WorldHandle } from './world-handle.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const EXIT_BROKEN = 1;
const EXIT_FAILED = 2;
/** There is no embedded store for this platform. */
const EXIT_NOTHING_TRIED = 3;
/** Starting, healing and the end take no longer: fifteen minutes in all, unless more are asked for. */
const BEYOND_MINUTES = 7;

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
  .option('--short', 'about a minute, a hundred sessions: what a commit is tried with')
  .option(
    '--patience <n>',
    'times as long as promised things may take, on a machine that does other things',
    number(1, 100),
    1,
  )
  .option('--ledger <file>', 'writes all that was seen there, as JSON')
  .option('--keep', 'leaves data and logs where they are, and says where')
  .parse();

interface Options {
  readonly seed: number;
  readonly minutes: number;
  readonly sessions: number;
  readonly edges: number;
  readonly journal: Plan['journal'];
  readonly only: readonly FaultKind[];
  readonly short?: true;
  readonly patience: number;
  readonly ledger?: string;
  readonly keep?: true;
}

async function played(plan: Plan, world: WorldHandle, dataDir: string): Promise<Ledger> {
  const addresses = await world.begin(dataDir, plan.edges, plan.journal);
  say(`${plan.edges} edges are ready; provisioning`);
  const conductor = await Conductor.open(plan, world, addresses);
  return conductor.run();
}

function timeout(minutes: number): Promise<never> {
  return new Promise((_, reject) => {
    const late = (): void => reject(new Error(`not done after ${minutes} minutes`));
    setTimeout(late, minutes * 60_000).unref();
  });
}

async function main(): Promise<number> {
  if (storeBinary() === undefined) return EXIT_NOTHING_TRIED;
  const { short, ledger: file, keep, ...options } = command.opts<Options>();
  const size = short ? { minutes: 0, sessions: 100 } : {};
  const plan: Plan = { ...options, ...size, say };
  const { seed, minutes, sessions, edges, patience } = plan;
  const load = loadavg()[0]?.toFixed(1);
  say(
    `seed ${seed}, ${sessions} sessions, ${edges} edges, journal ${plan.journal}, ${minutes} minutes of faults, patience ${patience}`,
  );
  say(`${availableParallelism()} cores, load average before ${load}\n`);
  const dataDir = temporaryDirectory();
  const world = openWorld();
  let found: readonly Verdict[] = [];
  try {
    const ledger = await Promise.race([played(plan, world, dataDir), timeout(minutes + BEYOND_MINUTES * patience)]);
    found = verdicts(ledger, { patience });
    if (file !== undefined) writeFileSync(file, JSON.stringify({ ...ledger, users: [...ledger.users.values()] }));
    say(report(ledger, found));
  } finally {
    await world.end();
    if (keep) say(`data and logs: ${dataDir}`);
    else removeDirectory(dataDir);
  }
  const tried = found.filter(({ held, against }) => held || against.length > 0 || plan.only.length === 0);
  const broken = tried.filter(({ held }) => !held).length;
  say(`\n${tried.length - broken} passed, ${broken} failed`);
  return broken === 0 ? 0 : EXIT_BROKEN;
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`chaos could not be run: ${error.stack}\n`);
    process.exit(EXIT_FAILED);
  },
);
