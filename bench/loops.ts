/** Loops in memory: nanoseconds per operation, taken in turns with the loop beside. */
import { median } from './figures.ts';
import type { Sizes } from './sizes.ts';

/** Runs `count` operations; may be asynchronous between slices. */
export type Loop = (count: number) => void | Promise<void>;

/** Keeps results alive, so that no compiler drops the work that made them. */
export const sink = { value: 0 };

export interface Compared {
  readonly ns: number;
  readonly besideNs: number;
}

/** Operations of a slice: some milliseconds, within which nothing else need run on the core. */
const SLICE = 10_000;

/**
 * The same for loops that only compute, each run by its fastest slice: others on the machine can make it slower, never
 * faster. Not for loops that write or wait, whose costs lie between slices too.
 */
export function compareFastest(sizes: Sizes, work: (count: number) => void, beside: Loop): Promise<Compared> {
  return compare(sizes, work, beside, fastestSlice);
}

/** Medians of `sizes.runs` runs of each, after one of each to warm up. */
export async function compare(
  sizes: Sizes,
  work: Loop,
  beside: Loop,
  nsPerOperation: (loop: Loop, operations: number) => Promise<number> = overAll,
): Promise<Compared> {
  const { operations, runs } = sizes;
  await work(operations);
  await beside(operations);
  const ns: number[] = [];
  const besideNs: number[] = [];
  for (let run = 0; run < runs; run++) {
    ns.push(await nsPerOperation(work, operations));
    besideNs.push(await nsPerOperation(beside, operations));
  }
  return { ns: median(ns), besideNs: median(besideNs) };
}

async function overAll(loop: Loop, operations: number): Promise<number> {
  const since = performance.now();
  await loop(operations);
  return ((performance.now() - since) * 1e6) / operations;
}

async function fastestSlice(loop: Loop, operations: number): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let done = 0; done < operations; done += SLICE) {
    fastest = Math.min(fastest, await overAll(loop, Math.min(SLICE, operations - done)));
  }
  return fastest;
}

/** Adds up bytes: the least that reading a message costs. */
export function addUp(buf: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < buf.length; i++) sum += buf[i]!;
  return sum;
}
