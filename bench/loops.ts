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

/** Medians of `sizes.runs` runs of each, after one of each to warm up. */
export async function compare(sizes: Sizes, work: Loop, beside: Loop): Promise<Compared> {
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

async function nsPerOperation(loop: Loop, operations: number): Promise<number> {
  const since = performance.now();
  await loop(operations);
  return ((performance.now() - since) * 1e6) / operations;
}

/** Adds up bytes: the least that reading a message costs. */
export function addUp(buf: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < buf.length; i++) sum += buf[i]!;
  return sum;
}
