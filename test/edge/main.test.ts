// The edge as its parent sees it: a process with settings in its environment, ready over IPC, ended by signals.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createExpressions } from '../../adapters/cel/expressions.ts';
import { createClient } from '../../adapters/dynamodb/client.ts';
import { createTables } from '../../adapters/dynamodb/create-tables.ts';
import { environmentAdapters } from '../../adapters/environment.ts';
import { systemClock } from '../../adapters/node/clock.ts';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { CompiledExpressions } from '../../core/eligibility/evaluate.ts';
import { ensureDefaults } from '../../core/policy/defaults.ts';
import { provision } from '../../core/provisioning.ts';
import { FixClient } from '../../local/fix-client.ts';
import { type EmbeddedStore, startStore } from '../../local/store.ts';
import { expectBehind } from '../support/numbers.ts';
import { type Certificate, CertificateMaker } from './support/certificates.ts';
import { ACTOR, type Account, accountOf, until } from './support/desk.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'edge', 'main.ts');
const NAMES = ['credentials', 'sessions', 'limits', 'policy', 'audit', 'journal'] as const;

let directory: string;
let store: EmbeddedStore;
let env: Record<string, string>;
let alice: Account;
const children: ChildProcess[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fixgate-edge-'));
  mkdirSync(join(directory, 'logs'));
  store = await startStore(directory, () => {});
  const secrets = join(directory, 'keys.json');
  const key = Buffer.alloc(32, 7).toString('base64');
  writeFileSync(secrets, JSON.stringify({ master_key: { id: 'k1', key } }), { mode: 0o600 });
  env = {
    PATH: process.env.PATH ?? '',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    FIXGATE_DYNAMODB_ENDPOINT: store.endpoint,
    FIXGATE_KEY_PROVIDER: 'local',
    FIXGATE_SECRETS_FILE: secrets,
    FIXGATE_EDGE_ID: 'e-1',
    FIXGATE_FIX_HOST: '127.0.0.1',
    FIXGATE_FIX_PORT: '0',
    FIXGATE_METRICS_HOST: '127.0.0.1',
    FIXGATE_METRICS_PORT: '0',
    FIXGATE_DATA_DIR: join(directory, 'edge'),
    FIXGATE_VENUE: 'echo',
    ...Object.fromEntries(NAMES.map((name) => [`FIXGATE_TABLE_${name.toUpperCase()}`, name])),
  };
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' });
  const client = createClient({ region: 'us-east-1', endpoint: store.endpoint });
  await createTables(client, Object.fromEntries(NAMES.map((name) => [name, name])) as never);
  client.destroy();
  const { stores, box, vault, close } = environmentAdapters(env);
  const { audit, ...rest } = stores;
  const expressions = new CompiledExpressions(createExpressions());
  const parts = {
    ...rest,
    trail: audit,
    box,
    vault,
    digests: nodeDigests,
    random: systemRandom,
    clock: systemClock,
    expressions,
  };
  await ensureDefaults(parts, ACTOR.actor);
  const facts = { account_balance: 50_000, trading_volume: 500_000, account_age_days: 400, kyc_level: 3, groups: [] };
  const input = { user_id: 'alice', rate_limit_tier: 'premium', facts, allowed_ips: [], additional_credential: false };
  const { issued } = await provision(parts, ACTOR, input);
  alice = accountOf(issued);
  close();
}, 30_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await store.stop();
  rmSync(directory, { recursive: true, force: true });
});

interface Ran {
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly said: string }>;
  readonly ready: Promise<{ readonly fix_port: number; readonly metrics_port: number }>;
}

/** @param log what its standard output is */
function run(more: Record<string, string> = {}, log: number | 'ignore' = 'ignore'): Ran {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...env, ...more },
    stdio: ['ignore', log, 'pipe', 'ipc'],
  });
  children.push(child);
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return {
    child,
    exited: new Promise((resolve) => child.once('exit', (code) => resolve({ code, said }))),
    ready: new Promise((resolve) => child.once('message', (message) => resolve(message as never))),
  };
}

