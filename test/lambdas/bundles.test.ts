/** What a function carries: its bundle is read and parsed at each cold start. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { ROOT } from '../support/product.ts';

const MEGABYTE = 1_000_000;
/** The AWS Encryption SDK, in the functions that seal passwords: half a megabyte for which there is no smaller library. */
const SEALING = new Set(['credentials', 'canary-user', 'prepare']);
const FUNCTIONS = readdirSync(join(ROOT, 'lambdas', 'functions')).map((name) => name.replace('.ts', ''));

describe('the bundle of function', () => {
  test.each(FUNCTIONS)('%s is small', async (name) => {
    const { metafile } = await build({
      entryPoints: [join(ROOT, 'lambdas', 'functions', `${name}.ts`)],
      bundle: true,
      write: false,
      metafile: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      logLevel: 'silent',
    });
    const [output] = Object.values(metafile.outputs);
    expect(output?.bytes).toBeLessThan(SEALING.has(name) ? 1.5 * MEGABYTE : MEGABYTE);
    const inputs = Object.keys(metafile.inputs).join();
    // The languages of zod's messages, a quarter of a megabyte, come with `import { z }`.
    expect(inputs.includes('@aws-crypto/client-node')).toBe(SEALING.has(name));
  });
});
