import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Balancer, proxyHeader, startBalancer } from '../../deploy/balancer.ts';
import { readProxyHeader } from '../../edge/proxy-protocol.ts';
import { dialTls } from '../../local/fix-client.ts';
import { CertificateMaker } from '../edge/support/certificates.ts';

describe('what stands for the balancer', () => {
  let server: Server | undefined;
  let balancer: Balancer | undefined;
  let client: Socket | undefined;
  afterEach(async () => {
    client?.destroy();
    await balancer?.stop();
    server?.close();
  });

  /** A target that keeps what it gets and echoes in capitals. */
  async function target(): Promise<{ port: number; got: () => Buffer }> {
    let got = Buffer.alloc(0);
    server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk) => {
        got = Buffer.concat([got, chunk]);
        if (chunk.includes('hello')) socket.write('HELLO');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, got: () => got };
  }
  const dial = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const hello = async (socket: Socket): Promise<string> => {
    socket.write('hello');
    return String((await once(socket, 'data'))[0]);
  };

  test('tells whose connection it is in a header that the edge reads', () => {
    const header = proxyHeader('192.0.2.7', 40_000, '10.0.1.9', 9878);
    expect(readProxyHeader(header)).toEqual({ kind: 'proxied', bytes: header.length, address: '192.0.2.7' });
  });

  test('passes bytes on, behind the header or without it', async () => {
    for (const proxyProtocol of [true, false]) {
      const { port, got } = await target();
      balancer = await startBalancer({ target: port, proxyProtocol });
      client = await dial(balancer.port);
      expect(await hello(client)).toBe('HELLO');
      const header = readProxyHeader(got());
      expect(header.kind).toBe(proxyProtocol ? 'proxied' : 'absent');
      client.destroy();
      await balancer.stop();
      server?.close();
    }
  });

  test('ends TLS where a client begins it, and serves the others as they are', async () => {
    const maker = new CertificateMaker();
    const { cert, key } = maker.make('balancer');
    const { port } = await target();
    balancer = await startBalancer({ target: port, proxyProtocol: true, tls: { cert, key } });
    client = await dialTls('127.0.0.1', balancer.port, cert);
    expect(await hello(client)).toBe('HELLO');
    client.destroy();
    client = await dial(balancer.port);
    expect(await hello(client)).toBe('HELLO');
    maker.close();
  });

  test('ends a connection whose target is not there', async () => {
    const { port } = await target();
    server?.close();
    balancer = await startBalancer({ target: port, proxyProtocol: true });
    client = connect(balancer.port, '127.0.0.1');
    await once(client, 'close');
  });
});
