/** Usage: npm run secrets [-- --data-dir DIR] [--print] */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { createSecrets, secretsFile } from '../local/secrets.ts';
import { SettingError } from '../local/settings.ts';

const options = new Command('npm run secrets --')
  .description('Generates what a local installation needs: master key, admin keys, cursor key; 256 bits each.')
  .option('--data-dir <dir>', 'data directory; FIXGATE_DATA_DIR', process.env.FIXGATE_DATA_DIR ?? '.fixgate')
  .option('--print', 'show the admin keys on the terminal')
  .allowExcessArguments(false)
  .parse()
  .opts<{ dataDir: string; print?: boolean }>();

try {
  const dataDir = resolve(options.dataDir);
  const secrets = createSecrets(dataDir);
  process.stdout.write(`wrote ${secretsFile(dataDir)} (mode 0600): master key, admin keys, cursor key\n`);
  if (options.print === true) process.stdout.write(`${JSON.stringify(secrets.admin, null, 2)}\n`);
} catch (error) {
  if (!(error instanceof SettingError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
