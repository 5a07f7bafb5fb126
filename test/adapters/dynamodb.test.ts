// What DynamoDB's adapters promise beyond their ports: outages, races that the embedded store does not have, indexes.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StoreClient } from '../../adapters/dynamodb/calls.ts';
import { Database } from '../../adapters/dynamodb/database.ts';
import { absent } from '../../adapters/dynamodb/expressions.ts';
import { createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import { BY_STATUS, BY_TIER, type TableNames, tableNames } from '../../adapters/dynamodb/tables.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import type { Stores } from '../../adapters/stores.ts';
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import { StoreUnavailable } from '../../core/errors.ts';
import { clientOf, directOf, patienceOf, startStore, type TestStore } from '../support/store.ts';
import { change, credential, FIGURES, NOON, record, run, session, user } from '../support/stores.ts';

let store: TestStore;
beforeAll(async () => {
  store = await startStore();
}, 30_000);
afterAll(() => store?.stop());

const EDGE = { edge_id: 'e', incarnation: 1 };
const RESERVED = { generation: 0, next_in: 1, out: 9, by: 'e.1.1' };
const anns = () => session(EDGE, 'ann');

/** Every method of every port, called somehow. */
const CALLS: readonly [string, (stores: Stores) => Promise<unknown>][] = [
  ['directory.account', (s) => s.directory.account('ann')],
  ['directory.credential', (s) => s.directory.credential('A')],
  ['directory.commit', (s) => s.directory.commit(change('ann', EMPTY_CHAIN))],
  ['directory.listCredentials', (s) => s.directory.listCredentials({}, { limit: 1 })],
  ['directory.listUsers', (s) => s.directory.listUsers({}, { limit: 1 })],
  ['directory.listLocks', (s) => s.directory.listLocks({ limit: 1 })],
  ['directory.countUsers', (s) => s.directory.countUsers()],
  ['directory.reseal', (s) => s.directory.reseal(credential('A', 'ann'), credential('A', 'ann').proof)],
  ['directory.noteLogon', (s) => s.directory.noteLogon(credential('A', 'ann'), NOON, 1)],
  ['policy.read', (s) => s.policy.read()],
  ['policy.version', (s) => s.policy.version()],
  ['policy.overrides', (s) => s.policy.overrides('ann')],
  [
    'policy.commit',
    (s) => s.policy.commit({ expected: EMPTY_CHAIN, expected_version: 0, edits: [], record: record('policy') }),
  ],
  [
    'policy.scan',
    async (s) => {
      for await (const _ of s.policy.scan()) return;
    },
  ],
  [
    'directory.scan',
    async (s) => {
      for await (const _ of s.directory.scan()) return;
    },
  ],
  ['audit.append', (s) => s.audit.append([record('edge:e:1')])],
  ['audit.query', (s) => s.audit.query({}, { limit: 1 }, NOON)],
  ['audit.chain', (s) => s.audit.chain('policy', { limit: 1 })],
  ['audit.head', (s) => s.audit.head('policy')],
  [
    'audit.chains',
    async (s) => {
      for await (const _ of s.audit.chains()) return;
    },
  ],
  ['audit.expectedHead', (s) => s.audit.expectedHead('policy')],
  ['slots.take', (s) => s.slots.take(anns(), 1)],
  ['slots.release', (s) => s.slots.release([{ ...anns(), slot: 0 }])],
  ['slots.ofUser', (s) => s.slots.ofUser('ann')],
  ['slots.session', (s) => s.slots.session('e.1.1')],
  ['slots.list', (s) => s.slots.list({ limit: 1 })],
  ['slots.settle', (s) => s.slots.settle(anns(), 1)],
  ['slots.reserve', (s) => s.slots.reserve([{ kind: 'extend', session: anns(), epoch: 1, reserved: RESERVED }])],
  ['slots.epoch', (s) => s.slots.epoch(anns())],
  ['slots.homes', (s) => s.slots.homes('ann', ['S'])],
  ['slots.passNumbers', (s) => s.slots.passNumbers('ann', anns().key, 1)],
  ['edges.register', (s) => s.edges.register('e', '1', NOON)],
  ['edges.passIncarnation', (s) => s.edges.passIncarnation('e', 1)],
  ['edges.claim', (s) => s.edges.claim('e', '1', NOON)],
  ['edges.heartbeat', (s) => s.edges.heartbeat({ edge_id: 'e', incarnation: 1 }, 1, 'alive', FIGURES, NOON)],
  ['edges.stop', (s) => s.edges.stop({ edge_id: 'e', incarnation: 1 }, FIGURES, NOON)],
  ['edges.declareDead', (s) => s.edges.declareDead({ edge_id: 'e', incarnation: 1 }, 0)],
  ['edges.removeSessions', (s) => s.edges.removeSessions({ edge_id: 'e', incarnation: 1 })],
  ['edges.following', (s) => s.edges.following('e', 8)],
  ['edges.list', (s) => s.edges.list()],
  ['edges.find', (s) => s.edges.find('e')],
  ['edges.commands', (s) => s.edges.commands('e', '')],
  [
    'edges.send',
    (s) => s.edges.send([{ edge_id: 'e', command: { id: '1', at: NOON, type: 'violations_reset', user_id: 'u' } }]),
  ],
  ['edges.acknowledge', (s) => s.edges.acknowledge('e', ['1'])],
  [
    'edges.tellNumbers',
    (s) => s.edges.tellNumbers([{ key: anns().key, edge_id: 'e', next_in: 1, next_out: 1, at: NOON }]),
  ],
  ['edges.numbers', (s) => s.edges.numbers('A')],
  ['edges.tellAnswer', (s) => s.edges.tellAnswer('c', { said: 'gone' }, NOON)],
  ['edges.answer', (s) => s.edges.answer('c')],
  ['edges.tellReceipt', (s) => s.edges.tellReceipt({ notice_id: 'n', edge_id: 'e', told: 0, not_told: 0 }, 0)],
  ['edges.receipts', (s) => s.edges.receipts('n')],
  [
    'journals.append',
    (s) => s.journals.append(EDGE, [{ segment: 1, offset: 0, length: 1, bytes: new Uint8Array([1]) }]),
  ],
  ['journals.revoke', (s) => s.journals.revoke(EDGE, [{ session: 's', epoch: 1 }], NOON)],
  ['journals.revoked', (s) => s.journals.revoked(EDGE, 0)],
  ['journals.claim', (s) => s.journals.claim(EDGE, 'w')],
  ['journals.reclaim', (s) => s.journals.reclaim(EDGE, 'w')],
  ['journals.segments', (s) => s.journals.segments('e')],
  ['journals.first', (s) => s.journals.first('e', 1)],
  ['journals.pieces', (s) => s.journals.pieces('e', 1)],
  ['journals.truncate', (s) => s.journals.truncate(EDGE, 1, 0)],
  ['journals.remove', (s) => s.journals.remove(EDGE, 1)],
  ['journals.sweep', (s) => s.journals.sweep(EDGE)],
  ['journals.leave', (s) => s.journals.leave('p', [new Uint8Array(3)], NOON)],
  ['journals.collect', (s) => s.journals.collect('p')],
  ['journals.discard', (s) => s.journals.discard('p', 1)],
  ['violations.add', (s) => s.violations.add('ann', 'order', 1, NOON)],
  ['violations.read', (s) => s.violations.read('ann')],
  ['violations.reset', (s) => s.violations.reset('ann')],
  [
    'signedLogons.once',
    (s) => s.signedLogons.once({ sender_comp_id: 'A', digest: 'd', attempt: 'a', until: NOON + 1, now: NOON }),
  ],
];

type At = (endpoint: string, tables?: TableNames) => Stores;

const by =
  (carrier: (endpoint: string) => StoreClient): At =>
  (endpoint, tables = tableNames('none')) =>
    createDynamoAdapters({ client: carrier(endpoint), tables, random: systemRandom, ...patienceOf(endpoint) });

const storesAt: At = by(clientOf);
const CARRIERS: readonly [string, At][] = [
  ['by the SDK', storesAt],
  ['without it', by(directOf)],
];

/** Every call, all at once, and how long the slowest took. */
async function callAll(stores: Stores): Promise<{ readonly outcomes: Record<string, string>; readonly ms: number }> {
  const from = performance.now();
  const results = await Promise.all(
    CALLS.map(async ([name, call]) => {
      const outcome = await call(stores).then(
        () => 'answered',
        (error: Error) => error,
      );
      return [name, outcome instanceof StoreUnavailable ? 'StoreUnavailable' : String(outcome)];
    }),
  );
  return { outcomes: Object.fromEntries(results), ms: performance.now() - from };
}

const allUnavailable = Object.fromEntries(CALLS.map(([name]) => [name, 'StoreUnavailable']));

async function listening<T extends Server>(server: T): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(CARRIERS)('an outage is StoreUnavailable, within three seconds, %s', (_by, storesAt) => {
  test('every method is called here', async () => {
    const stores = storesAt('http://127.0.0.1:1');
    const methods = Object.entries(stores).flatMap(([port, methods]) =>
      Object.keys(methods).map((name) => `${port}.${name}`),
    );
    expect(CALLS.map(([name]) => name).sort()).toEqual(methods.sort());
  });

  test('nobody listens', async () => {
    const server = createTcpServer();
    const endpoint = await listening(server);
    server.close();
    const { outcomes, ms } = await callAll(storesAt(endpoint));
    expect(outcomes).toEqual(allUnavailable);
    expect(ms).toBeLessThan(4500);
  });

  test('somebody listens and never answers', async () => {
    const server = createTcpServer((socket) => socket.on('error', () => {}).resume());
    const endpoint = await listening(server);
    const { outcomes, ms } = await callAll(storesAt(endpoint));
    expect(outcomes).toEqual(allUnavailable);
    expect(ms).toBeLessThan(4500);
    server.close();
  });

  test.each([
    ['is broken', 500, 'InternalServerError'],
    ['throttles', 400, 'ProvisionedThroughputExceededException'],
    ['is limited', 400, 'RequestLimitExceeded'],
  ])('the store %s', async (_what, status, name) => {
    const server = createServer((_request, response) =>
      answer(response, status, { __type: `x#${name}`, message: 'm' }),
    );
    const { outcomes, ms } = await callAll(storesAt(await listening(server)));
    expect(outcomes).toEqual(allUnavailable);
    expect(ms).toBeLessThan(4500);
    server.close();
  });

  test('and it goes on when the store is back', async () => {
    const tables = await store.tables();
    const stores = storesAt(store.endpoint, tables);
    const { outcomes } = await callAll(stores);
    expect(outcomes).toEqual(Object.fromEntries(CALLS.map(([name]) => [name, 'answered'])));
  });
});

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

describe.each(CARRIERS)('a cancelled transaction, %s', (_by, storesAt) => {
  const cancelled = (...codes: string[]) => ({
    __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
    message: 'Transaction cancelled',
    CancellationReasons: codes.map((Code) => ({ Code })),
  });

  /** A store that answers transactions so, one after the other, and the last one from then on; tokens as they came. */
  async function scripted(...replies: readonly unknown[]) {
    const tokens: unknown[] = [];
    const server = createServer(async (request, response) => {
      const target = request.headers['x-amz-target'];
      const body = await bodyOf(request);
      if (target !== 'DynamoDB_20120810.TransactWriteItems') return answer(response, 200, {});
      tokens.push(body.ClientRequestToken);
      const reply = replies[Math.min(tokens.length, replies.length) - 1];
      return reply === undefined ? answer(response, 200, {}) : answer(response, 400, reply);
    });
    const endpoint = await listening(server);
    return { stores: storesAt(endpoint), tokens, close: () => server.close() };
  }

  test('by another transaction is tried again, under the same token', async () => {
    const conflict = cancelled('None', 'TransactionConflict');
    const { stores, tokens, close } = await scripted(conflict, conflict, undefined);
    const made = change('ann', EMPTY_CHAIN);
    expect(await stores.directory.commit(made)).toEqual({ result: 'committed' });
    expect(tokens).toHaveLength(3);
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toMatch(new RegExp(`^${made.record.id}\\.${made.record.hash.slice(0, 9)}$`));
    close();
  });

  test('by others without end is an outage', async () => {
    const { stores, tokens, close } = await scripted(cancelled('TransactionConflict'));
    await expect(stores.directory.commit(change('ann', EMPTY_CHAIN))).rejects.toThrow(StoreUnavailable);
    expect(tokens.length).toBeGreaterThan(3);
    close();
  });

  test('by its condition is a value at once, whatever else was in its way', async () => {
    const { stores, tokens, close } = await scripted(cancelled('ConditionalCheckFailed', 'TransactionConflict'));
    expect(await stores.directory.commit(change('ann', EMPTY_CHAIN))).toEqual({ result: 'conflict' });
    expect(tokens).toHaveLength(1);
    close();
  });

  test('by a mistake in it is a defect, never a conflict', async () => {
    const { stores, close } = await scripted(cancelled('ValidationError', 'ConditionalCheckFailed'));
    const error = await stores.directory.commit(change('ann', EMPTY_CHAIN)).catch((e: Error) => e);
    expect(error).toMatchObject({ name: 'TransactionCanceledException' });
    close();
  });

  test('by throttling is an outage', async () => {
    const { stores, close } = await scripted(cancelled('ThrottlingError'));
    await expect(stores.directory.commit(change('ann', EMPTY_CHAIN))).rejects.toThrow(StoreUnavailable);
    close();
  });

  test('of the embedded store with a bad expression is a defect too', async () => {
    const database = new Database(store.client, await store.tables(), systemRandom);
    const row = { pk: 'a', sk: 'b' };
    const bad = database.transact([{ put: 'limits', row, when: { text: 'nonsense(', names: [] } }]);
    await expect(bad).rejects.not.toThrow(StoreUnavailable);
    expect(await database.transact([{ put: 'limits', row, when: absent('pk') }])).toEqual({ result: 'done' });
    expect(await database.transact([{ put: 'limits', row, when: absent('pk') }])).toEqual({
      result: 'refused',
      failed: [0],
    });
    const many = Array.from({ length: 101 }, (_, n) => ({ put: 'limits', row: { pk: 'a', sk: String(n) } }) as const);
    await expect(database.transact(many)).rejects.toThrow(RangeError);
  });
});

describe('the tables', () => {
  const scan = async (TableName: string) => (await store.client.send(new ScanCommand({ TableName }))).Items ?? [];
  test('no index shows a secret or a balance', async () => {
    const tables = await store.tables();
    const { directory } = createDynamoAdapters({ client: store.client, tables, random: systemRandom });
    await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann'), created: [credential('A', 'ann')] }));
    for (const IndexName of [BY_STATUS, BY_TIER]) {
      const { Items = [] } = await store.client.send(new ScanCommand({ TableName: tables.credentials, IndexName }));
      expect(Items).toHaveLength(2);
      const shown = new Set(Items.flatMap((item) => Object.keys(item)));
      expect([...shown].sort()).toEqual(
        [
          'credential',
          'pk',
          'sk',
          ...(IndexName === BY_STATUS ? ['status_pk', 'status_sk'] : ['tier_pk', 'tier_sk']),
        ].sort(),
      );
      expect(JSON.stringify(Items)).not.toMatch(/sealed|salt|balance|digest/);
    }
  });

  test('a credential of the time when all proved themselves by passwords is read as one', async () => {
    const tables = await store.tables();
    const { directory } = createDynamoAdapters({ client: store.client, tables, random: systemRandom });
    const made = credential('A', 'ann');
    await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann'), created: [made] }));
    const database = new Database(clientOf(store.endpoint), tables, systemRandom);
    const row = await database.get({ table: 'credentials', pk: 'S#A', sk: 'CRED' });
    if (row === undefined) throw new Error('no row');
    const { proof: _, ...older } = JSON.parse(row.credential as string);
    await database.write({
      put: 'credentials',
      row: { ...row, credential: JSON.stringify({ ...older, verifiers: [] }) },
    });
    expect((await directory.credential('A'))?.credential.proof).toEqual(made.proof);
  });

  test('commands expire, audit records never', async () => {
    const tables = await store.tables();
    const { directory } = createDynamoAdapters({ client: store.client, tables, random: systemRandom });
    const command = { id: '1', at: NOON, type: 'violations_reset', user_id: 'ann' } as const;
    await directory.commit(change('ann', EMPTY_CHAIN, { commands: [{ edge_id: 'e', command }] }));
    const [queued] = await scan(tables.sessions);
    expect(Number(queued?.expires_at?.N)).toBeGreaterThan(NOON / 1000);
    expect((await scan(tables.audit)).filter((item) => 'expires_at' in item)).toEqual([]);
  });

  test('a chain whose records were all deleted is still named', async () => {
    const tables = await store.tables();
    const { directory, audit } = storesAt(store.endpoint, tables);
    await directory.commit(change('ann', EMPTY_CHAIN, { user: user('ann') }));
    await audit.append(run('edge:e:1', 2));
    const cut = storesAt(store.endpoint, { ...tables, audit: (await store.tables()).audit });
    const names: string[] = [];
    for await (const name of cut.audit.chains()) names.push(name);
    expect(names).toEqual(['user:ann']);
    expect(await cut.audit.expectedHead('user:ann')).toMatchObject({ seq: 1 });
    expect(await cut.audit.head('user:ann')).toEqual(EMPTY_CHAIN);
  });

  test('the version stands in copies that change with it, and is seen where a release without copies wrote it', async () => {
    const tables = await store.tables();
    const { policy } = storesAt(store.endpoint, tables);
    const first = record('policy', EMPTY_CHAIN, { type: 'rule_add' });
    const edits = [{ remove_rule: 'none' }];
    expect(await policy.version()).toBe(0);
    expect(await policy.commit({ expected: EMPTY_CHAIN, expected_version: 0, edits, record: first })).toBe('committed');
    const items = await scan(tables.policy);
    expect(items.filter(({ pk, version }) => pk?.S?.startsWith('META') && version?.N === '1')).toHaveLength(17);
    for await (const row of policy.scan()) throw new Error(`${row.name} is no state`);
    const meta = items.find(({ pk }) => pk?.S === 'META');
    const Item = { ...meta, pk: { S: 'META' }, sk: { S: 'META' }, version: { N: '2' } };
    await store.client.send(new PutItemCommand({ TableName: tables.policy, Item }));
    const seen = new Set<number>();
    for (let look = 0; look < 16; look++) seen.add(await policy.version());
    expect(seen).toEqual(new Set([1, 2]));
  });

  test('a cursor of another list, or of nobody, is refused', async () => {
    const { directory, audit } = storesAt(store.endpoint, await store.tables());
    for (const name of ['a', 'b']) await directory.commit(change(name, EMPTY_CHAIN, { user: user(name) }));
    const { next } = await directory.listUsers({ status: 'active' }, { limit: 1 });
    if (next === undefined) throw new Error('one page');
    for (const after of [next, 'x', '{}', '["active"]', '']) {
      await expect(audit.query({}, { limit: 1, after }, NOON)).rejects.toThrow(RangeError);
    }
    await expect(directory.listUsers({ tier: 'basic' }, { limit: 1, after: next })).rejects.toThrow(RangeError);
    expect((await directory.listUsers({ status: 'active' }, { limit: 1, after: next })).items).toHaveLength(1);
  });

  test('a foreign row that does not parse is no silence', async () => {
    const tables = await store.tables();
    const { policy } = storesAt(store.endpoint, tables);
    const Item = { pk: { S: 'RULES' }, sk: { S: 'x' }, value: { S: '{' } };
    await store.client.send(new PutItemCommand({ TableName: tables.policy, Item }));
    await expect(policy.read()).rejects.toThrow(SyntaxError);
  });
});
