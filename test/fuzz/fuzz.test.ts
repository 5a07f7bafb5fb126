// Every fuzz target for moments: the corpus, and a fixed number of inputs from a fixed seed. `npm run fuzz` goes on for
// longer. And the fuzzer itself: a mistake that was planted is found and made small.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { corpusOf, keep, read, show } from './corpus.ts';
import { failureOf, fuzz, minimise } from './engine.ts';
import { changeBytes } from './mutate.ts';
import { Random } from './random.ts';
import { Finding, type Lines, type Target } from './target.ts';
import { TARGETS } from './targets/index.ts';

const SEED = 20_260_102;
const LONG = 60_000; // on a machine that does other things besides

const shown = (lines: Lines): string => lines.map(show).join('\n');

describe.each(Object.keys(TARGETS))('%s', (name) => {
  test(
    'every input of the corpus passes',
    async () => {
      const { target } = await TARGETS[name]!();
      const corpus = corpusOf(name);
      expect(corpus.length).toBeGreaterThan(0);
      for (const { file, lines } of corpus) {
        const error = await failureOf(target, lines);
        expect([file, error?.stack]).toEqual([file, undefined]);
      }
    },
    LONG,
  );

  test(
    'and so do inputs made of it',
    async () => {
      const { target } = await TARGETS[name]!();
      const corpus = corpusOf(name).map(({ lines }) => lines);
      const most = corpus.length + target.inputs;
      const { failure, tried } = await fuzz({ target, seed: SEED, corpus, more: (n) => n < most });
      expect(failure && `${failure.error.stack}\n${shown(failure.lines)}`).toBeUndefined();
      expect(tried).toBe(most);
    },
    LONG,
  );
});

describe('the fuzzer', () => {
  const planted: Target = {
    name: 'planted',
    inputs: 0,
    line: (random) => random.bytes(random.below(40)),
    mutate: changeBytes,
    check(lines) {
      if (lines.some((line) => line.includes('8=FIX'))) throw new Finding(`found ${lines.length}`);
    },
  };

  test('finds a mistake, and makes the input that shows it small', async () => {
    const { failure } = await fuzz({
      target: planted,
      seed: 1,
      corpus: [[Buffer.from('8=FI')]],
      more: (n) => n < 50_000,
    });
    expect((await minimise(planted, failure!)).lines.map(String)).toEqual(['8=FIX']);
  });

  test('makes the same inputs of the same seed', async () => {
    const inputs = async (seed: number) => {
      const all: string[] = [];
      const corpus = [[Buffer.from('a=b\x01')], [Buffer.from('c')]];
      await fuzz({ target: planted, seed, corpus, more: (n) => n < 50, trying: (lines) => all.push(shown(lines)) });
      return all;
    };
    expect(await inputs(3)).toEqual(await inputs(3));
    expect(await inputs(3)).not.toEqual(await inputs(4));
  });

  test('keeps any bytes as text', () => {
    const random = new Random(5);
    const folder = mkdtempSync(join(tmpdir(), 'fixgate-corpus-'));
    try {
      for (let i = 0; i < 200; i++) {
        const line = random.bytes(random.below(30));
        expect(read(show(line))).toEqual(line);
      }
      const lines = [Buffer.from('# \\x01|\n'), Buffer.alloc(0), Buffer.from('8=FIX.4.4\x01')];
      keep('any', lines, 'failed', 'why\nso', folder);
      expect(corpusOf('any', folder).map((kept) => kept.lines)).toEqual([lines]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test(
    'runs as a command, guided by coverage',
    async () => {
      const main = join(import.meta.dirname, 'main.ts');
      const args = [main, '--target', 'message', '--inputs', '60', '--seed', '9'];
      // What comes compiled out of a cache is counted less finely.
      const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' };
      const { stdout } = await promisify(execFile)(process.execPath, args, { env });
      expect(stdout).toMatch(/^message: seed 9, \d+ in the corpus, 60 inputs, [1-9]\d+ blocks, \d+ new\n$/);
    },
    LONG,
  );
});
