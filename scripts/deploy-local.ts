// npm run deploy:local: the CDK app deployed into an emulator on this machine, and used. deploy/ says how.

import { readOptions } from '../deploy/options.ts';
import { deployLocal } from '../deploy/run.ts';

const options = readOptions(process.argv.slice(2));
const parent = process.ppid;
const stop = new Promise<string>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  setInterval(() => {
    if (process.ppid !== parent) resolve('the process that started it is gone');
  }, 250).unref();
});
process.exitCode = await deployLocal(options, (line) => void process.stdout.write(`${line}\n`), stop);
process.exit();
