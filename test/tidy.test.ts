// The house keeps itself: the layout, the one-way imports and the style rules that a machine can check,
// over the whole tree; and beside each rule a snippet that it has to catch.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as rules from './tidy/rules.ts';
import { type File, readTree } from './tidy/source.ts';

const root = join(import.meta.dirname, '..');
const tree = readTree(root);

const file = (path: string, text: string): File => ({ path, text });
const lines = (count: number) => 'work();\n'.repeat(count);

describe('the tree', () => {
  test('is read whole: the rules would hold over nothing', () => {
    const paths = tree.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['package.json', 'scripts/test.ts', 'test/tidy.test.ts', '.ci/run']));
    expect(paths.filter((path) => path.includes('node_modules'))).toEqual([]);
  });

  test.each([
    ['imports run one way', rules.arrows],
    ['no file imports itself over others', rules.circles],
    ['every file is reached by something that runs', rules.reached],
    ['the domain and the protocol read no clock, chance or environment', rules.purity],
    ['no function is over 70 lines', rules.functionLength],
    ['a file over 400 lines gives its reason', (all: readonly File[]) => rules.fileLength(all)],
    ['no path of a machine', rules.machinePaths],
    ['no buffer is taken away where messages pass', rules.detached],
    ['nothing is exported there that is assigned anew', rules.assignedAnew],
    ['no skipped and no focused test', rules.focusedTests],
  ])('%s', (_title, rule) => {
    expect(rule(tree)).toEqual([]);
  });

  test('the lock names no registry and pins every dependency exactly', () => {
    const read = (name: string) => readFileSync(join(root, name), 'utf8');
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/);
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json'));
    const pins = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(pins.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
  });
});

describe('an arrow the wrong way is caught', () => {
  test.each([
    ['core/a.ts', "import { x } from '../adapters/a.ts';"],
    ['core/a.ts', "import type { Buffer } from 'node:buffer';"],
    ['core/a.ts', "import { z } from 'zod';"],
    ['core/a.ts', "export * from '../contract/a.ts';"],
    ['core/a.ts', "const a = await import('../local/a.ts');"],
    ['core/a.ts', "type A = import('../edge/a.ts').A;"],
    ['edge/fix/a.ts', "import { x } from '../limits.ts';"],
    ['edge/fix/a.ts', "import { x } from '../../core/errors.ts';"],
    ['edge/main.ts', "import { x } from '../contract/a.ts';"],
    ['contract/a.ts', "import { x } from '../core/limits/model.ts';"],
    ['adapters/a.ts', "import { x } from '../contract/a.ts';"],
    ['bin/a.ts', "import { x } from '../core/a.ts';"],
    ['lib/a.ts', "import { x } from '../adapters/dynamodb/users.ts';"],
    ['lambdas/a.ts', "import { x } from '../edge/a.ts';"],
    ['cli/a.ts', "import type { x } from '../core/a.ts';"],
    ['console/a.tsx', "import { x } from '../lambdas/a.ts'; export const A = () => <p>{x}</p>;"],
    ['index.ts', "import { x } from './local/main.ts';"],
    ['local/a.ts', "import { x } from '../test/a.ts';"],
    ['scripts/a.ts', "import { x } from '../test/a.ts';"],
    ['lambdas/a.ts', "import { x } from '../bench/a.ts';"],
    ['elsewhere/a.ts', 'export const x = 1;'],
  ])('%s: %s', (path, text) => {
    expect(rules.arrows([file(path, text)])).toHaveLength(1);
  });

  test.each([
    ['contract/a.ts', "import type { X } from '../core/limits/model.ts'; export { e } from '../core/errors.ts';"],
    ['lib/a.ts', "import { tables } from '../adapters/dynamodb/tables.ts'; import cdk from 'aws-cdk-lib';"],
    ['edge/fix/a.ts', "import { x } from './b.ts'; import { y } from './session/c.ts';"],
    ['scripts/start.ts', "await import('../local/main.ts');"],
    ['cli/main.ts', "import pkg from '../package.json' with { type: 'json' };"],
  ])('and the right way passes: %s', (path, text) => {
    expect(rules.arrows([file(path, text)])).toEqual([]);
  });
});

