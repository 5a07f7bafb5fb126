/** A thread of pool.ts: runs the seeds that it is given, and tells of each. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { mutationNamed } from './mutations.ts';
import type { Batch } from './pool.ts';
import { runSeed } from './run.ts';

parentPort?.on('message', async ({ from, to, busyMs, mutation }: Batch) => {
  for (let seed = from; seed < to; seed++) {
    parentPort?.postMessage(await runSeed(seed, busyMs, mutationNamed(mutation)));
    // A run is one turn of the event loop, and what it has looked at by a WeakRef is kept until that ends.
    await nextTurn();
  }
  parentPort?.postMessage('done');
});