/** @param sub names a session of the test's own: one that an edge has had and left is waited for */
const clientAt = (port: number, nextOut = 1, sub?: string): FixClient => {
  const { sender_comp_id: sender, target_comp_id: target } = alice;
  const named = sub === undefined ? {} : { sender_sub_id: sub };
  return Object.assign(new FixClient({ host: '127.0.0.1', port, sender, target, ...named }), { nextOut });
};

const order = (id: string) =>
  [
    [11, id],
    [21, 1],
    [55, 'IBM'],
    [54, 1],
    [60, '20260101-00:00:00'],
    [38, 1],
    [40, 1],
  ] as const;

/** Of Linux: every write finds it full. Elsewhere the test shows less. */
const FULL = ['/dev/full', '/dev/null'].find((device) => existsSync(device)) as string;

test('whose log does not take a line serves, and ends in order', async () => {
  const full = openSync(FULL, 'w');
  const edge = run({ FIXGATE_EDGE_ID: 'e-mute', FIXGATE_DATA_DIR: join(directory, 'mute') }, full);
  closeSync(full);
  const { fix_port } = await edge.ready;
  const client = clientAt(fix_port, 1, 'mute');
  expect((await client.logon(alice.password)).type).toBe('A');
  client.send('D', order('m-1'));
  await client.next(({ type }) => type === 'D');
  edge.child.kill('SIGTERM');
  expect(await edge.exited).toEqual({ code: 0, said: '' });
});

test('an admin’s drain ends it with 0, for whoever keeps it alive to start another', async () => {
  const edge = run({ FIXGATE_EDGE_ID: 'e-drained', FIXGATE_DATA_DIR: join(directory, 'drained') });
  await edge.ready;
  const { stores, close } = environmentAdapters(env);
  const command = { id: '1', at: Date.now(), type: 'drain', incarnation: 1, reason: 'new kernel' } as const;
  await stores.edges.send([{ edge_id: 'e-drained', command }]);
  expect(await edge.exited).toMatchObject({ code: 0 });
  expect((await stores.edges.list()).find(({ edge_id }) => edge_id === 'e-drained')?.state).toBe('stopped');
  close();
});

test('the file shut ends its sessions within a second; gone, clients are let in again, and a start finds it', async () => {
  const data = join(directory, 'shut-here');
  const shut = join(data, 'shut');
  const edge = run({ FIXGATE_EDGE_ID: 'e-shut', FIXGATE_DATA_DIR: data });
  const { fix_port, metrics_port } = await edge.ready;
  const readiness = async (port: number) =>
    (await (await fetch(`http://127.0.0.1:${port}/ready`)).json()) as { status: string };
  const client = clientAt(fix_port, 1, 'shut');
  expect((await client.logon(alice.password)).type).toBe('A');
  writeFileSync(shut, 'everybody out\n');
  expect((await client.next(({ type }) => type === '5')).get(58)).toBe('Locked: everybody out');
  await client.closed();
  expect((await clientAt(fix_port, 1, 'shut').logon(alice.password)).get(58)).toBe(
    'Gateway is closed, try again later',
  );
  expect(await readiness(metrics_port)).toEqual({ status: 'not_ready', reason: 'shut' });
  edge.child.kill('SIGTERM');
  await edge.exited;
  const again = run({ FIXGATE_EDGE_ID: 'e-shut', FIXGATE_DATA_DIR: data });
  const next = await again.ready;
  expect((await clientAt(next.fix_port, 1, 'shut').logon(alice.password)).type).toBe('5');
  rmSync(shut);
  await until('it is ready', async () => (await readiness(next.metrics_port)).status === 'ready');
  const back = clientAt(next.fix_port, 3, 'shut');
  expect((await back.logon(alice.password)).type).toBe('A');
  back.destroy();
  again.child.kill('SIGTERM');
  await again.exited;
}, 30_000);

