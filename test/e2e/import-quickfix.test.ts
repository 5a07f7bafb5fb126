// A firm moves in: its QuickFIX settings file and its dictionary, from the command line to what its clients may send.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { utcTimestamp } from '../../local/fix-client.ts';
import {
  ELIGIBLE,
  type Product,
  ROOT,
  removeDirectory,
  spawnStart,
  startProduct,
  temporaryDirectory,
} from '../../local/product.ts';
import { houseXml } from '../edge/support/dictionaries.ts';

const SETTINGS = `[DEFAULT]
ConnectionType=acceptor
BeginString=FIX.4.4
SenderCompID=DESK
SocketAcceptPort=9880
CheckLatency=N

[SESSION]
TargetCompID=HEDGE
DataDictionary=etc/FIX44-house.xml
NonStopSession=Y

[SESSION]
TargetCompID=PLAIN
ResetOnLogon=Y
`;

let scratch: string;
let product: Product;
const file = (name: string): string => join(scratch, name);

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'import-quickfix.ts'), ...args], { cwd: ROOT });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

beforeAll(async () => {
  scratch = temporaryDirectory();
  mkdirSync(file('dictionaries'));
  writeFileSync(
    file('dictionaries/FIX44-house.xml'),
    await houseXml('FIX.4.4', { fields: [[7001, 'HouseNote', 'STRING']], members: { D: [7001] } }),
  );
  writeFileSync(file('desk.cfg'), SETTINGS);
  writeFileSync(
    file('facts.json'),
    JSON.stringify({
      HEDGE: { user_id: 'hedge', rate_limit_tier: 'basic', ...ELIGIBLE },
      PLAIN: { user_id: 'plain', rate_limit_tier: 'basic', ...ELIGIBLE },
    }),
  );
  product = await startProduct(file('data'), ['--venue', 'echo', '--dictionaries', file('dictionaries')]);
}, 60_000);
afterAll(async () => {
  await product?.stop();
  removeDirectory(scratch);
}, 60_000);

const order = (id: string): [number, string | number][] => [
  [11, id],
  [55, 'IBM'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 100],
  [40, 1],
];

test('the command prints what it would ask, and the lines it cannot take', async () => {
  const { code, out, err } = await run(file('desk.cfg'));
  expect(code).toBe(0);
  expect(err.trim().split('\n')).toEqual([
    `${file('desk.cfg')}:5: ignored: SocketAcceptPort: sockets, TLS, stores and logs are the gateway’s own`,
  ]);
  expect(JSON.parse(out)).toMatchObject({
    gateway: { FIXGATE_SESSION_PROFILE: '{"check_latency":false}' },
    clients: [
      {
        sender_comp_id: 'HEDGE',
        target_comp_id: 'DESK',
        lines: [8],
        'credentials/profile': { session_profile: { check_latency: false, data_dictionary: ['FIX44-house.xml'] } },
      },
      { sender_comp_id: 'PLAIN', lines: [13] },
    ],
  });
  expect(JSON.parse(out).clients[0].provision).toBeUndefined();
}, 30_000);

