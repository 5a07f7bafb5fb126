// A session is wanted from an edge that holds it, lives, and does not answer: cut off from the store, or stopped for a while.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FixClient } from '../../local/fix-client.ts';
import { expectBehind } from '../support/numbers.ts';
import { until } from './support/desk.ts';
import { gone, isReport, last, MovingHouse, numberOf, order } from './support/moving.ts';

const ELSEWHERE = 'Logon refused: another gateway still has this session, try again';

let house: MovingHouse;

beforeEach(async () => {
  house = new MovingHouse();
  await house.openVenue();
});
afterEach(() => house.close());

const metric = async (port: number, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const found = text.split('\n').find((line) => line.startsWith(`${name} `));
  return Number(found?.split(' ').at(-1) ?? 0);
};

const wentOn = (upTo: number, { received: [first] }: FixClient): void => expectBehind(upTo, numberOf(first!));

describe.each(['takeover', 'probe'] as const)(
  'with its journal in the store and duplicate_logon %s',
  (duplicate_logon) => {
    test('it is taken, goes on where its client was told, and the edge before says nothing more of it', async () => {
      const [link, journalLink] = [{ cut: false }, { cut: false }];
      const [one, two] = [await house.begin('e-1', 'store', link, journalLink), await house.begin('e-2', 'store')];
      // A takeover is no end for it.
      const cancel_on_disconnect = { mode: 'session', grace_ms: 0 } as const;
      const ann = await house.user('ann', { session_profile: { duplicate_logon, cancel_on_disconnect } });
      const bob = await house.user('bob');
      const a = await house.loggedOn(one, ann);
      const other = await house.loggedOn(one, bob);
      a.send('D', order('x'));
      await a.next(isReport('x'));
      other.send('D', order('y'));
      await other.next(isReport('y'));
      link.cut = true;
      journalLink.cut = true;
      // It gets to the edge, and not to where the journal is kept: nobody hears of it.
      a.send('D', order('late'));
      other.send('1', [[112, 'kept']]);
      await until('it has come', async () => (await metric(one.metricsPort, 'fix_journal_waiting_bytes')) > 0);
      const heardBefore = a.received.length;
      const upTo = last(a);

      const b = house.client(two, ann);
      // Too high: the answer asks for what has not been taken.
      b.nextOut = a.nextOut + 5;
      expect((await b.logon(ann.password, [], 10_000)).type).toBe('A');
      wentOn(upTo, b);
      expect((await b.next(({ type }) => type === '2')).get(7)).toBe(String(a.nextOut - 1));
      // What its client has been told can be asked for.
      b.send('2', [
        [7, 1],
        [16, 0],
      ]);
      await b.next((message) => message.get(43) === 'Y' && isReport('x')(message));
      expect((await house.admin.edges.list()).map(({ state }) => state)).toEqual(['alive', 'alive']);
      expect(await metric(two.metricsPort, 'fix_sessions_wrested_total{by="this"}')).toBe(1);

      // It hears of it by a command, and ends it by itself, or at its next commit: whichever comes first.
      const [first, second] = duplicate_logon === 'takeover' ? [link, journalLink] : [journalLink, link];
      first.cut = false;
      await until('it has heard', async () => [...one.gate.sessions()].length === 1, 10_000);
      second.cut = false;
      await a.closed();
      expect(a.received).toHaveLength(heardBefore);
      expect(await metric(one.metricsPort, 'fix_sessions_wrested_total{by="others"}')).toBe(1);
      // Its other sessions go on, and what waited for the store is told.
      await other.next((message) => message.get(112) === 'kept');
      expect((await house.admin.slots.ofUser('ann')).map(({ edge_id }) => edge_id)).toEqual(['e-2']);
      expect(b.received.filter(isReport('late'))).toEqual([]);

      b.nextOut = a.nextOut - 1;
      b.send('H', [
        [11, 'x'],
        [55, 'INTC'],
        [54, 1],
      ]);
      expect((await b.next(isReport('x', 'I'))).get(39)).toBe('0');

      // And back.
      const upToB = last(b);
      await b.logout();
      await gone(two);
      const c = house.client(one, ann);
      c.nextOut = b.nextOut;
      expect((await c.logon(ann.password)).type).toBe('A');
      expect(numberOf(c.received[0]!)).toBe(upToB + 2);
    }, 40_000);
  },
);