describe('a start that cannot be', () => {
  test('for a wrong setting ends with 2 and names it', async () => {
    const { code, said } = await run({ FIXGATE_VENUE: 'moon' }).exited;
    expect([code, said]).toEqual([2, expect.stringMatching(/FIXGATE_VENUE/)]);
  });

  test.each([
    [{ FIXGATE_EDGE_POOL: 'edge' }, /FIXGATE_EDGE_POOL: "edge" is no name with a number/],
    [{ FIXGATE_EDGE_POOL: 'edge:1001', FIXGATE_EDGE_ID: '' }, /FIXGATE_EDGE_POOL/],
    [{ FIXGATE_EDGE_POOL: 'edge:2', FIXGATE_JOURNAL: 'store' }, /not together with FIXGATE_EDGE_ID/],
    [{ FIXGATE_EDGE_POOL: 'edge:2', FIXGATE_EDGE_ID: '', FIXGATE_JOURNAL: 'file' }, /needs FIXGATE_JOURNAL=store/],
  ])('for names that cannot be taken ends with 2: %j', async (more, why) => {
    expect(await run(more).exited).toEqual({ code: 2, said: expect.stringMatching(why) });
  });

  test('for mistakes in dictionaries ends with 2 and tells file, line and mistake of each', async () => {
    const own = join(directory, 'dictionaries');
    mkdirSync(own);
    writeFileSync(join(own, 'a.xml'), '<fix type="FIX" major="5" minor="0">\n<messages/>\n</fix>');
    writeFileSync(join(own, 'b.xml'), '<fix>\n\n<!ENTITY x "y">');
    const { code, said } = await run({ FIXGATE_DICTIONARIES: own }).exited;
    expect([code, ...said.trim().split('\n')]).toEqual([
      2,
      `the edge cannot start: FIXGATE_DICTIONARIES (--dictionaries): 2 of the dictionaries in ${own} cannot be used`,
      `${own}/a.xml:2: there is no message`,
      `${own}/b.xml:3: a DOCTYPE or CDATA section, which is not taken`,
    ]);
  });

  test('for a port in use ends with 2 and names the setting', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const { code, said } = await run({
      FIXGATE_FIX_PORT: String(port),
      FIXGATE_EDGE_ID: 'e-2',
      FIXGATE_DATA_DIR: join(directory, 'edge-2'),
    }).exited;
    taken.close();
    expect([code, said]).toEqual([2, expect.stringMatching(/FIXGATE_FIX_PORT \(--fix-port\).*in use/)]);
  });
});

test('numbers and messages survive a kill; SIGTERM tells the client and ends with 0', async () => {
  const first = run();
  const client = clientAt((await first.ready).fix_port);
  expect((await client.logon(alice.password)).type).toBe('A');
  for (const id of ['a', 'b', 'c']) client.send('D', order(id));
  await client.next((m) => m.get(11) === 'c');
  first.child.kill('SIGKILL');
  await first.exited;
  await client.closed();

  const second = run();
  const { fix_port, metrics_port } = await second.ready;
  const back = clientAt(fix_port, 5);
  expect((await back.logon(alice.password)).get(34)).toBe('5');
  back.send('2', [
    [7, 2],
    [16, 3],
  ]);
  expect((await back.next((m) => m.get(11) === 'a')).get(43)).toBe('Y');
  expect((await fetch(`http://127.0.0.1:${metrics_port}/health`)).status).toBe(200);

  second.child.kill('SIGTERM');
  expect((await back.next((m) => m.type === '5')).get(58)).toMatch(/shutting down/);
  expect((await second.exited).code).toBe(0);
}, 30_000);

