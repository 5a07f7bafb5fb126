/** What `npm run deploy:local` may be told. */
import { resolve } from 'node:path';
import { Command } from 'commander';

export interface Options {
  readonly dataDir: string;
  readonly keep: boolean;
}

const HELP = `
Deploys the CDK app with the real CLI into an emulator of AWS on this machine and plays the life of a client through it.
Needs Python 3 and openssl; the emulator comes from PyPI. Everything is on 127.0.0.1 and ends with this command.

Exit code 0: everything held; 1: something did not; 3: the emulator cannot be had here, so nothing was tried.`;

export function readOptions(argv: readonly string[]): Options {
  const { dataDir, keep } = new Command('deploy:local')
    .description('The deployment, in an emulator.')
    .option('--data-dir <directory>', 'holds deployed/ and deployed.json', process.env.FIXGATE_DATA_DIR ?? '.fixgate')
    .option('--keep', 'leave it running until Ctrl-C, with its addresses and keys in deployed.json')
    .addHelpText('after', HELP)
    .parse([...argv], { from: 'user' })
    .opts<{ dataDir: string; keep?: boolean }>();
  return { dataDir: resolve(dataDir), keep: keep ?? false };
}
