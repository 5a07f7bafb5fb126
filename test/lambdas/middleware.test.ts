import { beforeEach, describe, expect, test } from '@jest/globals';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { BASE_PATH, OPERATIONS } from '../../contract/operations.ts';
import { verifyChain } from '../../core/audit/chain.ts';
import { StoreUnavailable } from '../../core/errors.ts';
import { handler as unknown } from '../../lambdas/functions/unknown.ts';
import { CHANGES } from '../../lambdas/refused.ts';
import { ADMIN, Api, FACTS, restEvent } from './support.ts';

let api: Api;
beforeEach(async () => {
  api = await Api.create();
});

const PROVISION = { user_id: 'u1', rate_limit_tier: 'basic', ...FACTS };
const post = async (body: string, more: object = {}) => {
  const result = await api.event(restEvent('POST', '/provision', { body, ...more }), 'credentials');
  return { status: result.statusCode, body: JSON.parse(result.body), headers: result.headers };
};

describe('a request', () => {
  test('may come in base64, and its reply is JSON that nobody keeps', async () => {
    const { status, headers } = await post(Buffer.from(JSON.stringify(PROVISION)).toString('base64'), { base64: true });
    expect(status).toBe(201);
    expect(headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  });

  test.each([
    ['half an object', '{"user_id":'],
    ['nothing', ''],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]).toString('base64'), true],
  ])('of %s is malformed_json', async (_title, body, base64 = false) => {
    const answer = await post(body, { base64 });
    expect([answer.status, answer.body.error.code]).toEqual([400, 'malformed_json']);
    expect(answer.body.error.request_id).toBe('c6af9ac6-7b61-11e6-9a41-93e8deadbeef');
  });

  test('is bounded by its bytes: 64 KiB pass, one more does not', async () => {
    const padded = (bytes: number) => {
      const text = JSON.stringify({ ...PROVISION, reason: 'é' });
      return text + ' '.repeat(bytes - Buffer.byteLength(text));
    };
    expect((await post(padded(65_536))).status).toBe(201);
    const over = await post(padded(65_537));
    expect([over.status, over.body.error.code]).toEqual([413, 'too_large']);
    expect((await post(Buffer.from(padded(65_537)).toString('base64'), { base64: true })).status).toBe(413);
  });

  test('is refused with the path of each problem, unknown keys too', async () => {
    const { groups: _, ...rest } = { ...PROVISION, groups: [] };
    const answer = await post(
      JSON.stringify({ ...rest, kyc_level: '3', groups: ['a', 7], bypass: { reason: 'r', x: 1 }, y: 2 }),
    );
    expect([answer.status, answer.body.error.code]).toEqual([400, 'invalid_request']);
    const paths = answer.body.error.details.map((one: { path: string }) => one.path);
    expect(paths.sort()).toEqual(['bypass.x', 'groups[1]', 'kyc_level', 'y']);
    expect(api.world.users.size).toBe(0);
  });

  test('is refused when a name stands twice in one object, wherever, however it is written', async () => {
    const whole = JSON.stringify(PROVISION).slice(0, -1);
    const paths = async (more: string) => {
      const answer = await post(`${whole},${more}}`);
      expect([answer.status, answer.body.error.code]).toEqual([400, 'invalid_request']);
      return answer.body.error.details.map((one: { path: string }) => one.path);
    };
    expect(await paths('"user_id":"u2"')).toEqual(['user_id']);
    expect(await paths('"bypass":{"reason":"a","re\\u0061son":"b"},"groups":["\\"user_id","user_id"]')).toEqual([
      'bypass.reason',
    ]);
    expect(await paths('"x":[{},[{"a":{"a":1,"b.c":2,"b.c":3}}]],"user_id":1')).toEqual([
      'x[1][0].a["b.c"]',
      'user_id',
    ]);
    expect(api.world.users.size).toBe(0);
    expect((await post(`${whole},"groups":["user_id","}"],"bypass":{"reason":"user_id"}}`)).status).toBe(201);
  });

  test('with thousands of problems is answered with the first hundred', async () => {
    const keys = Array.from({ length: 3000 }, (_, n) => `"k${n}":1`).join(',');
    const { details } = (await post(`{${keys}}`)).body.error;
    expect(details).toHaveLength(101);
    expect(details[0]).toEqual({ path: 'user_id', message: 'is required' });
    expect(details[100]).toEqual({ path: '', message: 'and 2906 more' });
  });

  test('that is no JSON is told where', async () => {
    const { details } = (await post('{"user_id": "u1",}')).body.error;
    expect(details).toEqual([{ message: 'not JSON', position: 17 }]);
  });

  test.each<[string, string, object?]>([
    ['a time without a year of four digits', JSON.stringify({ ...PROVISION, expires_at: '9999-12-31T23:00:00-14:00' })],
    ['a list', '[]'],
    ['a number', '1'],
    ['null', 'null'],
    ['a prototype', `{"__proto__":{},${JSON.stringify(PROVISION).slice(1)}`],
    ['an infinite number', JSON.stringify(PROVISION).replace('5000', '1e999')],
    ['a number too small to keep', JSON.stringify(PROVISION).replace('5000', '1e-200')],
    ['control characters', JSON.stringify({ ...PROVISION, reason: 'a\u0001b' })],
    ['a lone surrogate', JSON.stringify({ ...PROVISION, reason: '\ud800' })],
    ['a query', JSON.stringify(PROVISION), { query: { dry_run: '1' } }],
  ])('of %s does not fit', async (_title, body, more = {}) => {
    const answer = await post(body, more);
    expect([answer.status, answer.body.error.code]).toEqual([400, 'invalid_request']);
  });

  test('that changes something and is refused for its form is on the record of whoever asked', async () => {
    await post('{');
    await post('{}');
    await post('{"user_id":"u1","reason":"as agreed","sender_comp_id":"a b"}');
    const chain = `refused:${ADMIN}`;
    const { items } = await api.stores.audit.chain(chain, { limit: 10 });
    const actor = { principal: ADMIN, source_ip: '203.0.113.9' };
    expect(items).toMatchObject([
      { type: 'provision', outcome: 'refused', actor, details: { code: 'malformed_json' } },
      { type: 'provision', outcome: 'refused', actor, details: { code: 'invalid_request' } },
      { type: 'provision', outcome: 'refused', actor, user_id: 'u1', reason: 'as agreed' },
    ]);
    expect(items[2]).not.toHaveProperty('sender_comp_id');
    expect((await api.call('audit', { user_id: 'u1' })).body.records).toMatchObject([{ chain, reason: 'as agreed' }]);
    expect(await verifyChain(nodeDigests, chain, items)).toMatchObject({ whole: true });
  });
});

