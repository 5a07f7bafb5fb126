/**
 * `npm run fuzz [-- --target framer --seconds 60 --seed 1 --keep]`: long runs of the fuzzers that npm test runs for
 * moments. What they find is shown and kept in the corpus.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '..', 'test', 'fuzz', 'main.ts');

const child = spawn(process.execPath, [MAIN, ...process.argv.slice(2)], { stdio: 'inherit' });
child.once('error', (error) => {
  console.error(`the fuzzers could not be started: ${error.message}`);
  process.exitCode = 1;
});
child.once('close', (code) => {
  process.exitCode = code ?? 1;
});
