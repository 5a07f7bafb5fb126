// The local balancer between real sockets: who gets whom, whose address is told, and how both ends end.
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { readProxyHeader } from '../../edge/proxy-protocol.ts';
import { type Backend, type Balancer, startBalancer } from '../../local/balancer.ts';
import { proxyHeader } from '../../local/proxy-header.ts';
import { until } from '../edge/support/desk.ts';

const HOST = '127.0.0.1';

/** An edge as a balancer sees it: a port, and a word on whether it is ready. */
class FakeEdge {
  ready = true;
  readonly sockets: Socket[] = [];
  /** What came after the header, by connection. */
  readonly said: Buffer[] = [];
  readonly headers: string[] = [];
  readonly #fix: Server;
  readonly #http: HttpServer;

  constructor(onSocket: (socket: Socket) => void = () => {}) {
    this.#fix = createServer({ allowHalfOpen: true }, (socket) => {
      const at = this.sockets.push(socket) - 1;
      this.said[at] = Buffer.alloc(0);
      let bytes = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        const header = readProxyHeader(bytes);
        if (header.kind !== 'proxied') return;
        this.headers[at] = header.address;
        this.said[at] = bytes.subarray(header.bytes);
      });
      onSocket(socket);
    });
    this.#http = createHttp((_, response) => response.writeHead(this.ready ? 200 : 503).end());
  }

  async listen(name: string): Promise<Backend> {
    const port = async (server: Server | HttpServer): Promise<number> => {
      await new Promise<void>((resolve) => void server.listen(0, HOST, resolve));
      return (server.address() as AddressInfo).port;
    };
    const [fix, http] = [await port(this.#fix), await port(this.#http)];
    return { name, host: HOST, port: fix, ready_url: `http://${HOST}:${http}/ready` };
  }

  refuse(): void {
    this.#fix.close();
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#fix.close();
    this.#http.close();
    this.#http.closeAllConnections();
  }
}

const edges: FakeEdge[] = [];
const clients: Socket[] = [];
let balancer: Balancer;

async function over(...made: FakeEdge[]): Promise<void> {
  edges.push(...made);
  const backends = await Promise.all(made.map((edge, i) => edge.listen(`e${i}`)));
  balancer = await startBalancer(HOST, 0, backends);
}

async function client(): Promise<Socket> {
  const socket = connect({ host: HOST, port: balancer.port, allowHalfOpen: true });
  clients.push(socket);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** The other side has ended it, in whatever way. */
const gone = (socket: Socket) =>
  new Promise<void>((resolve) => {
    socket
      .on('error', () => resolve())
      .once('end', resolve)
      .once('close', () => resolve());
    socket.resume();
  });

const counts = (): number[] => balancer.backends().map(({ connections }) => connections);
const all = (edge: FakeEdge, n: number) => until(`${n} connections`, () => edge.headers.filter(Boolean).length === n);

afterEach(() => {
  for (const one of clients.splice(0)) one.destroy();
  balancer.close();
  for (const edge of edges.splice(0)) edge.close();
});

describe('the balancer', () => {
  test('sends each to the edge with the fewest, and says whose address it is', async () => {
    const [a, b] = [new FakeEdge(), new FakeEdge()];
    await over(a, b);
    const four = [await client(), await client(), await client(), await client()];
    await Promise.all([all(a, 2), all(b, 2)]);
    expect(a.headers).toEqual([HOST, HOST]);
    four[0]!.resetAndDestroy();
    await until('one is gone', () => counts().includes(1));
    await client();
    await until('it has its place', () => counts().every((count) => count === 2));
  });

  test('passes bytes on both ways, and a FIN after what was said before it', async () => {
    const edge = new FakeEdge();
    await over(edge);
    const socket = await client();
    const heard: Buffer[] = [];
    socket.on('data', (chunk) => heard.push(chunk));
    socket.end('8=FIX');
    await until('the edge has it', () => edge.said[0]?.toString() === '8=FIX');
    await until('and the FIN', () => edge.sockets[0]!.readableEnded);
    // The other way is open still.
    expect(socket.readableEnded).toBe(false);
    edge.sockets[0]!.end('reply');
    await until('the client has the reply and the FIN', () => socket.readableEnded);
    expect(Buffer.concat(heard).toString()).toBe('reply');
    await until('nothing is left', () => counts()[0] === 0);
  });

  test('passes a reset on as a reset', async () => {
    const edge = new FakeEdge();
    await over(edge);
    const socket = await client();
    await all(edge, 1);
    const reset = new Promise<string | undefined>((resolve) =>
      edge.sockets[0]!.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code)),
    );
    socket.resetAndDestroy();
    expect(await reset).toBe('ECONNRESET');
    await until('nothing is left', () => counts()[0] === 0);
  });

  test('leaves out an edge that is not ready, whose clients stay', async () => {
    const [a, b] = [new FakeEdge(), new FakeEdge()];
    await over(a, b);
    const before = await client();
    await all(a, 1);
    a.ready = false;
    await balancer.check();
    for (let n = 0; n < 3; n++) await client();
    await all(b, 3);
    expect(a.headers).toHaveLength(1);
    before.write('still here');
    await until('it is heard', () => a.said[0]?.toString() === 'still here');
    a.ready = true;
    await balancer.check();
    await client();
    await all(a, 2);
  });

  test('goes on to the next when one does not accept; when none is ready, each may say so itself', async () => {
    const [a, b] = [new FakeEdge(), new FakeEdge()];
    await over(a, b);
    a.refuse();
    for (let n = 0; n < 2; n++) await client();
    await all(b, 2);
    b.ready = false;
    await balancer.check();
    await client();
    await all(b, 3);
    b.refuse();
    const nobody = await client();
    await gone(nobody);
  });

  test('holds back who sends faster than the other reads, and loses nothing', async () => {
    const edge = new FakeEdge((socket) => socket.pause());
    await over(edge);
    const socket = await client();
    const chunk = Buffer.alloc(1 << 20, 0x41);
    // The kernel takes some megabytes; that the client has to wait shows that nobody in between takes all of it.
    for (let sent = 0; sent < 64; sent++) socket.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(socket.writableLength).toBeGreaterThan(16 << 20);
    socket.end();
    edge.sockets[0]!.removeAllListeners('data');
    let got = -proxyHeader(HOST, 1, HOST, 1).length;
    edge.sockets[0]!.on('data', (bytes: Buffer) => {
      got += bytes.length;
    });
    edge.sockets[0]!.resume();
    await until('all of it is there', () => got === 64 << 20, 20_000);
  }, 30_000);

  test('takes nobody once it refuses, and cuts who is left when it closes', async () => {
    const edge = new FakeEdge();
    await over(edge);
    const socket = await client();
    socket.on('error', () => {});
    await all(edge, 1);
    balancer.refuse();
    const refused = connect({ host: HOST, port: balancer.port });
    expect(
      await new Promise((resolve) => refused.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code))),
    ).toBe('ECONNREFUSED');
    expect(socket.destroyed).toBe(false);
    balancer.close();
    await gone(socket);
  });
});

test.each([
  ['192.0.2.1', '10.0.0.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '127.0.0.1', '192.0.2.1'],
  ['2001:db8::5', '::1', '2001:db8::5'],
  ['192.0.2.1', '::1', '192.0.2.1'],
])('a header from %s to %s is read as %s', (source, target, address) => {
  const header = proxyHeader(source, 1234, target, 9878);
  expect(readProxyHeader(header)).toEqual({ kind: 'proxied', bytes: header.length, address });
});
