// Every version of FIX through the whole edge: Logon by password, an order and its echo, a limit's answer.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Edge } from '../../edge/edge.ts';
import { EchoVenue } from '../../edge/venue/echo.ts';
import { encodeFix, utcTimestamp } from '../../local/fix-client.ts';
import { marketOrder as order } from '../support/orders.ts';
import { TestHouse } from './support/desk.ts';

let house: TestHouse;
let edge: Edge;

beforeAll(async () => {
  house = new TestHouse();
  edge = await house.open({ venue: (sink) => new EchoVenue(sink) });
});
afterAll(() => house.close());

describe.each(['FIX.4.0', 'FIX.4.1', 'FIX.4.2', 'FIX.4.3', 'FIX.4.4'])('%s', (begin_string) => {
  test('logs on by password, trades, hears of its limit', async () => {
    const account = await house.user(begin_string, { rate_limit_tier: 'basic' });
    const client = house.client(edge, account, { begin_string });
    const answer = await client.logon(account.password);
    expect([answer.type, answer.get(8), answer.get(1137)]).toEqual(['A', begin_string, undefined]);
    // TransactTime came into NewOrderSingle with FIX.4.2.
    const fields = (id: string) => order(id).filter(([tag]) => tag !== 60 || begin_string >= 'FIX.4.2');
    for (let i = 0; i < 20; i++) client.send('D', fields(`o${i}`));
    expect((await client.next((m) => m.type === 'D')).get(11)).toBe('o0');
    const limited = begin_string < 'FIX.4.2' ? '3' : 'j';
    expect((await client.next((m) => m.type === limited)).get(58)).toMatch(/retry in \d+ ms/);
  });
});

describe.each([
  ['7', 'FIX.5.0'],
  ['8', 'FIX.5.0SP1'],
  ['9', 'FIX.5.0SP2'],
])('FIXT.1.1 with 1137=%s', (version, name) => {
  test('logs on, has its 1137 back, trades', async () => {
    const account = await house.user(name);
    const client = house.client(edge, account, { begin_string: 'FIXT.1.1' });
    const answer = await client.logon(account.password, [[1137, version]]);
    expect([answer.type, answer.get(1137)]).toEqual(['A', version]);
    client.send(
      'D',
      order('x').filter(([tag]) => tag !== 21),
    );
    expect((await client.next((m) => m.type === 'D')).get(11)).toBe('x');
  });
});

test('FIXT.1.1 without 1137 is refused before anything is looked up', async () => {
  const account = await house.user('no-1137');
  const client = house.client(edge, account, { begin_string: 'FIXT.1.1' });
  const answer = await client.logon('not even the password');
  expect([answer.type, answer.get(58)]).toEqual(['5', expect.stringMatching(/1137/)]);
});

test('an unknown BeginString is closed without a word', async () => {
  const account = await house.user('unknown');
  const client = house.client(edge, account);
  await client.connect();
  client.sendRaw(
    encodeFix('FIX.9.9', [
      [35, 'A'],
      [34, 1],
      [49, account.sender_comp_id],
      [52, utcTimestamp(new Date())],
      [56, account.target_comp_id],
      [98, 0],
      [108, 30],
    ]),
  );
  await client.closed();
  expect(client.received).toEqual([]);
});
