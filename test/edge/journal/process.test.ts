// A process of its own: killed in the middle of its work, and writing where there is no room.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { BY_VENUE, KEEP } from '../../../edge/fix/session/ports.ts';
import { newDirectory, openFile, sent } from './support.ts';

const start = (directory: string, limits: object, body: string): string => `
  import { openJournal } from ${JSON.stringify(new URL('../../../edge/journal/file.ts', import.meta.url).href)};
  import { writeSync } from 'node:fs';
  import { execFileSync } from 'node:child_process';
  const none = () => {};
  const say = (line) => writeSync(1, line + '\\n');
  const journal = openJournal({ directory: ${JSON.stringify(directory)}, now: () => 1,
    log: { info: none, warn: none, error: none }, limits: ${JSON.stringify(limits)} });
  const store = journal.session('one');
  const append = (text) => { const buf = Buffer.from(text); store.append(store.nextOut, buf, 0, buf.length, 1, 1); };
  ${body}`;

test('kill -9 under load: all that was told to have been flushed is there, and each number has one content', async () => {
  const directory = newDirectory();
  const limits = { segment_bytes: 300_000, resend_retention: 500 };
  let told = 0;
  for (let round = 0; round < 3; round++) {
    const program = start(
      directory,
      limits,
      `for (;;) {
        for (let i = 0; i < 20; i++) append('message ' + store.nextOut + ' ' + 'x'.repeat(300));
        store.setNextIn(store.nextOut);
        journal.flush();
        say(String(store.nextOut - 1));
      }`,
    );
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout })) {
      told = Number(line);
      if (told % 20_000 > 5000 + round * 1777) child.kill('SIGKILL');
    }
    await gone;
    const journal = openFile(directory, limits);
    const store = journal.session('one');
    expect(store.nextOut).toBeGreaterThan(told);
    // The numbers in and the messages of one flush are there together.
    expect(store.nextIn).toBe(store.nextOut);
    const kept = sent(store);
    expect(kept).toHaveLength(500);
    expect(kept.at(-1)![0]).toBe(store.nextOut - 1);
    for (const [n, text] of kept) expect(text.startsWith(`message ${n} `)).toBe(true);
    await journal.close();
  }
}, 60_000);

test('no room: the flush says so, what was appended is still there, and goes to disk when there is room again', () => {
  const directory = newDirectory();
  // A limit on the size of files is met in the middle of a write, as a full disk is; unlike one it needs no rights.
  const program = start(
    directory,
    { tail_bytes: 100_000 },
    `const attempt = (what) => { try { what(); return 'ok'; } catch (error) { return error.code; } };
    append('before');
    say(attempt(() => journal.flush()) + ' ' + journal.healthy);
    append('y'.repeat(20000));
    store.setNextIn(9);
    for (let i = 0; i < 3; i++) say(attempt(() => journal.flush()) + ' ' + journal.healthy);
    const found = store.next(2, 2);
    say('readable ' + (found.end - found.start));
    say(attempt(() => { for (;;) append('z'.repeat(20000)); }) + ' ' + store.nextOut);
    execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']);
    say(attempt(() => journal.flush()) + ' ' + journal.healthy);
    process.kill(process.pid, 'SIGKILL');`,
  );
  expect(cramped(program)).toEqual([
    'ok true',
    'write_failed false',
    'write_failed false',
    'write_failed false',
    'readable 20000',
    'tail_full 6',
    'ok true',
  ]);
  const store = openFile(directory).session('one');
  expect(store).toMatchObject({ nextIn: 9, nextOut: 6 });
  expect(sent(store).map(([n, text]) => [n, text.length])).toEqual([
    [1, 6],
    [2, 20_000],
    [3, 20_000],
    [4, 20_000],
    [5, 20_000],
  ]);
});

test('a large tail is not tried again at each flush while the disk refuses', () => {
  const program = start(
    newDirectory(),
    {},
    `const attempt = () => { try { journal.flush(); return 'ok'; } catch (error) { return error; } };
    append('y'.repeat(2000000));
    const first = attempt();
    say(first.code + ' ' + (attempt() === first));
    process.kill(process.pid, 'SIGKILL');`,
  );
  expect(cramped(program)).toEqual(['write_failed true']);
});

test('room at the end only: what the venue had done without writing it is not there by itself', () => {
  const directory = newDirectory();
  const program = start(
    directory,
    {},
    `const report = (text) => { const buf = Buffer.from(text); store.append(store.nextOut, buf, 0, buf.length, 1, ${KEEP | BY_VENUE}); };
    const attempt = (mark) => { try { journal.flush(mark); journal.committed(); return 'ok'; } catch (error) { return error.code; } };
    report('both have it');
    say(attempt(4));
    report('n'.repeat(20000));
    say(attempt(5));
    execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']);
    await journal.close();
    say('closed');
    process.kill(process.pid, 'SIGKILL');`,
  );
  expect(cramped(program)).toEqual(['ok', 'write_failed', 'closed']);
  const journal = openFile(directory);
  // The venue reports it again; its number is used.
  expect(journal.settle(4)).toEqual([]);
  const store = journal.session('one');
  expect(store.nextOut).toBe(3);
  expect(sent(store).map(([n, text]) => [n, text.length])).toEqual([[1, 'both have it'.length]]);
});

/** Runs a program that may make files of 4 KiB and ends by killing itself. @returns what it said */
function cramped(program: string): string[] {
  const command = 'ulimit -S -f 8; "$0" --input-type=module -e "$1"; :';
  const out = execFileSync('/bin/sh', ['-c', command, process.execPath, program], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return out.trim().split('\n');
}
