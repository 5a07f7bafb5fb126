// How a credential proves itself, as admins choose and change it.
import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { verifyChain } from '../../core/audit/chain.ts';
import { ADMIN, Api } from './support.ts';

let api: Api;
beforeEach(async () => {
  api = await Api.create();
});

function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const public_key = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
  return { public_key, raw, private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

const code = (answer: { status: number; body: { error?: { code: string } } }) => [
  answer.status,
  answer.body.error?.code,
];
const shown = async (user_id: string) => (await api.call('userCredentials', { user_id })).body.credentials;
const records = async (user_id: string) => (await api.call('audit', { user_id })).body.records;

async function ed25519(user_id: string, more: object = {}) {
  const { public_key, raw } = keyPair();
  const { body } = await api.provision(user_id, { proof: { type: 'ed25519', public_key, ...more } });
  return { sender_comp_id: body.credentials.sender_comp_id as string, key_id: body.credentials.key_id as string, raw };
}

describe('provision', () => {
  test('says of a password what it said, and how it proves', async () => {
    const { body } = await api.provision('u1');
    expect(body.credentials).toMatchObject({ proof: 'password', password: expect.stringMatching(/^[\w-]{43}$/) });
    expect((await shown('u1'))[0].proof).toEqual({ type: 'password' });
  });

  test('shows the secret of an HMAC once, and nowhere else', async () => {
    const { status, body } = await api.provision('u1', { proof: { type: 'hmac_sha256' } });
    expect(status).toBe(201);
    const { secret } = body.credentials;
    expect(body.credentials).toEqual({
      sender_comp_id: expect.any(String),
      target_comp_id: 'GATEWAY',
      proof: 'hmac_sha256',
      secret: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect((await shown('u1'))[0].proof).toEqual({ type: 'hmac_sha256' });
    expect(
      JSON.stringify([await shown('u1'), await records('u1'), (await api.call('credentials')).body]),
    ).not.toContain(secret);
    expect(JSON.stringify([...api.world.credentials.values()])).not.toContain(secret);
  });

  test('takes a public key, names it, and shows nothing secret', async () => {
    const { public_key, raw } = keyPair();
    const named = await api.provision('u1', { proof: { type: 'ed25519', public_key, key_id: 'desk-1' } });
    expect(named.body.credentials).toEqual({
      sender_comp_id: expect.any(String),
      target_comp_id: 'GATEWAY',
      proof: 'ed25519',
      key_id: 'desk-1',
    });
    const key = { key_id: 'desk-1', public_key: raw, created_at: expect.any(String) };
    expect((await shown('u1'))[0].proof).toEqual({ type: 'ed25519', keys: [key] });
    expect((await api.call('credentials')).body.credentials[0].proof).toEqual({ type: 'ed25519', keys: [key] });
    expect((await records('u1'))[0].details.proof).toEqual({ type: 'ed25519', key_id: 'desk-1', public_key: raw });
    const made = await api.provision('u2', { proof: { type: 'ed25519', public_key: raw } });
    expect(made.body.credentials.key_id).toBe(raw.slice(0, 20).replaceAll('+', '-'));
  });

  test('refuses what is no Ed25519 key, at its path, and keeps no private key that was sent', async () => {
    const { private_key } = keyPair();
    const answer = await api.provision('u1', { proof: { type: 'ed25519', public_key: private_key } });
    expect(code(answer)).toEqual([400, 'invalid_request']);
    expect(answer.body.error.details).toEqual([
      { path: 'proof.public_key', message: expect.stringContaining('private key') },
    ]);
    expect(JSON.stringify(await records('u1'))).not.toContain(private_key.split('\n')[1]);
    for (const proof of [{ type: 'ed25519' }, { type: 'rsa' }, { type: 'password', public_key: 'x' }])
      expect(code(await api.provision('u1', { proof }))).toEqual([400, 'invalid_request']);
    expect(code(await api.call('userCredentials', { user_id: 'u1' }))).toEqual([404, 'user_not_found']);
  });

  test('repeated, gives a new secret, and the same key again', async () => {
    const request = { proof: { type: 'hmac_sha256' }, idempotency_key: 'k-1' };
    const [first, second] = [await api.provision('u1', request), await api.provision('u1', request)];
    expect(second.body.credentials.sender_comp_id).toBe(first.body.credentials.sender_comp_id);
    expect(second.body.credentials.secret).not.toBe(first.body.credentials.secret);
    const { public_key } = keyPair();
    const keyed = { proof: { type: 'ed25519', public_key }, idempotency_key: 'k-2' };
    const [once, again] = [await api.provision('u2', keyed), await api.provision('u2', keyed)];
    expect(again.body.credentials).toEqual(once.body.credentials);
    expect(code(await api.provision('u2', { ...keyed, proof: { type: 'password' } }))).toEqual([
      409,
      'idempotency_conflict',
    ]);
  });
});

describe('regenerate-password', () => {
  test('gives a secret its successor, with a grace for the old one', async () => {
    const { body } = await api.provision('u1', { proof: { type: 'hmac_sha256' } });
    const answer = await api.call('regeneratePassword', { user_id: 'u1', grace_seconds: 60 });
    expect(answer.body.credentials).toMatchObject({ proof: 'hmac_sha256', secret: expect.any(String) });
    expect(answer.body.credentials.secret).not.toBe(body.credentials.secret);
    expect((await records('u1'))[0]).toMatchObject({ type: 'regenerate_password', details: { verifier_version: 2 } });
    const [stored] = [...api.world.credentials.values()];
    if (stored?.proof.type !== 'hmac_sha256') throw new Error('another proof');
    expect(stored.proof.secrets.map((one) => one.retires_at)).toEqual([undefined, api.clock.now() + 60_000]);
  });

  test('is not for keys', async () => {
    const { sender_comp_id } = await ed25519('u1');
    const answer = await api.call('regeneratePassword', { sender_comp_id });
    expect([...code(answer), answer.body.error.details]).toEqual([
      409,
      'wrong_proof',
      [{ sender_comp_id, proof: 'ed25519' }],
    ]);
  });
});

describe('credentials/keys', () => {
  test('are added and removed with a grace; each is on record', async () => {
    const { sender_comp_id, key_id } = await ed25519('u1');
    const { public_key, raw } = keyPair();
    const added = await api.call('addKey', { sender_comp_id, public_key, key_id: 'next', reason: 'yearly' });
    expect(added.status).toBe(200);
    expect(added.body.key).toEqual({ key_id: 'next', public_key: raw, created_at: expect.any(String) });
    const removed = await api.call('removeKey', { sender_comp_id, key_id, grace_seconds: 3600 });
    const end = new Date(api.clock.now() + 3_600_000).toISOString();
    expect(removed.body.key).toMatchObject({ key_id, retires_at: end });
    expect(removed.body.credential.proof.keys.map((one: { key_id: string }) => one.key_id)).toEqual(['next', key_id]);
    expect((await records('u1')).map((one: { type: string; reason?: string }) => [one.type, one.reason])).toEqual([
      ['key_remove', undefined],
      ['key_add', 'yearly'],
      ['provision', undefined],
    ]);
    api.clock.ms += 3_600_000;
    expect(code(await api.call('removeKey', { sender_comp_id, key_id }))).toEqual([404, 'key_not_found']);
    const chain = api.world.chains.get('user:u1') ?? [];
    expect((await verifyChain(api.services.digests, 'user:u1', chain)).whole).toBe(true);
  });

  test('are three at most; the same is not added twice; the last may go', async () => {
    const { sender_comp_id, key_id, raw } = await ed25519('u1');
    const add = (more: object = {}) =>
      api.call('addKey', { sender_comp_id, public_key: keyPair().public_key, ...more });
    expect(code(await add({ public_key: raw, key_id: 'again' }))).toEqual([409, 'key_exists']);
    expect(code(await add({ key_id }))).toEqual([409, 'key_exists']);
    expect([(await add()).status, (await add()).status]).toEqual([200, 200]);
    expect(code(await add())).toEqual([409, 'too_many_keys']);
    for (const { key_id: one } of (await shown('u1'))[0].proof.keys)
      await api.call('removeKey', { sender_comp_id, key_id: one });
    expect((await add({ key_id: 'fresh' })).body.credential.proof.keys).toHaveLength(1);
  });

  test('are refused for a password, a revoked or unknown credential, an older version', async () => {
    const { public_key } = keyPair();
    const { body } = await api.provision('u1');
    const { sender_comp_id } = body.credentials;
    expect(code(await api.call('addKey', { sender_comp_id, public_key }))).toEqual([409, 'wrong_proof']);
    expect(code(await api.call('removeKey', { sender_comp_id, key_id: 'x' }))).toEqual([409, 'wrong_proof']);
    expect(code(await api.call('addKey', { sender_comp_id: 'NOBODY', public_key }))).toEqual([
      404,
      'credential_not_found',
    ]);
    const other = await ed25519('u2');
    const add = (more: object) => api.call('addKey', { sender_comp_id: other.sender_comp_id, public_key, ...more });
    expect(code(await add({ if_version: 9 }))).toEqual([409, 'version_conflict']);
    expect((await add({ public_key: 'no key!' })).body.error.details).toEqual([
      { path: 'public_key', message: 'is neither PEM nor base64' },
    ]);
    await api.call('revoke', { user_id: 'u2', reason: 'gone' });
    expect(code(await add({}))).toEqual([409, 'wrong_status']);
    const refused = (await records('u2')).filter((one: { outcome: string }) => one.outcome === 'refused');
    expect(refused.map((one: { type: string; actor: object }) => one.type)).toEqual(['key_add', 'key_add', 'key_add']);
    expect(refused[0].actor.principal).toBe(ADMIN);
  });
});
