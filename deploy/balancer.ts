/**
 * Stands for the network load balancer, which the emulator only has on paper: takes connections, says in a PROXY v2 header
 * whose they are, where the target group does, and passes bytes on. It ends TLS where a listener would.
 */
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';

export interface BalancerOptions {
  /** The edge's port on the loopback. */
  readonly target: number;
  /** Send the header? */
  readonly proxyProtocol: boolean;
  /** Files: connections that begin with a TLS handshake end it here; others pass as they are. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface Balancer {
  readonly port: number;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
/** First byte of a TLS record that begins a handshake (RFC 8446, 5.1). */
const HANDSHAKE = 0x16;
const SIGNATURE = '0d0a0d0a000d0a515549540a';
const PROXY_TCP4 = '2111';
/** PP2_TYPE_AWS with the id of an endpoint (subtype 1), as a balancer appends it for endpoint services. */
const VPCE_TLV = Buffer.concat([Buffer.from([0xea, 0x00, 0x17, 0x01]), Buffer.from('vpce-0123456789abcdef0')]);

/** A header of version 2 for TCP over IPv4, with an extension as the balancers of AWS send. */
export function proxyHeader(source: string, sourcePort: number, destination: string, destinationPort: number): Buffer {
  const addresses = [...source.split('.'), ...destination.split('.')].map(Number);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(sourcePort, 0);
  ports.writeUInt16BE(destinationPort, 2);
  const body = Buffer.concat([Buffer.from(addresses), ports, VPCE_TLV]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([Buffer.from(SIGNATURE + PROXY_TCP4, 'hex'), length, body]);
}

export async function startBalancer({ target, proxyProtocol, tls }: BalancerOptions): Promise<Balancer> {
  const open = new Set<Socket>();
  const pass = (from: Socket): void => {
    const to = connect({ host: HOST, port: target, noDelay: true });
    open.add(to);
    to.once('close', () => open.delete(to));
    if (proxyProtocol) to.write(proxyHeader(HOST, from.remotePort ?? 0, HOST, from.localPort ?? 0));
    const done = (): void => {
      from.destroy();
      to.destroy();
    };
    pipeline(from, to, done);
    pipeline(to, from, done);
  };
  const door =
    tls === undefined
      ? undefined
      : createTlsServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, (secure) => {
          secure.on('error', () => secure.destroy());
          pass(secure);
        });
  const server: Server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    if (door === undefined) {
      pass(socket);
      return;
    }
    socket.once('data', (first) => {
      socket.pause().unshift(first);
      if (first[0] === HANDSHAKE) door.emit('connection', socket);
      else pass(socket);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
