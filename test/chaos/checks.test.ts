// Each checker is shown a run in which everything was kept, and the same run with one promise broken.
import { describe, expect, test } from '@jest/globals';
import { verdicts } from '../../chaos/checks/all.ts';
import { certainlyOn, mostAtOnce, withoutStore, worstExcess } from '../../chaos/checks/limits.ts';
import type {
  AdminAct,
  Asked,
  Attempt,
  LateOrder,
  Ledger,
  Received,
  SessionLog,
  Takeover,
} from '../../chaos/ledger.ts';

const asked = (id: string, at: number, more: Partial<Asked> = {}): Asked => ({
  id,
  kind: 'order',
  at,
  generation: 1,
  answered: { at: at + 5, kind: 'report', text: '' },
  ...more,
});

const received = (seq: number, more: Partial<Received> = {}): Received => ({
  at: seq,
  generation: 1,
  seq,
  poss_dup: false,
  msg_type: '8',
  content: `35=8|17=E${seq}`,
  exec_id: `E${seq}`,
  ...more,
});

const accepted = (at: number, ended?: Attempt['ended']): Attempt => ({
  at,
  through: 0,
  answered: { at: at + 10, accepted: true, text: '' },
  ...(ended === undefined ? {} : { ended }),
});

const log = (name: string, role: SessionLog['role'], more: Partial<SessionLog> = {}): SessionLog => ({
  name,
  user: name.split('/')[0] ?? '',
  sender_comp_id: 'CLIENT',
  role,
  attempts: [accepted(0)],
  received: [received(2), received(3)],
  asked: [asked('o-1', 1000), asked('o-2', 5000)],
  orders: [{ id: 'o-1', filled: 10, cum: 10, status: '2', said: { cum: 10, status: '2' } }],
  faults: [],
  ...more,
});

const late = (answer: LateOrder['answer'], again = false): LateOrder => ({ answer, text: '', again, after: 900 });

const act = (kind: AdminAct['kind'], user: string, at: number, more: Partial<AdminAct> = {}): AdminAct => ({
  kind,
  user,
  at,
  done: at + 50,
  status: 200,
  reached: kind === 'unlock' ? [] : [200],
  missed: 0,
  calm: true,
  ...more,
});

const user = (name: string, max_sessions: number) => ({ user: name, max_sessions, orders_per_second: 5, burst: 10 });
const refused: Attempt = {
  at: 30_500,
  through: 0,
  answered: { at: 30_600, accepted: false, text: 'Logon refused: Locked: chaos' },
  ended: { at: 30_600, text: '' },
};
const tooFast = asked('o-3', 5001, { answered: { at: 5002, kind: 'limit', text: 'slow down' } });

/** A run in which everything was kept. */
const KEPT: Ledger = {
  users: new Map([user('keeper', 1), user('greedy', 2), user('victim', 1)].map((one) => [one.user, one])),
  sessions: [
    log('keeper/a', 'keeper'),
    log('greedy/a', 'greedy', { asked: [asked('o-1', 1000), asked('o-2', 5000), tooFast] }),
    log('victim/a', 'victim', {
      attempts: [accepted(0, { at: 30_100, text: 'Locked: chaos' }), refused],
    }),
  ],
  faults: [{ kind: 'edge_killed', edge: 1, from: 10_000, to: 22_000, healed: 24_000 }],
  acts: [
    act('lock', 'victim', 30_000),
    act('unlock', 'victim', 33_000),
    act('kill_user', 'keeper', 40_000),
    act('tier_put', 'limited', 50_000),
  ],
  samples: [],
  slots: [{ at: 0, user: 'keeper', held: 1, most: 1 }],
  outages: [
    {
      from: 0,
      to: 1,
      withheld: false,
      cancels: 3,
      cancelled: 3,
      meanwhile: 3,
      logons: ['Service temporarily unavailable, try again'],
      orders: [late('not_now'), late('report', true)],
    },
  ],
  storms: [{ edge: 1, at: 10_000, why: 'edge_killed', sessions: 2, back: 12_000, logons: [1, 2], slowest: 'keeper/s' }],
  drains: [{ edge: 2, at: 0, sessions: 5, told: 5, exited: { at: 3000, code: 0 } }],
  freed: [{ edge: 1, killed: 10_000, free: 18_000 }],
  takeovers: [
    { edge: 1, at: 0, answered: { at: 1_400, accepted: true, text: '' }, within_reach: true, said_after: ['0', '5'] },
  ],
  ending: { edges: 3, ready: 3, wanted: 3, on: 3, only_in_store: [], only_at_clients: [], took_ms: 1 },
  audit: { chains: 3, records: 9, broken: [] },
  recorded: { lock: 1, unlock: 1, session_kill: 1, tier_put: 1 },
};

