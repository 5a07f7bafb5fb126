// Edges that share a venue over the link, with FIX clients at both: one market, whatever dies.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { killSession } from '../../../../core/credentials/kill.ts';
import type { Edge } from '../../../../edge/edge.ts';
import { openMemoryJournal } from '../../../../edge/journal/memory.ts';
import { openVenue } from '../../../../edge/venue/index.ts';
import { VenueHost } from '../../../../edge/venue/link/host.ts';
import { Mailroom } from '../../../../edge/venue/link/mailroom.ts';
import { type LinkServer, listenForEdges } from '../../../../edge/venue/link/server.ts';
import { LinkVenue } from '../../../../edge/venue/link/venue.ts';
import type { VenueSink } from '../../../../edge/venue/venue.ts';
import { type Field, type FixClient, utcTimestamp } from '../../../../local/fix-client.ts';
import { ACTOR, type Account, TestHouse, until } from '../../support/desk.ts';
import { dictionaryOf } from '../harness.ts';

const SILENT = { info() {}, warn() {}, error() {} };

let directory: string;
let house: TestHouse;
let host: VenueHost;
let server: LinkServer;
let ticking: NodeJS.Timeout;
const address = () => join(directory, 'venue.sock');

async function startVenue(): Promise<void> {
  const own = join(directory, 'venue');
  host = new VenueHost({
    mailroom: (counts) => new Mailroom({ directory: own, newId: 'venue', counts, onLost: () => {} }),
    venue: (sink) => openVenue('simulator', { sink, seed: 1, now: Date.now(), directory: own, warn: () => {} }),
    dictionaryOf,
    now: Date.now,
    monotonic: () => performance.now(),
    log: SILENT,
  });
  rmSync(address(), { force: true });
  server = await listenForEdges(host, address(), () => {});
  ticking = setInterval(() => host.tick(), 20);
}

/** As by a kill: its links are cut, and nothing of it goes on. */
function killVenue(): void {
  clearInterval(ticking);
  server.close();
}

const open = (name: string): Promise<Edge> =>
  house.open({
    env: { FIXGATE_EDGE_ID: name },
    journal: openMemoryJournal({ now: Date.now }),
    venue: (sink: VenueSink) =>
      LinkVenue.open({ sink, address: address(), edge_id: name, directory: join(directory, name), log: SILENT }),
  });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'link-'));
  house = new TestHouse();
  await startVenue();
});
afterEach(async () => {
  await house.close();
  killVenue();
  rmSync(directory, { recursive: true, force: true });
});

const loggedOn = async (edge: Edge, account: Account, sub: string): Promise<FixClient> => {
  const client = house.client(edge, account, sub === '' ? {} : { sender_sub_id: sub });
  expect((await client.logon(account.password)).type).toBe('A');
  return client;
};
const rests = (id: string): Field[] => [
  [11, id],
  [55, 'INTC'],
  [54, 1],
  [38, 100],
  [40, 2],
  [44, '20.00'],
  [59, 1],
  [60, utcTimestamp(new Date())],
];
const cancels = (id: string, of: string): Field[] => [
  [11, id],
  [41, of],
  [55, 'INTC'],
  [54, 1],
  [38, 100],
  [60, utcTimestamp(new Date())],
];
const reportsOn = (client: FixClient, id: string) =>
  client.received
    .filter((message) => message.type === '8' && message.get(11) === id)
    .map((message) => message.get(150));

test('an order placed through one edge is cancelled through another, and its own session is told', async () => {
  const [one, two] = [await open('e-1'), await open('e-2')];
  const ann = await house.user('ann');
  const [a, b] = [await loggedOn(one, ann, 'A'), await loggedOn(two, ann, 'B')];
  a.send('D', rests('a'));
  expect((await a.next((message) => message.type === '8')).get(39)).toBe('0');
  b.send('F', cancels('c', 'a'));
  expect((await a.next((message) => message.type === '8')).get(150)).toBe('4');
  // The same order is nobody else's.
  const bob = await loggedOn(two, await house.user('bob'), '');
  bob.send('F', cancels('c', 'a'));
  expect((await bob.next((message) => message.type === '9')).get(58)).toBe('Unknown order');
});

test('reports that nobody was there for are told at the next Logon, in order, once', async () => {
  const [one, two] = [await open('e-1'), await open('e-2')];
  const ann = await house.user('ann');
  const [a, b] = [await loggedOn(one, ann, 'A'), await loggedOn(two, ann, 'B')];
  for (const id of ['x', 'y', 'z']) a.send('D', rests(id));
  await until('they rest', () => reportsOn(a, 'z').length === 1);
  a.destroy();
  await until('it is gone', () => [...one.gate.sessions()].length === 0);
  for (const id of ['x', 'y', 'z']) b.send('F', cancels(`c${id}`, id));
  const back = house.client(one, ann, { sender_sub_id: 'A' });
  back.nextOut = a.nextOut;
  await back.logon(ann.password);
  await until('all are told', () => back.received.filter((message) => message.get(150) === '4').length === 3);
  expect(back.received.filter(({ type }) => type === '8').map((message) => message.get(11))).toEqual(['x', 'y', 'z']);
});

