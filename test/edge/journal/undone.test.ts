// The process dies after the journal was written and before the venue's log was: what the venue made is taken back, what
// clients had sent is given to it again, however often the process dies meanwhile.

import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { BY_VENUE, KEEP, REFUSED, type SessionStore, SUBMITTED } from '../../../edge/fix/session/ports.ts';
import type { Journal } from '../../../edge/journal/journal.ts';
import { plainKeys } from './keys.ts';
import { append, crashed, enqueue, type Line, NOW, newDirectory, openFile, promote, seen } from './support.ts';

/** Mark of the venue's last flush, and of the one it did not come to. */
const HAS = 100;
const LACKS = 101;

const open = (directory: string, lines: Line[] = [], limits: object = {}): Journal =>
  openFile(directory, limits, lines, { inbound: true });

function receive(store: SessionStore, text: string, fate: typeof SUBMITTED | typeof REFUSED = SUBMITTED): void {
  const buf = Buffer.from(text);
  store.received(store.nextIn, buf, 0, buf.length, NOW, fate, 0, 0);
  store.setNextIn(store.nextIn + 1);
}

function report(store: SessionStore, text: string): void {
  const buf = Buffer.from(text);
  store.append(store.nextOut, buf, 0, buf.length, NOW, KEEP | BY_VENUE);
}

function wait(store: SessionStore, text: string): void {
  const buf = Buffer.from(text);
  store.enqueue(buf, 0, buf.length, NOW, BY_VENUE);
}

/** What both logs have, then a flush that the venue's does not come to. */
function torn(directory: string): void {
  const journal = open(directory);
  const one = journal.session('one', { about: '{"who":1}' });
  const two = journal.session('two', { about: '{"who":2}' });
  receive(one, 'order 1');
  report(one, 'report 1');
  wait(two, 'earlier');
  enqueue(two, 'news');
  journal.flush(HAS);
  journal.committed();
  one.reset(NOW);
  receive(one, 'order 2');
  report(one, 'report 2');
  receive(one, 'order 3', REFUSED);
  append(one, 'refusal of 3');
  receive(two, 'order 4');
  wait(two, 'report 4');
  promote(two, 'earlier, sent');
  promote(two, 'news, sent');
  promote(two, 'report 4, sent');
  wait(two, 'another');
  journal.flush(LACKS);
}

const accepted = (journal: Journal, mark: number | undefined) =>
  journal
    .settle(mark)
    .map(({ key, about, generation, msgSeqNum, message, receivedAt }) => [
      key,
      about,
      generation,
      msgSeqNum,
      message.toString(),
      receivedAt,
    ]);

const AGAIN = [
  ['one', '{"who":1}', 1, 1, 'order 2', NOW],
  ['two', '{"who":2}', 0, 1, 'order 4', NOW],
];

/** Numbers are used, and what the venue said under them is gone; what the gateway said is not, nor what waited before. */
function expectTakenBack(journal: Journal): void {
  expect(seen(journal.session('one'))).toMatchObject({
    nextIn: 3,
    nextOut: 3,
    sent: [[2, 'refusal of 3']],
    pending: 0,
  });
  const two = seen(journal.session('two'));
  expect(two).toMatchObject({ nextIn: 2, nextOut: 4, pending: 0 });
  expect(two.sent).toEqual([
    [1, 'earlier, sent'],
    [2, 'news, sent'],
  ]);
}

test('what the venue does not have is taken back, and comes again; what it has is as it was', () => {
  const directory = newDirectory();
  torn(directory);
  const whole = open(crashed(directory));
  expect(accepted(whole, LACKS)).toEqual([]);
  expect(seen(whole.session('one')).sent.map(([, text]) => text)).toEqual(['report 2', 'refusal of 3']);
  const lines: Line[] = [];
  const journal = open(crashed(directory), lines);
  expect(accepted(journal, HAS)).toEqual(AGAIN);
  expectTakenBack(journal);
  expect(lines.find(({ level }) => level === 'warn')).toMatchObject({ fields: { messages: 2, reports: 3 } });
});

test('killed again before the venue has them: they come again, once more', () => {
  let directory = newDirectory();
  torn(directory);
  for (let round = 0; round < 4; round++) {
    directory = crashed(directory);
    const journal = open(directory, [], { segment_bytes: 400 });
    expect(accepted(journal, HAS)).toEqual(AGAIN);
    expectTakenBack(journal);
    wait(journal.session('one'), `made in round ${round}`);
    // Even rounds get so far as to write the journal.
    if (round % 2 === 0) journal.flush(LACKS);
  }
  // The venue has it at last, and dies before it is told: its reports count, the first ones stay void.
  directory = crashed(directory);
  const journal = open(directory);
  accepted(journal, HAS);
  wait(journal.session('one'), 'made at last');
  journal.flush(LACKS);
  const after = open(crashed(directory));
  expect(accepted(after, LACKS)).toEqual([]);
  expect(seen(after.session('one'))).toMatchObject({ pending: 1, oldest: 'made at last', sent: [[2, 'refusal of 3']] });
});

test.each([
  ['none at all', undefined],
  ['an older one', HAS - 1],
  ['a later one', LACKS + 7],
])('a venue whose mark is %s: nothing is taken back', (_what, mark) => {
  const directory = newDirectory();
  torn(directory);
  const lines: Line[] = [];
  const journal = open(crashed(directory), lines);
  const before = seen(journal.session('one'));
  expect(accepted(journal, mark)).toEqual([]);
  expect(seen(journal.session('one'))).toEqual(before);
  expect(lines.some(({ level }) => level === 'error')).toBe(mark === HAS - 1);
});

test('while the venue cannot write, no segment begins or goes: what may be taken back is all there', () => {
  const directory = newDirectory();
  const journal = openFile(directory, { segment_bytes: 600, resend_retention: 1 }, [], {
    inbound: true,
    keys: plainKeys(),
  });
  const store = journal.session('one');
  const files = (): number => readdirSync(directory).filter((name) => name.endsWith('.seg')).length;
  for (let n = 1; n <= 50; n++) {
    receive(store, `order ${n} ${'x'.repeat(50)}`);
    report(store, `report ${n} ${'x'.repeat(50)}`);
    journal.flush(LACKS);
  }
  expect(files()).toBe(1);
  journal.committed();
  report(store, 'after');
  journal.flush();
  expect(files()).toBeLessThanOrEqual(2);
  expect(seen(store).sent).toEqual([[51, 'after']]);
});