test('a user agent that is cut in the middle of a character can be recorded', async () => {
  const event = restEvent('POST', '/provision', { body: JSON.stringify(PROVISION) });
  event.requestContext.identity.userAgent = `${'x'.repeat(255)}\u{1f600}`;
  expect((await api.event(event, 'credentials')).statusCode).toBe(201);
  const [record] = (await api.call('audit', { user_id: 'u1' })).body.records;
  expect(record.actor.user_agent).toBe(`${'x'.repeat(255)}\ufffd`);
});

test('dozens of refused requests at once are each on record, in chains that are whole', async () => {
  // Every append lets others come between its reading of the head and its writing, as a store over the wire does.
  const { head } = api.stores.audit;
  api.stores.audit.head = async (chain) => {
    const found = await head(chain);
    await new Promise((resolve) => setImmediate(resolve));
    return found;
  };
  const answers = await Promise.all(Array.from({ length: 40 }, () => post('{}')));
  expect(answers.map((one) => one.status)).toEqual(answers.map(() => 400));
  expect((await api.call('audit', { type: 'provision', limit: '1000' })).body.records).toHaveLength(40);
  for await (const chain of api.stores.audit.chains()) {
    const { items } = await api.stores.audit.chain(chain, { limit: 100 });
    expect(await verifyChain(nodeDigests, chain, items)).toMatchObject({ whole: true });
  }
});

describe('a query', () => {
  test.each([
    [{ limit: '0' }, 'limit'],
    [{ limit: '1001' }, 'limit'],
    [{ limit: '1e2' }, 'limit'],
    [{ limit: ' 5' }, 'limit'],
    [{ status: 'asleep' }, 'status'],
    [{ stattus: 'active' }, 'stattus'],
  ])('%j is refused by its path', async (query, path) => {
    const answer = await api.call('credentials', query);
    expect(answer.body.error).toMatchObject({ code: 'invalid_request', details: [{ path }] });
  });

  test('with a key given twice is refused', async () => {
    const event = restEvent('GET', '/credentials', {
      query: { status: 'active' },
      multi: { status: ['revoked', 'active'] },
    });
    expect((await api.event(event)).statusCode).toBe(400);
  });

  test('goes on by its cursor only with the same filters', async () => {
    for (const n of [1, 2, 3]) await api.provision(`u${n}`);
    const first = (await api.call('credentials', { tier: 'basic', limit: '2' })).body;
    const rest = (await api.call('credentials', { tier: 'basic', limit: '2', cursor: first.cursor })).body;
    const users = [...first.credentials, ...rest.credentials].map((one: { user_id: string }) => one.user_id);
    expect(users).toEqual(['u1', 'u2', 'u3']);
    for (const query of [
      { cursor: first.cursor },
      { tier: 'basic', cursor: `${first.cursor}A` },
      { tier: 'basic', cursor: 'AAAA.AAAA' },
      { tier: 'basic', cursor: 'no cursor' },
    ]) {
      expect((await api.call('credentials', query)).body.error.code).toBe('invalid_cursor');
    }
    expect((await api.call('sessions', { cursor: first.cursor })).body.error.code).toBe('invalid_cursor');
  });

  test('of the audit trail is bounded by time, newest first', async () => {
    const start = api.clock.ms;
    for (const user of ['u1', 'u2', 'u3']) {
      await api.provision(user);
      api.clock.ms += 1000;
    }
    const at = (ms: number) => new Date(ms).toISOString();
    const between = await api.call('audit', { type: 'provision', from: at(start), to: at(start + 2000) });
    expect(between.body.records.map((one: { user_id: string }) => one.user_id)).toEqual(['u2', 'u1']);
    const mine = await api.call('audit', { actor: ADMIN, limit: '1' });
    expect(mine.body.records).toMatchObject([{ user_id: 'u3' }]);
    const next = await api.call('audit', { actor: ADMIN, limit: '1', cursor: mine.body.cursor });
    expect(next.body.records).toMatchObject([{ user_id: 'u2' }]);
    expect((await api.call('audit', { actor: 'somebody' })).body.records).toEqual([]);
  });
});

