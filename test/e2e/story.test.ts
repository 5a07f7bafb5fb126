/** The main job, end to end, from a fresh data directory: every step through the doors that users have. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Field, type FixClient, type FixMessage, utcTimestamp } from '../../local/fix-client.ts';
import {
  type Credentials,
  type Product,
  ROOT,
  removeDirectory,
  startProduct,
  temporaryDirectory,
} from '../support/product.ts';

const order = (id: string, price?: number, quantity = 10): Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, quantity],
  ...((price === undefined
    ? [[40, 1]]
    : [
        [40, 2],
        [44, price],
      ]) as Field[]),
];

const report = (id: string, status: string) => (message: FixMessage) =>
  message.type === '8' && message.get(11) === id && message.get(39) === status;

describe('the main job', () => {
  const dataDir = temporaryDirectory();
  let product: Product;
  let credentials: Credentials;
  let client: FixClient;

  beforeAll(async () => {
    product = await startProduct(dataDir);
  }, 60_000);

  afterAll(async () => {
    client?.destroy();
    await product?.stop();
    removeDirectory(dataDir);
  }, 60_000);

  test('a client is provisioned, logs on and five orders fill', async () => {
    credentials = await product.provision('alice');
    expect(credentials.sender_comp_id).toMatch(/^USER_[A-Z2-7]{10}$/);
    expect(credentials.target_comp_id).toBe('GATEWAY');
    client = product.client(credentials);
    const answer = await client.logon(credentials.password);
    expect(answer.type).toBe('A');
    for (let i = 1; i <= 5; i++) {
      client.send('D', order(`fill-${i}`));
      const filled = await client.next(report(`fill-${i}`, '2'));
      expect([filled.get(14), filled.get(151)]).toEqual(['10', '0']);
    }
  });

  test('of a burst of orders exactly the burst and what refilled is admitted, the rest refused with a wait', async () => {
    await new Promise((done) => setTimeout(done, 2500)); // the bucket of 10 refills at 5 a second
    const from = performance.now();
    for (let i = 1; i <= 40; i++) client.send('D', order(`burst-${i}`, 1));
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        client.next(
          (message) =>
            (message.type === '8' && message.get(11) === `burst-${i + 1}`) ||
            (message.type === 'j' && message.get(379) === `burst-${i + 1}`),
        ),
      ),
    );
    const refilled = Math.ceil(((performance.now() - from) / 1000) * 5);
    const refused = answers.filter((message) => message.type === 'j');
    const admitted = answers.length - refused.length;
    expect(admitted).toBeGreaterThanOrEqual(10);
    expect(admitted).toBeLessThanOrEqual(10 + refilled);
    for (const message of refused) {
      expect(message.get(58)).toMatch(/\d+ ?ms/);
      expect([message.get(372), message.get(380), message.get(371)]).toEqual(['D', '0', undefined]);
    }
  });

  test('a cancel still passes', async () => {
    client.send('F', [
      [41, 'burst-1'],
      [11, 'cancel-1'],
      [55, 'AAPL'],
      [54, 1],
      [60, utcTimestamp(new Date())],
      [38, 10],
    ]);
    expect((await client.next(report('cancel-1', '4'))).get(151)).toBe('0');
  });

  test('the refusals are counted and shown within a second or so', async () => {
    await new Promise((done) => setTimeout(done, 1500));
    const limits = await product.admin.get('rate-limits', { user_id: 'alice' });
    expect(limits.status).toBe(200);
    expect(limits.body.rate_limits[0].violations.order).toBeGreaterThanOrEqual(20);
  });

  test('a raised tier reaches the live session within a second', async () => {
    expect((await product.admin.post('rate-limits/update', { user_id: 'alice', tier: 'premium' })).status).toBe(200);
    await new Promise((done) => setTimeout(done, 1000));
    for (let i = 1; i <= 60; i++) client.send('D', order(`raised-${i}`, 1));
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        client.next(
          (message) =>
            (message.type === '8' && message.get(11) === `raised-${i + 1}`) ||
            (message.type === 'j' && message.get(379) === `raised-${i + 1}`),
        ),
      ),
    );
    expect(answers.filter((message) => message.type === 'j')).toHaveLength(0);
  });

  test('what an admin announces reaches the sessions that want it within a second, and the reply counts them', async () => {
    const listener = await product.provision('listener', {
      session_profile: { news: { maintenance: true, recovery_complete: false } },
    });
    const listening = product.client(listener);
    await listening.logon(listener.password);
    const from = performance.now();
    const told = await product.admin.post('sessions/notify', { text: 'Down at 18:00', headline: 'Upgrade', all: true });
    const news = await listening.next((message) => message.type === 'B');
    expect(performance.now() - from).toBeLessThan(1000);
    expect([news.get(148), news.get(33), news.get(58)]).toEqual(['Upgrade', '1', 'Down at 18:00']);
    // The client of the story has not asked to hear of such things.
    expect(told.body).toMatchObject({ success: true, told: 1, not_told: 1, silent: [] });
    expect(client.received.some((message) => message.type === 'B')).toBe(false);
    listening.send('XLQ', [[6136, 'q1']]);
    expect((await listening.next((message) => message.type === 'XLR')).get(25003)).toBe('4');
    await listening.logout();
    const listed = async () => (await product.admin.get('sessions')).body.sessions.length;
    for (let looks = 0; (await listed()) > 1 && looks < 100; looks++) await new Promise((done) => setTimeout(done, 20));
  });

  test('the session is seen and killed within a second, with the reason', async () => {
    const listed = await product.admin.get('sessions');
    expect(listed.body.sessions).toMatchObject([{ user_id: 'alice', sender_comp_id: credentials.sender_comp_id }]);
    const from = performance.now();
    const killed = await product.admin.post('sessions/kill', {
      session_id: listed.body.sessions[0].session_id,
      reason: 'margin call 42',
    });
    expect(killed.status).toBe(200);
    const logout = await client.next((message) => message.type === '5');
    expect(performance.now() - from).toBeLessThan(1000);
    expect(logout.get(58)).toContain('margin call 42');
    await client.closed();
    expect((await product.admin.get('sessions')).body.sessions).toEqual([]);
  });

  test('a suspended client is refused with a Text that says so, a reactivated one gets in', async () => {
    expect((await product.admin.post('suspend', { user_id: 'alice', reason: 'under review' })).status).toBe(200);
    const logout = await client.logon(credentials.password, [[141, 'Y']]);
    expect([logout.type, logout.get(58)]).toEqual(['5', expect.stringMatching(/suspended/i)]);
    await client.closed();
    expect((await product.admin.post('reactivate', { user_id: 'alice', reason: 'cleared' })).status).toBe(200);
  });

  test('during the grace both passwords work; once the new one has logged on, only it does', async () => {
    const reply = await product.admin.post('regenerate-password', { user_id: 'alice', grace_seconds: 3600 });
    expect(reply.status).toBe(200);
    const renewed = reply.body.credentials as Credentials;
    expect(renewed.password).not.toBe(credentials.password);
    const logon = async (password: string): Promise<string> => {
      const attempt = product.client(credentials);
      const answer = await attempt.logon(password, [[141, 'Y']]);
      if (answer.type === 'A') await attempt.logout();
      else await attempt.closed();
      return answer.type;
    };
    expect(await logon(credentials.password)).toBe('A');
    expect(await logon(renewed.password)).toBe('A');
    expect(await logon(credentials.password)).toBe('5');
    expect(await logon(renewed.password)).toBe('A');
  });

  test('the audit trail has every step and verifies', async () => {
    await new Promise((done) => setTimeout(done, 1200));
    const audit = await product.admin.get('audit', { user_id: 'alice', limit: 1000 });
    const types = new Set(audit.body.records.map((record: { type: string }) => record.type));
    for (const type of [
      'provision',
      'logon',
      'session_started',
      'rate_limit_violation',
      'tier_update',
      'session_killed',
      'suspend',
      'logon_refused',
      'reactivate',
      'regenerate_password',
      'session_ended',
    ]) {
      expect(types).toContain(type);
    }
    const verify = spawnSync(process.execPath, [join(ROOT, 'scripts', 'audit-verify.ts')], {
      cwd: ROOT,
      env: { ...process.env, FIXGATE_DATA_DIR: dataDir },
      encoding: 'utf8',
    });
    expect([verify.status, verify.stdout + verify.stderr]).toEqual([0, expect.stringMatching(/verif|intact|ok/i)]);
  }, 30_000);
});
