// Clients that flood their session with what no bucket bounds: they wait, nobody else does, and nothing is lost.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { killUser } from '../../core/credentials/kill.ts';
import type { Edge } from '../../edge/edge.ts';
import { UNMETERED_PER_WINDOW } from '../../edge/limits.ts';
import { EchoVenue } from '../../edge/venue/echo.ts';
import { encodeFix, type Field, type FixClient, utcTimestamp } from '../../local/fix-client.ts';
import { marketOrder as order } from '../support/orders.ts';
import { ACTOR, type Account, TestHouse } from './support/desk.ts';

let house: TestHouse;
let edge: Edge;
let account: Account;
let flooder: FixClient;
let bystander: FixClient;

beforeEach(async () => {
  house = new TestHouse();
  edge = await house.open({ venue: (sink) => new EchoVenue(sink) });
  account = await house.user('flooder');
  flooder = house.client(edge, account);
  await flooder.logon(account.password);
  const there = await house.user('bystander');
  bystander = house.client(edge, there);
  await bystander.logon(there.password);
});
afterEach(() => house.close());

/** One write of so many messages. */
function flood(count: number, type: string, fields: (i: number) => Field[]): void {
  const text = Array.from({ length: count }, (_, i) =>
    encodeFix('FIX.4.4', [
      [35, type],
      [34, flooder.nextOut + i],
      [49, account.sender_comp_id],
      [52, utcTimestamp(new Date())],
      [56, account.target_comp_id],
      ...fields(i),
    ]),
  ).join('');
  flooder.nextOut += count;
  flooder.sendRaw(text);
}

const heard = (type: string): number => flooder.received.filter((m) => m.type === type).length;
const rests = async (): Promise<number> => {
  const metrics = await (await fetch(`http://127.0.0.1:${edge.metricsPort}/metrics`)).text();
  return Number(/^fix_rests_total (\d+)$/m.exec(metrics)?.[1]);
};

const MANY = UNMETERED_PER_WINDOW * 2 + 500;

test('TestRequests: each is answered, in order, a window full at a time; the order behind them comes through', async () => {
  flood(MANY, '1', (i) => [[112, `t${i}`]]);
  flooder.send('D', order('mine'));
  await flooder.next((m) => m.get(112) === 't0');
  bystander.send('D', order('theirs'));
  await bystander.next((m) => m.get(11) === 'theirs');
  expect(heard('0')).toBeLessThan(MANY);
  await flooder.next((m) => m.get(11) === 'mine', 10_000);
  const answers = flooder.received.filter((m) => m.type === '0').map((m) => m.get(112));
  expect(answers).toEqual(Array.from({ length: MANY }, (_, i) => `t${i}`));
  expect(await rests()).toBeGreaterThan(0);
  expect(heard('5')).toBe(0);
});

test.each<[string, string, (i: number) => Field[]]>([
  ['Heartbeats', '0', () => []],
  ['Rejects', '3', () => [[45, 1]]],
  ['orders that are none', 'D', (i) => [[11, `x${i}`]]],
])('%s: the session goes on afterwards', async (_what, type, fields) => {
  flood(MANY, type, fields);
  flooder.send('1', [[112, 'end']]);
  bystander.send('D', order('theirs'));
  await bystander.next((m) => m.get(11) === 'theirs');
  await flooder.next((m) => m.get(112) === 'end', 10_000);
  expect(heard('3')).toBe(type === 'D' ? MANY : 0);
  expect(await rests()).toBeGreaterThan(0);
});

test('a client that stays below is never kept waiting', async () => {
  flood(UNMETERED_PER_WINDOW - 1, '1', (i) => [[112, `t${i}`]]);
  flood(3000, 'D', (i) => order(`o${i}`));
  await flooder.next((m) => m.get(11) === 'o2999');
  expect(await rests()).toBe(0);
});

test('a session that waits can be ended', async () => {
  flood(MANY, '1', (i) => [[112, `t${i}`]]);
  await flooder.next((m) => m.get(112) === 't0');
  await killUser(house.admin, ACTOR, 'flooder');
  await flooder.next((m) => m.type === '5');
  await flooder.closed();
  const again = house.client(edge, account);
  expect((await again.logon(account.password, [[141, 'Y']])).type).toBe('A');
});

test('a client that goes away while it waits leaves its place', async () => {
  flood(MANY, '1', (i) => [[112, `t${i}`]]);
  await flooder.next((m) => m.get(112) === 't0');
  flooder.destroy();
  const again = house.client(edge, account);
  expect((await again.logon(account.password, [[141, 'Y']])).type).toBe('A');
});
