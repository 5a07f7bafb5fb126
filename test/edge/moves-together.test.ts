// Many clients of one edge come to another at once: their sessions are asked for together, each with all that it had, and an
// edge of the release before is asked for each by itself. Real edges in one process, a shared venue over the link.
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemTimers } from '../../adapters/node/timers.ts';
import { ask } from '../../core/sessions/asking.ts';
import type { FixSessionKey } from '../../core/sessions/model.ts';
import type { Edge } from '../../edge/edge.ts';
import { openMemoryJournal } from '../../edge/journal/memory.ts';
import type { SessionState } from '../../edge/journal/session-state.ts';
import { sessionId } from '../../edge/sessions.ts';
import { unwrappedMany } from '../../edge/takeover/parcel.ts';
import type { FixClient } from '../../local/fix-client.ts';
import { type Account, TestHouse } from './support/desk.ts';
import { gone, isReport, type Kind, last, MovingHouse, numberOf, order } from './support/moving.ts';

const SESSIONS = 24;

const EMPTY: SessionState = {
  nextIn: 1,
  nextOut: 1,
  generation: 1,
  createdAt: 0,
  forgotten: 0,
  told: 0,
  lostAt: 0,
  terms: { retention: 1000, retention_s: 0, ids: 0, ids_s: 0, about: '' },
  sent: [],
  waiting: [],
  ids: [],
  submitted: [],
};

let house: MovingHouse;
let account: Account;

beforeEach(async () => {
  house = new MovingHouse();
  await house.openVenue();
  account = await house.user('ann');
});
afterEach(() => house.close());

/** Sessions that have an order each, and whose clients have gone. */
async function left(edge: Edge): Promise<FixClient[]> {
  const names = Array.from({ length: SESSIONS }, (_, n) => `S${n}`);
  const clients = await Promise.all(names.map((name) => house.loggedOn(edge, account, undefined, name)));
  for (const [n, client] of clients.entries()) {
    client.send('D', order(`x${n}`));
    await client.next(isReport(`x${n}`));
    client.destroy();
  }
  await gone(edge);
  return clients;
}

const back = (edge: Edge, clients: readonly FixClient[]): Promise<FixClient[]> =>
  Promise.all(clients.map((client, n) => house.loggedOn(edge, account, client, `S${n}`)));

/** How many questions of a type this edge has heard. */
async function heard(edge: Edge, type: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${edge.metricsPort}/metrics`)).text();
  return Number(new RegExp(`fix_command_age_seconds_count{type="${type}"} (\\d+)`).exec(text)?.[1] ?? 0);
}

test.each<Kind>(['file', 'store'])(
  'out of a journal of %s they come together, each with its own',
  async (kind) => {
    const [one, two] = [await house.begin('e-1', kind), await house.begin('e-2', kind)];
    const before = await left(one);
    const after = await back(two, before);
    for (const [n, client] of after.entries()) {
      expect(numberOf(client.received[0]!)).toBe(last(before[n]!) + 1);
      client.send('2', [
        [7, 2],
        [16, 2],
      ]);
      const again = await client.next((message) => message.get(43) === 'Y');
      expect([again.get(11), numberOf(again)]).toEqual([`x${n}`, 2]);
    }
    expect(await heard(one, 'yield')).toBe(0);
    const questions = await heard(one, 'yield_many');
    expect(questions).toBeGreaterThan(0);
    expect(questions).toBeLessThan(SESSIONS);
  },
  60_000,
);

test('an edge of the release before is asked for each by itself', async () => {
  const [one, two] = [await house.begin('e-1', 'store'), await house.begin('e-2', 'store')];
  house.world.edges.set('e-1', { ...house.world.edges.get('e-1')!, questions: 1 });
  const before = await left(one);
  const after = await back(two, before);
  expect(after.map(({ received }) => numberOf(received[0]!))).toEqual(before.map((client) => last(client) + 1));
  expect(await heard(one, 'yield')).toBe(SESSIONS);
  expect(await heard(one, 'yield_many')).toBe(0);
}, 60_000);

test('what is not to be given away, or never was there, does not keep the others', async () => {
  const one = await house.begin('e-1', 'store');
  await left(one);
  const key = (sender_sub_id: string): FixSessionKey => ({
    begin_string: 'FIX.4.4',
    sender_comp_id: account.sender_comp_id,
    sender_sub_id,
    target_comp_id: account.target_comp_id,
  });
  // It speaks for its sessions under epoch 2.
  const sessions = [
    { key: key('S0'), epoch: 3 },
    { key: key('S1'), epoch: 1 },
    { key: key('NEVER'), epoch: 3 },
    { key: key('S2'), epoch: 3 },
  ];
  const asked = () => ask({ ...house.admin, timers: systemTimers }, 'e-1', { type: 'yield_many', sessions }, 5_000);
  const got = async () => {
    const reply = await asked();
    expect(reply.said).toBe('yielded');
    const parts = await house.journals.collect(reply.ask);
    return unwrappedMany({ box: house.admin.box, ask: reply.ask }, parts);
  };
  const first = await got();
  expect(first.map(({ session, epoch, state }) => [session.split('|').at(-1), epoch, state?.nextOut])).toEqual([
    ['S0', 3, 3],
    ['NEVER', 3, undefined],
    ['S2', 3, 3],
  ]);
  // Who asked may have died.
  expect(await got()).toEqual(first);
  const nothing = { type: 'yield_many', sessions: [sessions[2]!] } as const;
  expect((await ask({ ...house.admin, timers: systemTimers }, 'e-1', nothing, 5_000)).said).toBe('nothing');
  const overtaken = { type: 'yield_many', sessions: [sessions[1]!] } as const;
  expect((await ask({ ...house.admin, timers: systemTimers }, 'e-1', overtaken, 5_000)).said).toBe('failed');
}, 60_000);

test('sessions of many megabytes are given away a few at a time, and the others stay to be asked for', async () => {
  const journal = openMemoryJournal({ now: Date.now });
  const owner = new TestHouse({ journal });
  try {
    const message = randomBytes(1024 * 1024);
    const sent = [2, 3, 4, 5, 6].map((msgSeqNum) => ({ msgSeqNum, second: 1, message }));
    const wanted = ['A', 'B', 'C', 'D', 'E', 'F'].map((sender_sub_id) => {
      const key = { begin_string: 'FIX.4.4', sender_comp_id: 'S', sender_sub_id, target_comp_id: 'T' };
      journal.adopt(sessionId(key), { ...EMPTY, nextOut: 7, sent });
      return { key, epoch: 1 };
    });
    await owner.open();
    const ports = { ...owner.admin, timers: systemTimers };
    const rounds: number[] = [];
    for (let left = wanted; left.length > 0; ) {
      const { ask: id, said } = await ask(ports, 'test-1', { type: 'yield_many', sessions: left }, 10_000, 10_000);
      expect(said).toBe('yielded');
      const moved = await unwrappedMany({ box: owner.admin.box, ask: id }, await owner.journals.collect(id));
      expect(moved.every(({ state }) => state?.sent.length === 5)).toBe(true);
      rounds.push(moved.length);
      left = left.slice(moved.length);
    }
    expect(rounds).toEqual([4, 2]);
  } finally {
    await owner.close();
  }
}, 60_000);
