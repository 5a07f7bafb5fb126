// What strangers and broken clients send. After each, a well-behaved client logs on within a second, and one that was there
// before has noticed nothing.
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Edge } from '../../edge/edge.ts';
import { LOGON_BYTES, NOT_LOGGED_ON } from '../../edge/limits.ts';
import { encodeFix, type Field, type FixClient, utcTimestamp } from '../../local/fix-client.ts';
import { type Account, TestHouse, until } from './support/desk.ts';

let house: TestHouse;
let edge: Edge;
let account: Account;
let bystander: FixClient;
let seq = 0;

beforeAll(async () => {
  house = new TestHouse();
  edge = await house.open({ env: { FIXGATE_LOG_LEVEL: 'error', FIXGATE_BAD_LOGON_LIMIT: '0' } });
  account = await house.user('mallory');
  const there = await house.user('bystander');
  bystander = house.client(edge, there);
  await bystander.logon(there.password);
});
afterAll(() => house.close());

/** A connection that sends and closes by itself; resolves when the edge has closed it, or after a while. */
async function stranger(send: (socket: Socket) => void, patience = 300): Promise<Buffer> {
  const socket = connect(edge.fixPort, '127.0.0.1');
  const heard: Buffer[] = [];
  socket.on('data', (chunk) => heard.push(chunk));
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('error', () => socket.destroy());
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  send(socket);
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, patience))]);
  socket.destroy();
  return Buffer.concat(heard);
}

const header = (type: string, n: number): Field[] => [
  [35, type],
  [34, n],
  [49, account.sender_comp_id],
  [52, utcTimestamp(new Date())],
  [56, account.target_comp_id],
];
const logon = (more: readonly Field[] = []): string =>
  encodeFix('FIX.4.4', [...header('A', 1), [98, 0], [108, 30], [141, 'Y'], [554, account.password], ...more]);

/** Logs on, then sends this as the next thing. */
const afterLogon = (raw: () => string | Buffer) => (socket: Socket) => {
  socket.write(logon(), 'latin1');
  socket.write(raw());
};
const message = (fields: readonly Field[]) => encodeFix('FIX.4.4', fields);

const ATTACKS: readonly [string, (socket: Socket) => void][] = [
  ['garbage', (s) => s.write(Buffer.alloc(2000, 0xa7))],
  ['TLS', (s) => s.write(Buffer.from('160301020001000001fc0303', 'hex'))],
  ['HTTP', (s) => s.write('GET / HTTP/1.1\r\nHost: fix\r\n\r\n')],
  ['a giant BodyLength', (s) => s.write('8=FIX.4.4\x019=9999999999\x0135=A\x01')],
  ['a BodyLength of 400 digits', (s) => s.write(`8=FIX.4.4\x019=${'9'.repeat(400)}\x0135=A\x01`)],
  ['a negative BodyLength', (s) => s.write('8=FIX.4.4\x019=-5\x0135=A\x0110=000\x01')],
  ['no SOH for longer than a Logon may be', (s) => s.write(`8=${'F'.repeat(LOGON_BYTES * 4)}`)],
  ['NULs', (s) => s.write(Buffer.alloc(10_000))],
  ['half a Logon, then nothing', (s) => s.write(logon().slice(0, 60))],
  [
    'a CompID of 2000 characters',
    (s) =>
      s.write(
        message([
          [35, 'A'],
          [34, 1],
          [49, 'X'.repeat(2000)],
          [52, utcTimestamp(new Date())],
          [56, 'G'],
          [98, 0],
          [108, 30],
        ]),
      ),
  ],
  [
    'a number past 2^63',
    (s) =>
      s.write(
        message([
          [35, 'A'],
          [34, '99999999999999999999'],
          ...header('A', 1).slice(2),
          [98, 0],
          [108, 30],
          [554, account.password],
        ]),
      ),
  ],
  ['megabytes without SOH after Logon', afterLogon(() => Buffer.alloc(3_000_000, 0x41))],
  [
    'a tag of 1000 digits',
    afterLogon(() => message([...header('D', 2), ['1'.repeat(1000) as unknown as number, 'x']])),
  ],
  [
    'a duplicated tag, a thousand times',
    afterLogon(() => message([...header('D', 2), ...Array.from({ length: 1000 }, (): Field => [11, 'x'])])),
  ],
  [
    'more fields than a message may have',
    afterLogon(() => message([...header('D', 2), ...Array.from({ length: 5000 }, (_, i): Field => [6000 + i, 'x'])])),
  ],
  [
    'a group of 10^9 entries',
    afterLogon(() => message([...header('D', 2), [11, 'x'], [453, 1_000_000_000], [448, 'a']])),
  ],
  [
    'MsgSeqNum 2^63 after Logon',
    afterLogon(() => message([[35, '0'], [34, '9223372036854775808'], ...header('0', 1).slice(2)])),
  ],
  ['a gap of 10^14', afterLogon(() => message([[35, '0'], [34, '100000000000000'], ...header('0', 1).slice(2)]))],
  ['NewSeqNo 2147483647', afterLogon(() => message([...header('4', 2), [36, 2147483647]]))],
  ['a resend of everything there could be', afterLogon(() => message([...header('2', 2), [7, 1], [16, 999_999_999]]))],
  [
    '8-bit RawData with SOH in it',
    afterLogon(() => message([...header('A', 2), [98, 0], [108, 30], [95, 6], [96, '\x01\xff\x0110=']])),
  ],
];

test.each(ATTACKS)('%s', async (_what, send) => {
  await stranger(send);
  const before = performance.now();
  // A bystander's TestRequest is answered as if nothing were.
  seq += 1;
  bystander.send('1', [[112, `p${seq}`]]);
  await bystander.next((m) => m.type === '0' && m.get(112) === `p${seq}`, 1000);
  const fresh = await house.user(`mallory-${seq}`);
  const client = house.client(edge, fresh);
  expect((await client.logon(fresh.password)).type).toBe('A');
  expect(performance.now() - before).toBeLessThan(1000);
  client.destroy();
});

test('thousands of connections that say nothing: the oldest of the address go, and a client gets in', async () => {
  const sockets = Array.from({ length: NOT_LOGGED_ON + 200 }, () => {
    const socket = connect(edge.fixPort, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    return socket;
  });
  try {
    await until(
      'the oldest are pushed out',
      () => sockets.filter((one) => one.closed || one.readableEnded || one.destroyed).length >= 200,
      10_000,
    );
    const fresh = await house.user('after-flood');
    const before = performance.now();
    expect((await house.client(edge, fresh).logon(fresh.password)).type).toBe('A');
    expect(performance.now() - before).toBeLessThan(1000);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}, 30_000);

test('a flood of bad logons leaves room for a good one', async () => {
  const bad = Array.from({ length: 100 }, () =>
    stranger((s) => s.write(message([...header('A', 1), [98, 0], [108, 30], [554, 'wrong']])), 10_000),
  );
  const fresh = await house.user('amid-flood');
  expect((await house.client(edge, fresh).logon(fresh.password)).type).toBe('A');
  for (const heard of await Promise.all(bad)) expect(heard.toString('latin1')).toContain('35=5');
}, 20_000);
