/** Whether work grows with its input and no faster; by the clock, so never part of npm test. */

import type { Lines, Target } from './target.ts';

const BYTES = 1 << 20;
/** Twice the bytes take twice the time; this leaves room for a machine that does other things. */
const FACTOR = 8;
const TRIES = 5;
/** What seems to be slow is measured anew. */
const AGAIN = 3;

function fastest(work: (bytes: Buffer) => void, bytes: Buffer): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) {
    const from = performance.now();
    work(bytes);
    best = Math.min(best, performance.now() - from);
  }
  return best;
}

const filled = (line: Buffer, length: number): Buffer => Buffer.alloc(length, line);

/** @param trying told of each line before it is measured @returns what grows faster than its input, or undefined */
export function measure(target: Target, corpus: readonly Lines[], trying: (lines: Lines) => void): string | undefined {
  const { work } = target;
  if (work === undefined) return undefined;
  for (const line of corpus.flat()) {
    if (line.length === 0) continue;
    trying([line]);
    let once = 0;
    let twice = Number.POSITIVE_INFINITY;
    for (let again = 0; again < AGAIN && twice >= FACTOR * once + 1; again++) {
      once = fastest(work, filled(line, BYTES));
      twice = fastest(work, filled(line, 2 * BYTES));
    }
    if (twice >= FACTOR * once + 1) return `${once.toFixed(2)} ms, twice as long ${twice.toFixed(2)} ms: ${line}`;
  }
  return undefined;
}
