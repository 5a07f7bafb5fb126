/**
 * `npm run acceptance [-- OPTIONS OF THE RUNNER]`: the session-level acceptance scripts of the field against the whole
 * product: `npm start` on free ports and a directory of its own, the session provisioned by the admin API, auth on.
 */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Product, ROOT, removeDirectory, startProduct, temporaryDirectory } from '../local/product.ts';

/** The scripts and their runner lie beside the project; `FIXGATE_ACCEPTANCE_DIR` names another place. */
const RUNNER = join(process.env.FIXGATE_ACCEPTANCE_DIR ?? join(ROOT, '..', 'shared', 'acceptance'), 'run.mjs');
const NOTHING_TO_RUN = 3;
const SETTINGS = ['--venue', 'echo', '--refused-logon', 'silent', '--bad-logon-limit', '0'];

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
  const directory = temporaryDirectory();
  let product: Product | undefined;
  try {
    product = await startProduct(directory, SETTINGS, { FIXGATE_SESSION_PROFILE: JSON.stringify(PROFILE) });
    const names = { rate_limit_tier: 'premium', sender_comp_id: SENDER, target_comp_id: TARGET };
    const { password } = await product.provision('acceptance', names);
    const passwords = join(directory, 'passwords');
    writeFileSync(passwords, `${SENDER}=${password}\n`, { mode: 0o600 });
    return await run(RUNNER, ['--port', String(product.local.fix_port), '--password-file', passwords, ...args]);
  } finally {
    await product?.stop();
    removeDirectory(directory);
  }
}

/** Runs the runner to its end and passes on its code; its totals are its last line. */
function run(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main(process.argv.slice(2));
