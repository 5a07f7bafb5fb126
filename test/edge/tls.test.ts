// TLS of the FIX port, over real sockets and with certificates made for the run.
import { createHash } from 'node:crypto';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigError, readConfig } from '../../edge/config.ts';
import type { Edge } from '../../edge/edge.ts';
import { dialTcp } from '../../local/fix-client.ts';
import { type Certificate, CertificateMaker } from './support/certificates.ts';
import { type Account, TestHouse, until } from './support/desk.ts';
import { tcp4 } from './support/proxy.ts';

let maker: CertificateMaker;
let one: Certificate;
let two: Certificate;
let house: TestHouse;
let edge: Edge;
let alice: Account;

beforeAll(() => {
  maker = new CertificateMaker();
  one = maker.make('one');
  two = maker.make('two');
}, 60_000);
afterAll(() => maker.close());
beforeEach(async () => {
  house = new TestHouse();
  alice = await house.user('alice');
});
afterEach(() => house.close());

/** The server's alert, as a client's OpenSSL names it. */
const REFUSED = 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE';
const files = ({ cert, key }: Certificate) => ({ FIXGATE_TLS_CERT: cert, FIXGATE_TLS_KEY: key });

/** Resolves when the handshake is over and nothing is against it for a moment: in 1.3 a server's refusal comes after. */
function secure(options: ConnectionOptions = {}, over?: Socket): Promise<TLSSocket> {
  const way = { host: '127.0.0.1', ...(over === undefined ? { port: edge.fixPort } : { socket: over }) };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...way, ca: [one.certText, two.certText], ...options }, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
const clientOver = (options: ConnectionOptions = {}, sub = 'main') =>
  house.client(edge, alice, { sender_sub_id: sub, dial: () => secure(options) });
/** As `openssl x509 -outform der | sha256sum` has it: not by the way that the edge takes. */
const sha256Of = ({ certText }: Certificate): string =>
  createHash('sha256')
    .update(Buffer.from(certText.replace(/-----[^-]+-----|\s/g, ''), 'base64'))
    .digest('hex');
const shown = async (): Promise<string | undefined> => {
  const socket = await secure();
  const name = socket.getPeerCertificate().subject?.CN;
  socket.destroy();
  return typeof name === 'string' ? name : undefined;
};
const ended = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => {}).resume();
    socket.once('close', () => resolve());
  });