test('the venue is killed again and again under load: every order has one answer', async () => {
  const one = await open('e-1');
  const ann = await house.user('ann');
  const client = await loggedOn(one, ann, '');
  const sent: string[] = [];
  const sending = setInterval(() => {
    for (let n = 0; n < 5; n++) {
      sent.push(`o${sent.length}`);
      client.send('D', rests(sent.at(-1)!));
    }
  }, 2);
  for (let kill = 0; kill < 4; kill++) {
    const answered = client.received.length;
    await until('some are answered', () => client.received.length > answered + 20, 10_000);
    killVenue();
    await startVenue();
  }
  clearInterval(sending);
  await until('all are answered', () => reportsOn(client, sent.at(-1)!).length > 0, 10_000);
  expect(sent.filter((id) => reportsOn(client, id).join() !== '0')).toEqual([]);
  const order = client.received.filter(({ type }) => type === '8').map((message) => message.get(11));
  expect(order).toEqual(sent);
}, 60_000);

test('without the venue orders are refused after a moment, cancels wait for it, and the edge is not ready', async () => {
  const one = await open('e-1');
  const ann = await house.user('ann');
  const client = await loggedOn(one, ann, '');
  client.send('D', rests('a'));
  await client.next((message) => message.type === '8');
  killVenue();
  const ready = async () => (await fetch(`http://127.0.0.1:${one.metricsPort}/ready`)).json();
  const told = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${one.metricsPort}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
  };
  await until(
    'it is not ready',
    async () => ((await ready()) as { reason?: string }).reason === 'venue_unavailable',
    5000,
  );
  client.send('D', rests('b'));
  expect((await client.next((message) => message.type === 'j')).get(379)).toBe('b');
  client.send('F', cancels('c', 'a'));
  await until('it waits', async () => (await told('fix_venue_link_waiting')) > 0, 5000);
  expect([await told('fix_venue_link_up'), await told('fix_venue_links_total')]).toEqual([0, 1]);
  expect(await told('fix_venue_link_waiting_bytes')).toBeGreaterThan(0);
  await startVenue();
  expect((await client.next((message) => message.type === '8')).get(150)).toBe('4');
  await until('nothing waits', async () => (await told('fix_venue_link_waiting')) === 0, 5000);
  expect([await told('fix_venue_link_up'), await told('fix_venue_links_total')]).toEqual([1, 2]);
  expect(await told('fix_venue_fences_total')).toBe(0);
  expect(await ready()).toEqual({ status: 'ready' });
  client.send('D', rests('d'));
  expect((await client.next((message) => message.type === '8')).get(39)).toBe('0');
}, 20_000);

test('what an administrator has cancelled stays in the store until the venue has it, which an edge that has lost it all gives it again', async () => {
  const one = await open('e-1');
  const ann = await house.user('ann');
  const client = await loggedOn(one, ann, '');
  client.send('D', rests('a'));
  await client.next((message) => message.type === '8');
  const [{ session } = { session: undefined }] = [...one.gate.sessions()];
  killVenue();
  await killSession(house.admin, { ...ACTOR, cancel_orders: true }, session?.session_id ?? '');
  await client.closed();
  const told = async (name: string): Promise<string | undefined> => {
    const text = await (await fetch(`http://127.0.0.1:${one.metricsPort}/metrics`)).text();
    return new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1];
  };
  await until('it waits', async () => (await told('fix_venue_link_cancels_waiting')) === '1', 5000);
  const commands = async () => (await house.admin.edges.commands('e-1', '')).map(({ type }) => type);
  await new Promise((resolve) => setTimeout(resolve, 500)); // some looks for commands
  expect(await commands()).toEqual(['end_session']);
  await one.drain(true);
  rmSync(join(directory, 'e-1'), { recursive: true });
  await startVenue();
  const next = await open('e-1');
  await until('it is done', async () => (await commands()).length === 0, 5000);
  const back = house.client(next, ann, {});
  expect((await back.logon(ann.password)).type).toBe('A');
  expect((await back.next((message) => message.get(150) === '4')).get(58)).toBe('Canceled by an administrator');
}, 20_000);

test('market data is for who is there', async () => {
  const two = await open('e-2');
  const ann = await house.user('ann');
  const client = await loggedOn(two, ann, '');
  client.send('V', [
    [262, 'md'],
    [263, 1],
    [264, 1],
    [265, 0],
    [267, 2],
    [269, 0],
    [269, 1],
    [146, 1],
    [55, 'INTC'],
  ]);
  const full = await client.next((message) => message.type === 'W');
  expect([full.get(262), full.get(55)]).toEqual(['md', 'INTC']);
});

test('an edge does not start without the venue', async () => {
  killVenue();
  await expect(open('e-1')).rejects.toThrow('does not answer');
  await startVenue();
}, 20_000);
