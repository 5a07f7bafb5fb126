// What the image of the edge is made of, as far as it shows without a Docker engine.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { MALLOC, V8_FLAGS } from '../../edge/runtime.ts';
import { ROOT } from '../support/product.ts';

const lines = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
const said = (instruction: string) =>
  lines.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1));

test('it is made in two stages of one base, which a digest may pin, and ends as nobody in particular', () => {
  expect(said('FROM')).toEqual([expect.stringMatching(/^\$\{NODE_IMAGE\} AS build$/), `$\{NODE_IMAGE}`]);
  expect(said('ARG')).toEqual([expect.stringMatching(/^NODE_IMAGE=node:24/)]);
  expect(said('USER')).toEqual(['1000:1000']);
  expect(said('COPY').at(-1)).toBe('--from=build /app ./');
  expect(said('STOPSIGNAL')).toEqual(['SIGTERM']);
});

test('only the lock’s packages come over the network, and none of their scripts runs', () => {
  expect(said('RUN').filter((line) => /curl|wget|apt|apk|npx|npm i\b/.test(line))).toEqual([]);
  expect(said('RUN')).toContain('npm ci --omit=dev --omit=optional --ignore-scripts');
});

test('all folders that are copied are there, and all that the edge imports are copied', () => {
  const folders = said('COPY')
    .filter((line) => !line.startsWith('--from') && !line.startsWith('package'))
    .map((line) => line.split(' ')[0] ?? '');
  for (const folder of folders) expect([folder, existsSync(join(ROOT, folder))]).toEqual([folder, true]);
  expect(folders.sort()).toEqual(['adapters', 'core', 'edge']);
});

test('it runs as the edge runs elsewhere', () => {
  expect(JSON.parse(said('ENTRYPOINT')[0] ?? '[]')).toEqual([
    'node',
    '--enable-source-maps',
    ...V8_FLAGS,
    '--import=./edge/untyped.mjs',
    'edge/main.ts',
  ]);
  const env = said('ENV').join(' ');
  for (const [name, value] of Object.entries(MALLOC)) expect(env).toContain(`${name}=${value}`);
});

test('npm run sbom lists what the image installs, package by package, with versions', () => {
  const made = execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  const { bomFormat, components } = JSON.parse(made.toString()) as {
    bomFormat: string;
    components: { name: string; version: string; purl: string }[];
  };
  expect(bomFormat).toBe('CycloneDX');
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  const installed = Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`);
  const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
  // Types, which npm takes for ours alone though a library asks for them too: declarations, no code.
  const lacking = installed.filter((one) => !listed.has(one)).map((one) => one.replace(/@[^@]*$/, ''));
  expect([...new Set(lacking)].sort()).toEqual(['@types/node', 'undici-types']);
  expect([...listed].filter((one) => !installed.includes(one))).toEqual([]);
  for (const { purl } of components) expect(purl).toMatch(/^pkg:npm\//);
  expect(said('RUN')).toContain('npm run --silent sbom > sbom.cdx.json');
}, 30_000);
