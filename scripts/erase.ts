// Erases what is kept about a person beside the audit trail, which keeps the pseudonym. Shows what it would do, and does it
// with --yes. Exit code 0: done; 1: shown, or refused.

import { Command } from 'commander';
import { erasable, eraseUser } from '../core/credentials/erase.ts';
import { FixgateError } from '../core/errors.ts';
import { userName } from './actor.ts';
import { adminPortsWithoutKeys, storesOf } from './stores-of.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const HELP = `
The user must be revoked. User and credentials stay as empty rows, so that their names are given to nobody else; facts, addresses,
certificates, keys, passwords, session profiles, reasons, locks and overrides go. What the audit trail, the archive, journals and
logs of edges, and backups hold is not touched: docs/RUNBOOK.md says what that is.`;

const options = new Command('erase')
  .description('Erases what is kept about a person.')
  .requiredOption('--user <id>', 'the user, by its pseudonym')
  .requiredOption('--reason <text>', 'for the record: a ticket, never a name')
  .option('--data-dir <directory>', 'of a running npm start', process.env.FIXGATE_DATA_DIR ?? '.fixgate')
  .option('--yes', 'do it; otherwise it is shown')
  .allowExcessArguments(false)
  .addHelpText('after', HELP)
  .parse()
  .opts<{ user: string; reason: string; dataDir: string; yes?: boolean }>();

try {
  const { stores, close } = storesOf(options.dataDir);
  const ports = adminPortsWithoutKeys(stores);
  const found = await erasable(ports, options.user);
  const what = `user ${options.user}, ${found.credentials} credentials, ${found.overrides} overrides`;
  if (options.yes === true) {
    const actor = { principal: `erase:${userName()}` };
    await eraseUser(ports, { actor, reason: options.reason }, options.user);
    say(`erased: ${what}; now delete the pseudonym from your own list of whom it stands for`);
  } else {
    say(`would erase: ${what}`);
    say('nothing was changed: add --yes to do it');
    process.exitCode = 1;
  }
  close();
} catch (error) {
  const named = error instanceof FixgateError ? `${error.code}: ` : '';
  const details = error instanceof FixgateError && error.details.length > 0 ? ` ${JSON.stringify(error.details)}` : '';
  process.stderr.write(`not done: ${named}${(error as Error).message}${details}\n`);
  process.exitCode = 1;
}
