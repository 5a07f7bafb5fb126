/** Many seeds on as many threads as there are processors. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Outcome } from './run.ts';

export interface Batch {
  readonly from: number;
  /** The seed after the last. */
  readonly to: number;
  readonly busyMs: number;
  readonly mutation?: string | undefined;
}

/** Seeds that a thread is given at a time. */
const PORTION = 20;

/** Runs seeds in about their order. @param heard is told of each; false ends it all @returns when it has ended */
export async function runSeeds(batch: Batch, threads: number, heard: (outcome: Outcome) => boolean): Promise<void> {
  let next = batch.from;
  const portion = (): Batch | undefined => {
    const from = next;
    next = Math.min(batch.to, from + PORTION);
    return from < batch.to ? { ...batch, from, to: next } : undefined;
  };
  const count = Math.min(threads || availableParallelism(), Math.ceil((batch.to - batch.from) / PORTION));
  const stop = (): void => {
    next = batch.to;
  };
  await Promise.all(Array.from({ length: count }, () => work(portion, heard, stop)));
}

function work(portion: () => Batch | undefined, heard: (outcome: Outcome) => boolean, stop: () => void): Promise<void> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url));
  return new Promise((resolve, reject) => {
    const feed = (): void => {
      const batch = portion();
      if (batch === undefined) void worker.terminate();
      else worker.postMessage(batch);
    };
    worker.on('message', (message: Outcome | 'done') => {
      if (message === 'done') feed();
      else if (!heard(message)) {
        stop();
        void worker.terminate();
      }
    });
    worker.once('error', reject);
    worker.once('exit', () => resolve());
    feed();
  });
}