const broken = (ledger: Ledger, patience = 1): readonly string[] =>
  verdicts(ledger, { patience })
    .filter(({ held }) => !held)
    .map(({ promise }) => promise);

const TAKEOVER = 'takeover from an edge that hangs';
const takeover = (more: Partial<Takeover>): Ledger => ({
  ...KEPT,
  takeovers: [{ ...KEPT.takeovers[0]!, ...more }],
});

const acts = (at: number, more: Partial<AdminAct>): Ledger => ({
  ...KEPT,
  acts: KEPT.acts.map((one, i) => (i === at ? { ...one, ...more } : one)),
});

const session = (at: number, more: Partial<SessionLog>): Ledger => ({
  ...KEPT,
  sessions: KEPT.sessions.map((one, i) => (i === at ? { ...one, ...more } : one)),
});

const many = (count: number, each: number): Asked[] =>
  Array.from({ length: count }, (_, i) => asked(`o-${i}`, 1000 + i * each));

describe('a run in which everything was kept', () => {
  test('is found so', () => {
    expect(broken(KEPT)).toEqual([]);
  });

  test('and one in which nothing happened shows nothing', () => {
    const nothing: Ledger = {
      ...KEPT,
      users: new Map(),
      sessions: [],
      faults: [],
      acts: [],
      slots: [],
      outages: [],
      storms: [],
      drains: [],
      freed: [],
      takeovers: [],
      audit: { chains: 0, records: 0, broken: [] },
    };
    expect(broken(nothing)).toHaveLength(verdicts(KEPT, { patience: 1 }).length);
  });
});

describe('a broken promise is found', () => {
  const NUMBER = 'FIX state: a number has one content';
  const TWICE = 'FIX state: no report twice';
  const LOST = 'FIX state: no report lost';
  const again = received(3, { at: 9, content: '35=8|17=E3|58=other' });
  test.each<[string, Ledger, readonly string[]]>([
    ['a number with two contents', session(0, { received: [received(3), { ...again, poss_dup: true }] }), [NUMBER]],
    ['a number twice without PossDupFlag', session(0, { received: [received(3), received(3)] }), [NUMBER, TWICE]],
    ['a report under two numbers', session(0, { received: [received(3), received(4, { exec_id: 'E3' })] }), [TWICE]],
    ['an order without an answer', session(0, { asked: [{ id: 'x', kind: 'order', at: 1, generation: 1 }] }), [LOST]],
    [
      'a fill that the client never heard of',
      session(0, { orders: [{ id: 'o', filled: 5, cum: 5, status: '1', said: { cum: 10, status: '2' } }] }),
      [LOST],
    ],
    [
      'executions that do not make up CumQty',
      session(0, { orders: [{ id: 'p', filled: 5, cum: 10, status: '2' }, ...(KEPT.sessions[0]?.orders ?? [])] }),
      [LOST],
    ],
    ['a number that went back', session(0, { faults: ['8 came as 1/3, 7 was due, without PossDupFlag'] }), [LOST]],
    ['more orders than the bucket holds', session(1, { asked: [...many(30, 10), tooFast] }), ['limiter']],
    [
      'two sessions where one may be',
      { ...KEPT, sessions: [...KEPT.sessions, log('keeper/b', 'keeper')] },
      ['session count'],
    ],
    [
      'a slot too many in the store',
      { ...KEPT, slots: [{ at: 0, user: 'keeper', held: 2, most: 1 }] },
      ['session count'],
    ],
    ['slots that stay taken', { ...KEPT, freed: [{ edge: 1, killed: 0, free: 10_500 }] }, ['slots of a dead edge']],
    ['slots that are never free', { ...KEPT, freed: [{ edge: 1, killed: 0 }] }, ['slots of a dead edge']],
    ['a slow kill', acts(2, { reached: [900] }), ['kill, lock, suspend']],
    ['a kill that misses', acts(2, { missed: 1, calm: false }), ['kill, lock, suspend']],
    ['a session that is had late', takeover({ answered: { at: 4_100, accepted: true, text: '' } }), [TAKEOVER]],
    ['a session that is not had', takeover({ answered: { at: 900, accepted: false, text: 'no' } }), [TAKEOVER]],
    ['an edge that goes on talking', takeover({ said_after: ['5', '8'] }), [TAKEOVER]],
    ['limits that come late', acts(3, { reached: [200, 200, 501] }), ['tier change']],
    ['limits that an edge never hears of', acts(3, { missed: 1, calm: false }), ['tier change']],
    [
      'a Logon of one who is locked',
      session(2, { attempts: [...(KEPT.sessions[2]?.attempts ?? []), accepted(31_000)] }),
      ['locked and suspended stay out'],
    ],
    [
      'an order of one who is locked',
      session(2, { asked: [asked('o', 1000), asked('late', 32_500)] }),
      ['locked and suspended stay out'],
    ],
    ['a cancel that does not pass', { ...KEPT, outages: [{ ...KEPT.outages[0]!, cancelled: 2 }] }, ['store away']],
    ['a cancel that is told late', { ...KEPT, outages: [{ ...KEPT.outages[0]!, meanwhile: 2 }] }, ['store away']],
    ['a Logon without the store', { ...KEPT, outages: [{ ...KEPT.outages[0]!, logons: [''] }] }, ['store away']],
    [
      'an order after the lease',
      { ...KEPT, outages: [{ ...KEPT.outages[0]!, orders: [late('report')] }] },
      ['store away'],
    ],
    [
      'an edge that does not come back',
      { ...KEPT, faults: [{ kind: 'edge_cut', edge: 1, from: 0, to: 1 }] },
      ['reconciles by itself'],
    ],
    [
      'a session that only the store has',
      { ...KEPT, ending: { ...KEPT.ending, only_in_store: ['x'] } },
      ['reconciles by itself'],
    ],
    ['a drain that tells nobody', { ...KEPT, drains: [{ ...KEPT.drains[0]!, told: 4 }] }, ['drain']],
    ['a drain that ends badly', { ...KEPT, drains: [{ ...KEPT.drains[0]!, exited: { at: 1, code: 1 } }] }, ['drain']],
    ['a third Logon', { ...KEPT, storms: [{ ...KEPT.storms[0]!, logons: [3] }] }, ['storm after an edge is gone']],
    ['a chain that does not verify', { ...KEPT, audit: { ...KEPT.audit, broken: ['policy'] } }, ['audit trail']],
    ['an act that is on no record', { ...KEPT, recorded: { lock: 1, unlock: 1 } }, ['audit trail']],
  ])('%s', (_name, ledger, promises) => {
    expect(broken(ledger)).toEqual(promises);
  });

  test('and patience is for time alone', () => {
    expect(broken({ ...KEPT, freed: [{ edge: 1, killed: 0, free: 10_500 }] }, 2)).toEqual([]);
    expect(broken({ ...KEPT, slots: [{ at: 0, user: 'keeper', held: 2, most: 1 }] }, 100)).toEqual(['session count']);
  });
});

