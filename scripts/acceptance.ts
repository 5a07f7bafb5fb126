/**
 * `npm run acceptance [-- OPTIONS OF THE RUNNER]`: the session-level acceptance scripts of the field against the whole
 * product: `npm start` on free ports and a directory of its own, the sessions provisioned by the admin API, auth on. The
 * scripts are played side by side, each worker with a session of its own; `--parallel 1` plays one after the other.
 */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Product, ROOT, removeDirectory, startProduct, temporaryDirectory } from '../local/product.ts';

/** The scripts and their runner lie beside the project; `FIXGATE_ACCEPTANCE_DIR` names another place. */
const RUNNER = join(process.env.FIXGATE_ACCEPTANCE_DIR ?? join(ROOT, '..', 'shared', 'acceptance'), 'run.mjs');
/** Exit code, beside the runner's: 1 when a script failed, 2 when nothing was run. */
const NOTHING_TO_RUN = 3;
const SETTINGS = ['--venue', 'echo', '--refused-logon', 'silent', '--bad-logon-limit', '0'];

/** What the scripts want of the acceptor: numbers begin at 1, a second connection is closed without a word. */
const PROFILE = { reset_on_logon: true, duplicate_logon: 'refuse' };
/** The CompIDs of the scripts: ours, and the counterparty's; each worker has one of the latter, with its number. */
const TARGET = 'ISLD';
const SENDER = 'TW44';
/** Most of the time scripts wait for heartbeats: so many of them wait together. */
const WORKERS = 4;
const MOST_WORKERS = 64;

async function main(args: readonly string[]): Promise<number> {
  if (!existsSync(RUNNER)) {
    process.stderr.write(
      `the acceptance scripts are not there (${RUNNER}); FIXGATE_ACCEPTANCE_DIR names their folder\n`,
    );
    return NOTHING_TO_RUN;
  }
  const workers = workersOf(args);
  const directory = temporaryDirectory();
  let product: Product | undefined;
  try {
    product = await startProduct(directory, SETTINGS, { FIXGATE_SESSION_PROFILE: JSON.stringify(PROFILE) });
    const passwords = join(directory, 'passwords');
    writeFileSync(passwords, await provisioned(product, workers), { mode: 0o600 });
    const ours = ['--port', String(product.local.fix_port), '--password-file', passwords];
    const names = ['--map-comp-ids', `${SENDER}=${SENDER}-{n}`, '--parallel', String(workers)];
    return await run(RUNNER, [...ours, ...args, ...names]);
  } finally {
    await product?.stop();
    removeDirectory(directory);
  }
}

function workersOf(args: readonly string[]): number {
  const at = args.indexOf('--parallel');
  if (at < 0) return WORKERS;
  const workers = Number(args[at + 1]);
  if (Number.isInteger(workers) && workers >= 1 && workers <= MOST_WORKERS) return workers;
  throw new RangeError(`--parallel is to be a number from 1 to ${MOST_WORKERS}`);
}

/** A session for each worker. @returns lines of `CompID=password` */
async function provisioned(product: Product, workers: number): Promise<string> {
  let lines = '';
  for (let n = 1; n <= workers; n++) {
    const names = { rate_limit_tier: 'premium', sender_comp_id: `${SENDER}-${n}`, target_comp_id: TARGET };
    const { password } = await product.provision(`acceptance-${n}`, names);
    lines += `${names.sender_comp_id}=${password}\n`;
  }
  return lines;
}

/** Runs the runner to its end and passes on its code; its totals are its last line. A signal ends it, then the product. */
function run(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main(process.argv.slice(2));
