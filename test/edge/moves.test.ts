// A client that logs on at another edge than before: its numbers go on, what it missed comes in order and once, and its
// orders are where they were. Real edges in one process, a shared venue over the link, journals on disk and in the store.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemTimers } from '../../adapters/node/timers.ts';
import { killUser } from '../../core/credentials/kill.ts';
import { lock } from '../../core/locks/locks.ts';
import { ask } from '../../core/sessions/asking.ts';
import type { Edge } from '../../edge/edge.ts';
import type { FixClient } from '../../local/fix-client.ts';
import { ACTOR, until } from './support/desk.ts';
import { cancel, gone, isReport, type Kind, last, MovingHouse, numberOf, order } from './support/moving.ts';

let house: MovingHouse;

beforeEach(async () => {
  house = new MovingHouse();
  await house.openVenue();
});
afterEach(() => house.close());

describe.each<[Kind, Kind]>([
  ['file', 'file'],
  ['memory', 'memory'],
  ['store', 'store'],
  ['store', 'file'],
])('from an edge whose journal is %s to one whose is %s', (from, to) => {
  test('go numbers, reports for who was away, messages to be asked for again, and the way to the orders', async () => {
    const [one, two] = [await house.begin('e-1', from), await house.begin('e-2', to)];
    const ann = await house.user('ann');
    const a = await house.loggedOn(one, ann, undefined, 'A');
    const helper = await house.loggedOn(two, ann, undefined, 'H');
    for (const id of ['x', 'y', 'z']) a.send('D', order(id));
    await a.next(isReport('z'));
    const seenUpTo = last(a);
    a.destroy();
    await gone(one);
    helper.send('F', cancel('cx', 'x'));
    helper.send('F', cancel('cy', 'y'));
    await new Promise((done) => setTimeout(done, 100));

    const b = await house.loggedOn(two, ann, a, 'A');
    expect(numberOf(b.received[0]!)).toBe(seenUpTo + 1);
    const metrics = await (await fetch(`http://127.0.0.1:${two.metricsPort}/metrics`)).text();
    expect(metrics).toContain('fix_session_moves_seconds_count{result="came"} 1');
    await b.next(isReport('y', '4'));
    const reports = b.received.filter(({ type }) => type === '8');
    expect(reports.map((message) => [message.get(11), message.get(150), message.get(43)])).toEqual([
      ['x', '4', undefined],
      ['y', '4', undefined],
    ]);
    expect(reports.map(numberOf)).toEqual([seenUpTo + 2, seenUpTo + 3]);

    // What was sent at the first edge can be asked for at the second.
    b.send('2', [
      [7, 2],
      [16, 4],
    ]);
    await b.next((message) => message.get(43) === 'Y' && isReport('z', '0')(message));
    const again = b.received.filter((message) => message.get(43) === 'Y');
    expect(again.map((message) => [message.get(11), numberOf(message)])).toEqual(
      a.received.filter(({ type }) => type === '8').map((message) => [message.get(11), numberOf(message)]),
    );

    b.send('F', cancel('cz', 'z'));
    await b.next(isReport('cz', '4'));

    // And back, with what has come meanwhile.
    const upTo = last(b);
    await b.logout();
    await until('it is away', () => [...two.gate.sessions()].length === 1);
    const c = await house.loggedOn(one, ann, b, 'A');
    expect(numberOf(c.received[0]!)).toBe(upTo + 2);
    c.send('D', order('w'));
    expect(numberOf(await c.next(isReport('w', '0')))).toBe(upTo + 3);
  }, 30_000);

  test('goes a session that is live there, and its client hears why', async () => {
    const [one, two] = [await house.begin('e-1', from), await house.begin('e-2', to)];
    const ann = await house.user('ann', { session_profile: { duplicate_logon: 'takeover' } });
    const a = await house.loggedOn(one, ann);
    a.send('D', order('x'));
    await a.next(isReport('x'));
    const b = await house.loggedOn(two, ann, a);
    expect((await a.next(({ type }) => type === '5')).get(58)).toBe('Another Logon took this session over');
    // The Logout that ended it has used up a number.
    expect(numberOf(b.received[0]!)).toBe(last(a) + 1);
    b.send('F', cancel('cx', 'x'));
    expect(numberOf(await b.next(isReport('cx', '4')))).toBe(last(a) + 2);
    expect((await house.admin.slots.ofUser('ann')).map(({ edge_id }) => edge_id)).toEqual(['e-2']);
  }, 30_000);
});

/** All that either has heard for the first time: reports by ClOrdID. */
const heard = (...clients: readonly FixClient[]): string[] =>
  clients
    .flatMap(({ received }) => received)
    .filter((message) => message.type === '8' && message.get(43) !== 'Y')
    .map((message) => message.get(11)!);

