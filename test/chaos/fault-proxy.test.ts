import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FaultProxy, startFaultProxy } from '../../chaos/fault-proxy.ts';

let server: Server;
let proxy: FaultProxy;
const open: Socket[] = [];

/** Says back whatever comes. */
beforeEach(async () => {
  server = createServer((socket) => {
    open.push(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await startFaultProxy((server.address() as AddressInfo).port);
});
afterEach(() => {
  proxy.close();
  for (const socket of open.splice(0)) socket.destroy();
  server.close();
});

async function dial(): Promise<Socket> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  open.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** The next so many bytes; no two readings of a connection at once. */
function read(socket: Socket, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  return new Promise((resolve) => {
    const take = (piece: Buffer): void => {
      pieces.push(piece);
      length += piece.length;
      if (length < bytes) return;
      socket.off('data', take);
      resolve(Buffer.concat(pieces));
    };
    socket.on('data', take);
  });
}

/** Unlike `once`, a reset is no failure here. */
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

test('without a fault everything passes, and a FIN as one', async () => {
  const socket = await dial();
  const sent = Buffer.alloc(5_000_000, 'abcdefg');
  const ended = once(socket, 'end');
  socket.end(sent);
  expect((await read(socket, sent.length)).equals(sent)).toBe(true);
  await ended;
});

test('a delayed line takes its time each way, and loses nothing', async () => {
  const socket = await dial();
  proxy.set({ type: 'delay', ms: 60 });
  const since = performance.now();
  socket.write('slow');
  expect(String(await read(socket, 4))).toBe('slow');
  expect(performance.now() - since).toBeGreaterThanOrEqual(119);
});

test('a throttled line passes piece by piece, in order', async () => {
  const socket = await dial();
  proxy.set({ type: 'throttle', bytes_per_second: 10_000 });
  const sent = Buffer.from(Array.from({ length: 2000 }, (_, i) => i % 251));
  const since = performance.now();
  socket.write(sent);
  expect((await read(socket, sent.length)).equals(sent)).toBe(true);
  expect(performance.now() - since).toBeGreaterThanOrEqual(150);
});

test('a stalled line holds back, and says all of it afterwards', async () => {
  const [one, other] = [await dial(), await dial()];
  proxy.set({ type: 'stall' });
  let early = false;
  one.once('data', () => {
    early = true;
  });
  one.write('held ');
  // What another connection has got through by then, this one would have too.
  const bystander = await startFaultProxy((server.address() as AddressInfo).port);
  const free = connect({ port: bystander.port, host: '127.0.0.1' });
  open.push(free);
  free.on('error', () => {});
  free.write('x');
  await read(free, 1);
  bystander.close();
  expect(early).toBe(false);
  const all = read(one, 9);
  one.write('back');
  proxy.set({ type: 'none' });
  expect(String(await all)).toBe('held back');
  other.write('too');
  expect(String(await read(other, 3))).toBe('too');
});

test('a cut line resets what is there and what comes', async () => {
  const socket = await dial();
  socket.write('x');
  await read(socket, 1);
  const gone = closed(socket);
  proxy.set({ type: 'cut' });
  await gone;
  const later = connect({ port: proxy.port, host: '127.0.0.1' });
  open.push(later);
  later.on('error', () => {});
  await closed(later);
  proxy.set({ type: 'none' });
  const again = await dial();
  again.write('y');
  expect(String(await read(again, 1))).toBe('y');
});
