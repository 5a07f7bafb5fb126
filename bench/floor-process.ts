/** Starts the floor and asks it what it has used. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Target {
  readonly port: number;
  /** Seconds of processor time the server has used so far. */
  cpu(): Promise<number>;
}

export interface Floor extends Target {
  stop(): Promise<void>;
}

type Said = { readonly type: 'ready'; readonly port: number } | { readonly type: 'cpu'; readonly seconds: number };

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
  return {
    port,
    cpu: async () => {
      child.send('cpu');
      return (await heard(child, 'cpu')).seconds;
    },
    stop: async () => {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}
