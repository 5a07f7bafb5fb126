// An edge whose journal is in the store, while the store does not answer and afterwards, as its clients see it.

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemTimers } from '../../../adapters/node/timers.ts';
import type { Edge } from '../../../edge/edge.ts';
import { openStoreJournal } from '../../../edge/journal/store.ts';
import type { Field } from '../../../local/fix-client.ts';
import { cancelOf, marketOrder as order } from '../../support/orders.ts';
import { TestHouse, until } from '../support/desk.ts';
import { FaultyStore, forgetRemote, openRemote } from './remote.ts';
import { logInto, newDirectory, sent } from './support.ts';

let house: TestHouse;
let store: FaultyStore;

beforeEach(() => {
  house = new TestHouse();
  store = new FaultyStore(house.world);
});
afterEach(async () => {
  await house.close();
  forgetRemote();
});

const open = (): Promise<Edge> =>
  house.open({
    env: { FIXGATE_JOURNAL: 'store' },
    journal: (edge) =>
      openStoreJournal({
        directory: newDirectory(),
        now: Date.now,
        log: logInto([]),
        store: store.port,
        edge,
        writer: 'test',
        openKeys: undefined,
        monotonic: () => performance.now(),
        after: systemTimers.after,
        every: systemTimers.every,
        soon: (work) => void setImmediate(work),
        onLost: (error) => {
          throw error;
        },
      }),
  });

const cancel = (id: string): Field[] => cancelOf(id, 'before');

test('the store does not take the journal: nothing is said, then orders are refused; afterwards all is said, in order', async () => {
  const edge = await open();
  const ready = async () => await (await fetch(`http://127.0.0.1:${edge.metricsPort}/ready`)).json();
  const account = await house.user('mia');
  const client = house.client(edge, account);
  expect((await client.logon(account.password)).type).toBe('A');
  client.send('D', order('before'));
  await client.next((m) => m.get(11) === 'before');
  store.faults = ['refused'];
  client.send('D', order('during'));
  client.send('1', [[112, 'ping']]);
  await until(
    'it is told',
    async () => ((await ready()) as { reason?: string }).reason === 'journal_store_unavailable',
    10_000,
  );
  client.send('D', order('refused'));
  client.send('F', cancel('cancel'));
  await until('it has been read', () => [...edge.gate.sessions()].length === 1);
  expect(client.received.map(({ type }) => type)).toEqual(['A', 'D']);
  store.faults = ['none'];
  await until('all is said', () => client.received.length === 6, 10_000);
  expect(client.received.map((m) => [m.type, Number(m.get(34)), m.get(11) ?? m.get(112) ?? m.get(379)])).toEqual([
    ['A', 1, undefined],
    ['D', 2, 'before'],
    ['D', 3, 'during'],
    ['0', 4, 'ping'],
    ['j', 5, 'refused'],
    ['F', 6, 'cancel'],
  ]);
  expect(await ready()).toEqual({ status: 'ready' });
}, 30_000);

test('who is refused meanwhile is told so: it has no session whose journal there would be to wait for', async () => {
  const edge = await open();
  const account = await house.user('lea');
  const client = house.client(edge, account);
  expect((await client.logon(account.password)).type).toBe('A');
  store.faults = ['refused'];
  const before = store.appends;
  client.send('D', order('during'));
  await until('a batch waits', () => store.appends > before, 10_000);
  const stranger = house.client(edge, await house.user('kim'));
  const refusal = await stranger.logon('wrong');
  expect([refusal.type, refusal.get(34)]).toEqual(['5', '1']);
  expect(refusal.get(58)).toMatch(/^Logon refused/);
  await stranger.closed();
  expect(client.received.map(({ type }) => type)).toEqual(['A']);
  store.faults = ['none'];
  await client.next((m) => m.get(11) === 'during', 10_000);
}, 30_000);

test('a drain leaves all of it in the store: the next machine goes on after the last number', async () => {
  const edge = await open();
  const account = await house.user('noa');
  const client = house.client(edge, account);
  await client.logon(account.password);
  for (let n = 0; n < 50; n++) client.send('D', order(`o${n}`));
  await client.next((m) => m.get(11) === 'o49');
  store.faults = ['refused', 'lost reply', 'none'];
  await edge.drain(false);
  await client.closed();
  const last = Number(client.received.at(-1)!.get(34));
  expect(client.received.at(-1)!.type).toBe('5');
  const copy = store.copy();
  const next = copy.register('test-1');
  const journal = await openRemote(copy, { edge: () => next });
  const [key] = [...journal.keys()];
  const session = journal.session(key!);
  expect([session.nextOut, sent(session).length]).toEqual([last + 1, 50]);
});
