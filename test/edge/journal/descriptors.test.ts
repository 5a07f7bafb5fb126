// What the journal has open of its files.

import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { SPARES } from '../../../edge/journal/limits.ts';
import { append, newDirectory, openFile } from './support.ts';

const DESCRIPTORS = '/proc/self/fd';

const segments = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.seg'))
    .map((name) => join(directory, name))
    .sort();

/** Segments of a directory that this process has open; one that has gone ends with `(deleted)`. */
function openIn(directory: string): string[] {
  if (!existsSync(DESCRIPTORS)) return segments(directory); // a system that does not tell
  const targets = readdirSync(DESCRIPTORS).map((fd) => {
    try {
      return readlinkSync(join(DESCRIPTORS, fd));
    } catch {
      return ''; // the one that the list was read by
    }
  });
  return targets.filter((target) => target.includes('.seg') && target.startsWith(directory)).sort();
}

test('of a segment that has gone nothing stays open but what is used again', async () => {
  const directory = newDirectory();
  const journal = openFile(directory, { segment_bytes: 20_000, resend_retention: 10 });
  const busy = journal.session('busy');
  for (let n = 0; n < 2000; n++) {
    append(busy, `${n}`.padEnd(100, '.'));
    if (n % 10 === 0) journal.flush();
  }
  journal.flush();
  const there = segments(directory);
  expect(there.length).toBeGreaterThan(1);
  // The file goes at once, its pages by another thread.
  while (openIn(directory).some((path) => path.endsWith('(deleted)'))) await nextTurn();
  const { length } = there;
  const open = openIn(directory);
  expect(open.filter((path) => !path.endsWith('.spare'))).toEqual(there);
  expect(open.length).toBeLessThanOrEqual(length + SPARES);
  await journal.close();
  while (openIn(directory).length > 0) await nextTurn();
});