test('a task with another disk takes the name of one that was killed, and goes on with its sessions', async () => {
  const pool = (disk: string) => ({
    FIXGATE_EDGE_ID: '',
    FIXGATE_EDGE_POOL: 'task:2',
    FIXGATE_JOURNAL: 'store',
    FIXGATE_DATA_DIR: join(directory, disk),
  });
  const named = async () => {
    const { stores, close } = environmentAdapters(env);
    const rows = (await stores.edges.list()).filter(({ edge_id }) => edge_id.startsWith('task-'));
    close();
    return rows.map(({ edge_id, state, incarnation }) => [edge_id, state, incarnation]);
  };
  const first = run(pool('disk-1'));
  const { fix_port } = await first.ready;
  const second = run(pool('disk-2'));
  await second.ready;
  expect(await named()).toEqual([
    ['task-1', 'alive', 1],
    ['task-2', 'alive', 1],
  ]);
  const client = clientAt(fix_port, 1, 'moved');
  expect((await client.logon(alice.password, [[141, 'Y']])).type).toBe('A');
  for (const id of ['p', 'q']) client.send('D', order(id));
  await client.next((m) => m.get(11) === 'q');
  first.child.kill('SIGKILL');
  await Promise.all([first.exited, client.closed()]);

  const third = run(pool('disk-3'));
  const back = clientAt((await third.ready).fix_port, 4, 'moved');
  expect((await named())[0]).toEqual(['task-1', 'alive', 2]);
  // It goes on behind the block of numbers that was reserved, and fills the gap.
  const number = Number((await back.logon(alice.password)).get(34));
  expectBehind(3, number);
  back.send('2', [
    [7, 2],
    [16, 0],
  ]);
  expect((await back.next((m) => m.get(11) === 'p')).get(43)).toBe('Y');
  expect((await back.next((m) => m.get(123) === 'Y')).get(36)).toBe(String(number + 1));
  for (const { child } of [second, third]) child.kill('SIGTERM');
  expect((await Promise.all([second.exited, third.exited])).map(({ code }) => code)).toEqual([0, 0]);
}, 60_000);

test('SIGHUP has the certificate looked at again; one that cannot be used ends the start with 2', async () => {
  const maker = new CertificateMaker();
  try {
    const [one, two] = [maker.make('one'), maker.make('two')];
    const live = {
      FIXGATE_TLS_CERT: join(maker.directory, 'live.crt'),
      FIXGATE_TLS_KEY: join(maker.directory, 'live.key'),
    };
    const put = ({ cert, key }: Certificate): void => {
      copyFileSync(cert, live.FIXGATE_TLS_CERT);
      copyFileSync(key, live.FIXGATE_TLS_KEY);
    };
    put(one);
    const edge = run({ ...live, FIXGATE_EDGE_ID: 'e-tls', FIXGATE_DATA_DIR: join(directory, 'edge-tls') });
    const { fix_port } = await edge.ready;
    const shown = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: fix_port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().subject?.CN);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    expect(await shown()).toBe('one');
    put(two);
    edge.child.kill('SIGHUP');
    await until('it is shown', async () => (await shown()) === 'two');
    edge.child.kill('SIGTERM');
    expect((await edge.exited).code).toBe(0);
    const tls2 = { FIXGATE_EDGE_ID: 'e-tls-2', FIXGATE_DATA_DIR: join(directory, 'edge-tls-2') };
    const wrong = run({ ...tls2, FIXGATE_TLS_CERT: one.cert, FIXGATE_TLS_KEY: two.key });
    expect(await wrong.exited).toMatchObject({ code: 2, said: expect.stringMatching(/cannot be used together/) });
  } finally {
    maker.close();
  }
}, 30_000);

test('when the parent is gone, the edge goes too', async () => {
  const { child, ready, exited } = run();
  await ready;
  const since = performance.now();
  child.disconnect();
  expect((await exited).code).toBe(0);
  expect(performance.now() - since).toBeLessThan(3000);
  await until('nothing is left', () => child.exitCode !== null);
}, 30_000);
