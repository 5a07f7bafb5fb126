import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { boundLogs, type Seen, writeEvents } from '../../chaos/evidence.ts';
import { LOG_BYTES, MESSAGE_LINES } from '../../chaos/limits.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fixgate-evidence-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const ORIGIN = Date.UTC(2026, 0, 1);

const SEEN: Seen = {
  faults: [
    { kind: 'edge_killed', edge: 2, from: 3_000, to: 5_300, healed: 9_000 },
    { kind: 'store_killed', edge: 0, from: 20_000, to: 21_000 },
  ],
  acts: [{ kind: 'lock', user: 'victim-0', at: 1_000, done: 1_080, status: 200, reached: [90], missed: 0, calm: true }],
  samples: [
    { at: 1_500, edge: 2, unleased: 0, figures: { fix_logon_width: 16 } },
    { at: 3_500, edge: 2 },
  ],
  sessions: [
    {
      name: 'keeper-0/s1',
      user: 'keeper-0',
      sender_comp_id: 'CLIENT-1',
      role: 'keeper',
      attempts: [
        {
          at: 4_000,
          through: 0,
          answered: { at: 6_500, accepted: false, text: 'try again' },
          ended: { at: 6_501, text: '' },
        },
        { at: 7_500, through: 0 },
      ],
      asked: [
        { id: 'o-1', kind: 'order', at: 2_000, generation: 1, answered: { at: 2_004, kind: 'report', text: '' } },
      ],
      received: [
        { at: 2_004, generation: 1, seq: 2, poss_dup: false, msg_type: '8', content: '35=8|11=o-1', exec_id: 'E1' },
      ],
      orders: [],
      faults: [],
    },
  ],
};

const linesOf = (name: string): Record<string, unknown>[] =>
  readFileSync(join(directory, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('what was broken and what clients saw is one story, by the clock of the logs', () => {
  writeEvents(directory, SEEN, ORIGIN);
  expect(linesOf('events.jsonl').map(({ time, what }) => `${time} ${what}`)).toEqual([
    '2026-01-01T00:00:01.000Z act',
    '2026-01-01T00:00:03.000Z fault begins',
    '2026-01-01T00:00:04.000Z connects',
    '2026-01-01T00:00:05.300Z fault ends',
    '2026-01-01T00:00:06.500Z refused',
    '2026-01-01T00:00:06.501Z connection ends',
    '2026-01-01T00:00:07.500Z connects',
    '2026-01-01T00:00:09.000Z all are back',
    '2026-01-01T00:00:20.000Z fault begins',
    '2026-01-01T00:00:21.000Z fault ends',
  ]);
  expect(linesOf('events.jsonl')[4]).toMatchObject({
    session: 'keeper-0/s1',
    sender_comp_id: 'CLIENT-1',
    connection: 1,
    ms: 2_500,
    text: 'try again',
  });
  expect(linesOf('edges.jsonl')).toEqual([
    { time: '2026-01-01T00:00:01.500Z', what: 'tells', edge: 2, fix_logon_width: 16 },
    { time: '2026-01-01T00:00:03.500Z', what: 'does not answer', edge: 2 },
  ]);
  expect(linesOf('messages.jsonl')).toMatchObject([
    { what: 'asks', id: 'o-1', answer: 'report', ms: 4 },
    { what: 'hears', seq: 2, content: '35=8|11=o-1' },
  ]);
});

test('of messages the last are kept', () => {
  const [session] = SEEN.sessions;
  const received = Array.from({ length: MESSAGE_LINES + 5 }, (_, at) => ({ ...session?.received[0], at, seq: at }));
  writeEvents(directory, { ...SEEN, sessions: [{ ...session, asked: [], received }] } as Seen, ORIGIN);
  const kept = linesOf('messages.jsonl');
  expect(kept).toHaveLength(MESSAGE_LINES);
  expect(kept[0]).toMatchObject({ seq: 5 });
});

test('a log that has grown long is moved aside, and who writes it goes on', () => {
  const path = join(directory, 'edge-1.log');
  const written = openSync(path, 'a');
  writeSync(written, Buffer.alloc(LOG_BYTES + 1, 'a'));
  appendFileSync(join(directory, 'store.log'), 'short');
  boundLogs(directory);
  writeSync(written, 'b');
  closeSync(written);
  expect(readFileSync(path, 'utf8')).toBe('b');
  expect(statSync(`${path}.1`).size).toBe(LOG_BYTES + 1);
  boundLogs(directory);
  expect(statSync(`${path}.1`).size).toBe(LOG_BYTES + 1);
  expect(readFileSync(join(directory, 'store.log'), 'utf8')).toBe('short');
});
