// A process that is kept: started again when it ends, and when it could not be started.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { keep } from '../../edge/kept-process.ts';
import { untilProcesses } from '../support/until.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kept-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('one that the system does not let start is tried again', async () => {
  const script = join(directory, 'kept.mjs');
  writeFileSync(script, `process.send({ type: 'ready' }); setInterval(() => {}, 1000);`);
  const why: string[] = [];
  let backs = 0;
  // A NUL in its environment: spawn throws, as it does while the program is being written anew (ETXTBSY).
  const more: NodeJS.ProcessEnv = { NAME: 'a\0b' };
  const { kept } = await keep<{ readonly type: 'ready' }>(
    {
      what: 'the child',
      script,
      env: {},
      stdout: 1,
      stderr: { write: () => {} },
      events: { onRestart: (reason) => why.push(reason), onReady: () => backs++ },
    },
    () => more,
  );
  try {
    kept.signal('SIGKILL');
    await untilProcesses('it was tried twice', () => why.length === 3);
    more.NAME = 'ab';
    await untilProcesses('it is back', () => backs === 1);
    expect(why[0]).toBe('the child ended with SIGKILL');
    expect(why.slice(1).every((reason) => reason.includes('null byte'))).toBe(true);
  } finally {
    await kept.stop();
  }
}, 30_000);
