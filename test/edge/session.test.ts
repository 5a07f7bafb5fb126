// A live session over real sockets: limits, waiting for tokens, reports for who is away, restarts, kills, slow readers, drain.
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryTokenLeases } from '../../adapters/memory/token-leases.ts';
import type { Buckets } from '../../core/limits/lease.ts';
import type { Exchanged } from '../../core/limits/leases-port.ts';
import type { Edge } from '../../edge/edge.ts';
import { openMemoryJournal } from '../../edge/journal/memory.ts';
import { OUTPUT_BYTES } from '../../edge/limits.ts';
import { encodeFix, type Field, type FixClient, utcTimestamp } from '../../local/fix-client.ts';
import { cancelOf, marketOrder as order } from '../support/orders.ts';
import { type Account, TestHouse, until } from './support/desk.ts';
import type { TestEcho } from './support/echo.ts';

let house: TestHouse;
let edge: Edge;
let venue: TestEcho;

async function open(env: Record<string, string> = {}): Promise<void> {
  ({ edge, venue } = await house.openEcho({ env }));
}

beforeEach(() => {
  house = new TestHouse();
});
afterEach(() => house.close());

const cancel = (id: string): Field[] => cancelOf(id, 'o1');

async function loggedOn(account: Account, next = 1): Promise<FixClient> {
  const client = house.client(edge, account);
  client.nextOut = next;
  expect((await client.logon(account.password)).type).toBe('A');
  return client;
}

describe('over its limit', () => {
  test('an order is rejected with the time to wait, a cancel still passes, the numbers go on', async () => {
    await open();
    const client = await loggedOn(await house.user('bob', { rate_limit_tier: 'basic' }));
    const sent = Array.from({ length: 30 }, (_, i) => client.send('D', order(`o${i}`)));
    const last = sent.at(-1)!;
    const refused = await client.next((m) => m.type === 'j' && m.get(379) === 'o29');
    expect(refused.get(45)).toBe(String(last));
    expect(refused.get(372)).toBe('D');
    expect(refused.get(380)).toBe('0');
    expect(refused.get(371)).toBeUndefined();
    expect(refused.get(58)).toMatch(/retry in \d+ ms/);
    const echoed = client.received.filter((m) => m.type === 'D').length;
    expect(echoed).toBeGreaterThanOrEqual(10);
    expect(echoed).toBeLessThanOrEqual(13);
    client.send('F', cancel('c1'));
    expect((await client.next((m) => m.type === 'F')).get(11)).toBe('c1');
    const numbers = client.received.map((m) => Number(m.get(34)));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    const metrics = await (await fetch(`http://127.0.0.1:${edge.metricsPort}/metrics`)).text();
    expect(metrics).toMatch(/fix_rate_limit_exceeded_total\{user_id="bob",type="order"\} (1[789]|20)/);
    expect(metrics).toMatch(/fix_messages_total\{direction="in",msg_type="D"\} 30/);
    expect(metrics).toMatch(/fix_login_attempts_total\{status="accepted"\} 1/);
  });
});

/** Each exchange takes a while, as a store across a network does. */
class SlowLeases extends MemoryTokenLeases {
  override async exchange<R>(
    userId: string,
    known: Buckets | undefined,
    compute: (current: Buckets | undefined) => Exchanged<R> | undefined,
  ) {
    await new Promise((resolve) => setTimeout(resolve, 15));
    return super.exchange(userId, known, compute);
  }
}

test('messages that wait for tokens keep their order, and what follows waits behind them', async () => {
  house = new TestHouse({ leases: new SlowLeases() });
  await open();
  const carol = await house.user('carol');
  const client = await loggedOn(carol);
  const text = Array.from({ length: 50 }, (_, i) =>
    encodeFix('FIX.4.4', [
      [35, 'D'],
      [34, i + 2],
      [49, carol.sender_comp_id],
      [52, utcTimestamp(new Date())],
      [56, 'GATEWAY'],
      ...order(`w${i}`),
    ]),
  ).join('');
  client.sendRaw(text);
  await client.next((m) => m.get(11) === 'w49');
  expect(venue.submitted).toEqual(Array.from({ length: 50 }, (_, i) => `w${i}`));
  expect(edge.gate.limiterFigures().waited).toBeGreaterThan(0);
});