test('an edge that is slow to answer, and lives, gives it away by its own hand', async () => {
  const [one, two] = [await house.begin('e-1', 'store'), await house.begin('e-2', 'store')];
  const ann = await house.user('ann', { session_profile: { duplicate_logon: 'takeover' } });
  const a = await house.loggedOn(one, ann);
  a.send('D', order('x'));
  await a.next(isReport('x'));
  const { tellAnswer } = house.admin.edges;
  // Longer than an edge has to acknowledge; its heartbeat is on time.
  const slow: typeof tellAnswer = async (...args) => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return tellAnswer(...args);
  };
  Object.assign(house.admin.edges, { tellAnswer: slow });
  const b = house.client(two, ann);
  b.nextOut = a.nextOut;
  expect((await b.logon(ann.password, [], 10_000)).type).toBe('A');
  expect(numberOf(b.received[0]!)).toBe(last(a) + 1);
  expect(await metric(two.metricsPort, 'fix_sessions_wrested_total{by="this"}')).toBe(0);
}, 30_000);

test('an edge that has lost a session, and not heard by whom, does not judge a Logon by the numbers that it had', async () => {
  const [link, journalLink] = [{ cut: false }, { cut: false }];
  const [one, two] = [await house.begin('e-1', 'store', link, journalLink), await house.begin('e-2', 'store')];
  const ann = await house.user('ann', { session_profile: { duplicate_logon: 'takeover' } });
  const a = await house.loggedOn(one, ann);
  link.cut = true;
  journalLink.cut = true;
  // It gets to the edge, and is answered there: nobody hears of it.
  a.send('D', order('late'));
  await until('it has come', async () => (await metric(one.metricsPort, 'fix_journal_waiting_bytes')) > 0);
  const heard = a.received.length;
  const b = house.client(two, ann);
  b.nextOut = a.nextOut - 1;
  expect((await b.logon(ann.password, [], 10_000)).type).toBe('A');
  for (const id of ['x', 'y', 'z']) {
    b.send('D', order(id));
    await b.next(isReport(id));
  }
  await b.logout();
  await gone(two);
  // It ends the session that it had. What would tell it that another has the numbers does not come through.
  link.cut = false;
  await until('it has heard', async () => [...one.gate.sessions()].length === 0, 10_000);
  const c = house.client(one, ann);
  c.nextOut = b.nextOut;
  const answer = c.logon(ann.password, [[789, last(b) + 1]], 10_000);
  const mine = async () => (await house.admin.slots.ofUser('ann')).some(({ edge_id }) => edge_id === 'e-1');
  await Promise.race([until('it is asked for', mine), answer]);
  journalLink.cut = false;
  expect((await answer).get(58)).toBeUndefined();
  expect(numberOf(c.received[0]!)).toBe(last(b) + 1);
  // What was withheld from the connection before is under numbers that are others' now.
  await a.closed();
  expect(a.received).toHaveLength(heard);
}, 40_000);

test('several are taken together, each as its own client knows it', async () => {
  const link = { cut: false };
  const [one, two] = [await house.begin('e-1', 'store', link), await house.begin('e-2', 'store')];
  const ann = await house.user('ann');
  const subs = ['A', 'B', 'C', 'D'];
  const before = await Promise.all(subs.map((sub) => house.loggedOn(one, ann, undefined, sub)));
  for (const [i, client] of before.entries()) {
    for (let n = 0; n <= i; n++) client.send('D', order(`${i}-${n}`));
    await client.next(isReport(`${i}-${i}`));
  }
  link.cut = true;
  for (const client of before) client.destroy();
  const after = await Promise.all(subs.map((sub, i) => house.loggedOn(two, ann, before[i], sub)));
  for (const [i, client] of after.entries()) wentOn(last(before[i]!), client);
}, 40_000);

