/** The world's process as its parent sees it. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Deeds, Order, Word } from './world.ts';

/** The same deeds, each answered when it is done. */
export type WorldHandle = {
  [Name in keyof Deeds]: (...args: Parameters<Deeds[Name]>) => Promise<Awaited<ReturnType<Deeds[Name]>>>;
} & { readonly onExit: (told: (edge: number, code: number | null) => void) => void };

const NAMES: readonly (keyof Deeds)[] = [
  'begin',
  'signalEdge',
  'startEdge',
  'signalStore',
  'restartStore',
  'restartVenue',
  'line',
  'end',
];

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export function openWorld(): WorldHandle {
  const child: ChildProcess = fork(join(import.meta.dirname, 'world.ts'), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, Waiting>();
  const listeners: ((edge: number, code: number | null) => void)[] = [];
  let asked = 0;
  child.on('message', (message) => {
    const word = message as Word;
    if ('exited' in word) {
      for (const told of listeners) told(word.exited, word.code);
      return;
    }
    const one = waiting.get(word.id);
    waiting.delete(word.id);
    if (word.error === undefined) one?.resolve(word.value);
    else one?.reject(new Error(word.error));
  });
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`the world ended with ${signal ?? code}`));
    waiting.clear();
  });
  const ask = (name: keyof Deeds, args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      asked += 1;
      waiting.set(asked, { resolve, reject });
      child.send({ id: asked, name, args } as unknown as Order, (error) => error && reject(error));
    });
  const deeds = Object.fromEntries(NAMES.map((name) => [name, (...args: unknown[]) => ask(name, args)]));
  const end = async (): Promise<void> => {
    await ask('end', []);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    await gone;
  };
  return {
    ...deeds,
    end,
    onExit: (told: (edge: number, code: number | null) => void) => listeners.push(told),
  } as unknown as WorldHandle;
}
