import { fstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Done, SYSTEM_SYNCS } from '../../../../edge/syncs.ts';
import { FileLog, type Synced } from '../../../../edge/venue/simulator/file-log.ts';
import { lineOf } from '../../../../edge/venue/simulator/log.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'venue-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a disk that refuses is told of, and what was to be written waits for the next try', () => {
  symlinkSync('/dev/full', join(directory, 'orders.jsonl'));
  const log = new FileLog(directory);
  log.append(lineOf('[]'));
  for (let tries = 0; tries < 2; tries++) {
    expect(() => log.flush(lineOf('[["mark",1]]'))).toThrow('ENOSPC');
    expect(log.pending).toBe(true);
  }
});

test('what is written in place of everything is read as it was, however many and long the lines are, and goes on', () => {
  const log = new FileLog(directory);
  log.append(lineOf('of before'));
  log.flush(lineOf('its mark'));
  const lengths = [1, 500, 520, 1_048_575, 1_048_576, 3_000_000, 7, 600_000, 600_000, 2];
  const texts = lengths.map((length, n) => String(n).repeat(length));
  const shared = Buffer.alloc(3_000_000);
  log.replace(
    (function* () {
      // Each in the place of the one before: it stands until the next is asked for.
      for (const text of texts) {
        const words = new DataView(shared.buffer, shared.byteOffset, shared.length);
        yield { buf: shared, words, length: shared.write(text, 'latin1') };
      }
    })(),
  );
  expect([log.base, log.appended]).toEqual([lengths.reduce((sum, length) => sum + length + 1, 0), 0]);
  log.append(lineOf('of after'));
  log.flush(lineOf('another mark'));
  log.close();
  const again = new FileLog(directory);
  expect([...again.read()]).toEqual([...texts, 'of after', 'another mark']);
  again.close();
});

describe('a log that is written anew while others go on', () => {
  const FILE = 'orders.jsonl';
  const read = (): string[] => readFileSync(join(directory, FILE), 'latin1').trimEnd().split('\n');
  let warnings: string[] = [];
  let answers: Done[] = [];
  const open = (): FileLog => {
    [answers, warnings] = [[], []];
    const syncs = { ...SYSTEM_SYNCS, data: (_fd: number, done: Done) => void answers.push(done) };
    const log = new FileLog(directory, { file: FILE, syncs, warn: (problem) => void warnings.push(problem) });
    log.append(lineOf('of before'));
    log.flush(lineOf('mark 1'));
    return log;
  };

  test('is what it was until the disk has it, and has then what was flushed meanwhile', () => {
    const log = open();
    log.append(lineOf('not flushed yet'));
    log.renew(['all', 'there is'].map(lineOf));
    expect([log.renewing, read()]).toEqual([true, ['of before', 'mark 1']]);
    log.flush(lineOf('mark 2'));
    log.append(lineOf('sealed'));
    log.seal(lineOf('mark 3'));
    log.append(lineOf('behind it'));
    log.flushSealed();
    const meanwhile = ['not flushed yet', 'mark 2', 'sealed', 'mark 3'];
    expect(read()).toEqual(['of before', 'mark 1', ...meanwhile]);
    answers[0]!(null);
    expect([log.renewing, read()]).toEqual([false, ['all', 'there is', ...meanwhile]]);
    expect([log.base, log.appended]).toEqual([13, meanwhile.join('\n').length + 1]);
    log.flush(lineOf('mark 4'));
    log.close();
    expect(read()).toEqual(['all', 'there is', ...meanwhile, 'behind it', 'mark 4']);
    expect(readdirSync(directory)).toEqual([FILE]);
  });

  test('stays as it was where the disk does not take it, and is not written anew before it has doubled', () => {
    const log = open();
    log.renew([lineOf('all there is')]);
    log.flush(lineOf('mark 2'));
    answers[0]!(new Error('no longer'));
    expect([log.renewing, log.appended, log.base]).toEqual([false, 0, 24]);
    expect(warnings).toEqual([`${join(directory, FILE)} is not written anew yet: no longer`]);
    log.flush(lineOf('mark 3'));
    log.close();
    expect(read()).toEqual(['of before', 'mark 1', 'mark 2', 'mark 3']);
    expect(readdirSync(directory)).toEqual([FILE]);
  });

  test('stays as it was where no other can be begun', () => {
    const log = open();
    mkdirSync(join(directory, `${FILE}.new`));
    log.renew([lineOf('all there is')]);
    expect([log.renewing, answers, warnings.length]).toEqual([false, [], 1]);
    log.flush(lineOf('mark 2'));
    expect(read()).toEqual(['of before', 'mark 1', 'mark 2']);
  });

  test('stays as it was where it is closed before', () => {
    const log = open();
    log.renew([lineOf('all there is')]);
    log.flush(lineOf('mark 2'));
    log.close();
    answers[0]!(null);
    expect([read(), readdirSync(directory)]).toEqual([['of before', 'mark 1', 'mark 2'], [FILE]]);
  });
});

describe('a log that outlives its machine', () => {
  const FILE = 'orders.jsonl';
  /** What the disk was asked for, and how long the log was then. */
  let asked: string[] = [];
  let fails = false;
  let answers: Done[] = [];
  const syncs = {
    data: (_fd: number, done: Done) => void answers.push(done),
    dataNow(fd: number) {
      asked.push(`data of ${fstatSync(fd).size}`);
      if (fails) throw new Error('EIO');
    },
    namesNow: (path: string) => void asked.push(`names of ${path}: ${readFileSync(join(path, FILE)).length} bytes`),
  };
  const open = (synced: Synced): FileLog => {
    [asked, fails, answers] = [[], false, []];
    return new FileLog(directory, { syncs, synced });
  };

  test('has what is flushed on the disk before it goes on, or writes it again to the same place', () => {
    const log = open('flushed');
    log.append(lineOf('one'));
    log.flush(lineOf('mark 1'));
    expect(asked).toEqual(['data of 11']);
    fails = true;
    log.append(lineOf('two'));
    for (let tries = 0; tries < 2; tries++) expect(() => log.flush(lineOf('mark 2'))).toThrow('EIO');
    expect(log.pending).toBe(true);
    fails = false;
    log.flush(lineOf('mark 2'));
    log.close();
    expect(readFileSync(join(directory, FILE), 'latin1')).toBe('one\nmark 1\ntwo\nmark 2\n');
    expect(asked.slice(1)).toEqual(Array(4).fill('data of 22'));
  });

  test.each(['flushed', 'asked'] as const)('is another file once all of that, and its name, is there: %s', (synced) => {
    const log = open(synced);
    log.replace([lineOf('all')]);
    expect(asked.slice(-2)).toEqual(['data of 4', `names of ${directory}: 4 bytes`]);
    log.renew([lineOf('anew')]);
    log.append(lineOf('more'));
    log.flush(lineOf('mark'));
    asked = [];
    answers[0]!(null);
    expect(asked).toEqual(['data of 15', `names of ${directory}: 15 bytes`]);
    log.close();
  });

  test('says when the disk has it, of a file that it is no longer because another was there before', () => {
    const log = open('asked');
    const said: (string | undefined)[] = [];
    log.append(lineOf('one'));
    log.flush(lineOf('mark 1'));
    expect(asked).toEqual([]);
    for (let n = 0; n < 2; n++) log.sync((error) => void said.push(error?.message));
    answers[0]!(new Error('EIO'));
    log.renew([lineOf('anew')]);
    answers[2]!(null);
    answers[1]!(new Error('EBADF'));
    expect(said).toEqual(['EIO', undefined]);
    log.close();
  });
});
