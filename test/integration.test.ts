/** docs/INTEGRATION.md tells the truth: its gateway is run as it stands, over the embedded store, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createExpressions } from '../adapters/cel/expressions.ts';
import { createTables } from '../adapters/dynamodb/create-tables.ts';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { environmentAdapters } from '../adapters/environment.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import type { AdminPorts } from '../core/admin.ts';
import { verifyChain } from '../core/audit/chain.ts';
import { asRecord } from '../core/audit/model.ts';
import { killUser } from '../core/credentials/kill.ts';
import { CompiledExpressions } from '../core/eligibility/evaluate.ts';
import { assignTier } from '../core/policy/assignment.ts';
import { ensureDefaults } from '../core/policy/defaults.ts';
import { provision } from '../core/provisioning.ts';
import { createGate, memoryStores, trackMessage, userSessions, validateLogon } from '../index.ts';
import { passwordOf } from './support/issued.ts';
import { startStore, type TestStore } from './support/store.ts';

const ROOT = join(import.meta.dirname, '..');
const ADMIN = { actor: { principal: 'arn:aws:iam::111122223333:user/admin' }, reason: 'enough' };
const FACTS = { account_balance: 5000, trading_volume: 20_000, account_age_days: 90, kyc_level: 3, groups: [] };

let store: TestStore;
let folder: string;
let env: Record<string, string>;
let admin: AdminPorts;
let closeAdapters: () => void;
let gateway: ChildProcess | undefined;

beforeAll(async () => {
  store = await startStore();
  const tables = tableNames('integration');
  await createTables(store.client, tables);
  folder = await mkdtemp(join(tmpdir(), 'fixgate-integration-'));
  const secrets = join(folder, 'secrets.json');
  const key = Buffer.from(systemRandom.bytes(32)).toString('base64');
  await writeFile(secrets, JSON.stringify({ master_key: { id: 'test', key } }), { mode: 0o600 });
  env = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    FIXGATE_DYNAMODB_ENDPOINT: store.endpoint,
    FIXGATE_KEY_PROVIDER: 'local',
    FIXGATE_SECRETS_FILE: secrets,
    ...Object.fromEntries(
      Object.entries(tables).map(([name, table]) => [`FIXGATE_TABLE_${name.toUpperCase()}`, table]),
    ),
  };
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' });
  const { stores, box, vault, close } = environmentAdapters(env);
  closeAdapters = close;
  const { audit: trail, ...rest } = stores;
  const expressions = new CompiledExpressions(createExpressions());
  admin = { ...rest, trail, box, vault, digests: nodeDigests, random: systemRandom, clock: systemClock, expressions };
  await ensureDefaults(admin, ADMIN.actor);
}, 30_000);

afterEach(() => {
  gateway?.kill('SIGKILL');
  gateway = undefined;
});

afterAll(async () => {
  closeAdapters?.();
  await store?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function documented(): Promise<string> {
  const text = await readFile(join(ROOT, 'docs', 'INTEGRATION.md'), 'utf8');
  const block = /^```ts\n([\s\S]*?)^```$/m.exec(text)?.[1];
  if (!block) throw new Error('docs/INTEGRATION.md shows no gateway');
  return block;
}

/** Starts the documented gateway on a free port and answers with the port. */
async function startGateway(): Promise<number> {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-'];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env, GATEWAY_ID: 'firm-1', GATEWAY_PORT: '0' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  gateway = child;
  child.stdin?.end(await documented());
  for await (const line of createInterface({ input: child.stdout! })) {
    const port = /^listening on (\d+)$/.exec(line)?.[1];
    if (port) return Number(port);
  }
  throw new Error('the gateway ended before it listened');
}

class Client {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#lines = createInterface({ input: this.#socket })[Symbol.asyncIterator]();
  }

  async ask(line: string): Promise<string | undefined> {
    this.#socket.write(`${line}\n`);
    return this.next();
  }

  async next(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  end(): void {
    this.#socket.end();
  }
}

test('the documented gateway has at most 60 lines', async () => {
  expect((await documented()).trimEnd().split('\n').length).toBeLessThanOrEqual(60);
});