test('a damaged row of the audit trail is shown in its place, and hides no other', async () => {
  await api.provision('u1');
  const { query } = api.stores.audit;
  const damaged = { chain: 'edge:e:1', seq: 7, id: 'X', unreadable: 'it is not JSON' };
  api.stores.audit.query = async (...asked) => ({ items: [damaged, ...(await query(...asked)).items] });
  const { status, body } = await api.call('audit');
  expect(status).toBe(200);
  expect(body.records[0]).toEqual({ ...damaged, version: 7 });
  expect(body.records[1]).toMatchObject({ type: 'provision', user_id: 'u1' });
});

describe('a path', () => {
  const at = async (method: string, path: string, rights: string) => {
    const result = await api.event(restEvent(method, path), rights);
    return [result.statusCode, JSON.parse(result.body).error.code];
  };

  test('that is none is not_found, another method of one is method_not_allowed', async () => {
    expect(await at('GET', '/nothing', 'read')).toEqual([404, 'not_found']);
    expect(await at('GET', '/provision', 'read')).toEqual([405, 'method_not_allowed']);
    expect(await at('DELETE', '/stats', 'read')).toEqual([405, 'method_not_allowed']);
    expect(await at('POST', '/provision', 'read')).toEqual([404, 'not_found']);
  });

  test('has a function of its own for all that is none', async () => {
    const result = await unknown(restEvent('PUT', '/nothing'));
    expect([result.statusCode, JSON.parse(result.body).error.code]).toEqual([404, 'not_found']);
    const other = await unknown(restEvent('PUT', '/rules'));
    expect([other.statusCode, JSON.parse(other.body).error.code]).toEqual([405, 'method_not_allowed']);
  });

  test('behind a base path mapping is found by its resource', async () => {
    const event = { ...restEvent('GET', '/stats'), path: `/v1${BASE_PATH}/stats` };
    expect((await api.event(event)).statusCode).toBe(200);
  });
});

describe('what fails inside', () => {
  test('a caller without a name is not let in', async () => {
    const result = await api.event(restEvent('GET', '/stats', { principal: null }));
    expect([result.statusCode, JSON.parse(result.body).error.code]).toEqual([403, 'unsigned']);
  });

  test('a store that is away is 503', async () => {
    api.stores.policy.read = () => Promise.reject(new StoreUnavailable('no answer from 192.0.2.1'));
    const { status, body } = await api.call('rules');
    expect([status, body.error.code]).toEqual([503, 'store_unavailable']);
    expect(JSON.stringify(body)).not.toContain('192.0.2.1');
  });

  test('a defect is 500 without a word of it; the log has the stack under the same id', async () => {
    api.stores.policy.read = () => Promise.reject(new TypeError('x is not a function'));
    const { status, body } = await api.call('rules');
    expect([status, body.error.code, body.error.details]).toEqual([500, 'internal', []]);
    expect(JSON.stringify(body)).not.toContain('x is not');
    const logged = api.logged.find((one) => one.level === 'error');
    expect(logged?.fields).toMatchObject({ request_id: body.error.request_id, code: 'internal' });
    expect((logged?.fields.err as Error | undefined)?.stack).toContain('x is not a function');
  });
});

test('every operation is served by the function of its rights, every change has a type in the audit', () => {
  const changing = OPERATIONS.filter((one) => one.method === 'POST').map((one) => one.id);
  expect(Object.keys(CHANGES).sort()).toEqual(changing.sort());
  expect(OPERATIONS).toHaveLength(39);
});
