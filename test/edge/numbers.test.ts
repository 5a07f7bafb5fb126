// Sequence numbers, from an admin to the wire: the whole edge in this process, over real sockets.
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { changeNumbers, type NumbersChange, raiseNumbers, sessionNumbers } from '../../core/sessions/numbers.ts';
import type { Edge } from '../../edge/edge.ts';
import type { FixClient } from '../../local/fix-client.ts';
import { marketOrder } from '../support/orders.ts';
import { ACTOR, type Account, TestHouse, until } from './support/desk.ts';

let house: TestHouse;
let edge: Edge;
let alice: Account;

beforeEach(async () => {
  house = new TestHouse();
  edge = await house.open();
  alice = await house.user('alice');
});
afterEach(() => house.close());

const numbers = async () => {
  const [one] = await sessionNumbers(house.admin, alice);
  return one && [one.next_in, one.next_out, one.live];
};
const change = (what: NumbersChange) =>
  changeNumbers({ ...house.admin, pause }, ACTOR, { sender_comp_id: alice.sender_comp_id }, what);
const become = (...wanted: unknown[]) =>
  until(`${wanted}`, async () => JSON.stringify(await numbers()) === JSON.stringify(wanted));

async function loggedOn(next: number): Promise<FixClient> {
  const client = house.client(edge, alice);
  client.nextOut = next;
  await client.logon(alice.password);
  return client;
}

async function used(): Promise<void> {
  const client = await loggedOn(1);
  await become(2, 2, true);
  client.send('D', marketOrder('a'));
  await client.next((m) => m.type === 'D');
  await client.logout();
  await become(4, 4, false);
}

test('are told at each Logon and end', async () => {
  await used();
});

test('set: the next Logon goes by them', async () => {
  await used();
  // Whoever asks is told when it is so: the client may log on at once.
  const answer = await change({ kind: 'set', next_in: 10, next_out: 20 });
  expect(answer).toMatchObject({ numbers: { next_in: 10, next_out: 20, live: false }, pending: false });
  const client = await loggedOn(10);
  expect(client.received[0]?.get(34)).toBe('20');
  await become(11, 21, true);
});

test('set back: the number sent is the one asked for, and nothing old is sent again', async () => {
  await used();
  expect((await change({ kind: 'set', next_out: 3 })).numbers).toMatchObject({ next_in: 4, next_out: 3 });
  const client = await loggedOn(4);
  expect(client.received[0]?.get(34)).toBe('3');
  client.send('2', [
    [7, 1],
    [16, 0],
  ]);
  const fill = await client.next((m) => m.type === '4' || m.type === 'D');
  expect([fill.type, fill.get(36)]).toEqual(['4', '4']);
});

test('reset: both begin at 1', async () => {
  await used();
  expect((await change({ kind: 'reset' })).numbers).toMatchObject({ next_in: 1, next_out: 1 });
  expect((await loggedOn(1)).received[0]?.get(34)).toBe('1');
});

test('a live session keeps its numbers', async () => {
  const client = await loggedOn(1);
  await become(2, 2, true);
  await expect(change({ kind: 'reset' })).rejects.toMatchObject({ code: 'session_live' });
  // A command that was on its way when the client came back.
  const [one] = await sessionNumbers(house.admin, alice);
  const command = { id: '0', at: 0, type: 'set_numbers' as const, key: one!.key, next_in: 50, reset: false };
  await house.admin.edges.send([{ edge_id: edge.gate.identity.edge_id, command }]);
  await until('it is taken', async () => (await house.admin.edges.commands('test-1', '')).length === 0);
  client.send('1', [[112, 'still in order']]);
  expect((await client.next((m) => m.type === '0')).get(112)).toBe('still in order');
});

test('after a restore: an edge that begins goes on beyond what was sent, and says so to a client that asks', async () => {
  await used();
  await edge.drain(true);
  const sessions = await raiseNumbers(house.admin, ACTOR, 'alice', 1_000);
  expect(sessions).toBe(1);
  edge = await house.open();
  const client = await loggedOn(4);
  expect(client.received[0]?.get(34)).toBe('1004');
  client.send('2', [
    [7, 4],
    [16, 0],
  ]);
  const fill = await client.next((m) => m.type === '4');
  expect([fill.get(34), fill.get(43), fill.get(123), fill.get(36)]).toEqual(['4', 'Y', 'Y', '1005']);
  await become(5, 1005, true);
});

test('after a restore: a session whose numbers nobody was told goes on beyond them, too', async () => {
  await used();
  await edge.drain(true);
  // Its edge was killed before it told them.
  house.world.numbers.clear();
  expect(await raiseNumbers(house.admin, ACTOR, 'alice', 1_000)).toBe(1);
  edge = await house.open();
  expect((await loggedOn(4)).received[0]?.get(34)).toBe('1004');
});

test('after a restore: numbers of a journal that is ahead of what was told are not taken back', async () => {
  await used();
  const [one] = await sessionNumbers(house.admin, alice);
  const command = { id: '0', at: 0, type: 'set_numbers' as const, reset: false, next_in: 2, next_out: 2, beyond: 10 };
  await house.admin.edges.send([{ edge_id: edge.gate.identity.edge_id, command: { ...command, key: one!.key } }]);
  await become(4, 14, false);
});