test('with its journal in files it is out of reach: refused soon, and had once the edge hears', async () => {
  const link = { cut: false };
  const [one, two] = [await house.begin('e-1', 'file', link), await house.begin('e-2', 'file')];
  const ann = await house.user('ann');
  const a = await house.loggedOn(one, ann);
  a.send('D', order('x'));
  await a.next(isReport('x'));
  link.cut = true;
  const b = house.client(two, ann);
  b.nextOut = a.nextOut;
  // Well before the edge could be declared dead.
  const refused = await b.logon(ann.password, [], 6_500);
  expect([refused.type, refused.get(58)]).toEqual(['5', ELSEWHERE]);
  expect((await house.admin.edges.list()).map(({ state }) => state)).toEqual(['alive', 'alive']);
  link.cut = false;
  expect((await a.next(({ type }) => type === '5')).get(58)).toBe('Another Logon took this session over');
  const c = await house.loggedOn(two, ann, a);
  expect(numberOf(c.received[0]!)).toBe(last(a) + 1);
}, 40_000);

test('with numbers reserved: what it still says is under numbers of its block, and nothing of that is another content or a second fill', async () => {
  house.commit = 'reserve';
  const [link, journalLink] = [{ cut: false }, { cut: false }];
  const [one, two] = [await house.begin('e-1', 'store', link, journalLink), await house.begin('e-2', 'store')];
  const ann = await house.user('ann', { session_profile: { duplicate_logon: 'takeover' } });
  const a = await house.loggedOn(one, ann);
  a.send('D', order('x'));
  await a.next(isReport('x'));
  journalLink.cut = true;
  // It goes on out of its block, and nobody else can know of that.
  a.send('D', order('ahead'));
  await a.next(isReport('ahead'));
  link.cut = true;
  const upTo = last(a);
  const b = house.client(two, ann);
  b.nextOut = a.nextOut;
  expect((await b.logon(ann.password, [], 10_000)).type).toBe('A');
  // Above the whole block.
  expect(numberOf(b.received[0]!)).toBeGreaterThan(upTo + 16_000);
  // What it had of its client is lost with that, too, and asked for; the venue has had it.
  const asked = Number((await b.next(({ type }) => type === '2')).get(7));
  const { nextOut } = b;
  b.nextOut = asked;
  b.send('4', [
    [123, 'Y'],
    [36, nextOut],
  ]);
  b.nextOut = nextOut;
  // To the connection that it has it still speaks; the venue takes nothing of it.
  a.send('1', [[112, 'still there']]);
  a.send('D', order('late'));
  await a.next((message) => message.get(112) === 'still there');
  expect(a.received.filter(isReport('late'))).toEqual([]);
  b.send('2', [
    [7, 1],
    [16, 0],
  ]);
  await b.next((message) => message.type === '4' && Number(message.get(36)) > upTo + 16_000);
  b.send('H', [
    [11, 'late'],
    [55, 'INTC'],
    [54, 1],
  ]);
  expect((await b.next(isReport('late', 'I'))).get(39)).toBe('8');
  const contents = new Map(a.received.map((message) => [numberOf(message), message.get(17) ?? message.type]));
  for (const message of b.received) {
    const before = contents.get(numberOf(message));
    // The same, with PossDupFlag, or a gap fill over what was lost.
    if (before !== undefined && message.type !== '4')
      expect([message.get(17) ?? message.type, message.get(43)]).toEqual([before, 'Y']);
  }
  // What was told ahead of the store comes once more, and says that it may have.
  const again = b.received.filter((message) => isReport('ahead')(message) && message.get(43) !== 'Y');
  expect(again.map((message) => [message.get(150), message.get(97)])).toEqual([['0', 'Y']]);
  link.cut = false;
  journalLink.cut = false;
  await a.closed();
  expect(a.received.filter(isReport('late'))).toEqual([]);
}, 40_000);
