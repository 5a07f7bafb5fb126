/** Puts load on a FIX acceptor: by fixload (C) where its source and a compiler are, else by load-client.ts. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../local/product.ts';
import type { Names, OrderKind } from './orders.ts';
import { makeScratch, removeScratch } from './scratch.ts';

export interface LoadTask extends Names {
  readonly port: number;
  readonly password: string;
  readonly order: OrderKind;
  readonly count: number;
  /** Orders in flight; 1: ping-pong. */
  readonly window: number;
}

/** What load-client.ts is told. */
export interface NodeTask extends LoadTask {
  /** ClOrdIDs count from here: the simulator rejects those that an earlier run has used. */
  readonly first_id: number;
}

export interface LoadResult {
  readonly per_s: number;
  /** Of the round trips of a ping-pong, microseconds. */
  readonly p50_us: number;
  readonly p99_us: number;
  /** By MsgType; load-client.ts adds the OrdStatus to an ExecutionReport's. */
  readonly replies: Readonly<Record<string, number>>;
}

export interface LoadClient {
  readonly name: string;
  run(task: LoadTask): Promise<LoadResult>;
  close(): void;
}

/** Tools that may stand beside the checkout. */
export const BENCH_DIR = process.env.FIXGATE_BENCH_DIR ?? join(ROOT, '..', 'shared', 'bench');
/** A load client in C; it is built in a temporary directory. */
const FIXLOAD = join(BENCH_DIR, 'fixload.c');
/** fixload's status when all orders were answered, some by more than one message. */
const DONE_WITH_MORE = 3;

/** fixload knows orders that rest only. */
export function openLoadClient(wanted: 'best' | 'node', order: OrderKind): LoadClient {
  if (wanted === 'best' && order === 'rests' && existsSync(FIXLOAD)) {
    const directory = makeScratch();
    const program = join(directory, 'fixload');
    const close = (): void => removeScratch(directory);
    if (spawnSync('cc', ['-O3', '-o', program, FIXLOAD], { stdio: 'ignore' }).status === 0)
      return { name: 'fixload (C, cc -O3)', run: (task) => byFixload(program, task), close };
    close();
  }
  let orders = 0;
  const run = (task: LoadTask): Promise<LoadResult> => {
    const first_id = orders;
    orders += task.count;
    return byNode({ ...task, first_id });
  };
  return { name: 'bench/load-client.ts', run, close: () => {} };
}

/** The last line of what a program prints. @throws with its last words when it fails */
function lastLine(program: string, args: readonly string[], accept: readonly number[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      const line = output.trimEnd().split('\n').at(-1) ?? '';
      if (code !== null && accept.includes(code) && line !== '') resolve(line);
      else reject(new Error(`the load client ended with ${code}: ${errors.slice(-2000)} ${line}`));
    });
  });
}

async function byNode(task: NodeTask): Promise<LoadResult> {
  const line = await lastLine(
    process.execPath,
    [join(import.meta.dirname, 'load-client.ts'), JSON.stringify(task)],
    [0],
  );
  return JSON.parse(line) as LoadResult;
}

async function byFixload(program: string, task: LoadTask): Promise<LoadResult> {
  const options = {
    port: task.port,
    sender: task.sender,
    target: task.target,
    username: task.sender,
    password: task.password,
    count: task.count,
    ...(task.window === 1 ? {} : { window: task.window }),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const line = await lastLine(program, [task.window === 1 ? 'pingpong' : 'pipeline', ...args], [0, DONE_WITH_MORE]);
  const said = JSON.parse(line) as LoadResult & { readonly missing: number };
  if (said.missing > 0) throw new Error(`${said.missing} orders were not answered: ${line}`);
  return said;
}
