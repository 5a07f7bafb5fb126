/**
 * Fuzzes for a time: `--target NAME` (all, one after the other), `--seconds S` (60 each), `--inputs N` (any number),
 * `--seed N` (drawn), `--keep` (inputs that reach new blocks go to the corpus), `--corpus FOLDER`. Guided by coverage. A
 * failing input is made small, shown, and written to the corpus, from where npm test tries it for ever.
 */

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { CORPUS, corpusOf, keep, show } from './corpus.ts';
import { measure } from './cost.ts';
import { startCoverage } from './coverage.ts';
import { fuzz, minimise } from './engine.ts';
import type { Lines } from './target.ts';
import { COVERS, TARGETS } from './targets/index.ts';
import type { Watched } from './watchdog.ts';

const PATIENCE_MS = 20_000;
const INPUT_BYTES = 4 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: Object.keys(TARGETS) },
    seconds: { type: 'string', default: '60' },
    inputs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    keep: { type: 'boolean', default: false },
    corpus: { type: 'string', default: CORPUS },
  },
});

/** @returns what is told of each input before it is tried, and the end of watching */
function watch(target: string): { trying: (lines: Lines) => void; stop: () => Promise<number> } {
  const state = new SharedArrayBuffer(8);
  const input = new SharedArrayBuffer(INPUT_BYTES);
  const workerData: Watched = { target, folder: values.corpus, state, input, patience: PATIENCE_MS };
  const worker = new Worker(new URL('./watchdog.ts', import.meta.url), { workerData });
  const numbers = new Int32Array(state);
  const bytes = Buffer.from(input);
  return {
    trying: (lines) => {
      const length = bytes.write(lines.map((line) => line.toString('base64')).join('\n'), 'latin1');
      Atomics.store(numbers, 1, length);
      Atomics.add(numbers, 0, 1);
    },
    stop: () => worker.terminate(),
  };
}

/** @returns whether nothing was found */
async function run(name: string, seed: number): Promise<boolean> {
  const coverage = await startCoverage(COVERS[name]!);
  const { target } = await TARGETS[name]!();
  const corpus = corpusOf(name, values.corpus).map(({ lines }) => lines);
  const { trying, stop } = watch(name);
  const until = performance.now() + Number(values.seconds) * 1000;
  const most = Number(values.inputs);
  const more = (tried: number) => tried < most && performance.now() < until;
  const result = await fuzz({ target, seed, corpus, coverage, more, trying });
  const told = `${result.tried} inputs, ${coverage.blocks} blocks, ${result.kept.length} new`;
  process.stdout.write(`${name}: seed ${seed}, ${corpus.length} in the corpus, ${told}\n`);
  if (values.keep) for (const lines of result.kept) keep(name, lines, 'reached', '', values.corpus);
  const slow = result.failure === undefined ? measure(target, corpus, trying) : undefined;
  if (slow !== undefined) process.stderr.write(`${name}: ${slow}\n`);
  if (result.failure === undefined) {
    await stop();
    return slow === undefined;
  }
  const { lines, error } = await minimise(target, result.failure, trying);
  await stop();
  const file = keep(name, lines, 'failed', error.message, values.corpus);
  process.stderr.write(`${name}: ${error.stack}\n\n${lines.map(show).join('\n')}\n\n${file}\n`);
  return false;
}

let good = true;
for (const name of values.target) {
  if (!Object.hasOwn(TARGETS, name)) throw new RangeError(`no target ${name}: ${Object.keys(TARGETS).join(', ')}`);
  good = (await run(name, Number(values.seed))) && good;
}
process.exitCode = good ? 0 : 1;
