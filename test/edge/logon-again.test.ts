// A Logon within a session (141=Y) that brings a proof of its own, over real sockets.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { killUser } from '../../core/credentials/kill.ts';
import { regeneratePassword } from '../../core/credentials/regenerate.ts';
import { UNPROVED } from '../../core/sessions/logon.ts';
import type { Edge } from '../../edge/edge.ts';
import {
  type ClientProof,
  type Field,
  type FixClient,
  type FixMessage,
  proofFields,
  utcTimestamp,
} from '../../local/fix-client.ts';
import { marketOrder as order } from '../support/orders.ts';
import { ACTOR, type Account, TestHouse, until } from './support/desk.ts';

let house: TestHouse;
let edge: Edge;
let alice: Account;
let client: FixClient;

beforeEach(async () => {
  house = new TestHouse();
  edge = await house.open();
  alice = await house.user('alice');
  client = house.client(edge, alice);
  expect((await client.logon(alice.password)).type).toBe('A');
});
afterEach(() => house.close());

/** @returns the answer */
async function again(proof: readonly Field[], at = utcTimestamp(new Date())): Promise<FixMessage> {
  client.nextOut = 1;
  client.send('A', [[98, 0], [108, 30], [141, 'Y'], ...proof], [], at);
  return client.next(({ type }) => type === 'A' || type === '5');
}

const reasons = () => house.records('logon_refused').map(({ reason }) => reason);

test('with the right password it begins anew, and what is behind it in the same packet follows', async () => {
  client.nextOut = 1;
  client.send('A', [
    [98, 0],
    [108, 30],
    [141, 'Y'],
    [554, alice.password],
  ]);
  client.send('D', order('behind'));
  const answer = await client.next(({ type }) => type === 'A');
  expect([answer.get(34), answer.get(141)]).toEqual(['1', 'Y']);
  expect((await client.next(({ type }) => type === 'D')).get(11)).toBe('behind');
});

test('with a wrong one the session ends with a Logout, nothing is reset, and it is on record', async () => {
  client.send('D', order('before'));
  await client.next(({ type }) => type === 'D');
  const answer = await again([[554, 'a guess']]);
  expect([answer.type, answer.get(34), answer.get(58)]).toEqual(['5', '3', UNPROVED]);
  await client.closed();
  await until('it is recorded', () => reasons().length > 0);
  expect(reasons()).toEqual(['wrong_password']);
  await until('it has ended', () => house.records('session_ended').length === 1);
  const back = Object.assign(house.client(edge, alice), { nextOut: 3 });
  expect((await back.logon(alice.password)).get(34)).toBe('4');
});

test('without one it stands on what the connection has proved', async () => {
  expect((await again([])).type).toBe('A');
  expect(reasons()).toEqual([]);
});

test('an older password in its grace is right, one whose grace is over is not', async () => {
  const { sender_comp_id } = alice;
  await regeneratePassword(house.admin, ACTOR, { sender_comp_id }, 3600);
  expect((await again([[554, alice.password]])).type).toBe('A');
  await regeneratePassword(house.admin, ACTOR, { sender_comp_id }, 0);
  expect((await again([[554, alice.password]])).type).toBe('5');
});

test('a signature is made for it anew: the first Logon’s is refused', async () => {
  const account = await house.user('bob', { proof: { type: 'hmac_sha256' } });
  const by: ClientProof = { type: 'hmac_sha256', secret: account.secret };
  const { sender_comp_id: sender, target_comp_id: target } = account;
  client = house.client(edge, account);
  const at = utcTimestamp(new Date());
  await client.connect();
  expect((await again(proofFields(by, { sender, target, number: 1, at }), at)).type).toBe('A');
  const later = utcTimestamp(new Date(Date.now() + 1));
  expect((await again(proofFields(by, { sender, target, number: 1, at: later }), later)).type).toBe('A');
  const answer = await again(proofFields(by, { sender, target, number: 1, at: later }), later);
  expect([answer.type, answer.get(58)]).toEqual(['5', UNPROVED]);
  await until('it is recorded', () => reasons().length > 0);
  expect(reasons()).toEqual(['replayed']);
});

test('while the store is away what the connection has proved stands', async () => {
  house.link.cut = true;
  expect((await again([[554, alice.password]])).type).toBe('A');
  house.link.cut = false;
});

test('who is killed while it is looked at hears of that alone', async () => {
  const { directory } = house.admin;
  const { promise: seen, resolve: isSeen } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const credential = directory.credential.bind(directory);
  directory.credential = async (name) => {
    isSeen();
    await released;
    return credential(name);
  };
  client.nextOut = 1;
  client.send('A', [
    [98, 0],
    [108, 30],
    [141, 'Y'],
    [554, alice.password],
  ]);
  await seen;
  await killUser(house.admin, ACTOR, 'alice');
  expect((await client.next(({ type }) => type === '5')).type).toBe('5');
  release();
  await client.closed();
  expect(client.received.filter(({ type }) => type === 'A')).toHaveLength(1);
});
