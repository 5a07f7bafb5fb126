// What strangers and broken clients send. After each, a well-behaved client logs on, and one that was there before is
// answered as if nothing were. What it costs in time and memory is measured by scripts/hostile.ts.
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Edge } from '../../edge/edge.ts';
import type { FixClient } from '../../local/fix-client.ts';
import { logon, order, PAYLOADS } from '../../scripts/hostile/payloads.ts';
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
async function stranger(send: (socket: Socket) => unknown, patience = 300): Promise<Buffer> {
  const socket = connect(edge.fixPort, '127.0.0.1');
  const heard: Buffer[] = [];
  socket.on('data', (chunk) => heard.push(chunk));
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('error', () => socket.destroy());
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  await send(socket);
  let late: NodeJS.Timeout | undefined;
  const aWhile = new Promise<void>((resolve) => {
    late = setTimeout(resolve, patience);
  });
  await Promise.race([closed, aWhile]);
  clearTimeout(late);
  socket.destroy();
  return Buffer.concat(heard);
}

async function allIsWell(): Promise<void> {
  seq += 1;
  bystander.send('1', [[112, `p${seq}`]]);
  await bystander.next((m) => m.type === '0' && m.get(112) === `p${seq}`);
  const fresh = await house.user(`well-behaved-${seq}`);
  const client = house.client(edge, fresh);
  expect((await client.logon(fresh.password)).type).toBe('A');
  client.destroy();
}

test.each(PAYLOADS.map((payload) => [`${payload.name}${payload.afterLogon ? ', after Logon' : ''}`, payload] as const))(
  '%s',
  async (_name, { afterLogon, bytes }) => {
    await stranger((socket) => {
      if (afterLogon) socket.write(logon(account));
      socket.write(bytes(account));
    });
    await allIsWell();
  },
);

test('one byte at a time: a Logon, an order, and both are answered', async () => {
  const heard = await stranger(async (socket) => {
    for (const byte of Buffer.concat([logon(account), order(account, 2, 'slow')])) {
      socket.write(Buffer.of(byte));
      if (byte === 1) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until('the order has come back', () => socket.bytesRead > 200);
  });
  expect(heard.toString('latin1')).toMatch(/\x0135=A\x01.*\x0135=D\x01.*\x0111=slow\x01/s);
  await allIsWell();
});

/** Connections that say nothing, so many more than there is room for. */
function crowd(port: number, size: number): Socket[] {
  return Array.from({ length: size }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    return socket.resume();
  });
}
const gone = (sockets: readonly Socket[]): number => sockets.filter((one) => one.closed || one.destroyed).length;

test('hundreds of connections that say nothing: the oldest of the address go, and a client gets in', async () => {
  const own = new TestHouse();
  const small = await own.open({ bounds: { not_logged_on: 500 } });
  const sockets = crowd(small.fixPort, 700);
  try {
    await until('the oldest are pushed out', () => gone(sockets) >= 200, 10_000);
    const fresh = await own.user('after-flood');
    expect((await own.client(small, fresh).logon(fresh.password)).type).toBe('A');
  } finally {
    for (const socket of sockets) socket.destroy();
    await own.close();
  }
}, 30_000);

test('a flood leaves sessions their places: what they take of all there are, those not logged on have less', async () => {
  const own = new TestHouse();
  const small = await own.open({ bounds: { connections: 40 } });
  const sockets = crowd(small.fixPort, 60);
  try {
    await until('all but forty are pushed out', () => gone(sockets) >= 20, 10_000);
    for (let n = 1; n <= 10; n++) {
      const user = await own.user(`amid-${n}`);
      expect((await own.client(small, user).logon(user.password)).type).toBe('A');
    }
    sockets.push(...crowd(small.fixPort, 1));
    await until('and as many as have logged on', () => gone(sockets) >= 31, 10_000);
  } finally {
    for (const socket of sockets) socket.destroy();
    await own.close();
  }
}, 30_000);

test('a flood of bad logons leaves room for a good one', async () => {
  const bad = Array.from({ length: 100 }, () =>
    stranger((socket) => socket.write(logon({ ...account, password: 'wrong' })), 10_000),
  );
  const fresh = await house.user('amid-flood');
  expect((await house.client(edge, fresh).logon(fresh.password)).type).toBe('A');
  for (const heard of await Promise.all(bad)) expect(heard.toString('latin1')).toContain('35=5');
}, 20_000);