test('it logs on, limits, is killed, and leaves a trail that verifies', async () => {
  const { issued } = await provision(admin, ADMIN, {
    user_id: 'alice',
    rate_limit_tier: 'basic',
    facts: FACTS,
    allowed_ips: ['127.0.0.0/8'],
    additional_credential: false,
  });
  const { sender_comp_id } = issued;
  const logon = `LOGON ${sender_comp_id} ${passwordOf(issued)}`;
  const port = await startGateway();

  const stranger = new Client(port);
  expect(await stranger.ask(`LOGON ${sender_comp_id} wrong`)).toMatch(/^BYE Logon refused: SenderCompID, TargetCompID/);
  expect(await stranger.next()).toBeUndefined();

  const client = new Client(port);
  expect(await client.ask(logon)).toBe('HELLO firm-1.1.1');
  const second = new Client(port);
  expect(await second.ask(logon)).toBe('BYE this session is in use');

  const answers: string[] = [];
  for (let i = 0; i < 14; i++) answers.push((await client.ask(`ORDER ${i}`)) ?? 'closed');
  const admitted = answers.filter((one) => one.startsWith('ACK')).length;
  // The burst is 10; at 5 a second a slow machine may see one or two refilled.
  expect(admitted).toBeGreaterThanOrEqual(10);
  expect(admitted).toBeLessThanOrEqual(12);
  expect(answers.at(-1)).toMatch(/^REJECT ORDER 13: order limit, wait \d+ ms$/);
  expect(await client.ask('CANCEL 1')).toBe('ACK CANCEL 1');
  expect(await client.ask('STATUS 1')).toBe('ACK STATUS 1');

  await assignTier(admin, ADMIN, 'alice', 'premium');
  const from = performance.now();
  await killUser(admin, ADMIN, 'alice');
  expect(await client.next()).toBe('BYE killed: enough');
  expect(performance.now() - from).toBeLessThan(1000);

  const again = new Client(port);
  expect(await again.ask(logon)).toMatch(/^HELLO firm-1\.1\./);
  again.end();
  gateway?.kill('SIGTERM');
  const [code] = (await once(gateway!, 'exit')) as [number | null];
  expect(code).toBe(0);
  expect(await admin.slots.ofUser('alice')).toEqual([]);

  const chain = 'edge:firm-1:1';
  const { items } = await admin.trail.chain(chain, { limit: 1000 });
  const types = items.map((one) => asRecord(one)?.type);
  expect(await verifyChain(nodeDigests, chain, items)).toMatchObject({ whole: true });
  expect(types).toEqual(
    expect.arrayContaining([
      'edge_started',
      'logon_refused',
      'logon',
      'session_started',
      'session_killed',
      'rate_limit_violation',
    ]),
  );
  expect(types.at(-1)).toBe('edge_stopped');
  expect((await admin.violations.read('alice')).order).toBe(14 - admitted);
});

test('over memory stores, and by the functions that speak to the gate created last', async () => {
  const gate = await createGate({ edge_id: 'firm-2', stores: memoryStores() });
  const input = {
    user_id: 'bob',
    rate_limit_tier: 'basic',
    facts: FACTS,
    allowed_ips: [],
    additional_credential: false,
  };
  const { issued } = await gate.provision(input, 'firm');
  const logon = await validateLogon(issued.sender_comp_id, passwordOf(issued), '127.0.0.1', {
    target_comp_id: issued.target_comp_id,
  });
  if (logon.result === 'refused') throw new Error(logon.text);
  const ended: string[] = [];
  const outcome = await gate.registerSession(logon, (cause) => ended.push(cause));
  if (outcome.result !== 'registered') throw new Error(outcome.result);
  const { session_id } = outcome.session.session;
  expect(await trackMessage('bob', session_id, true)).toEqual({ admitted: true });
  expect(await userSessions('bob')).toEqual([outcome.session.session]);
  await gate.updateUserTier('bob', 'premium', 'firm', 'grew');
  await expect(gate.updateUserTier('bob', 'golden')).rejects.toMatchObject({ code: 'tier_not_found' });
  await gate.stop();
  expect(ended).toEqual(['drain']);
  expect(await trackMessage('bob', session_id, true)).toMatchObject({ admitted: false, refused: 'ended' });
});
