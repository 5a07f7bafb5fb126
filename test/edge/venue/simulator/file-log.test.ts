import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FileLog } from '../../../../edge/venue/simulator/file-log.ts';
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