test('orders under way when the session is taken are done once, and told where it is', async () => {
  const [one, two] = [await house.begin('e-1'), await house.begin('e-2')];
  const ann = await house.user('ann', { session_profile: { duplicate_logon: 'takeover' } });
  const a = await house.loggedOn(one, ann);
  let sent = 0;
  const busy = setInterval(() => {
    for (let i = 0; i < 5; i++) a.send('D', order(`o${sent++}`));
  }, 2);
  await until('it is under way', () => sent > 50);
  const b = house.client(two, ann);
  // Too high on purpose: the answer asks for what the edge has not taken.
  b.nextOut = 100_000;
  expect((await b.logon(ann.password)).type).toBe('A');
  clearInterval(busy);
  const taken = Number((await b.next(({ type }) => type === '2')).get(7)) - 2;
  expect(taken).toBeGreaterThan(50);
  // Whatever the first connection has not got to hear is asked for.
  b.send('2', [
    [7, 1],
    [16, 0],
  ]);
  const wanted = Array.from({ length: taken }, (_, n) => `o${n}`);
  const told = (): Set<string> =>
    new Set([...heard(a), ...b.received.filter(({ type }) => type === '8').map((message) => message.get(11)!)]);
  await until('all are told', () => told().size === taken, 10_000);
  expect([...told()].sort()).toEqual([...wanted].sort());
  // Each was done once: one ExecID for each, and nobody hears it twice without PossDupFlag.
  const execIds = new Map<string, Set<string>>();
  for (const message of [...a.received, ...b.received].filter(({ type }) => type === '8'))
    execIds.set(message.get(11)!, (execIds.get(message.get(11)!) ?? new Set()).add(message.get(17)!));
  expect([...execIds.values()].every((ids) => ids.size === 1)).toBe(true);
  const first = heard(a, b);
  expect(new Set(first).size).toBe(first.length);
}, 30_000);

describe('from an edge that has ended', () => {
  test.each([
    ['stopped', async (edge: Edge) => edge.drain(true)],
    [
      'been declared dead',
      async (edge: Edge) => {
        const row = (await house.admin.edges.list()).find(({ edge_id }) => edge_id === 'e-1');
        await house.admin.edges.declareDead(edge.gate.identity, row!.heartbeat);
      },
    ],
  ])(
    'having %s, what it has left in the store',
    async (_, end) => {
      const [one, two] = [await house.begin('e-1', 'store'), await house.begin('e-2', 'store')];
      const ann = await house.user('ann', { session_profile: { duplicate_logon: 'takeover' } });
      const a = await house.loggedOn(one, ann, undefined, 'A');
      const helper = await house.loggedOn(two, ann, undefined, 'H');
      for (const id of ['x', 'y']) a.send('D', order(id));
      await a.next(isReport('y'));
      const upTo = last(a);
      a.destroy();
      await gone(one);
      helper.send('F', cancel('cx', 'x'));
      await helper.next(isReport('cx', '4'));
      await end(one);
      helper.send('F', cancel('cy', 'y'));
      const b = await house.loggedOn(two, ann, a, 'A');
      expect(numberOf(b.received[0]!)).toBeGreaterThan(upTo);
      await b.next(isReport('y', '4'));
      expect(heard(b)).toEqual(['x', 'y']);
      b.send('2', [
        [7, 1],
        [16, 0],
      ]);
      await b.next((message) => message.get(43) === 'Y' && isReport('y', '4')(message));
      const again = b.received.filter((message) => message.get(43) === 'Y' && message.type === '8');
      expect(again.map((message) => [message.get(11), message.get(150)])).toEqual([
        ['x', '0'],
        ['y', '0'],
        ['x', '4'],
        ['y', '4'],
      ]);
    },
    30_000,
  );

  test('by being stopped, and comes again with the journal on its disk', async () => {
    const [one, two] = [await house.begin('e-1'), await house.begin('e-2')];
    const ann = await house.user('ann');
    const a = await house.loggedOn(one, ann);
    a.send('D', order('x'));
    await a.next(isReport('x'));
    await a.logout();
    await one.drain(true);
    const coming = house.loggedOn(two, ann, a);
    // It has its slot, and waits for what e-1 has.
    await until('the Logon has its slot', () => [...two.gate.sessions()].length === 1);
    await house.begin('e-1');
    expect(numberOf((await coming).received[0]!)).toBe(last(a) + 1);
  }, 30_000);
});