test('reports made while the client is away come after its next Logon, once and in order, also over a restart', async () => {
  await open();
  const dave = await house.user('dave');
  const client = await loggedOn(dave);
  const id = `FIX.4.4|${dave.target_comp_id}|${dave.sender_comp_id}|`;
  await client.logout();
  await until('the session has ended', () => [...edge.gate.sessions()].length === 0);
  for (const text of ['first', 'second', 'third']) venue.report(id, text);
  await edge.drain(true);
  // The same journal, as a restarted process finds it.
  await open();
  const back = await loggedOn(dave, 3);
  expect(back.received[0]?.get(34)).toBe('3');
  back.send('0');
  await back.next((m) => m.get(58) === 'third');
  const reports = back.received.filter((m) => m.type === '8');
  expect(reports.map((m) => [m.get(34), m.get(58)])).toEqual([
    ['4', 'first'],
    ['5', 'second'],
    ['6', 'third'],
  ]);
  back.send('2', [
    [7, 4],
    [16, 0],
  ]);
  expect((await back.next((m) => m.type === '8' && m.get(43) === 'Y')).get(58)).toBe('first');
});

test('a report for another connection leaves in the same turn', async () => {
  await open();
  const [erin, frank] = [await house.user('erin'), await house.user('frank')];
  const one = await loggedOn(erin);
  const two = await loggedOn(frank);
  const id = `FIX.4.4|${frank.target_comp_id}|${frank.sender_comp_id}|`;
  const submit = venue.submit.bind(venue);
  venue.submit = (message, context) => {
    submit(message, context);
    venue.report(id, 'filled');
  };
  one.send('D', order('x'));
  await one.next((m) => m.type === 'D');
  expect((await two.next((m) => m.type === '8', 500)).get(58)).toBe('filled');
});

test('a slow reader is cut, its reports are kept, and it may come back', async () => {
  await open();
  const grace = await house.user('grace');
  const id = `FIX.4.4|${grace.target_comp_id}|${grace.sender_comp_id}|`;
  const socket = connect(edge.fixPort, '127.0.0.1');
  const head = (n: number): Field[] => [
    [34, n],
    [49, grace.sender_comp_id],
    [52, utcTimestamp(new Date())],
    [56, grace.target_comp_id],
  ];
  socket.write(encodeFix('FIX.4.4', [[35, 'A'], ...head(1), [98, 0], [108, 30], [554, grace.password]]));
  await until('it is logged on', () => [...edge.gate.sessions()].length === 1);
  socket.pause();
  await until(
    'it is cut',
    () => {
      for (let i = 0; i < 200; i++) venue.report(id, 'x'.repeat(4000));
      return [...edge.gate.sessions()].length === 0;
    },
    10_000,
  );
  socket.destroy();
  await until('it is recorded', () => house.records('session_ended').length === 1);
  expect(house.records('session_ended')[0]?.details).toMatchObject({ cause: 'slow_reader' });
  const back = await loggedOn(grace, 2);
  expect(back.received[0]?.type).toBe('A');
}, 20_000);

test('a client that reads hears all that one turn has made, however much, and stays', async () => {
  await open();
  const grace = await house.user('grace');
  const client = await loggedOn(grace);
  const id = `FIX.4.4|${grace.target_comp_id}|${grace.sender_comp_id}|`;
  // Twice what is kept for its socket; the rest waits in the session meanwhile.
  const count = Math.ceil((2 * OUTPUT_BYTES) / 4000);
  for (let i = 0; i < count; i++) venue.report(id, `${i} ${'x'.repeat(4000)}`);
  await client.next((m) => m.get(58)?.startsWith(`${count - 1} `) === true, 10_000);
  const told = client.received.filter((m) => m.type === '8').map((m) => Number.parseInt(m.get(58) ?? '', 10));
  expect(told).toEqual(Array.from({ length: count }, (_, i) => i));
  expect(client.received.map((m) => Number(m.get(34)))).toEqual(client.received.map((_, i) => i + 1));
  expect(house.records('session_ended')).toEqual([]);
}, 20_000);