describe('a client', () => {
  beforeEach(async () => {
    edge = await house.open({ env: files(one) });
  });

  test.each([['TLSv1.2'], ['TLSv1.3']] as const)('logs on and trades over %s', async (version) => {
    const client = clientOver({ minVersion: version, maxVersion: version });
    expect((await client.logon(alice.password)).type).toBe('A');
    client.send('1', [[112, 'are you there']]);
    expect((await client.next(({ type }) => type === '0')).get(112)).toBe('are you there');
    client.send('5');
    expect((await client.next(({ type }) => type === '5')).type).toBe('5');
    await until('the session is gone', () => [...edge.gate.sessions()].length === 0);
  });

  test('a large message of many records arrives whole', async () => {
    const client = clientOver();
    await client.logon(alice.password);
    client.send('1', [[112, 'x'.repeat(200)]]);
    for (let i = 0; i < 2000; i++) client.send('1', [[112, `n${i}`]]);
    expect((await client.next((message) => message.get(112) === 'n1999')).type).toBe('0');
  });

  test.each<[string, string, ConnectionOptions]>([
    [
      'TLS 1.1',
      'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
      { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    ],
    ['CBC', REFUSED, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA' }],
    ['a key without forward secrecy', REFUSED, { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
  ])('%s is refused, and the next one served', async (_name, code, options) => {
    await expect(secure(options)).rejects.toMatchObject({ code });
    expect((await clientOver().logon(alice.password)).type).toBe('A');
  });

  test.each([
    ['FIX', '8=FIX.4.4\x019=5\x0135=0\x0110=000\x01'],
    ['garbage', '\xff'.repeat(100)],
    ['a handshake that does not go on', '\x16\x03\x01\x40\x00'],
  ])('in plain TCP is closed: %s', async (_name, bytes) => {
    const socket = await dialTcp('127.0.0.1', edge.fixPort);
    socket.write(bytes, 'latin1');
    if (bytes.startsWith('\x16')) socket.end();
    await ended(socket);
    await until('nobody is left', () => notLoggedOn(edge).then((count) => count === 0));
    expect((await clientOver().logon(alice.password)).type).toBe('A');
  });

  test('may not renegotiate', async () => {
    const socket = await secure({ maxVersion: 'TLSv1.2' });
    const failed = await new Promise<Error | null>((resolve) => {
      socket.on('error', resolve);
      socket.renegotiate({}, resolve);
    });
    expect(failed).toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' });
    socket.destroy();
  });

  test('gets no ticket that would let it in again without a handshake', async () => {
    const socket = await secure({ maxVersion: 'TLSv1.2' });
    const session = socket.getSession();
    socket.destroy();
    const again = await secure({ maxVersion: 'TLSv1.2', ...(session === undefined ? {} : { session }) });
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
  });

  test('is told of a drain, and closed', async () => {
    const client = clientOver();
    await client.logon(alice.password);
    const drained = edge.drain(true);
    expect((await client.next(({ type }) => type === '5')).get(58)).toContain('shutting down');
    await drained;
  });
});

test('the lobby holds those in the handshake', async () => {
  edge = await house.open({ env: files(one) });
  const quiet = await dialTcp('127.0.0.1', edge.fixPort);
  quiet.on('error', () => {});
  await until('it is counted', () => notLoggedOn(edge).then((count) => count === 1));
  quiet.destroy();
  await until('it is gone', () => notLoggedOn(edge).then((count) => count === 0));
});

test('header, handshake and Logon have ten seconds together', async () => {
  edge = await house.open({
    env: { FIXGATE_PROXY_PROTOCOL: 'on', FIXGATE_PROXY_SOURCES: '127.0.0.1', ...files(one) },
  });
  const header = tcp4([192, 0, 2, 7]);
  const since = performance.now();
  const [inHeader, inHandshake, inLogon] = await Promise.all([0, 1, 2].map(() => dialTcp('127.0.0.1', edge.fixPort)));
  const took = async (socket: Socket): Promise<number> => {
    await ended(socket);
    return performance.now() - since;
  };
  const all = [took(inHeader!), took(inHandshake!)];
  inHeader!.write(header.subarray(0, 20));
  // Each step is taken late: none of them begins the time anew.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  inHandshake!.write(header);
  inLogon!.write(header);
  all.push(took(await secure({}, inLogon)));
  for (const ms of await Promise.all(all)) {
    expect(ms).toBeGreaterThan(9500);
    expect(ms).toBeLessThan(12_000);
  }
}, 20_000);

describe('a header before TLS', () => {
  const env = { FIXGATE_PROXY_PROTOCOL: 'on', FIXGATE_PROXY_SOURCES: '127.0.0.1' };

  test.each([
    ['then the handshake', 0],
    ['in one piece with the handshake', 1],
  ])('is read in the clear, %s', async (_name, corked) => {
    const bob = await house.user('bob', { allowed_ips: ['192.0.2.7'] });
    edge = await house.open({ env: { ...env, ...files(one) } });
    const dial = async (): Promise<TLSSocket> => {
      const socket = await dialTcp('127.0.0.1', edge.fixPort);
      if (corked === 1) socket.cork();
      socket.write(tcp4([192, 0, 2, 7]));
      if (corked === 1) setTimeout(() => socket.uncork(), 20);
      return secure({}, socket);
    };
    expect((await house.client(edge, bob, { dial }).logon(bob.password)).type).toBe('A');
  });

  test('within TLS is garbage, and TLS without it is closed', async () => {
    edge = await house.open({ env: { ...env, ...files(one) } });
    await expect(secure()).rejects.toThrow();
    const socket = await dialTcp('127.0.0.1', edge.fixPort);
    socket.write(tcp4([192, 0, 2, 7]));
    const inner = await secure({}, socket);
    inner.write(tcp4([192, 0, 2, 7]));
    await ended(inner);
  });
});

describe('the certificate', () => {
  const here = (name: string): string => join(maker.directory, name);
  const put = (certificate: Certificate): void => {
    copyFileSync(certificate.cert, here('live.crt'));
    copyFileSync(certificate.key, here('live.key'));
  };
  const LIVE = () => ({ FIXGATE_TLS_CERT: here('live.crt'), FIXGATE_TLS_KEY: here('live.key') });

  test('is replaced while sessions live on', async () => {
    put(one);
    edge = await house.open({ env: LIVE() });
    const client = clientOver();
    await client.logon(alice.password);
    put(two);
    await edge.reloadTls();
    expect(await shown()).toBe('two');
    client.send('1', [[112, 'still here']]);
    expect((await client.next(({ type }) => type === '0')).get(112)).toBe('still here');
  });

  test('is found to be new without being told', async () => {
    put(one);
    edge = await house.open({ env: LIVE() });
    expect(await shown()).toBe('one');
    put(two);
    await until('it is shown', async () => (await shown()) === 'two', 5000);
  });

  test.each<[string, () => void]>([
    ['one whose key is another', () => copyFileSync(two.cert, here('live.crt'))],
    ['none', () => rmSync(here('live.crt'))],
    ['garbage', () => writeFileSync(here('live.crt'), 'garbage')],
  ])('stays as long as the new one is wrong: %s', async (_name, spoil) => {
    put(one);
    edge = await house.open({ env: LIVE() });
    spoil();
    await edge.reloadTls();
    expect(await shown()).toBe('one');
    put(two);
    await edge.reloadTls();
    expect(await shown()).toBe('two');
  });

  test.each<[string, () => Record<string, string>, string]>([
    ['no file', () => ({ ...files(one), FIXGATE_TLS_CERT: here('nowhere') }), 'FIXGATE_TLS_CERT'],
    ['another key', () => ({ ...files(one), FIXGATE_TLS_KEY: two.key }), 'cannot be used together'],
  ])('that is wrong at the start stops it: %s', async (_name, env, said) => {
    const starting = house.open({ env: env() });
    await expect(starting).rejects.toThrow(ConfigError);
    await expect(starting).rejects.toThrow(said);
  });
});

describe('clients with certificates', () => {
  let ca: Certificate;
  let known: Certificate;
  beforeAll(() => {
    ca = maker.make('ca');
    known = maker.make('known', ca);
  }, 60_000);

  test('are let in by one of the CA, and by no other', async () => {
    edge = await house.open({ env: { ...files(one), FIXGATE_TLS_CLIENT_CA: ca.cert } });
    const pair = ({ certText, keyText }: Certificate) => ({ cert: certText, key: keyText });
    for (const options of [{}, pair(two)]) {
      // In 1.3 a client believes itself in before the server has looked at its certificate.
      const socket = await secure(options);
      await ended(socket);
    }
    expect((await clientOver(pair(known)).logon(alice.password)).type).toBe('A');
    expect([...edge.gate.sessions()]).toHaveLength(1);
  });

  test('of another credential are not taken for its own', async () => {
    const other = maker.make('other', ca);
    const bob = await house.user('bob', { certificate_fingerprints: [sha256Of(known)] });
    const carol = await house.user('carol');
    edge = await house.open({ env: { ...files(one), FIXGATE_TLS_CLIENT_CA: ca.cert } });
    const logon = async (account: Account, { certText: cert, keyText: key }: Certificate): Promise<string> => {
      const client = house.client(edge, account, { dial: () => secure({ cert, key }) });
      return (await client.logon(account.password)).type;
    };
    expect(await logon(bob, other)).toBe('5');
    expect(await logon(bob, known)).toBe('A');
    expect(await logon(carol, other)).toBe('A');
    await until('it is recorded', () => house.records('logon_refused').length === 1);
    expect(house.records('logon_refused')[0]).toMatchObject({ reason: 'wrong_certificate', user_id: 'bob' });
  });

  test('pinned are not to be had in plain TCP', async () => {
    const bob = await house.user('bob', { certificate_fingerprints: [sha256Of(known)] });
    edge = await house.open();
    expect((await house.client(edge, bob).logon(bob.password)).type).toBe('5');
  });
});

describe('the certificate in Secrets Manager', () => {
  const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:fixgate-tls-AbCdEf';
  let secrets: Server;
  let secret: string;
  let asked: unknown;
  const before = { ...process.env };

  beforeEach(async () => {
    secrets = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        asked = { target: request.headers['x-amz-target'], ...JSON.parse(body) };
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
        response.end(JSON.stringify({ ARN, Name: 'fixgate-tls', SecretString: secret }));
      });
    });
    await new Promise<void>((resolve) => secrets.listen(0, '127.0.0.1', resolve));
    const { port } = secrets.address() as AddressInfo;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    });
  });
  afterEach(() => {
    secrets.closeAllConnections();
    secrets.close();
    for (const name of ['AWS_ENDPOINT_URL_SECRETS_MANAGER', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
  });

  test('is read, and read again', async () => {
    const of = ({ certText, keyText }: Certificate): string => JSON.stringify({ cert: certText, key: keyText });
    secret = of(one);
    edge = await house.open({ env: { FIXGATE_TLS_SECRET_ARN: ARN } });
    expect(asked).toMatchObject({ target: 'secretsmanager.GetSecretValue', SecretId: ARN });
    expect(await shown()).toBe('one');
    secret = of(two);
    await edge.reloadTls();
    expect(await shown()).toBe('two');
  });

  test.each([['not JSON'], ['{"cert":"x"}'], ['null'], ['{"cert":"x","key":"y","client_ca":1}']])(
    'that is %s stops the start, and is not told',
    async (text) => {
      secret = text;
      const starting = house.open({ env: { FIXGATE_TLS_SECRET_ARN: ARN } });
      await expect(starting).rejects.toThrow('FIXGATE_TLS_SECRET_ARN');
    },
  );
});