describe('applied', () => {
  test('with facts clients are provisioned, and log on as the file says', async () => {
    const { code, out, err } = await run(
      file('desk.cfg'),
      '--facts',
      file('facts.json'),
      '--apply',
      '--data-dir',
      file('data'),
    );
    expect([code, err.includes('wrong')]).toEqual([0, false]);
    const { clients } = JSON.parse(out);
    expect(clients).toMatchObject([
      { client: 'HEDGE', done: 'provision', credentials: { sender_comp_id: 'HEDGE', target_comp_id: 'DESK' } },
      { client: 'PLAIN', done: 'provision' },
    ]);
    const [hedge, plain] = clients.map(({ credentials }: { credentials: { password: string } }) => ({
      credentials,
      client: product.client(credentials as never),
    }));
    expect((await hedge.client.logon(hedge.credentials.password)).type).toBe('A');
    hedge.client.send('D', [...order('a'), [7001, 'x']]);
    expect((await hedge.client.next((m: { type: string }) => m.type === 'D' || m.type === '3')).get(7001)).toBe('x');
    expect((await plain.client.logon(plain.credentials.password)).type).toBe('A');
    plain.client.send('D', [...order('b'), [7001, 'x']]);
    expect((await plain.client.next((m: { type: string }) => m.type === 'D' || m.type === '3')).get(371)).toBe('7001');
    for (const { client } of [hedge, plain]) client.destroy();
  }, 30_000);

  test('again, it changes profiles of what is there', async () => {
    writeFileSync(file('desk.cfg'), SETTINGS.replace('ResetOnLogon=Y', 'MaxLatency=7'));
    const { code, out } = await run(
      file('desk.cfg'),
      '--facts',
      file('facts.json'),
      '--apply',
      '--data-dir',
      file('data'),
    );
    expect([code, JSON.parse(out)]).toEqual([
      0,
      {
        clients: [
          { client: 'HEDGE', done: 'credentials/profile' },
          { client: 'PLAIN', done: 'credentials/profile' },
        ],
      },
    ]);
    const { body } = await product.admin.get('credentials/user', { user_id: 'plain' });
    expect(body.credentials[0].session_profile).toMatchObject({ reset_on_logon: true, max_latency: 7 });
  }, 30_000);

  test('a name that another user has is nobody’s to change', async () => {
    writeFileSync(
      file('stolen.json'),
      JSON.stringify({ HEDGE: { user_id: 'thief', rate_limit_tier: 'basic', ...ELIGIBLE } }),
    );
    const { code, out } = await run(
      file('desk.cfg'),
      '--facts',
      file('stolen.json'),
      '--apply',
      '--data-dir',
      file('data'),
    );
    const [hedge] = JSON.parse(out).clients;
    expect([code, hedge.failed, hedge.answer.error.code]).toEqual([1, 'provision', 'sender_comp_id_taken']);
  }, 30_000);

  test('without facts a client that has no credential is told, and the exit code says so', async () => {
    writeFileSync(file('other.cfg'), SETTINGS.replace('=PLAIN', '=NOBODY'));
    const { code, out } = await run(file('other.cfg'), '--apply', '--data-dir', file('data'));
    expect([code, JSON.parse(out).clients]).toMatchObject([
      1,
      [
        { client: 'HEDGE', done: 'credentials/profile' },
        { client: 'NOBODY', failed: 'credentials/profile', status: 404 },
      ],
    ]);
  }, 30_000);
});

describe('what cannot be', () => {
  test('a file that is wrong makes nothing, and every line of it is told', async () => {
    writeFileSync(
      file('wrong.cfg'),
      SETTINGS.replace('CheckLatency=N', 'CheckLatency=perhaps').replace('=PLAIN', '=A B'),
    );
    const { code, out, err } = await run(file('wrong.cfg'), '--apply', '--data-dir', file('data'));
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(`${file('wrong.cfg')}:6: wrong: CheckLatency: 'perhaps' is neither Y nor N\n`);
    expect(err).toContain(`${file('wrong.cfg')}:14: wrong: TargetCompID: 'A B' has other characters`);
    expect(err).toContain('2 of these lines stop the import; nothing has been made of the file\n');
  }, 30_000);

  test('--strict stops at what is not known', async () => {
    writeFileSync(file('strict.cfg'), `${SETTINGS}Password=hunter2\n`);
    expect((await run(file('strict.cfg'))).code).toBe(0);
    const { code, out, err } = await run(file('strict.cfg'), '--strict');
    expect([code, out, err.includes('hunter2')]).toEqual([1, '', false]);
  }, 30_000);

  test.each<[string, string[], number, RegExp]>([
    ['no such file', ['nowhere.cfg'], 2, /^nowhere\.cfg cannot be read \(ENOENT\)/],
    ['no product', ['desk.cfg', '--apply', '--data-dir', 'nowhere'], 2, /local\.json: run npm start/],
    ['facts of others', ['desk.cfg', '--facts', 'more.json'], 1, /^--facts: NOBODY: no client of the settings file/m],
  ])(
    '%s',
    async (_what, args, code, message) => {
      writeFileSync(file('more.json'), '{"NOBODY": {}}');
      const ran = await run(...args.map((arg) => (/^(?:desk|more)/.test(arg) ? file(arg) : arg)));
      expect([ran.code, ran.out]).toEqual([code, '']);
      expect(ran.err).toMatch(message);
    },
    30_000,
  );

  test('npm start over a dictionary with mistakes ends with 2 and tells them', async () => {
    mkdirSync(file('bad'));
    writeFileSync(
      file('bad/a.xml'),
      '<fix type="FIX" major="5" minor="0">\n<messages>\n<massage/>\n</messages>\n</fix>',
    );
    const ports = ['--admin-port', '0', '--fix-port', '0', '--metrics-port', '0'];
    const { child, output } = spawnStart(['--data-dir', file('data2'), ...ports, '--dictionaries', file('bad')]);
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(2);
    expect(output()).toContain(
      `FIXGATE_DICTIONARIES (--dictionaries): 1 of the dictionaries in ${file('bad')} cannot be used\n`,
    );
    expect(output()).toContain(`${file('bad/a.xml')}:3: <massage> in <messages>\n`);
  }, 60_000);
});
