// Orders that an administrator has cancelled: when that counts as done.
import { expect, test } from '@jest/globals';
import type { House } from '../../edge/house.ts';
import { cancelling } from '../../edge/venue-time.ts';

interface Standing {
  mark: number | undefined;
  had?: number;
  pending: boolean;
  sealed: boolean;
}

/** @param failures how often the venue fails first */
function asked(standing: Standing, failures = 0) {
  const heard: unknown[] = [];
  let left = failures;
  const venue = Object.assign(standing, {
    massCancel(whose: unknown, _now: number, how: unknown) {
      left -= 1;
      if (left >= 0) throw new Error('not now');
      heard.push(whose, how);
    },
  });
  const turns = { run: (work: () => void) => work(), touch() {}, now: { epochMs: 7, monoMs: 7 } };
  const log = { info() {}, error() {} };
  const house = { turns, venue, sessions: { abandon() {} }, log } as unknown as House;
  return { venue, heard, done: cancelling(house)({ of: 'everybody' }, 5) };
}

test('at once where the venue keeps nothing', () => {
  const { done, heard } = asked({ mark: undefined, pending: false, sealed: false });
  expect(done()).toBe(true);
  expect(heard).toEqual([{ of: 'everybody' }, { asked_at: 5 }]);
});

test.each([
  ['nothing rested', { pending: false, sealed: false }, 3],
  ['it is in the next flush', { pending: true, sealed: false }, 4],
  ['another one waits before it', { pending: true, sealed: true }, 5],
  ['nothing rested, as one that waits has cancelled it', { pending: false, sealed: true }, 4],
])('once the flush that it is in is on disk: %s', (_, how, mark) => {
  const { done, venue } = asked({ mark: 3, ...how });
  venue.mark = mark - 1;
  expect(done()).toBe(false);
  venue.mark = mark;
  expect(done()).toBe(true);
});

test('once it is on the disk of a venue elsewhere', () => {
  const { done, venue } = asked({ mark: 3, had: 3, pending: true, sealed: false });
  venue.mark = 4;
  expect(done()).toBe(false);
  venue.had = 4;
  expect(done()).toBe(true);
});

test('not while the venue fails: it is asked again each time', () => {
  const { done, heard } = asked({ mark: undefined, pending: false, sealed: false }, 3);
  expect([done(), done(), heard.length]).toEqual([false, false, 0]);
  expect([done(), heard.length]).toEqual([true, 2]);
});