describe('settings', () => {
  test.each<[Record<string, string>, string]>([
    [{ FIXGATE_TLS_CERT: 'c' }, 'FIXGATE_TLS_KEY'],
    [{ FIXGATE_TLS_KEY: 'k' }, 'FIXGATE_TLS_CERT'],
    [{ FIXGATE_TLS_CLIENT_CA: 'ca' }, 'FIXGATE_TLS_CLIENT_CA'],
    [{ FIXGATE_TLS_SECRET_ARN: 'my-secret' }, 'FIXGATE_TLS_SECRET_ARN'],
    [
      {
        FIXGATE_TLS_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:tls-AbCdEf',
        FIXGATE_TLS_CERT: 'c',
        FIXGATE_TLS_KEY: 'k',
      },
      'FIXGATE_TLS_SECRET_ARN',
    ],
  ])('%j is refused by the name of the variable', (env, name) => {
    expect(() => readConfig(env)).toThrow(ConfigError);
    expect(() => readConfig(env)).toThrow(name);
  });

  test('nothing said is plain TCP', () => {
    expect(readConfig({})).toMatchObject({ tls: undefined, proxy_protocol: 'off', proxy_sources: [] });
  });
});

async function notLoggedOn({ metricsPort }: Edge): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  const line = (await response.text()).split('\n').find((text) => text.startsWith('fix_connections_not_logged_on '));
  return Number(line?.split(' ')[1]);
}
