/** What a function carries: its bundle is read and parsed at each cold start. */
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build, type Metafile } from 'esbuild';
import { esbuildOptions, MAX_BUNDLE_BYTES } from '../../lib/constructs/bundling.ts';
import { ROOT, removeDirectory, temporaryDirectory } from '../support/product.ts';

/** The AWS Encryption SDK is in the functions that seal passwords or make the key for it, and in no other. */
const SEALING = new Set(['credentials', 'canary-user', 'prepare']);
const FUNCTIONS = readdirSync(join(ROOT, 'lambdas', 'functions')).map((name) => name.replace('.ts', ''));
const OUT = temporaryDirectory();
afterAll(() => removeDirectory(OUT));

const bundled = (name: string, entry?: string) =>
  build({
    ...esbuildOptions(name),
    ...(entry === undefined ? {} : { entryPoints: [entry] }),
    outfile: join(OUT, name, 'index.mjs'),
    metafile: true,
  });

describe('the bundle of function', () => {
  const metafiles = new Map<string, Metafile>();
  beforeAll(async () => {
    for (const name of FUNCTIONS) metafiles.set(name, (await bundled(name)).metafile);
  }, 120_000);

  test.each(FUNCTIONS)('%s is below a megabyte, and has no library that it does not need', (name) => {
    const output = Object.entries(metafiles.get(name)?.outputs ?? {}).find(([file]) => file.endsWith('.mjs'))?.[1];
    expect(output?.bytes).toBeGreaterThan(10_000);
    expect(output?.bytes).toBeLessThan(MAX_BUNDLE_BYTES);
    const inputs = Object.keys(output?.inputs ?? {}).join();
    expect(inputs.includes('@aws-crypto/material-management')).toBe(SEALING.has(name));
    // Keys come from the environment: nothing here could ask anybody for others, or run a program that does.
    expect(inputs).not.toMatch(/credential-provider-(?!env)|nested-clients|node_modules\/zod\/v4\/locales\/(?!en\b)/);
    expect(Object.values(output?.imports ?? []).filter(({ path }) => !isBuiltin(path))).toEqual([]);
  });

  test.each(FUNCTIONS)('%s loads in a process of its own, whatever else is installed', (name) => {
    const env = { PATH: process.env.PATH, AWS_REGION: 'eu-west-1' };
    const code = `import(${JSON.stringify(join(OUT, name, 'index.mjs'))}).then((m) => process.stdout.write(typeof m.handler))`;
    expect(execFileSync(process.execPath, ['-e', code], { env, cwd: OUT, encoding: 'utf8' })).toBe('function');
  });

  test('logs errors with places in the sources, without the flag that reads maps at each start', async () => {
    const thrower = join(OUT, 'thrower.ts');
    const log = join(ROOT, 'lambdas', 'log.ts');
    writeFileSync(
      thrower,
      `import { logger } from ${JSON.stringify(log)};
const longNameOfTheThrower = (): never => { throw new Error('as foreseen') };
try { longNameOfTheThrower() } catch (err) { logger.error({ err }, 'caught') }
logger.error({ err: 'a text that somebody threw' });`,
    );
    await bundled('thrower', thrower);
    const said = execFileSync(process.execPath, [join(OUT, 'thrower', 'index.mjs')], { cwd: OUT, encoding: 'utf8' });
    const [first, second] = said
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { err: unknown });
    expect(first?.err).toMatchObject({ message: 'as foreseen', stack: expect.stringMatching(/thrower\.ts:2:\d+/) });
    expect(second?.err).toBe('a text that somebody threw');
  });
});

const isBuiltin = (path: string): boolean => /^(?:node:)?[a-z_]+(?:\/[a-z]+)?$/.test(path);
