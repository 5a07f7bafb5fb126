// npm test: type check, lint, then Jest; what follows `--` goes to Jest (`npm test -- test/core`).
// Every step runs even when an earlier one failed. The last line is always `N passed, N failed`: Jest's tests,
// plus one each for the type check and the lint.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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

const steps = [
  await step('type check', bin('tsc'), ['--noEmit']),
  await step('lint', bin('biome'), [
    'check',
    '--error-on-warnings',
    '--no-errors-on-unmatched',
    '--max-diagnostics=10',
  ]),
  await jest(process.argv.slice(2)),
];
const passed = steps.reduce((sum, { passed }) => sum + passed, 0);
const failed = steps.reduce((sum, { failed }) => sum + failed, 0);
process.exitCode = failed === 0 ? 0 : 1;
process.once('exit', () => console.log(`\n${passed} passed, ${failed} failed`));
