/** Starts an edge over stores in memory and asks it what it has used. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { MALLOC, NODE_FLAGS } from '../edge/runtime.ts';
import type { CrowdMember } from './crowd-process.ts';
import type { Target } from './floor-process.ts';
import { makeScratch, removeScratch } from './scratch.ts';

/** What it says over the channel to its parent. */
export type MemoryEdgeSaid =
  | { readonly type: 'ready'; readonly port: number; readonly members: readonly CrowdMember[] }
  | { readonly type: 'used'; readonly seconds: number; readonly bytes: number };

export interface MemoryEdge extends Target {
  readonly members: readonly CrowdMember[];
  stop(): Promise<void>;
}

/** @param users that it begins with */
export async function startMemoryEdge(users: number): Promise<MemoryEdge> {
  const directory = makeScratch();
  const script = join(import.meta.dirname, 'memory-edge.ts');
  // As an edge's own process is started (edge/kept-process.ts).
  const child = fork(script, [String(users), directory], {
    execArgv: [...NODE_FLAGS],
    env: { ...process.env, ...MALLOC },
  });
  const gone = once(child, 'exit');
  const heard = async <T extends MemoryEdgeSaid['type']>(type: T): Promise<MemoryEdgeSaid & { type: T }> => {
    const died = gone.then(([code]) => Promise.reject(new Error(`the edge ended with ${code}`)));
    const [said] = (await Promise.race([once(child, 'message'), died])) as [MemoryEdgeSaid];
    if (said.type !== type) throw new Error(`the edge said ${said.type}`);
    return said as MemoryEdgeSaid & { type: T };
  };
  const { port, members } = await heard('ready');
  const used = () => {
    child.send('used');
    return heard('used');
  };
  return {
    port,
    members,
    cpu: async () => (await used()).seconds,
    memory: async () => (await used()).bytes,
    stop: async () => {
      child.disconnect();
      await gone;
      removeScratch(directory);
    },
  };
}