test('when the disk refuses, replies are withheld and orders refused; when it takes writes again, nothing is lost', async () => {
  const journal = openMemoryJournal({ now: Date.now });
  const disk = { full: false };
  const flush = journal.flush.bind(journal);
  const numbers = () => [...journal.keys()].map((key) => [journal.session(key).nextIn, journal.session(key).nextOut]);
  let written = '';
  journal.flush = () => {
    const now = JSON.stringify(numbers());
    // A flush of nothing writes nothing: a turn between two messages does not meet the disk.
    if (disk.full && now !== written) throw new Error('the test filled the disk');
    written = now;
    flush();
  };
  house = new TestHouse({ journal });
  await open({ FIXGATE_LOG_LEVEL: 'error' });
  const client = await loggedOn(await house.user('heidi'));
  client.send('D', order('before'));
  await client.next((m) => m.get(11) === 'before');
  // Not before it is taken: a turn of the edge's own may meet the full disk first, and orders are refused from then on.
  const submit = venue.submit.bind(venue);
  venue.submit = (...message) => {
    disk.full = true;
    submit(...message);
  };
  client.send('D', order('during'));
  await until('it was seen', async () => (await fetch(`http://127.0.0.1:${edge.metricsPort}/ready`)).status === 503);
  const figures = async () => (await fetch(`http://127.0.0.1:${edge.metricsPort}/metrics`)).text();
  client.send('D', order('refused'));
  await until('it is read', async () => (await figures()).includes('{direction="in",msg_type="D"} 3\n'));
  expect(await figures()).toContain('\nfix_ready 0\n');
  expect(await figures()).toContain('\nfix_not_ready{reason="disk_unavailable"} 1\n');
  expect(client.received).toHaveLength(2);
  disk.full = false;
  expect((await client.next((m) => m.type === 'D')).get(11)).toBe('during');
  expect((await client.next((m) => m.type === 'j')).get(379)).toBe('refused');
  expect(await (await fetch(`http://127.0.0.1:${edge.metricsPort}/ready`)).json()).toEqual({ status: 'ready' });
  expect(await figures()).toContain('\nfix_ready 1\n');
  expect(await figures()).not.toContain('fix_not_ready{');
});

test('the store goes away and comes back: sessions stay up, nothing is lost, new logons are refused with a clear text', async () => {
  await open();
  const client = await loggedOn(await house.user('ken'));
  const other = await house.user('lara');
  client.send('D', order('before'));
  await client.next((m) => m.get(11) === 'before');
  house.link.cut = true;
  const refused = await house.client(edge, other).logon(other.password);
  expect([refused.type, refused.get(58)]).toEqual(['5', expect.stringMatching(/temporarily unavailable/)]);
  client.send('1', [[112, 'there?']]);
  await client.next((m) => m.get(112) === 'there?');
  // By the default setting orders go on for a while, at the rate without new burst: the first may come before its share has.
  const answered = async (id: string) => {
    client.send('D', order(id));
    return (await client.next((m) => m.get(11) === id || m.get(379) === id)).type;
  };
  let during = 'during 1';
  for (let n = 2; (await answered(during)) === 'j'; n++) during = `during ${n}`;
  house.link.cut = false;
  await loggedOn(other);
  client.send('D', order('after'));
  await client.next((m) => m.get(11) === 'after');
  expect(venue.submitted).toEqual(['before', during, 'after']);
});

test('a session that says nothing of its own is ended by the idle timeout', async () => {
  await open({ FIXGATE_IDLE_TIMEOUT_S: '1' });
  const client = await loggedOn(await house.user('ivan'));
  expect((await client.next((m) => m.type === '5', 3000)).get(58)).toMatch(/idle/);
});

test('a drain tells every client, and ends', async () => {
  await open();
  const client = await loggedOn(await house.user('judy'));
  const drained = edge.drain(false);
  const ready = await fetch(`http://127.0.0.1:${edge.metricsPort}/ready`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'not_ready', reason: 'draining' }]);
  expect((await client.next((m) => m.type === '5')).get(58)).toMatch(/shutting down/);
  client.send('5');
  await client.closed();
  await drained;
  expect(house.records('session_ended')[0]?.details).toMatchObject({ cause: 'drain' });
  await expect(house.client(edge, await house.user('late')).connect()).rejects.toThrow(/ECONNREFUSED/);
});
