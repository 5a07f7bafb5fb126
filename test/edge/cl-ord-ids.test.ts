// The ClOrdID policy of a session, over real sockets: over reconnects and restarts, and what it leaves alone.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Edge } from '../../edge/edge.ts';
import type { Journal } from '../../edge/journal/journal.ts';
import type { Field, FixClient } from '../../local/fix-client.ts';
import { cancelOf, marketOrder as order } from '../support/orders.ts';
import { crashed, newDirectory, openFile } from './journal/support.ts';
import { TestHouse, until } from './support/desk.ts';
import type { TestEcho } from './support/echo.ts';

const PROFILE = JSON.stringify({ cl_ord_id: { policy: 'reject', window: 1000, window_s: 3600 } });

let house: TestHouse;
let venue: TestEcho;

beforeEach(() => {
  house = new TestHouse();
});
afterEach(() => house.close());

async function open(journal?: Journal, profile = PROFILE): Promise<Edge> {
  const opened = await house.openEcho({
    env: { FIXGATE_SESSION_PROFILE: profile },
    ...(journal === undefined ? {} : { journal }),
  });
  venue = opened.venue;
  return opened.edge;
}

const cancel = (id: string): Field[] => cancelOf(id, 'other');

async function duplicate(client: FixClient, type: string, fields: Field[]): Promise<Record<number, string>> {
  const before = client.received.length;
  client.send(type, fields);
  await until('an answer', () => client.received.length > before);
  const reply = client.received[before]!;
  return Object.fromEntries([35, 11, 37, 39, 41, 102, 103, 150, 434, 58].map((tag) => [tag, reply.get(tag) ?? '']));
}

test('an order, a cancel and a replace under a used id are refused and do not get to the venue', async () => {
  const edge = await open();
  const account = await house.user('ann');
  const client = house.client(edge, account);
  await client.logon(account.password);
  client.send('D', order('a'));
  await client.next((m) => m.type === 'D');
  client.send('F', cancel('b'));
  await client.next((m) => m.type === 'F');
  expect(await duplicate(client, 'D', order('a'))).toMatchObject({
    35: '8',
    11: 'a',
    37: 'NONE',
    150: '8',
    39: '8',
    103: '6',
    58: 'Duplicate ClOrdID',
  });
  expect(await duplicate(client, 'F', cancel('a'))).toMatchObject({
    35: '9',
    11: 'a',
    41: 'other',
    434: '1',
    102: '6',
  });
  expect(await duplicate(client, 'G', [...order('b'), [41, 'a']])).toMatchObject({
    35: '9',
    11: 'b',
    434: '2',
    102: '6',
  });
  expect(await duplicate(client, 'D', order('x'.repeat(300)))).toMatchObject({ 35: '8', 103: '99', 39: '8' });
  expect(venue.submitted).toEqual(['a', 'b']);
  const numbers = client.received.map((m) => Number(m.get(34)));
  expect(numbers).toEqual(numbers.map((_, i) => i + 1));
});

test('a PossResend of a used id is dropped; one that was refused may come again; other users may use it', async () => {
  const edge = await open();
  const ann = await house.user('ann');
  const bob = await house.user('bob', { rate_limit_tier: 'basic' });
  const client = house.client(edge, ann);
  await client.logon(ann.password);
  client.send('D', order('a'));
  client.send('D', [[97, 'Y'], ...order('a')]);
  client.send('D', [[97, 'Y'], ...order('new')]);
  await client.next((m) => m.get(11) === 'new');
  expect(client.received.map((m) => m.get(11))).toEqual([undefined, 'a', 'new']);
  const other = house.client(edge, bob);
  await other.logon(bob.password);
  for (let n = 0; n < 30; n++) other.send('D', order(n === 0 ? 'a' : `o${n}`));
  const refused = await other.next((m) => m.type === 'j');
  const id = refused.get(379)!;
  await until('tokens are back', async () => {
    const reply = await duplicate(other, 'D', order(id));
    return reply[35] === 'D';
  });
  expect(venue.submitted.filter((one) => one === 'a')).toHaveLength(2);
});

test('it holds over a reconnect with new numbers and over a killed edge', async () => {
  const directory = newDirectory();
  let edge = await open(openFile(directory, {}, [], { now: Date.now }));
  const account = await house.user('ann');
  let client = house.client(edge, account);
  await client.logon(account.password);
  client.send('D', order('a'));
  await client.next((m) => m.type === 'D');
  const left = crashed(directory);
  client.destroy();
  await edge.drain(true);
  edge = await open(openFile(left, {}, [], { now: Date.now }));
  for (let round = 0; round < 2; round++) {
    client = house.client(edge, account);
    await client.logon(account.password, [[141, 'Y']]);
    expect(await duplicate(client, 'D', order('a'))).toMatchObject({ 35: '8', 103: '6' });
    await client.logout();
  }
  expect(venue.submitted).toEqual([]);
});

test('off, which is the default, the venue decides', async () => {
  const edge = await open(undefined, '{}');
  const account = await house.user('ann');
  const client = house.client(edge, account);
  await client.logon(account.password);
  client.send('D', order('a'));
  client.send('D', order('a'));
  await until('both are there', () => venue.submitted.length === 2);
});
