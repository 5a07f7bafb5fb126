/** What a function of the deployment takes to be ready in a process of its own, beside one that does nothing. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { esbuildOptions, MAX_BUNDLE_BYTES, MEMORY_MB, ONE_VCPU_MB } from '../lib/constructs/bundling.ts';
import { ROOT } from '../local/product.ts';
import { type Figure, figure, median } from './figures.ts';
import { makeScratch, removeScratch } from './scratch.ts';
import type { Sizes } from './sizes.ts';

/** Of init, at the memory that functions have. */
const MOST_MS = 300;
const SHARE = MEMORY_MB / ONE_VCPU_MB;
const EMPTY = 'empty';
const EMPTY_BYTES = 'export const handler = async () => {};\n';

/** CPU time from the beginning of the import to the handler: of all threads, so that what V8 does beside counts too. */
const PROBE = `const before = process.cpuUsage();
const { handler } = await import(process.argv[2]);
const { user, system } = process.cpuUsage(before);
if (typeof handler !== 'function') throw new Error('there is no handler');
process.stdout.write(String((user + system) / 1000));
`;

const run = promisify(execFile);

/** Bundles all functions. @returns bytes by name */
async function makeBundles(directory: string): Promise<ReadonlyMap<string, number>> {
  // Here, since everything else of the bench runs without the tools that build.
  const { build } = await import('esbuild');
  const bytes = new Map<string, number>();
  const file = (name: string): string => join(directory, name, 'index.mjs');
  for (const name of readdirSync(join(ROOT, 'lambdas', 'functions')).map((one) => one.replace('.ts', ''))) {
    await build({ ...esbuildOptions(name), outfile: file(name) });
    bytes.set(name, statSync(file(name)).size);
  }
  mkdirSync(join(directory, EMPTY));
  writeFileSync(file(EMPTY), EMPTY_BYTES);
  bytes.set(EMPTY, EMPTY_BYTES.length);
  return bytes;
}

async function initMs(directory: string, name: string): Promise<number> {
  const env = { PATH: process.env.PATH, AWS_REGION: 'us-east-1' };
  const bundle = pathToFileURL(join(directory, name, 'index.mjs')).href;
  const { stdout } = await run(process.execPath, [join(directory, 'probe.mjs'), bundle], { env, cwd: directory });
  return Number(stdout);
}

/**
 * Lambda gives a function of 512 MB 512/1,769 of a CPU. Where CPU time is what something takes, it takes that much longer
 * there: what is shown is CPU time, divided by this share.
 */
export async function coldStart(sizes: Sizes): Promise<Figure[]> {
  const directory = makeScratch();
  try {
    const bytes = await makeBundles(directory);
    writeFileSync(join(directory, 'probe.mjs'), PROBE);
    const took = new Map<string, number[]>([...bytes.keys()].map((name) => [name, []]));
    // In turns: what else the machine does meets all of them alike.
    for (let i = 0; i < sizes.cold_starts; i++)
      for (const [name, times] of took) times.push((await initMs(directory, name)) / SHARE);
    const empty = median(took.get(EMPTY) ?? []);
    const init = `CPU time from import to handler at ${MEMORY_MB} MB, median of ${sizes.cold_starts} processes`;
    return [...took.keys()]
      .filter((name) => name !== EMPTY)
      .flatMap((name) => [
        figure(`cold-start ${name}`, median(took.get(name) ?? []), 'ms', ['an empty handler', empty], init, {
          of: 'value',
          most: MOST_MS,
        }),
        figure(
          `cold-start ${name}, size`,
          (bytes.get(name) ?? 0) / 1000,
          'kB',
          ['the bound', MAX_BUNDLE_BYTES / 1000],
          'as deployed, without its source map',
          { of: 'value', most: MAX_BUNDLE_BYTES / 1000 },
        ),
      ]);
  } finally {
    removeScratch(directory);
  }
}
