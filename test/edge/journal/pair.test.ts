// Two journals side by side: each session is in one of them, whole, whatever dies while it moves.

import { afterEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readConfig } from '../../../edge/config.ts';
import type { Journal, JournalKind } from '../../../edge/journal/journal.ts';
import { openMemoryJournal } from '../../../edge/journal/memory.ts';
import { openPair } from '../../../edge/journal/pair.ts';
import { plainKeys } from './keys.ts';
import {
  append,
  cleanUp,
  crashed,
  enqueue,
  type Line,
  logInto,
  NOW,
  newDirectory,
  openFile,
  promote,
  seen,
} from './support.ts';

afterEach(cleanUp);

const LIMITS = { segment_bytes: 1500, resend_retention: 12, block_bytes: 300 };

interface Home {
  readonly main: string;
  readonly beside: string;
}

const newHome = (): Home => ({ main: newDirectory(), beside: newDirectory() });
const died = ({ main, beside }: Home): Home => ({ main: crashed(main), beside: crashed(beside) });

/** @param between called between the flushes of the two */
function open({ main, beside }: Home, lines: Line[] = [], between = (): void => {}, keys = plainKeys()) {
  const more = { keys, inbound: true };
  const [one, two] = [openFile(main, LIMITS, lines, more), openFile(beside, LIMITS, lines, more)];
  let flushed = 0;
  for (const journal of [one, two]) {
    const flush = journal.flush.bind(journal);
    journal.flush = (depends) => {
      flush(depends);
      if (++flushed % 2 === 1) between();
    };
  }
  return { journal: openPair({ main: one, beside: two, log: logInto(lines) }), one, two };
}

const whereOf = (one: Journal, two: Journal, key: string): JournalKind[] => [
  ...(one.has(key) ? (['store'] as const) : []),
  ...(two.has(key) ? (['file'] as const) : []),
];

test('a session moves with all it has, there and back, and is found where it went', () => {
  const keys = plainKeys();
  let home = newHome();
  let { journal, one, two } = open(home, [], undefined, keys);
  const terms = { retention: 5, ids: 3, ids_s: 100, about: '{"who":"a"}' };
  const session = journal.session('a', terms);
  journal.session('other');
  for (let n = 0; n < 8; n++) append(session, `message ${n}`);
  enqueue(session, 'waits');
  session.setNextIn(40);
  journal.tell('a', 7);
  journal.flush();
  const before = seen(session);
  for (const kind of ['file', 'store', 'file'] as const) {
    expect(journal.place!('a', kind)).toBe(true);
    expect(journal.place!('a', kind)).toBe(false);
    journal.flush();
    for (const again of [false, true]) {
      if (again) {
        home = died(home);
        ({ journal, one, two } = open(home, [], undefined, keys));
      }
      expect([seen(journal.session('a')), journal.told('a')]).toEqual([before, 7]);
      expect([whereOf(one, two, 'a'), [...journal.keys()].sort()]).toEqual([[kind], ['a', 'other']]);
    }
  }
  promote(journal.session('a'), 'waited');
  expect(journal.session('a').nextOut).toBe(10);
});

test('a new session begins where it is placed; one that is placed nowhere is in the first', () => {
  const { journal, one, two } = open(newHome());
  expect(journal.place!('a', 'store')).toBe(false);
  expect(journal.place!('b', 'file')).toBe(true);
  journal.session('a');
  append(journal.session('b'), 'first');
  journal.flush();
  expect([whereOf(one, two, 'a'), whereOf(one, two, 'b')]).toEqual([['store'], ['file']]);
});

type Step =
  | { readonly what: 'say' | 'queue' | 'reset' | 'die' }
  | { readonly what: 'place'; readonly kind: JournalKind };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ what: 'say' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ what: 'queue' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ what: 'reset' }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<JournalKind>('store', 'file').map((kind): Step => ({ what: 'place', kind })),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ what: 'die' }) },
);

test('whatever was done and wherever between two flushes it died: the session is there once, as it was before or after', async () => {
  const run = async (steps: readonly Step[]): Promise<void> => {
    const keys = plainKeys();
    let home = newHome();
    let left: Home | undefined;
    let watched = false;
    const between = (): void => {
      if (watched) left = died(home);
    };
    let { journal } = open(home, [], between, keys);
    const model = openMemoryJournal({ now: () => NOW, limits: LIMITS });
    journal.session('a');
    journal.flush();
    let serial = 0;
    for (const one of steps) {
      const before = seen(model.session('a'));
      const body = `${serial++}`;
      if (one.what === 'place') journal.place!('a', one.kind);
      else
        for (const each of [journal, model]) {
          const session = each.session('a');
          if (one.what === 'say') append(session, body);
          else if (one.what === 'queue') enqueue(session, body);
          else if (one.what === 'reset') session.reset(5);
        }
      left = undefined;
      watched = true;
      journal.flush();
      watched = false;
      if (one.what === 'die') home = died(home);
      // Or between the two flushes of the last change.
      const middle = left === undefined ? undefined : open(left, [], undefined, keys);
      if (middle !== undefined)
        expect([before, seen(model.session('a'))]).toContainEqual(seen(middle.journal.session('a')));
      if (one.what === 'die') ({ journal } = open(home, [], between, keys));
      expect(seen(journal.session('a'))).toEqual(seen(model.session('a')));
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30, size: 'max' }), run).afterEach(cleanUp),
    {
      numRuns: Number(process.env.FIXGATE_PROPERTY_RUNS ?? 15),
      interruptAfterTimeLimit: 30_000,
    },
  );
}, 60_000);

test.each([
  [{ FIXGATE_JOURNAL: 'file' }, 'needs FIXGATE_JOURNAL=store and FIXGATE_COMMIT=reserve'],
  [{ FIXGATE_COMMIT: 'before-send' }, 'needs FIXGATE_JOURNAL=store and FIXGATE_COMMIT=reserve'],
  [{ FIXGATE_ARCHIVE: 'on' }, 'not together with FIXGATE_ARCHIVE'],
  [{ FIXGATE_EDGE_POOL: 'edge:2' }, 'not together with FIXGATE_EDGE_POOL'],
])('with %j there are no two', (more, why) => {
  const env = { FIXGATE_JOURNAL: 'store', FIXGATE_COMMIT: 'reserve', FIXGATE_JOURNAL_BESIDE: 'file' };
  expect(readConfig(env).journal_beside).toBe('file');
  expect(() => readConfig({ ...env, ...more })).toThrow(why);
});
