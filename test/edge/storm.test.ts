// Many Logons before a store that is slow, or that waits for others: who waits costs nobody a turn.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Edge } from '../../edge/edge.ts';
import { LOGONS_AT_FIRST, LOGONS_AT_ONCE } from '../../edge/limits.ts';
import type { Field } from '../../local/fix-client.ts';
import { type Account, TestHouse, until } from './support/desk.ts';

let house: TestHouse;
beforeEach(() => {
  house = new TestHouse();
});
afterEach(() => house.close());

const users = (name: string, count: number): Promise<Account[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => house.user(`${name}-${i}`)));
const metric = async (edge: Edge, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${edge.metricsPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
};

test('Logons that wait for a holder on another edge keep nobody from its turn', async () => {
  const one = await house.open();
  const other = await house.open({ env: { FIXGATE_EDGE_ID: 'test-2' } });
  const held = await users('held', 2 * LOGONS_AT_FIRST);
  await Promise.all(
    held.map((account) => {
      const client = house.client(one, account);
      client.answersTestRequests = false;
      return client.logon(account.password);
    }),
  );
  const bystander = await house.user('bystander');
  const order: string[] = [];
  const again = held.map(async (account) => {
    const answer = await house.client(other, account).logon(account.password, [[141, 'Y']], 15_000);
    order.push(`held ${answer.type}`);
  });
  await until('all of them wait', async () => (await metric(other, 'fix_connections_not_logged_on')) === held.length);
  order.push(`bystander ${(await house.client(other, bystander).logon(bystander.password)).type}`);
  await Promise.all(again);
  expect(order).toEqual(['bystander A', ...held.map(() => 'held A')]);
}, 30_000);

test('a client that gives up while it waits is not looked up', async () => {
  const edge = await house.open();
  const accounts = await users('storm', LOGONS_AT_FIRST + 8);
  const { directory } = house.admin;
  const { credential } = directory;
  const stuck = Promise.withResolvers<void>();
  const asked: string[] = [];
  directory.credential = async (name) => {
    asked.push(name);
    await stuck.promise;
    return credential.call(directory, name);
  };
  const clients = accounts.map((account) => house.client(edge, account));
  const answers = clients.map(async (client, i) => client.logon(accounts[i]?.password ?? '').catch(() => undefined));
  await until('the line is there', async () => (await metric(edge, 'fix_logons_waiting')) === 8);
  expect(await metric(edge, 'fix_logon_width')).toBe(LOGONS_AT_FIRST);
  const inside = [...asked];
  const leaving = clients.filter((_, i) => !inside.includes(accounts[i]?.sender_comp_id ?? '')).slice(0, 5);
  for (const client of leaving) client.destroy();
  await until(
    'they are gone',
    async () => (await metric(edge, 'fix_connections_not_logged_on')) === accounts.length - 5,
  );
  stuck.resolve();
  const heard = (await Promise.all(answers)).map((answer) => answer?.type);
  expect(heard.filter((type) => type === 'A')).toHaveLength(accounts.length - 5);
  expect(asked).toHaveLength(accounts.length - 5);
});

test('Logons within sessions stand in the same line, and ask the store for no more', async () => {
  const edge = await house.open();
  const accounts = await users('again', LOGONS_AT_ONCE.most + 8);
  const clients = accounts.map((account) => house.client(edge, account));
  await Promise.all(clients.map((client, i) => client.logon(accounts[i]?.password ?? '')));
  const width = await metric(edge, 'fix_logon_width');
  const { directory } = house.admin;
  const { credential } = directory;
  const stuck = Promise.withResolvers<void>();
  let asked = 0;
  directory.credential = async (name) => {
    asked += 1;
    await stuck.promise;
    return credential.call(directory, name);
  };
  for (const [i, client] of clients.entries()) {
    client.nextOut = 1;
    const proof: Field = [554, i === 0 ? 'a guess' : (accounts[i]?.password ?? '')];
    client.send('A', [[98, 0], [108, 30], [141, 'Y'], proof]);
  }
  await until('the line is there', async () => (await metric(edge, 'fix_logons_waiting')) === accounts.length - width);
  expect(asked).toBe(width);
  // One that goes while it waits is not looked up.
  const [left] = clients.slice(-1);
  left?.destroy();
  await until('it has ended', () => house.records('session_ended').length === 1);
  stuck.resolve();
  const heard = await Promise.all(clients.slice(0, -1).map((client) => client.next((m) => 'A5'.includes(m.type))));
  expect(heard.map((m) => m.type).join('')).toBe(`5${'A'.repeat(accounts.length - 2)}`);
  expect(asked).toBe(accounts.length - 1);
  expect(await metric(edge, 'fix_logons_waiting')).toBe(0);
});
