/**
 * Beside the thread that tries inputs, for it cannot tell by itself that one never ends: when the number of inputs stands
 * still for too long, the one in hand is written to the corpus and the process ends. It writes without the other thread, which is busy.
 */

import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { keep, show } from './corpus.ts';

export interface Watched {
  readonly target: string;
  readonly folder: string;
  /** How many have been tried, and the length of the one in hand. */
  readonly state: SharedArrayBuffer;
  /** The one in hand, its lines as corpus text. */
  readonly input: SharedArrayBuffer;
  readonly patience: number;
}

const { target, folder, state, input, patience } = workerData as Watched;
const numbers = new Int32Array(state);
let before = -1;
setInterval(() => {
  const now = Atomics.load(numbers, 0);
  if (now !== before) {
    before = now;
    return;
  }
  const text = Buffer.from(new Uint8Array(input, 0, Atomics.load(numbers, 1)).slice()).toString('latin1');
  const lines = text.split('\n').map((line) => Buffer.from(line, 'base64'));
  const file = keep(target, lines, 'endless', `no end within ${patience} ms`, folder);
  writeSync(2, `${target}: an input takes more than ${patience} ms\n${lines.map(show).join('\n')}\n${file}\n`);
  process.kill(process.pid, 'SIGKILL');
}, patience);
