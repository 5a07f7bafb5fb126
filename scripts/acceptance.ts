/**
 * `npm run acceptance [-- OPTIONS OF THE RUNNER]`: the session-level acceptance scripts of the field against the whole
 * product: `npm start` on free ports and a directory of its own, the session provisioned by the admin API, auth on.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '../local/admin-client.ts';
import type { LocalJson } from '../local/data-dir.ts';

const ROOT = join(import.meta.dirname, '..');
/** The scripts and their runner lie beside the project; `FIXGATE_ACCEPTANCE_DIR` names another place. */
const RUNNER = join(process.env.FIXGATE_ACCEPTANCE_DIR ?? join(ROOT, '..', 'shared', 'acceptance'), 'run.mjs');
const NOTHING_TO_RUN = 3;
const START_MS = 60_000;

/** What the scripts want of the acceptor: numbers begin at 1, a second connection is closed without a word. */
const PROFILE = { reset_on_logon: true, duplicate_logon: 'refuse' };
/** The CompIDs of the scripts: ours, and the counterparty's. */
const TARGET = 'ISLD';
const SENDER = 'TW44';

async function main(args: readonly string[]): Promise<number> {
  if (!existsSync(RUNNER)) {
    process.stderr.write(
      `the acceptance scripts are not there (${RUNNER}); FIXGATE_ACCEPTANCE_DIR names their folder\n`,
    );
    return NOTHING_TO_RUN;
  }
  const directory = mkdtempSync(join(tmpdir(), 'fixgate-acceptance-'));
  const product = startProduct(directory);
  try {
    const local = await ready(product, directory);
    const passwords = join(directory, 'passwords');
    writeFileSync(passwords, `${SENDER}=${await provision(local)}\n`, { mode: 0o600 });
    return await run(RUNNER, ['--port', String(local.fix_port), '--password-file', passwords, ...args]);
  } finally {
    await stopped(product);
    rmSync(directory, { recursive: true, force: true });
  }
}

function startProduct(directory: string): ChildProcess {
  const options = ['--admin-port', '0', '--fix-port', '0', '--metrics-port', '0', '--data-dir', directory];
  const settings = ['--venue', 'echo', '--refused-logon', 'silent', '--bad-logon-limit', '0'];
  return spawn(process.execPath, [join(ROOT, 'scripts', 'start.ts'), ...options, ...settings], {
    env: { ...process.env, FIXGATE_SESSION_PROFILE: JSON.stringify(PROFILE) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** What `npm start` wrote when it was ready. @throws when it ends before, or takes too long */
async function ready(product: ChildProcess, directory: string): Promise<LocalJson> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`fixgate was not ready within ${START_MS} ms:\n${said}`)), START_MS);
    product.once('exit', (code) => reject(new Error(`fixgate ended with ${code} before it was ready:\n${said}`)));
    product.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (!/^fixgate ready$/m.test(said)) return;
      clearTimeout(late);
      resolve();
    });
  });
  return JSON.parse(readFileSync(join(directory, 'local.json'), 'utf8')) as LocalJson;
}

/** @returns the password */
async function provision(local: LocalJson): Promise<string> {
  const { status, body } = await new AdminClient(local).post('provision', {
    user_id: 'acceptance',
    rate_limit_tier: 'premium',
    account_balance: 25_000,
    trading_volume: 250_000,
    account_age_days: 400,
    kyc_level: 2,
    sender_comp_id: SENDER,
    target_comp_id: TARGET,
  });
  if (status !== 201) throw new Error(`provision answered ${status}: ${JSON.stringify(body)}`);
  return body.credentials.password;
}

/** Runs the runner to its end and passes on its code; its totals are its last line. */
function run(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function stopped(product: ChildProcess): Promise<void> {
  if (product.exitCode !== null || product.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => product.once('exit', () => resolve()));
  product.kill('SIGTERM');
  await gone;
}

process.exitCode = await main(process.argv.slice(2));
