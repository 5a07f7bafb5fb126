// Every benchmark runs and yields numbers. None of them is held against a clock: that is for who reads the table.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { BENCHMARKS, chosen } from '../../bench/benchmarks.ts';
import { type Figure, figure, isReached, percentile } from '../../bench/figures.ts';
import { MICRO_NAMES, ORDER_BYTES, orderStream } from '../../bench/orders.ts';
import { QUICK } from '../../bench/sizes.ts';
import { ROOT, removeDirectory, temporaryDirectory } from '../support/product.ts';

/** Each of a dozen benchmarks starts the product or a floor, on a machine that may be busy with other tests. */
const LONG_MS = 300_000;
const directory = temporaryDirectory();
afterAll(() => removeDirectory(directory));

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function bench(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, 'bench', 'main.ts'), ...args], { cwd: ROOT });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

describe('npm run bench', () => {
  test.each([
    ['all of them', [] as readonly string[], BENCHMARKS.map(({ name }) => name)],
    ['the load client in TypeScript', ['echo', '--load-client', 'node'], ['echo']],
  ])(
    '%s: finite figures, with ratios, settings and versions',
    async (_title, args, names) => {
      const file = join(directory, `${names.length}.json`);
      const { code, output } = await bench(...args, '--quick', '--json', file);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('beside it') });
      const kept = JSON.parse(readFileSync(file, 'utf8')) as { machine: object; settings: object; figures: Figure[] };
      expect(kept.machine).toMatchObject({
        node: process.version,
        cores: expect.any(Number),
        commit: expect.any(String),
      });
      expect(kept.settings).toMatchObject({ orders: QUICK.orders });
      for (const { name, value, ratio, beside } of kept.figures) {
        const finite = [value, ratio, beside.value].map(Number.isFinite);
        expect({ name, finite }).toEqual({ name, finite: [true, true, true] });
      }
      for (const name of names) {
        expect(kept.figures.map((found) => found.name)).toContainEqual(
          expect.stringMatching(new RegExp(`^${name}(?![\\w-])`)),
        );
      }
    },
    LONG_MS,
  );

  test('names what there is when asked for what there is not', async () => {
    const { code, output } = await bench('nonsense');
    expect(code).not.toBe(0);
    expect(output).toContain('no benchmark nonsense; there are parse, micro');
  });
});

describe('what the figures are made of', () => {
  test('a group chooses its benchmarks, no name chooses all', () => {
    expect(chosen([])).toBe(BENCHMARKS);
    expect(chosen(['micro', 'kill']).map(({ name }) => name)).toEqual([
      'parse',
      'encode',
      'limiter',
      'journal',
      'heap',
      'way',
      'kill',
    ]);
  });

  test('percentiles are values that were seen, by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0, 0.5, 0.99, 1].map((p) => percentile(values, p))).toEqual([1, 50, 99, 100]);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });

  test('an aim is of the value or of the ratio', () => {
    const made = (aim: NonNullable<Figure['aim']>) => isReached(figure('f', 10, 'ms', ['other', 5], '', aim));
    expect(
      [{ least: 10 }, { least: 11 }, { most: 10 }, { most: 9 }].map((aim) => made({ of: 'value', ...aim })),
    ).toEqual([true, false, true, false]);
    expect([{ least: 2 }, { least: 3 }, { most: 1 }].map((aim) => made({ of: 'ratio', ...aim }))).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('the order has the size that is told', () => {
    expect(orderStream(MICRO_NAMES, 'rests', 20_000, 512)).toHaveLength(512 * ORDER_BYTES);
  });
});