test.each<Kind>(['file', 'store'])(
  'orders of who is away are cancelled at once, with nothing else to be written to a journal of %s',
  async (kind) => {
    const one = await house.begin('e-1', kind);
    const ann = await house.user('ann');
    const a = await house.loggedOn(one, ann);
    a.send('D', order('x'));
    await a.next(isReport('x'));
    await a.logout();
    await gone(one);
    expect(house.resting).toBe(1);
    await lock(house.admin, ACTOR, { target: { kind: 'everybody' }, reason: 'halt', cancel_orders: true });
    await until('nothing rests', () => house.resting === 0);
  },
);

test('a question that was overtaken is not answered by an edge that has begun again since either', async () => {
  const one = await house.begin('e-1');
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  a.send('D', order('x'));
  await a.next(isReport('x'));
  const key = [...one.gate.sessions()][0]!.session.key;
  await a.logout();
  await one.drain(true);
  await house.begin('e-1');
  const asked = (epoch: number) =>
    ask({ ...house.admin, timers: systemTimers }, 'e-1', { type: 'yield', key, epoch }, 5_000);
  // It speaks for the session under epoch 2.
  expect((await asked(1)).said).toBe('failed');
  expect((await asked(3)).said).toBe('yielded');
}, 30_000);

test('who cannot get at the state of its session is told to try again, and gets it when it is there', async () => {
  const [one, two] = [await house.begin('e-1'), await house.begin('e-2')];
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  a.send('D', order('x'));
  await a.next(isReport('x'));
  await a.logout();
  await gone(one);
  // The venue does not answer who claims it.
  house.closeVenue();
  const b = house.client(two, ann);
  b.nextOut = a.nextOut;
  const refused = await b.logon(ann.password);
  expect([refused.type, refused.get(58)]).toEqual([
    '5',
    'Logon refused: another gateway still has this session, try again',
  ]);
  await house.openVenue();
  const c = await house.loggedOn(two, ann, a);
  expect(numberOf(c.received[0]!)).toBe(last(a) + 1);
}, 30_000);

test('whose session is killed on its way hears that, and not to try again', async () => {
  const [one, two] = [await house.begin('e-1'), await house.begin('e-2')];
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  await a.logout();
  await gone(one);
  // The venue does not answer who claims it: it is on its way for seconds.
  house.closeVenue();
  const b = house.client(two, ann);
  b.nextOut = a.nextOut;
  const answer = b.logon(ann.password);
  await until('it is on its way', () => [...two.gate.sessions()].length === 1);
  await killUser(house.admin, ACTOR, 'ann');
  const refused = await answer;
  expect([refused.type, refused.get(58)]).toEqual(['5', ACTOR.reason]);
  expect(await house.admin.slots.ofUser('ann')).toEqual([]);
}, 30_000);

test('whose client leaves while it is on its way has ended by that, and no Logon was refused', async () => {
  const [one, two] = [await house.begin('e-1'), await house.begin('e-2')];
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  await a.logout();
  await gone(one);
  house.closeVenue();
  const b = house.client(two, ann);
  b.nextOut = a.nextOut;
  void b.logon(ann.password).catch(() => {});
  await until('it is on its way', () => [...two.gate.sessions()].length === 1);
  b.destroy();
  await gone(two);
  const causes = (): unknown[] =>
    house
      .records('session_ended')
      .filter(({ chain }) => chain.startsWith('edge:e-2:'))
      .map(({ details }) => details.cause);
  await until('it is on record', () => causes().length === 1);
  expect(causes()).toEqual(['disconnect']);
  expect(two.gate.figures().logons_refused).toEqual({});
}, 30_000);

test('whose session hours end at one edge begins the next period at another with both numbers at 1', async () => {
  const [one, two] = [await house.begin('e-1', 'store'), await house.begin('e-2', 'store')];
  const boundary = new Date(Math.ceil(Date.now() / 1000) * 1000 + 2000).toISOString().slice(11, 19);
  const ann = await house.user('ann', { session_profile: { start_time: boundary, end_time: boundary } });
  const a = await house.loggedOn(one, ann, undefined, 'A');
  a.send('D', order('x'));
  await a.next(isReport('x'));
  expect((await a.next(({ type }) => type === '5', 8000)).get(58)).toBe('End of session hours');
  a.send('5');
  await gone(one);
  const b = await house.loggedOn(two, ann, undefined, 'A');
  expect(numberOf(b.received[0]!)).toBe(1);
  // Its order is where it was, and what is told of it is of the new period.
  b.send('F', cancel('cx', 'x'));
  expect(numberOf(await b.next(isReport('cx', '4')))).toBe(2);
  // Nor does the edge before begin another.
  await b.logout();
  await gone(two);
  const c = await house.loggedOn(one, ann, b, 'A');
  expect(numberOf(c.received[0]!)).toBe(last(b) + 1);
}, 30_000);
