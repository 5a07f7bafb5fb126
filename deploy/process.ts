/** Programs that are not ours, run under a guard that ends them with us, for a bounded time, with their words in a log. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../local/product.ts';

const LAST_WORDS = 3000;
const GUARD = join(ROOT, 'local', 'guard.ts');

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly timeoutMs: number;
  /** Everything that it writes is appended here. */
  readonly log: string;
}

/** Whether a program is on this machine. */
export const isThere = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore', timeout: 10_000 }).error === undefined;

/** Whether a program says by its exit code that all is well. */
export const isWell = (program: string, ...args: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;

/** Starts a program under the guard: it ends when its standard input is closed, or when we do. */
export function guarded(
  program: string,
  args: readonly string[],
  { env, cwd, log }: Omit<RunOptions, 'timeoutMs'>,
): ChildProcess {
  const output = openSync(log, 'a', 0o600);
  return spawn(process.execPath, [GUARD, program, ...args], {
    env,
    cwd,
    detached: true,
    stdio: ['pipe', output, output],
  });
}

/** Runs a program to its end. @returns what it wrote @throws Error with its last words, or when its time is over */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { env, cwd, timeoutMs, log } = options;
  const what = `${program.split('/').at(-1)} ${args.join(' ')}`;
  appendFileSync(log, `\n$ ${what}\n`, { mode: 0o600 });
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [GUARD, program, ...args], { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    let late = false;
    const take = (chunk: Buffer): void => {
      text += chunk.toString();
      appendFileSync(log, chunk);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => {
      late = true;
      child.stdin.end();
    }, timeoutMs);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(text);
      else
        reject(
          new Error(
            `${what}\n${late ? `took longer than ${timeoutMs / 1000} s` : `ended with ${code}`}:\n${text.slice(-LAST_WORDS)}`,
          ),
        );
    });
  });
}
