/**
 * Runs a program that does not know us (the embedded store) and ends it when we are gone: its standard input is a pipe
 * from the parent, which the system closes however the parent ends. Usage: node guard.ts PROGRAM [ARG ...]
 */
import { spawn } from 'node:child_process';

const [program, ...args] = process.argv.slice(2);
if (program === undefined) {
  process.stderr.write('usage: node guard.ts PROGRAM [ARG ...]\n');
  process.exit(2);
}

// What the program writes (the database) is for its owner only.
process.umask(0o077);
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
child.once('error', (error) => {
  process.stderr.write(`${program} cannot be started: ${error.message}\n`);
  process.exit(127);
});
child.once('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));

let ending = false;
/** SIGTERM, and SIGKILL for who does not heed it within a second. */
const end = (): void => {
  if (ending) return;
  ending = true;
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), 1000).unref();
};
process.stdin.resume();
process.stdin.once('end', end);
process.stdin.once('error', end);
process.stdin.once('close', end);
// The parent decides when this ends, by the pipe.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