describe('what the checkers reckon with', () => {
  test('an order is counted in a window only when it was admitted there for certain', () => {
    const within = (spans: [number, number][]) =>
      worstExcess(
        spans.map(([from, to]) => ({ from, to })),
        () => 0,
      )?.orders;
    expect(within([])).toBeUndefined();
    expect(
      within([
        [0, 10],
        [1, 9],
        [2, 30],
      ]),
    ).toBe(3);
    // Three answers at one moment are no three orders at one moment.
    expect(
      worstExcess(
        [0, 100, 200].map((from) => ({ from, to: 250 })),
        ({ from, to }) => 1 + (to - from) / 100,
      )?.orders,
    ).toBeLessThanOrEqual(0);
  });

  test('the store counts as lost around its faults, and where an edge says that it admits without it', () => {
    const spans = withoutStore(
      [
        { kind: 'store_stopped', edge: 0, from: 10_000, to: 20_000 },
        { kind: 'venue_killed', edge: 0, from: 0, to: 1 },
      ],
      [
        { at: 50_000, edge: 1, unleased: 4 },
        { at: 51_000, edge: 1, unleased: 4 },
        { at: 52_000, edge: 1, unleased: 5 },
      ],
    );
    expect(spans.map(({ from, to }) => [from, to])).toEqual([
      [8_500, 23_000],
      [49_500, 55_000],
    ]);
  });

  test('a session is on for certain up to the last order that was admitted on its connection', () => {
    const attempts = [accepted(0, { at: 3000, text: '' }), accepted(4000)];
    const orders = [asked('a', 1000), asked('b', 2000, { answered: { at: 4500, kind: 'report', text: '' } })];
    expect(certainlyOn(log('x/a', 'keeper', { attempts, asked: orders }))).toEqual([{ from: 10, to: 1000 }]);
    expect(
      mostAtOnce([
        { from: 0, to: 5 },
        { from: 5, to: 9 },
        { from: 8, to: 10 },
      ]),
    ).toBe(2);
  });
});
