/** Clients that sign their Logon, by the whole product: provisioned, trading, copied, rotated, and copied again after a restart. */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ClientProof, type Field, utcTimestamp } from '../../local/fix-client.ts';
import { until } from '../edge/support/desk.ts';
import {
  type Credentials,
  type Product,
  removeDirectory,
  startProduct,
  temporaryDirectory,
} from '../support/product.ts';

const order = (id: string): Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 10],
  [40, 1],
];

/** So that a copy is in its window still when the product has been started again. */
const ENV = { FIXGATE_LOGON_WINDOW_MS: '60000' };

function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const public_key = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  return { public_key, private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

describe('a client that signs', () => {
  const dataDir = temporaryDirectory();
  let product: Product;

  beforeAll(async () => {
    product = await startProduct(dataDir, [], ENV);
  }, 60_000);
  afterAll(async () => {
    await product?.stop();
    removeDirectory(dataDir);
  }, 60_000);

  /** Logs on, trades and logs out. Answers the Logon as it went over the wire. */
  async function trades(credentials: Credentials, by: ClientProof, id: string): Promise<string> {
    const sent: string[] = [];
    const client = product.client(credentials, { onMessage: (way, raw) => void (way === '>' && sent.push(raw)) });
    const answer = await client.logon(by, [[141, 'Y']]);
    expect([answer.type, answer.get(58)]).toEqual(['A', undefined]);
    client.send('D', order(id));
    const filled = await client.next((m) => m.type === '8' && m.get(11) === id && m.get(39) === '2');
    expect(filled.get(14)).toBe('10');
    await client.logout();
    return sent[0]!;
  }

  async function says(credentials: Credentials, raw: string): Promise<string | undefined> {
    const client = product.client(credentials);
    await client.connect();
    client.sendRaw(raw);
    const answer = await client.next(() => true);
    expect(answer.type).toBe('5');
    await client.closed();
    return answer.get(58);
  }

  async function refused(credentials: Credentials, by: ClientProof): Promise<void> {
    const client = product.client(credentials);
    expect((await client.logon(by)).type).toBe('5');
    await client.closed();
  }

  test('by HMAC: trades, is not copied, and changes its secret with a grace', async () => {
    const credentials = await product.provision('alice', { proof: { type: 'hmac_sha256' } });
    expect(credentials.password).toBeUndefined();
    const by: ClientProof = { type: 'hmac_sha256', secret: credentials.secret ?? '' };
    const logon = await trades(credentials, by, 'a-1');
    expect(await says(credentials, logon)).toMatch(/not accepted/);
    const renewed = await product.admin.post('regenerate-password', { user_id: 'alice', grace_seconds: 3600 });
    const newer: ClientProof = { type: 'hmac_sha256', secret: renewed.body.credentials.secret };
    await trades(credentials, by, 'a-2');
    await trades(credentials, newer, 'a-3');
    await refused(credentials, by);
  }, 30_000);

  test('by Ed25519: trades, is not copied, not even after a restart, and changes its key with a grace', async () => {
    const { public_key, private_key } = keyPair();
    const credentials = await product.provision('bob', { proof: { type: 'ed25519', public_key, key_id: 'one' } });
    expect(credentials).toEqual({
      sender_comp_id: expect.any(String),
      target_comp_id: 'GATEWAY',
      proof: 'ed25519',
      key_id: 'one',
    });
    const { sender_comp_id } = credentials;
    const by: ClientProof = { type: 'ed25519', private_key, key_id: 'one' };
    const logon = await trades(credentials, by, 'b-1');
    expect(await says(credentials, logon)).toMatch(/not accepted/);
    await product.stop();
    product = await startProduct(dataDir, [], ENV);
    expect(await says(credentials, logon)).toMatch(/not accepted/);
    const reasons = async () => {
      const { body } = await product.admin.get('audit', { user_id: 'bob', type: 'logon_refused' });
      return body.records.map((one: { reason: string }) => one.reason).join();
    };
    await until('both are on record', async () => (await reasons()) === 'replayed,replayed');

    const next = keyPair();
    const add = { sender_comp_id, public_key: next.public_key, key_id: 'two' };
    expect((await product.admin.post('credentials/keys/add', add)).status).toBe(200);
    const remove = { sender_comp_id, key_id: 'one', grace_seconds: 3600 };
    expect((await product.admin.post('credentials/keys/remove', remove)).status).toBe(200);
    const newer: ClientProof = { type: 'ed25519', private_key: next.private_key, key_id: 'two' };
    await trades(credentials, newer, 'b-2');
    await trades(credentials, by, 'b-3');
    await product.admin.post('credentials/keys/remove', { ...remove, grace_seconds: 0 });
    await refused(credentials, by);
    await trades(credentials, newer, 'b-4');
  }, 60_000);
});
