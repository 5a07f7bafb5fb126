// Modules of the edge without their types: what NODE_FLAGS has done before they are loaded.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NODE_FLAGS, V8_FLAGS } from '../../edge/runtime.ts';

const EDGE = join(import.meta.dirname, '..', '..', 'edge');
let directory: string;
/** From there. */
let edge: string;

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'fixgate-untyped-')));
  edge = relative(directory, EDGE);
});

afterAll(() => rmSync(directory, { recursive: true }));

/** Whether Node has taken types out of anything in this process, and what else a script says. */
const SAY = `
  const { moduleLoadList } = process as unknown as { moduleLoadList: readonly string[] };
  const said: object = { stripped: moduleLoadList.some((name) => name.includes('amaro')), argv: process.argv.slice(2) };
  console.log(JSON.stringify({ ...said, at: /:(\\d+:\\d+)\\)?$/.exec(new Error('').stack!.split('\\n')[1]!)![1] }));
`;

/** A module of its kinds of exports, and one that imports them in each way. */
const PART_NAMES = ['Four', 'five', 'one', 'path', 'posix', 'three', 'two'];
const PART = `
import { posix } from 'node:path';
export const one: number = 1;
export function two(): number { return one + one; }
export async function three(): Promise<number> { return two() + one; }
export class Four { readonly value = two() + two(); }
export function* five(): Generator<number> { yield new Four().value + one; }
export type { Six } from './types.ts';
export { posix, posix as path };
`;
const WHOLE = `
import * as all from './part.ts';
import {
  Four,
  five, one as first,
  type Six, three,
  two,
} from './part.ts';
export { one } from './part.ts';
export const six: Six = { six: 6 };
const values = { first, two: two(), three: await three(), four: new Four().value, five: [...five()], six };
const at = /:(\\d+:\\d+)\\)?$/.exec(new Error('').stack!.split('\\n')[1]!)![1];
console.log(JSON.stringify({ ...values, all: Object.keys(all), at }));
`;

function run(flags: readonly string[], text: string, name = 'script.ts') {
  const path = join(directory, name);
  writeFileSync(path, text);
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, path, 'one', 'two'], { encoding: 'utf8' });
  return { said: stdout === '' ? undefined : JSON.parse(stdout), stderr, status };
}

describe('with the flags of the edge', () => {
  test('all of it is loaded and Node has taken no types out, which by itself it does; lines and arguments are as they were', () => {
    const whole =
      ['edge.ts', 'open-journal.ts', 'workers.ts'].map((name) => `import '${edge}/${name}';`).join('') + SAY;
    const [here, byNode] = [run(NODE_FLAGS, whole), run(V8_FLAGS, whole)];
    expect([here.stderr, here.status]).toEqual(['', 0]);
    expect(here.said).toEqual({ ...byNode.said, stripped: false });
    expect(byNode.said.stripped).toBe(true);
    expect(here.said.argv).toEqual(['one', 'two']);
  }, 30_000);

  test('a script is found by a path with links, too', () => {
    const link = join(directory, 'link');
    symlinkSync(directory, link);
    writeFileSync(join(directory, 'linked.ts'), SAY);
    const { stdout } = spawnSync(process.execPath, [...NODE_FLAGS, join(link, 'linked.ts')], { encoding: 'utf8' });
    expect(JSON.parse(stdout).stripped).toBe(false);
  });

  test('a module that is not there, or is not right, is told of as ever', () => {
    for (const text of ["import './none.ts';", "import './broken.ts';", 'const a: = 1;']) {
      writeFileSync(join(directory, 'broken.ts'), 'enum Colour { Red }');
      const [here, byNode] = [run(NODE_FLAGS, text), run(V8_FLAGS, text)];
      const code = (stderr: string) => /code: '(\w+)'/.exec(stderr)?.[1];
      expect([code(here.stderr), here.status]).toEqual([code(byNode.stderr), byNode.status]);
      expect(code(here.stderr)).toMatch(/^ERR_/);
    }
  }, 30_000);

  test('what a module imports from others and what it exports is held in constants; it does what it did', () => {
    writeFileSync(join(directory, 'types.ts'), 'export interface Six { readonly six: 6 }');
    writeFileSync(join(directory, 'part.ts'), PART);
    const [here, byNode] = [run(NODE_FLAGS, WHOLE), run(V8_FLAGS, WHOLE)];
    expect([here.stderr, here.status]).toEqual(['', 0]);
    expect(here.said).toEqual(byNode.said);
    expect(here.said).toMatchObject({ first: 1, two: 2, three: 3, four: 4, five: [5], all: PART_NAMES });
    const printed = spawnSync(process.execPath, [join(EDGE, 'untyped.mjs'), join(directory, 'script.ts')]).stdout;
    const [script, part] = Object.values<string>(JSON.parse(printed.toString())).map((source) => source.split('\n'));
    expect(script).toContain(
      "} from './part.ts'; const Four = $in_Four, five = $in_five, first = $in_first, three = $in_three, two = $in_two;",
    );
    expect(part).toContain(
      'const $out_one = one, $out_two = two, $out_three = three, $out_Four = Four; ' +
        'export { $out_one as one, $out_two as two, $out_three as three, $out_Four as Four };',
    );
  });

  test('a module that is imported later is one of them', () => {
    writeFileSync(join(directory, 'later.ts'), `export const later: number = 1;`);
    const { said } = run(NODE_FLAGS, `await import('./later.ts');${SAY}`);
    expect(said.stripped).toBe(false);
  });
});
