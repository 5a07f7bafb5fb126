/**
 * Runs a program that does not know us (the embedded store, an emulator) and ends it, with all that it has started, when we
 * are gone: its standard input is a pipe from the parent, which the system closes however the parent ends.
 * Usage: node guard.ts PROGRAM [ARG ...]
 */
import { spawn } from 'node:child_process';

const [program, ...args] = process.argv.slice(2);
if (program === undefined) {
  process.stderr.write('usage: node guard.ts PROGRAM [ARG ...]\n');
  process.exit(2);
}

// What the program writes (the database) is for its owner only.
process.umask(0o077);
// A process group of its own, where there are such: what the program has started is in it too.
const grouped = process.platform !== 'win32';
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: grouped });
// For who wants to stop and continue it.
process.send?.({ pid: child.pid });

function signal(name: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  if (!grouped) {
    child.kill(name);
    return;
  }
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    // Nobody is left in the group.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

child.once('error', (error) => {
  process.stderr.write(`${program} cannot be started: ${error.message}\n`);
  process.exit(127);
});
child.once('exit', (code, by) => {
  signal('SIGKILL');
  process.exit(by === null ? (code ?? 1) : 1);
});

let ending = false;
/** SIGTERM, and SIGKILL for who does not heed it within a second. */
const end = (): void => {
  if (ending) return;
  ending = true;
  signal('SIGTERM');
  setTimeout(() => signal('SIGKILL'), 1000).unref();
};
process.stdin.resume();
process.stdin.once('end', end);
process.stdin.once('error', end);
process.stdin.once('close', end);
// The parent decides when this ends, by the pipe.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
