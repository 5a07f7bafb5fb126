// A session that another edge holds: its client is asked there, and whoever loses is told.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Edge } from '../../edge/edge.ts';
import { openMemoryJournal } from '../../edge/journal/memory.ts';
import type { FixClient } from '../../local/fix-client.ts';
import { type Account, TestHouse, until } from './support/desk.ts';

let house: TestHouse;
beforeEach(() => {
  house = new TestHouse();
});
afterEach(() => house.close());

const open = (name: string, env = {}): Promise<Edge> =>
  house.open({ env: { FIXGATE_EDGE_ID: name, ...env }, journal: openMemoryJournal({ now: Date.now }) });

const loggedOn = async (edge: Edge, account: Account): Promise<FixClient> => {
  const client = house.client(edge, account);
  expect((await client.logon(account.password)).type).toBe('A');
  return client;
};

describe('probe of a session that another edge holds', () => {
  test('asks its client, which answers and keeps it', async () => {
    const [one, two] = [await open('e-1'), await open('e-2')];
    const ann = await house.user('ann');
    const first = await loggedOn(one, ann);
    const since = performance.now();
    const second = await house.client(two, ann).logon(ann.password);
    expect([second.type, second.get(58)]).toEqual(['5', 'Logon refused: session in use']);
    expect(performance.now() - since).toBeLessThan(4000);
    expect(first.received.some(({ type }) => type === '1')).toBe(true);
    first.send('1', [[112, 'still']]);
    await first.next((message) => message.get(112) === 'still');
    expect(house.records('session_ended')).toEqual([]);
  });

  test('takes it from one that does not answer within four seconds, and tells it so', async () => {
    const [one, two] = [await open('e-1'), await open('e-2')];
    const ann = await house.user('ann');
    const first = await loggedOn(one, ann);
    first.answersTestRequests = false;
    const second = house.client(two, ann);
    second.nextOut = first.nextOut;
    const since = performance.now();
    expect((await second.logon(ann.password)).type).toBe('A');
    expect(performance.now() - since).toBeGreaterThan(3000);
    expect((await first.next(({ type }) => type === '5')).get(58)).toBe('Another Logon took this session over');
    await until('one session is left', async () => (await house.admin.slots.ofUser('ann')).length === 1);
    expect((await house.admin.slots.ofUser('ann'))[0]?.edge_id).toBe('e-2');
  }, 15_000);

  test('takes it at once from an edge that has it no more', async () => {
    const [one, two] = [await open('e-1'), await open('e-2')];
    const ann = await house.user('ann');
    const first = await loggedOn(one, ann);
    // The release of its slot does not get there: the edge answers that nobody is there.
    const { release } = house.admin.slots;
    Object.assign(house.admin.slots, { release: async () => {} });
    first.destroy();
    await until('it is gone', () => [...one.gate.sessions()].length === 0);
    const second = house.client(two, ann);
    second.nextOut = first.nextOut;
    expect((await second.logon(ann.password)).type).toBe('A');
    Object.assign(house.admin.slots, { release });
  });

  test('takes it within a second from an edge that hears nothing, says so soon, and has it once that is known to be dead', async () => {
    const two = await open('e-2');
    const ann = await house.user('ann');
    // Registered, holds the session, and has stopped: nobody takes its commands.
    const dead = await house.admin.edges.register('e-1', '1.0', Date.now());
    const { sender_comp_id, target_comp_id } = ann;
    const found = await house.admin.directory.credential(sender_comp_id);
    const taken = await house.admin.slots.take(
      {
        session_id: 'e-1.1.1',
        user_id: 'ann',
        key: { begin_string: 'FIX.4.4', sender_comp_id, sender_sub_id: '', target_comp_id },
        ...dead,
        address: '127.0.0.1',
        started_at: Date.now(),
        epoch: found!.user.epoch,
      },
      9,
    );
    expect(taken.result).toBe('taken');
    const client = house.client(two, ann);
    const answer = client.logon(ann.password, [], 6_500);
    const holders = async () => (await house.admin.slots.ofUser('ann')).map(({ edge_id }) => edge_id);
    expect(await holders()).toEqual(['e-1']);
    await until('it is taken', async () => (await holders())[0] === 'e-2', 2500);
    // The edge before may still be writing, for all that is known, where nobody else can read it.
    expect(client.received).toEqual([]);
    expect((await answer).get(58)).toBe('Logon refused: another gateway still has this session, try again');
    const stateOf = async () => (await house.admin.edges.list())[0]?.state;
    expect(await stateOf()).toBe('alive');
    await until('it is declared dead', async () => (await stateOf()) === 'dead', 12_000);
    expect((await house.client(two, ann).logon(ann.password)).type).toBe('A');
  }, 30_000);
});
