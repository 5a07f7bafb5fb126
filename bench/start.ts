/** From the command to `fixgate ready`, once installed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { prepareDataDir } from '../local/data-dir.ts';
import { startProduct } from '../local/product.ts';
import { startStore } from '../local/store.ts';
import { type Figure, figure, median } from './figures.ts';
import { makeScratch, removeScratch } from './scratch.ts';
import type { Sizes } from './sizes.ts';

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = makeScratch();
  try {
    return await work(directory);
  } finally {
    removeScratch(directory);
  }
}

/** What no start can do without: a Node that runs, and the store that answers. */
const bareStart = (): Promise<number> =>
  inDirectory(async (directory) => {
    prepareDataDir(directory);
    const since = performance.now();
    await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
    const store = await startStore(directory, () => {});
    const took = performance.now() - since;
    await store.stop();
    return took;
  });

const wholeStart = (): Promise<number> =>
  inDirectory(async (directory) => {
    const since = performance.now();
    const product = await startProduct(directory);
    const took = performance.now() - since;
    await product.stop();
    return took;
  });

/** `npm start` in an empty data directory, beside an empty Node program and the store alone. */
export async function start(sizes: Sizes): Promise<Figure[]> {
  const took: number[] = [];
  const bare: number[] = [];
  for (let run = 0; run < sizes.starts; run++) {
    took.push(await wholeStart());
    bare.push(await bareStart());
  }
  const settings = `median of ${sizes.starts}, empty data directory`;
  const beside = ['node -e 0 and the store', median(bare)] as const;
  return [figure('start to ready', median(took), 'ms', beside, settings, { of: 'value', most: 15_000 })];
}
