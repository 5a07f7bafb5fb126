/** `npm run bench -- [names]`: a table of figures, each with its ratio to what ran beside it; `--json FILE` keeps them. */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { BENCHMARKS, type Benchmark, chosen } from './benchmarks.ts';
import { type Aim, type Figure, isReached } from './figures.ts';
import { describeMachine, type Machine } from './machine.ts';
import { FULL, QUICK, type Sizes } from './sizes.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const number = (value: number): string =>
  new Intl.NumberFormat('en', { maximumSignificantDigits: value >= 1000 ? 21 : 3, maximumFractionDigits: 0 }).format(
    value >= 1000 ? Math.round(value) : value,
  );

function aimText(aim: Aim | undefined, unit: string): string {
  if (aim === undefined || (aim.least === undefined && aim.most === undefined)) return '';
  const bound = aim.least === undefined ? `≤ ${number(aim.most ?? 0)}` : `≥ ${number(aim.least)}`;
  return aim.of === 'ratio' ? `${bound} ×` : `${bound} ${unit}`;
}

const COLUMNS = [32, 18, 12, 44, 16, 8] as const;
const row = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => cell.padEnd(COLUMNS[i] ?? 0))
    .join(' ')
    .trimEnd();

function line(found: Figure): string {
  const { name, value, unit, beside, ratio, aim } = found;
  const aimed = aimText(aim, unit);
  const besides = `${beside.what}: ${number(beside.value)} ${unit}`;
  return row([
    name,
    `${number(value)} ${unit}`,
    `${number(ratio)} ×`,
    besides,
    aimed,
    aimed === '' ? '' : reached(found),
  ]);
}

const reached = (found: Figure): string => (isReached(found) ? 'reached' : 'missed');

function heading(machine: Machine, sizes: Sizes): void {
  const { node, v8, system, cpu, cores, memory_gib, fixgate, commit, date, load_average } = machine;
  say(`fixgate ${fixgate} (${commit}), Node ${node} (V8 ${v8}), ${system}, ${cores} cores (${cpu}), ${memory_gib} GiB`);
  say(`${date}, load average before ${load_average}`);
  say(`settings: ${JSON.stringify(sizes)}\n`);
  say(row(['figure', 'value', 'ratio', 'beside it', 'aim', '']));
}

async function runAll(benchmarks: readonly Benchmark[], sizes: Sizes): Promise<Figure[]> {
  const all: Figure[] = [];
  const settings = new Set<string>();
  for (const { run } of benchmarks) {
    for (const found of await run(sizes)) {
      say(line(found));
      settings.add(`${found.name.padEnd(COLUMNS[0])} ${found.settings}`);
      all.push(found);
    }
  }
  say(`\nhow each was run:\n${[...settings].join('\n')}`);
  return all;
}

interface Options {
  readonly json?: string;
  readonly runs: string;
  readonly quick?: true;
  readonly loadClient: Sizes['load_client'];
  readonly sessions?: string;
  readonly peers?: string;
}

/** Wide enough for each. */
const NAMES = Math.max(...BENCHMARKS.map(({ name }) => name.length));
const list = BENCHMARKS.map(({ name, group, says }) => `  ${name.padEnd(NAMES)} ${group.padEnd(8)} ${says}`).join('\n');
const command = new Command('npm run bench --')
  .argument('[names...]', 'benchmarks or groups of them; all without')
  .option('--json <file>', 'writes machine, settings and figures there')
  .option('--runs <number>', 'runs of which the median counts', String(FULL.runs))
  .addOption(
    new Option('--load-client <kind>', 'node: not the one in C, though it can be built')
      .choices(['best', 'node'])
      .default('best'),
  )
  .option('--sessions <number>', 'sessions of storm, storm-memory, idle, drain and death')
  .option('--peers <names>', 'other engines beside the echo, by commas: quickfixcpp,philadelphia,…')
  .option('--quick', 'tiny counts: shows that everything runs, the figures mean nothing')
  .addHelpText('after', `\nBenchmarks:\n${list}`)
  .parse();
const { json, runs, quick, loadClient, sessions, peers } = command.opts<Options>();
if (!/^[1-9]\d{0,2}$/.test(runs)) command.error('--runs: a number from 1 to 999');

if (sessions !== undefined && !/^[1-9]\d{0,4}$/.test(sessions)) command.error('--sessions: a number from 1 to 99999');

let benchmarks: readonly Benchmark[] = [];
try {
  benchmarks = chosen(command.args);
} catch (error) {
  command.error((error as Error).message);
}
const sizes: Sizes = {
  ...(quick ? QUICK : { ...FULL, runs: Number(runs) }),
  load_client: loadClient,
  ...(sessions === undefined ? {} : { sessions: Number(sessions) }),
  ...(peers === undefined ? {} : { peers: peers.split(',') }),
};
const machine = describeMachine();
heading(machine, sizes);
const figures = await runAll(benchmarks, sizes);
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, settings: sizes, figures }, null, 2)}\n`);
