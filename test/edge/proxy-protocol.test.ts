// The balancer's header: its bytes by themselves, then over real sockets before FIX and before HTTP.
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ConfigError, readConfig } from '../../edge/config.ts';
import type { Edge } from '../../edge/edge.ts';
import { PROXY_BODY_BYTES } from '../../edge/limits.ts';
import { ProxySources, readProxyHeader } from '../../edge/proxy-protocol.ts';
import { dialTcp } from '../../local/fix-client.ts';
import { type Account, TestHouse, until } from './support/desk.ts';
import { header, local, tcp4, tcp6, tlv } from './support/proxy.ts';

const ON = { FIXGATE_PROXY_PROTOCOL: 'on', FIXGATE_PROXY_SOURCES: '127.0.0.0/8' };

describe('a header by itself', () => {
  const v6 = Buffer.from('20010db8000000000000000000000001', 'hex');
  const mapped = Buffer.from('00000000000000000000ffffc0000207', 'hex');

  test.each([
    ['TCP4', tcp4([192, 0, 2, 7]), '192.0.2.7'],
    ['TCP6', tcp6(v6), '2001:db8::1'],
    ['TCP6 with an IPv4 address in it', tcp6(mapped), '192.0.2.7'],
    [
      'TCP4 with extensions',
      tcp4([192, 0, 2, 7], tlv(0xea, Buffer.alloc(23, 1)), tlv(4, Buffer.alloc(7))),
      '192.0.2.7',
    ],
  ])('%s says who the client is, and where its own bytes begin', (_name, bytes, address) => {
    const more = Buffer.concat([bytes, Buffer.from('8=FIX')]);
    expect(readProxyHeader(more)).toEqual({ kind: 'proxied', bytes: bytes.length, address });
  });

  test('LOCAL says nothing of a client, whatever stands in it', () => {
    expect(readProxyHeader(local())).toEqual({ kind: 'local', bytes: 16 });
    expect(readProxyHeader(header(0x20, 0x11, Buffer.alloc(12)))).toEqual({ kind: 'local', bytes: 28 });
  });

  test.each([
    ['version 1 of it', 'PROXY TCP4 192.0.2.7 10.0.0.1 49152 9878\r\n'],
    ['FIX', '8=FIX.4.4\x019=5\x01'],
    ['TLS', Buffer.from('160301', 'hex')],
    ['a signature with its last byte wrong', Buffer.from('0d0a0d0a000d0a515549540b', 'hex')],
  ])('%s is none', (_name, bytes) => {
    expect(readProxyHeader(Buffer.from(bytes as string)).kind).toBe('absent');
  });

  test.each([
    ['another version', header(0x11, 0x11, Buffer.alloc(12))],
    ['an unknown command', header(0x22, 0x11, Buffer.alloc(12))],
    ['no family', header(0x21, 0x00, Buffer.alloc(12))],
    ['UDP', header(0x21, 0x12, Buffer.alloc(12))],
    ['a Unix socket', header(0x21, 0x31, Buffer.alloc(216))],
    ['too few bytes for IPv4', header(0x21, 0x11, Buffer.alloc(11))],
    ['too few bytes for IPv6', header(0x21, 0x21, Buffer.alloc(35))],
    ['too many bytes', header(0x21, 0x11, Buffer.alloc(PROXY_BODY_BYTES + 1))],
    ['too many bytes for a LOCAL one', header(0x20, 0x00, Buffer.alloc(PROXY_BODY_BYTES + 1))],
  ])('%s is wrong, known before all of it is there', (_name, bytes) => {
    expect(readProxyHeader(bytes.subarray(0, 16)).kind).toBe('wrong');
  });

  test('any beginning of a header asks for more, and any bytes are answered', () => {
    const whole = tcp4([192, 0, 2, 7], tlv(4, Buffer.alloc(100)));
    for (let end = 0; end < whole.length; end++) expect(readProxyHeader(whole.subarray(0, end)).kind).toBe('more');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (tail, signed) => {
        const bytes = signed ? Buffer.concat([whole.subarray(0, 12), tail]) : Buffer.from(tail);
        const read = readProxyHeader(bytes);
        if (read.kind === 'local' || read.kind === 'proxied') expect(read.bytes).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  test('sources are addresses, CIDRs and ranges, IPv4 in IPv6 as IPv4', () => {
    const sources = new ProxySources(['10.0.0.0/16', '192.0.2.7', '2001:db8::/64']);
    for (const one of ['10.0.255.255', '192.0.2.7', '::ffff:10.0.0.1', '2001:db8::9'])
      expect(sources.has(one)).toBe(true);
    for (const one of ['10.1.0.0', '192.0.2.8', '2001:db8:0:1::', '', 'x']) expect(sources.has(one)).toBe(false);
  });
});

describe('settings', () => {
  test.each([
    [{ FIXGATE_PROXY_PROTOCOL: 'on' }],
    [{ FIXGATE_PROXY_PROTOCOL: 'on', FIXGATE_PROXY_SOURCES: ' , ' }],
    [{ FIXGATE_PROXY_PROTOCOL: 'on', FIXGATE_PROXY_SOURCES: '10.0.0.0/33' }],
  ])('%j is refused', (env) => {
    expect(() => readConfig(env)).toThrow(ConfigError);
    expect(() => readConfig(env)).toThrow('FIXGATE_PROXY_SOURCES');
  });
});

describe('before FIX', () => {
  let house: TestHouse;
  let edge: Edge;
  let alice: Account;

  beforeEach(async () => {
    house = new TestHouse();
    alice = await house.user('alice', { allowed_ips: ['192.0.2.7', '2001:db8::1'] });
  });
  afterEach(() => house.close());

  const behind = async (...bytes: Buffer[]): Promise<Socket> => {
    const socket = await dialTcp('127.0.0.1', edge.fixPort);
    for (const one of bytes) {
      socket.write(one);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return socket;
  };
  const clientBehind = (...bytes: Buffer[]) => house.client(edge, alice, { dial: () => behind(...bytes) });
  const ended = (socket: Socket): Promise<string> =>
    new Promise((resolve) => {
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1');
      });
      socket.on('error', () => {});
      socket.once('close', () => resolve(heard));
    });

  test('the client is whom the header names', async () => {
    edge = await house.open({ env: ON });
    expect((await clientBehind(tcp4([192, 0, 2, 7], tlv(4, Buffer.alloc(9)))).logon(alice.password)).type).toBe('A');
    expect((await clientBehind(tcp4([192, 0, 2, 8])).logon(alice.password)).type).toBe('5');
    await until('it is recorded', () => house.records('logon_refused').length === 1);
    expect(JSON.stringify(house.records('logon_refused'))).toContain('192.0.2.8');
    const [session] = [...edge.gate.sessions()];
    expect(JSON.stringify(session)).toContain('192.0.2.7');
  });

  test('a header may come byte by byte, and with the Logon in one piece', async () => {
    edge = await house.open({ env: ON });
    const one = clientBehind(
      ...[...tcp6(Buffer.from('20010db8000000000000000000000001', 'hex'))].map((b) => Buffer.of(b)),
    );
    expect((await one.logon(alice.password)).type).toBe('A');
    const two = house.client(edge, alice, {
      sender_sub_id: 'b',
      dial: async () => {
        const socket = await dialTcp('127.0.0.1', edge.fixPort);
        socket.cork();
        socket.write(tcp4([192, 0, 2, 7]));
        setImmediate(() => socket.uncork());
        return socket;
      },
    });
    expect((await two.logon(alice.password)).type).toBe('A');
  });

  test('LOCAL leaves the connection its own address', async () => {
    edge = await house.open({ env: ON });
    const bob = await house.user('bob', { allowed_ips: ['127.0.0.1'] });
    const client = house.client(edge, bob, { dial: () => behind(local()) });
    expect((await client.logon(bob.password)).type).toBe('A');
  });

  test.each<[string, Buffer]>([
    ['garbage', Buffer.alloc(64, 0xff)],
    ['FIX without a header', Buffer.from('8=FIX.4.4\x019=5\x0135=0\x01')],
    ['version 1', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 49152 9878\r\n')],
    ['UDP', header(0x21, 0x12, Buffer.alloc(12))],
    ['a second header', Buffer.concat([tcp4([192, 0, 2, 7]), tcp4([192, 0, 2, 7])])],
    ['a header of 64 KiB', header(0x21, 0x11, Buffer.alloc(65_535))],
  ])('%s is closed without a word', async (_name, bytes) => {
    edge = await house.open({ env: ON });
    expect(await ended(await behind(bytes))).toBe('');
    await until('nobody is left', async () => (await connections(edge)) === 0);
  });

  test('who may not speak for clients is closed, with a header and without', async () => {
    edge = await house.open({ env: { ...ON, FIXGATE_PROXY_SOURCES: '10.0.0.0/8,::1' } });
    expect(await ended(await behind(tcp4([192, 0, 2, 7])))).toBe('');
    expect(await ended(await behind())).toBe('');
    expect(await metric(edge, 'fix_connections_closed_total{cause="untrusted_source"}')).toBe(2);
  });

  test('where it is optional, who sends none comes from where it comes; a wrong one is refused still', async () => {
    edge = await house.open({ env: { ...ON, FIXGATE_PROXY_PROTOCOL: 'optional' } });
    expect((await clientBehind(tcp4([192, 0, 2, 7])).logon(alice.password)).type).toBe('A');
    expect((await clientBehind().logon(alice.password)).type).toBe('5');
    await until('it is recorded', () => house.records('logon_refused').length === 1);
    expect(JSON.stringify(house.records('logon_refused'))).toContain('127.0.0.1');
    expect(await ended(await behind(header(0x21, 0x13, Buffer.alloc(12))))).toBe('');
    const others = { ...ON, FIXGATE_PROXY_PROTOCOL: 'optional', FIXGATE_PROXY_SOURCES: '10.0.0.1' };
    edge = await house.open({ env: { ...others, FIXGATE_EDGE_ID: 'test-2' } });
    // A header from elsewhere is no FIX.
    expect(await ended(await behind(tcp4([192, 0, 2, 7])))).toBe('');
    const bob = await house.user('bob');
    expect((await house.client(edge, bob).logon(bob.password)).type).toBe('A');
  });

  test('without the setting a header is garbage', async () => {
    edge = await house.open();
    expect(await ended(await behind(tcp4([192, 0, 2, 7])))).toBe('');
  });

  test('bad logons count against the client, not the balancer', async () => {
    edge = await house.open({ env: { ...ON, FIXGATE_BAD_LOGON_LIMIT: '3' } });
    const bob = await house.user('bob');
    const logon = async (last: number, password: string): Promise<string> => {
      const client = house.client(edge, bob, { dial: () => behind(tcp4([192, 0, 2, last])) });
      return (await client.logon(password)).type;
    };
    for (let i = 0; i < 4; i++) expect(await logon(9, 'wrong')).toBe('5');
    expect(await logon(9, bob.password)).toBe('5');
    expect(await logon(7, bob.password)).toBe('A');
  });

  test('one that says nothing is in the lobby meanwhile', async () => {
    edge = await house.open({ env: ON });
    const quiet = await behind(tcp4([192, 0, 2, 7]).subarray(0, 20));
    await until('it is counted', async () => (await metric(edge, 'fix_connections_not_logged_on')) === 1);
    quiet.destroy();
    await until('it is gone', async () => (await metric(edge, 'fix_connections_not_logged_on')) === 0);
  });
});

describe('before HTTP', () => {
  let house: TestHouse;
  let edge: Edge;

  beforeEach(async () => {
    house = new TestHouse();
    edge = await house.open({ env: ON });
  });
  afterEach(() => house.close());

  const REQUEST = Buffer.from('GET /ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  const answer = (...bytes: Buffer[]): Promise<string> =>
    new Promise((resolve) => {
      let heard = '';
      const socket = connect(edge.metricsPort, '127.0.0.1', async () => {
        for (const one of bytes) {
          socket.write(one);
          await new Promise((next) => setImmediate(next));
        }
      });
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1');
      });
      socket.on('error', () => {});
      socket.once('close', () => resolve(heard));
    });

  test.each<[string, Buffer[]]>([
    ['LOCAL', [Buffer.concat([local(), REQUEST])]],
    ['TCP4, in pieces', [tcp4([10, 0, 0, 9]), REQUEST]],
    ['byte by byte', [...Buffer.concat([local(), REQUEST])].map((byte) => Buffer.of(byte))],
    ['no header', [REQUEST]],
    ['an empty line, as HTTP allows', [Buffer.from('\r\n'), REQUEST]],
  ])('%s: a health check is answered', async (_name, bytes) => {
    expect(await answer(...bytes)).toContain('{"status":"ready"}');
  });

  test('a wrong header is closed', async () => {
    expect(await answer(header(0x21, 0x12, Buffer.alloc(12)), REQUEST)).toBe('');
  });

  test('from elsewhere a header is no HTTP', async () => {
    const strict = await house.open({ env: { ...ON, FIXGATE_EDGE_ID: 'test-2', FIXGATE_PROXY_SOURCES: '10.0.0.0/8' } });
    edge = strict;
    expect(await answer(Buffer.concat([local(), REQUEST]))).not.toContain('ready');
    expect(await answer(REQUEST)).toContain('{"status":"ready"}');
  });
});

async function metric(edge: Edge, name: string): Promise<number> {
  const text = await new Promise<string>((resolve, reject) => {
    get({ host: '127.0.0.1', port: edge.metricsPort, path: '/metrics', agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve(body));
    }).on('error', reject);
  });
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? Number.NaN : Number(line.split(' ')[1]);
}

const connections = (edge: Edge): Promise<number> => metric(edge, 'fix_connections');
