import { describe, expect, test } from '@jest/globals';
import type { Attempt, SessionLog } from '../../chaos/ledger.ts';
import { type Connected, stormOf } from '../../chaos/storm.ts';

const GONE = { edge: 2, at: 10_000, why: 'edge_killed' } as const;
const UNTIL = 11_000;

const accepted = (at: number, tookMs = 100): Attempt => ({
  at,
  through: 0,
  answered: { at: at + tookMs, accepted: true, text: '' },
});
const refused = (at: number, text: string): Attempt => ({
  at,
  through: 0,
  answered: { at: at + 100, accepted: false, text },
  ended: { at: at + 101, text: '' },
});
const lost: Attempt = { ...accepted(0), ended: { at: 10_050, text: '' } };

const session = (name: string, later: readonly Attempt[], more: Partial<SessionLog> = {}): Connected => ({
  log: {
    name,
    user: 'u',
    sender_comp_id: 'CLIENT',
    role: 'keeper',
    attempts: [refused(0, 'before'), lost, ...later],
    received: [],
    asked: [],
    orders: [],
    faults: [],
    ...more,
  },
  attempt: lost,
});

test('each comes back by so many Logons, and the last of them when it is answered', () => {
  const quick = session('quick', [accepted(11_000), accepted(90_000)]);
  const slow = session('slow', [
    refused(11_000, 'Logon refused: another gateway still has this session, try again'),
    { at: 12_000, through: 0, ended: { at: 13_000, text: '' } },
    accepted(14_000, 500),
  ]);
  expect(stormOf(GONE, UNTIL, [quick, slow])).toEqual({
    ...GONE,
    sessions: 2,
    logons: [1, 3],
    slowest: 'slow',
    back: 14_500,
  });
});

test('who is not back makes it one that is not over', () => {
  expect(stormOf(GONE, UNTIL, [session('a', [accepted(11_000)]), session('b', [refused(11_000, 'x')])])).toEqual({
    ...GONE,
    sessions: 2,
    logons: [1, 1],
    slowest: 'a',
  });
});

describe('it is no doing of the edge', () => {
  test.each(['chaos', 'Locked: chaos', 'Logon refused: Locked: chaos', 'Logon refused: credential suspended'])(
    'that an operator kept a session out: %s',
    (text) => {
      const kept = session('kept', [refused(11_000, text), refused(12_000, text), accepted(25_000)]);
      expect(stormOf(GONE, UNTIL, [session('a', [accepted(11_000)]), kept])).toMatchObject({
        logons: [1, 1],
        back: 11_100,
      });
    },
  );

  test.each<[string, Connected]>([
    ['went on', { ...session('a', []), attempt: accepted(0) }],
    ['ended later', { ...session('a', []), attempt: { ...lost, ended: { at: 11_500, text: '' } } }],
    ['is bound to an edge', { ...session('a', []), attempt: { ...lost, through: 2 } }],
    ['competes for slots', session('a', [], { role: 'crowd' })],
  ])('what becomes of a session that %s', (_, one) => {
    expect(stormOf(GONE, UNTIL, [one])).toBeUndefined();
  });
});
