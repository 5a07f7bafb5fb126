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

  test('a module that is imported later is one of them', () => {
    writeFileSync(join(directory, 'later.ts'), `export const later: number = 1;`);
    const { said } = run(NODE_FLAGS, `await import('./later.ts');${SAY}`);
    expect(said.stripped).toBe(false);
  });
});
