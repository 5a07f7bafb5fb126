// npm test: type check, lint, then Jest; what follows `--` goes to Jest (`npm test -- test/core`). Where the acceptance
// scripts are at hand, and nothing follows, they are played meanwhile: they wait for heartbeats most of the time.
// Every step runs even when an earlier one failed. The last line is always `N passed, N failed`: Jest's tests and the
// acceptance scripts, plus one each for the type check and the lint. FIXGATE_TEST_SEEDS=N adds so many seeds of the
// simulation. With FIXGATE_TEST_DEPLOYMENT=1 the deployment is tried last, and the store's suites over DynamoDB Local; with
// FIXGATE_TEST_CHAOS=1 a short run of chaos before them.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** The totals of Jest's --json report that are read here. */
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules', '.bin', name);

/** Runs a command with our own input and output; resolves to its exit code. */
function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
    const stop = (signal: NodeJS.Signals) => child.kill(signal);
    process.on('SIGINT', stop).on('SIGTERM', stop);
    const settle = (code: number) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve(code);
    };
    child.once('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      settle(127);
    });
    child.once('close', (code) => settle(code ?? 1));
  });
}

/** What scripts/acceptance.ts exits with when there is nothing to play. */
const NO_SCRIPTS = 3;

/** The results that the scripts' runner writes with --json, as far as they are read here. */
interface Played {
  readonly results: readonly { readonly name: string; readonly file: string; readonly ok: boolean }[];
}

const acceptanceProgram = join(root, 'scripts', 'acceptance.ts');

/** Plays the acceptance scripts out of sight; what fails on a machine that does other things is played again by `tally`. */
class Acceptance {
  readonly #folder = mkdtempSync(join(tmpdir(), 'fixgate-acceptance-'));
  readonly #report = join(this.#folder, 'report.json');
  readonly #ended: Promise<number>;
  #output = '';

  constructor() {
    const child = spawn(process.execPath, [acceptanceProgram, '--json', this.#report], { cwd: root });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.#output += String(chunk)));
    const stop = () => child.kill();
    process.once('exit', stop);
    this.#ended = new Promise((resolve) => {
      child.once('error', () => resolve(1));
      child.once('close', (code) => {
        process.off('exit', stop);
        resolve(code ?? 1);
      });
    });
  }

  /** What failed has a second chance, alone; a script that then passes is named. */
  async tally(): Promise<Tally> {
    const code = await this.#ended;
    try {
      if (code === NO_SCRIPTS) return { passed: 0, failed: 0 };
      console.log(`\nacceptance scripts\n${this.#output}`);
      if (!existsSync(this.#report)) return { passed: 0, failed: 1 };
      const { results } = JSON.parse(readFileSync(this.#report, 'utf8')) as Played;
      const failed = results.filter(({ ok }) => !ok);
      if (failed.length === 0) return { passed: results.length, failed: code === 0 ? 0 : 1 };
      const again = await this.#playAgain(failed.map(({ file }) => file));
      for (const { name, ok } of again) console.log(`${name}: ${ok ? 'passed' : 'FAILED'} at the second try, alone`);
      const passed = again.filter(({ ok }) => ok).length;
      return { passed: results.length - failed.length + passed, failed: failed.length - passed };
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  async #playAgain(files: readonly string[]): Promise<Played['results']> {
    rmSync(this.#report);
    await run(process.execPath, [acceptanceProgram, '--json', this.#report, '--parallel', '1', ...files]);
    if (!existsSync(this.#report)) return [];
    return (JSON.parse(readFileSync(this.#report, 'utf8')) as Played).results;
  }
}

/** What scripts exit with when what they try on is not to be had here: an emulator, DynamoDB Local. */
const NOTHING_TRIED = 3;
/** Each of their steps is bounded; this bounds them all. */
const COUNTED_WITHIN_MS = 10 * 60_000;

/** A script that counts by itself, told with `N passed, N failed` at its end. */
async function counted(script: string, args: readonly string[]): Promise<Tally> {
  const child = spawn(process.execPath, [join(root, 'scripts', script), ...args], { cwd: root });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
      process.stdout.write(chunk);
    });
  const late = setTimeout(() => child.kill(), COUNTED_WITHIN_MS);
  const stop = () => child.kill();
  process.once('exit', stop);
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(1));
    child.once('close', (ended) => resolve(ended ?? 1));
  });
  clearTimeout(late);
  process.off('exit', stop);
  if (code === NOTHING_TRIED) return { passed: 0, failed: 0 };
  const [, passed = '0', failed = '0'] = /(\d+) passed, (\d+) failed\s*$/.exec(output) ?? [];
  return { passed: Number(passed), failed: code === 0 ? Number(failed) : Math.max(1, Number(failed)) };
}

/** The deployment, and the store's suites over AWS's own emulation: both may fetch what they run on. */
async function elsewhere(): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'fixgate-deployment-'));
  const tallies = [
    await counted('deploy-local.ts', ['--data-dir', folder]),
    await counted('compliance-dynamodb-local.ts', []),
  ];
  const sum = (of: keyof Tally) => tallies.reduce((all, tally) => all + tally[of], 0);
  // What failed is there to be read.
  if (sum('failed') === 0) rmSync(folder, { recursive: true, force: true });
  return { passed: sum('passed'), failed: sum('failed') };
}

async function step(title: string, command: string, args: readonly string[]): Promise<Tally> {
  const begun = performance.now();
  const code = await run(command, args);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${title}: ${code === 0 ? 'passed' : 'FAILED'} (${seconds} s)`);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function jest(args: readonly string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'fixgate-test-'));
  const report = join(folder, 'report.json');
  try {
    const code = await run(process.execPath, [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
      '--json',
      `--outputFile=${report}`,
      ...args,
    ]);
    return tally(report, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the report says; a file that could not run, and a Jest that failed with no failed test, count as one failed each. */
function tally(report: string, code: number): Tally {
  let passed = 0;
  let failed = 0;
  try {
    const totals = JSON.parse(readFileSync(report, 'utf8')) as JestReport;
    passed = totals.numPassedTests;
    failed = totals.numFailedTests + totals.numRuntimeErrorTestSuites;
  } catch {
    console.error('Jest wrote no report');
    failed = 1;
  }
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

const args = process.argv.slice(2);
const acceptance = args.length === 0 ? new Acceptance() : undefined;
const steps = [
  await step('type check', bin('tsc'), ['--noEmit']),
  await step('lint', bin('biome'), [
    'check',
    '--error-on-warnings',
    '--no-errors-on-unmatched',
    '--max-diagnostics=10',
  ]),
  await jest(args),
];
if (acceptance !== undefined) steps.push(await acceptance.tally());
const seeds = process.env.FIXGATE_TEST_SEEDS;
if (seeds !== undefined)
  steps.push(await step('simulation', process.execPath, [join(root, 'scripts', 'simulate.ts'), '--seeds', seeds]));
// Whoever runs all of this does other things as well: what is promised in time has ten times as long.
if (process.env.FIXGATE_TEST_CHAOS === '1')
  steps.push(await counted(join('..', 'chaos', 'main.ts'), ['--short', '--patience', '10']));
if (process.env.FIXGATE_TEST_DEPLOYMENT === '1') steps.push(await elsewhere());
const passed = steps.reduce((sum, { passed }) => sum + passed, 0);
const failed = steps.reduce((sum, { failed }) => sum + failed, 0);
process.exitCode = failed === 0 ? 0 : 1;
process.once('exit', () => console.log(`\n${passed} passed, ${failed} failed`));
