// Directories that versions 1 to 6 have written: read, and gone on with in version 8.

import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { keysOf } from './keys.ts';
import { append, crashed, NOW, newDirectory, openFile, promote, type Seen, seen } from './support.ts';

/** Two segments, as the first release wrote them: the second began in the middle of the reports. */
function versionOne(): string {
  const directory = newDirectory();
  cpSync(join(import.meta.dirname, 'version-1'), directory, { recursive: true });
  return directory;
}

const ONE = 'FIX.4.4|GATEWAY|USER_1|';
const TWO = 'FIX.4.2|GATEWAY|USER_2|';
const report = (n: number): [number, string] => [n, `report ${n} ${'x'.repeat(60)}`];

const EXPECTED: Readonly<Record<string, Partial<Seen>>> = {
  [ONE]: {
    nextIn: 9,
    nextOut: 14,
    generation: 0,
    // Five are kept, of ten that were sent with a message.
    sent: [report(5), report(6), report(7), report(8), [9, 'was 1']],
    pending: 1,
    oldest: 'waits 3',
  },
  [TWO]: {
    nextIn: 4,
    nextOut: 2,
    generation: 1,
    createdAt: 1_600_000_000_000,
    sent: [[1, 'after the reset']],
    pending: 0,
  },
};

test.each(['plain', 'encrypted'])('is read, goes on %s, and is read again', async (kind) => {
  let directory = versionOne();
  for (let round = 0; round < 3; round++) {
    const keys = kind === 'plain' ? undefined : await keysOf(directory);
    const journal = openFile(directory, {}, [], { keys });
    for (const [key, state] of Object.entries(EXPECTED)) expect(seen(journal.session(key))).toMatchObject(state);
    directory = crashed(directory);
  }
  const journal = openFile(directory, {}, [], { keys: kind === 'plain' ? undefined : await keysOf(directory) });
  const store = journal.session(ONE);
  promote(store, 'was 3');
  append(store, 'new');
  journal.flush();
  // All is version 8 by now: the few messages that are left were carried forward.
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.seg')))
    expect(readFileSync(join(directory, name))[3]).toBe(8);
  expect(seen(store)).toMatchObject({
    nextOut: 16,
    pending: 0,
    sent: expect.arrayContaining([
      [15, 'new'],
      [14, 'was 3'],
    ]),
  });
});

test.each(['plain', 'encrypted'])(
  'of version 2, %s: with what it was sent, had received and knows again',
  async (kind) => {
    let directory = newDirectory();
    cpSync(join(import.meta.dirname, 'version-2', kind), directory, { recursive: true });
    const opened = async () =>
      openFile(directory, {}, [], { inbound: true, keys: kind === 'plain' ? undefined : await keysOf(directory) });
    for (let round = 0; round < 3; round++) {
      const journal = await opened();
      // What only the venue may ask for goes with the segments that nothing else is in.
      if (round === 0)
        expect(journal.export(TWO, { generation: 1, msgSeqNum: 0 })?.submitted).toMatchObject([{ msgSeqNum: 4 }]);
      const store = journal.session(ONE);
      expect(seen(store)).toMatchObject({ nextIn: 10, nextOut: 11, pending: 1, oldest: 'waits 2' });
      expect(seen(store).sent).toEqual([...[5, 6, 7, 8, 9].map(report), [10, 'was 1']]);
      expect(['id-0', 'id-1', 'id-9'].map((id) => store.knowsId(Buffer.from(id), 0, 4, NOW))).toEqual([
        false,
        true,
        true,
      ]);
      directory = crashed(directory);
    }
    const journal = await opened();
    const [one, two] = [journal.session(ONE), journal.session(TWO)];
    expect(seen(two)).toMatchObject({ nextIn: 5, nextOut: 2, generation: 1, sent: [[1, 'after the reset']] });
    // Segments of both versions side by side.
    for (const body of ['new', 'newer']) append(one, body);
    journal.flush();
    expect(seen(one).sent.slice(-3)).toEqual([
      [10, 'was 1'],
      [11, 'new'],
      [12, 'newer'],
    ]);
    directory = crashed(directory);
    expect(seen((await opened()).session(ONE))).toEqual(seen(one));
  },
);

test.each(['plain', 'encrypted'])('of version 3, %s: read, gone on with, and read again', async (kind) => {
  let directory = newDirectory();
  cpSync(join(import.meta.dirname, 'version-3', kind), directory, { recursive: true });
  const line = (n: number): [number, string] => [n, `report ${n} ${'x'.repeat(200)}`];
  const before = Array.from({ length: 11 }, (_, i) => line(i + 1));
  const opened = async () =>
    openFile(directory, {}, [], { keys: kind === 'plain' ? undefined : await keysOf(directory) });
  for (let round = 0; round < 3; round++) {
    const journal = await opened();
    const store = journal.session(ONE);
    const more = Array.from({ length: round }, (_, i): [number, string] => [12 + i, 'new']);
    expect(seen(store)).toMatchObject({ nextOut: 12 + round, pending: 1, oldest: 'waits', sent: [...before, ...more] });
    append(store, 'new');
    journal.flush();
    directory = crashed(directory);
  }
});

test.each([
  ['4', 'plain'],
  ['4', 'encrypted'],
  ['6', 'plain'],
  ['6', 'encrypted'],
])('of version %s, %s: read, gone on with, and read again', async (version, kind) => {
  let directory = newDirectory();
  cpSync(join(import.meta.dirname, `version-${version}`, kind), directory, { recursive: true });
  const before = Array.from({ length: 40 }, (_, i) => report(i + 1));
  const opened = async () =>
    openFile(directory, {}, [], { inbound: true, keys: kind === 'plain' ? undefined : await keysOf(directory) });
  for (let round = 0; round < 3; round++) {
    const journal = await opened();
    const store = journal.session(ONE);
    const more = Array.from({ length: round * 2 }, (_, i) => report(41 + i));
    expect(seen(store)).toMatchObject({ nextIn: 41, nextOut: 41 + round * 2, pending: 1, sent: [...before, ...more] });
    const submitted = journal.export(ONE, { generation: 0, msgSeqNum: 38 })?.submitted;
    if (round === 0)
      expect(submitted?.map(({ msgSeqNum, message }) => [msgSeqNum, message.toString()])).toEqual(
        [39, 40].map((n) => [n, `order ${n} ${'y'.repeat(40)}`]),
      );
    append(store, report(store.nextOut)[1]);
    append(store, report(store.nextOut)[1]);
    journal.flush();
    directory = crashed(directory);
  }
});
