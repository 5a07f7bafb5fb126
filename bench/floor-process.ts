/** Starts the floor and asks it what it has used. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Target {
  readonly port: number;
  /** Seconds of processor time the server has used so far. */
  cpu(): Promise<number>;
  /** Resident memory, bytes. */
  memory(): Promise<number>;
}

export interface Floor extends Target {
  stop(): Promise<void>;
}

type Said =
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'used'; readonly seconds: number; readonly bytes: number };

async function heard<T extends Said['type']>(child: ChildProcess, type: T): Promise<Said & { type: T }> {
  const [said] = (await once(child, 'message')) as [Said];
  if (said.type !== type) throw new Error(`the floor said ${JSON.stringify(said)}`);
  return said as Said & { type: T };
}

export async function startFloor(): Promise<Floor> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'floor.ts')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const { port } = await heard(child, 'ready');
  const used = () => {
    child.send('used');
    return heard(child, 'used');
  };
  return {
    port,
    cpu: async () => (await used()).seconds,
    memory: async () => (await used()).bytes,
    stop: async () => {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}