describe('the other rules bite', () => {
  test('a circle of imports is found; by types alone it counts nearly everywhere', () => {
    const one = (folder: string, kind: string) => [
      file(`${folder}/a.ts`, `${kind} { b } from './b.ts';`),
      file(`${folder}/b.ts`, "import { c } from './c.ts';"),
      file(`${folder}/c.ts`, "import { a } from './a.ts';"),
    ];
    expect(rules.circles(one('edge', 'import'))).toEqual([
      'edge/a.ts:1: imports itself over edge/b.ts, edge/c.ts, edge/a.ts',
    ]);
    for (const folder of ['core', 'edge', 'edge/fix/dictionary', 'edge/venue/link', 'edge/venue/simulator', 'test'])
      expect(rules.circles(one(folder, 'import type'))).toHaveLength(1);
    expect(rules.circles(one('simulation', 'import type'))).toEqual([]);
  });

  test('a file that only a test imports is reached by nothing', () => {
    const dead = file('core/dead.ts', 'export const x = 1;');
    const user = file('test/dead.test.ts', "import { x } from '../core/dead.ts'; import './lost.ts';");
    expect(rules.reached([dead, user, file('test/alone.ts', '')])).toEqual([
      'core/dead.ts:1: is reached by nothing',
      'test/alone.ts:1: is reached by nothing',
    ]);
  });

  test('a file is reached through imports, workers and children', () => {
    const main = file(
      'edge/main.ts',
      "import './a.ts'; new URL('./worker.ts', import.meta.url); join(here, 'guard.mjs');",
    );
    const rest = ['edge/a.ts', 'edge/worker.ts', 'edge/guard.mjs'].map((path) => file(path, ''));
    expect(rules.reached([main, ...rest])).toEqual([]);
    expect(rules.reached(rest)).toHaveLength(3);
  });

  test.each([
    'Date.now()',
    'new Date()',
    'Date()',
    'Math.random()',
    'Math["random"]()',
    'process.env.HOME',
    'const { HOME } = process.env',
    'performance.now()',
    'globalThis.performance.now()',
    'setTimeout(f, 1)',
    'setInterval(f, 1)',
    'const now = Date.now',
    'crypto.randomUUID()',
  ])('purity: %s', (text) => {
    const found = rules.purity([file('core/a.ts', `\n${text};`), file('edge/fix/b.ts', text), file('edge/c.ts', text)]);
    expect(new Set(found.map((line) => line.split(': ')[0]))).toEqual(new Set(['core/a.ts:2', 'edge/fix/b.ts:1']));
  });

  test('purity: a given time, a comment and a string are no clock', () => {
    const text =
      '// Date.now() is an argument\nexport const day = (ms: number) => new Date(ms); const t = "Math.random";';
    expect(rules.purity([file('core/a.ts', text)])).toEqual([]);
  });

  test('a function of 71 lines, of every kind; one of 70 passes', () => {
    const kinds = [
      (body: string) => `function long() {\n${body}}`,
      (body: string) => `const long = () => {\n${body}};`,
      (body: string) => `class A { #long() {\n${body}} }`,
      (body: string) => `class A { constructor() {\n${body}} }`,
      (body: string) => `const a = { get long() {\n${body}} };`,
      (body: string) => `test('é ü', async () => {\n${body}});`,
    ];
    for (const kind of kinds) {
      expect(rules.functionLength([file('edge/a.ts', kind(lines(69)))])).toHaveLength(1);
      expect(rules.functionLength([file('edge/a.ts', kind(lines(68)))])).toEqual([]);
    }
    const suite = file('test/a.test.ts', `describe('all', () => {\n${lines(200)}});`);
    expect(rules.functionLength([suite])).toEqual([]);
  });

  test('a file of 401 lines, and a reason that is no longer needed', () => {
    const long = file('core/a.ts', lines(401));
    expect(rules.fileLength([long], {})).toHaveLength(1);
    expect(rules.fileLength([long], { 'core/a.ts': ' ' })).toHaveLength(1);
    expect(rules.fileLength([long], { 'core/a.ts': 'one table' })).toEqual([]);
    expect(rules.fileLength([file('core/a.ts', lines(400))], {})).toEqual([]);
    expect(rules.fileLength([], { 'core/a.ts': 'one table' })).toHaveLength(1);
  });

  test.each([
    ['', 'home', 'ann', 'x'].join('/'),
    ['', 'Users', 'ann'].join('/'),
    ['', 'root', 'x'].join('/'),
    ['C:', 'Users', 'ann'].join('\\'),
  ])('machine path %s', (path) => {
    expect(rules.machinePaths([file('README.md', `see\n"${path}"`)])).toEqual([
      expect.stringMatching(/^README\.md:2: /),
    ]);
    expect(rules.machinePaths([file('README.md', 'https://x.example/home/ann and src/work/a')])).toEqual([]);
  });

  test.each([
    'buffer.transfer(0);',
    'bytes.buffer.transferToFixedLength();',
    'structuredClone(message);',
    'port.postMessage(bytes, { transfer: [bytes] });',
  ])('a buffer is taken away: %s', (text) => {
    expect(rules.detached([file('edge/a.ts', `import './b.ts';\n${text}`)])).toHaveLength(1);
    expect(rules.detached([file('bench/a.ts', text), file('edge/thread.mjs', text)])).toEqual([]);
  });

  test('what is exported may be assigned anew', () => {
    const texts = [
      'export let last = 0;',
      'export const a = 1;\nexport var b = 2;',
      'let own = 1;\nexport const c = 1;',
    ];
    expect(rules.assignedAnew(texts.map((text, i) => file(`core/${i}.ts`, text)))).toEqual([
      'core/0.ts:1: export let',
      'core/1.ts:2: export var',
    ]);
  });

  test.each([
    'test.skip',
    'it.only',
    'describe.only',
    'test.each([1]).skip',
    'test.only.each([1])',
    'xit',
    'fdescribe',
  ])('focused or skipped: %s', (name) => {
    const text = `${name}('a', () => {}); test('only', () => {});`;
    expect(rules.focusedTests([file('test/a.test.ts', text)]).length).toBeGreaterThan(0);
    expect(rules.focusedTests([file('test/a.test.ts', "test('skip only', () => {}); it.each([1])('x', f);")])).toEqual(
      [],
    );
  });
});
