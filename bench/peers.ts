/**
 * Engines that people use, beside the edge: built and served by a runner that may stand beside the checkout
 * (`FIXGATE_BENCH_DIR` names its folder otherwise), one small acceptor each.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../local/free-port.ts';
import type { Target } from './floor-process.ts';
import { BENCH_DIR } from './load.ts';
import type { Names } from './orders.ts';

const RUNNER = join(BENCH_DIR, 'peers', 'run.sh');
/** Engines in C++ and Java are built from source or fetched first. */
const READY_WITHIN_MS = 900_000;
/** Of /proc, in seconds: Linux counts processor time so. */
const TICK_S = 0.01;
/** Whom the runner's acceptors know. */
export const PEER_NAMES: Names = { sender: 'TW', target: 'ISLD' };

export interface Peer extends Target {
  readonly name: string;
  stop(): Promise<void>;
}

/** User and system time of a process, seconds. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, '').trim().split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_S;
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

function ready(child: ChildProcess, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const late = setTimeout(() => reject(new Error(`${name} is not ready: ${output.slice(-2000)}`)), READY_WITHIN_MS);
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      if (!/^ready/m.test(output)) return;
      clearTimeout(late);
      resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', () => {
      clearTimeout(late);
      reject(new Error(`${name} did not start: ${output.slice(-2000)}`));
    });
  });
}

/** Builds an engine where that has not been done, and serves it. @throws when there is no runner */
export async function startPeer(name: string): Promise<Peer> {
  if (!existsSync(RUNNER))
    throw new Error(`${RUNNER} is not there; FIXGATE_BENCH_DIR names the folder of peers/run.sh`);
  const port = await freePort();
  const child = spawn('bash', [RUNNER, 'serve', name, String(port)], { stdio: ['ignore', 'pipe', 'pipe'] });
  await ready(child, name);
  const pid = child.pid ?? 0; // the runner has become the engine
  return {
    name,
    port,
    cpu: async () => processorTime(pid),
    memory: async () => residentBytes(pid),
    stop: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
