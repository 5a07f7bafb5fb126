import { beforeEach, describe, expect, test } from '@jest/globals';
import { verifyChain } from '../../core/audit/chain.ts';
import { Verifiers } from '../../core/credentials/verify.ts';
import { utf8 } from '../../core/encoding.ts';
import { ADMIN, Api, FACTS, START } from './support.ts';

let api: Api;
beforeEach(async () => {
  api = await Api.create();
});

const code = (answer: { status: number; body: { error?: { code: string } } }) => [
  answer.status,
  answer.body.error?.code,
];
const records = async (user_id: string) =>
  (await api.call('audit', { user_id })).body.records as {
    type: string;
    outcome: string;
    details: Record<string, unknown>;
  }[];
async function proves(sender: string, password: string): Promise<boolean> {
  const found = await api.stores.directory.credential(sender);
  const claimed = { proof: { kind: 'password' as const, password: utf8(password) } };
  const proof = await new Verifiers(api.services).proves(found?.credential, claimed, api.clock.now());
  return proof.proved;
}

describe('provision', () => {
  test('gives a credential that works, once and in one reply', async () => {
    const { status, body } = await api.provision('u1', { reason: 'onboarding' });
    expect(status).toBe(201);
    expect(body.credentials.sender_comp_id).toMatch(/^USER_[A-Z2-7]{10}$/);
    expect(body.credentials.target_comp_id).toBe('GATEWAY');
    expect(Buffer.from(body.credentials.password, 'base64url')).toHaveLength(32);
    expect(body.user).toMatchObject({
      user_id: 'u1',
      status: 'active',
      tier: 'basic',
      max_sessions: 1,
      version: 1,
      ...FACTS,
    });
    expect(await proves(body.credentials.sender_comp_id, body.credentials.password)).toBe(true);
    expect(await proves(body.credentials.sender_comp_id, `${body.credentials.password}x`)).toBe(false);
    const everything = JSON.stringify([
      [...api.world.users],
      [...api.world.chains],
      [...api.world.credentials],
      api.logged,
    ]);
    expect(everything).not.toContain(body.credentials.password);
  });

  test('its record names who, from where, when and why, and verifies', async () => {
    await api.provision('u1', { reason: 'onboarding' });
    const { body } = await api.call('audit', { user_id: 'u1' });
    expect(body.records).toHaveLength(1);
    expect(body.records[0]).toMatchObject({
      type: 'provision',
      outcome: 'done',
      reason: 'onboarding',
      at: new Date(START).toISOString(),
      actor: { principal: ADMIN, source_ip: '203.0.113.9', user_agent: 'curl/8.5.0' },
      chain: 'user:u1',
      seq: 1,
    });
    const chain = await api.stores.audit.chain('user:u1', { limit: 100 });
    const head = await api.stores.audit.expectedHead('user:u1');
    expect(await verifyChain(api.services.digests, 'user:u1', chain.items, head)).toMatchObject({ whole: true });
  });

  test('who does not meet the rules hears every failing one, and the refusal is on the record', async () => {
    const answer = await api.provision('poor', { account_balance: 400, kyc_level: 1 });
    expect(code(answer)).toEqual([422, 'not_eligible']);
    expect(answer.body.error.details).toEqual([
      { rule: 'kyc_level', type: 'kyc_level', required: 2, actual: 1, distance: 1 },
      { rule: 'min_balance', type: 'min_balance', required: 1000, actual: 400, distance: 600 },
    ]);
    expect(answer.body.error.message).toContain('The account balance is below the minimum.');
    expect(await records('poor')).toMatchObject([
      { type: 'provision', outcome: 'refused', details: { code: 'not_eligible' } },
    ]);
    expect(code(await api.call('userCredentials', { user_id: 'poor' }))).toEqual([404, 'user_not_found']);
  });

  test('a bypass or an override lets in whom the rules refuse', async () => {
    expect((await api.provision('vip', { kyc_level: 0, bypass: { reason: 'board decision' } })).status).toBe(201);
    expect((await api.call('evaluate', { user_id: 'vip' })).body.evaluation).toMatchObject({
      eligible: true,
      bypassed: true,
    });
    const override = { user_id: 'friend', rule_id: 'kyc_level', exempt: true, reason: 'papers seen' };
    expect((await api.call('setOverride', override)).status).toBe(200);
    expect((await api.provision('friend', { kyc_level: 0 })).status).toBe(201);
  });

  test('chosen names are kept and unique', async () => {
    const names = { sender_comp_id: 'ACME.1', target_comp_id: 'VENUE/X' };
    expect((await api.provision('u1', names)).body.credentials).toMatchObject(names);
    expect(code(await api.provision('u2', names))).toEqual([409, 'sender_comp_id_taken']);
    expect(await records('u2')).toMatchObject([{ outcome: 'refused', details: { code: 'sender_comp_id_taken' } }]);
  });

  test('one credential a user unless another is asked for, ten at most', async () => {
    await api.provision('u1');
    expect(code(await api.provision('u1'))).toEqual([409, 'already_provisioned']);
    for (let n = 2; n <= 10; n++) expect((await api.provision('u1', { additional_credential: true })).status).toBe(201);
    expect(code(await api.provision('u1', { additional_credential: true }))).toEqual([409, 'too_many_credentials']);
    await api.call('revoke', { sender_comp_id: (await credentialsOf('u1'))[0]?.sender_comp_id, reason: 'room' });
    expect((await api.provision('u1', { additional_credential: true })).status).toBe(201);
  });

  test('what a request for another credential does not say of the user stays, groups too', async () => {
    await api.provision('u1', { groups: ['vip'], max_sessions: 1 });
    const more = await api.provision('u1', { additional_credential: true, account_balance: 9000 });
    expect(more.body.user).toMatchObject({ groups: ['vip'], account_balance: 9000, max_sessions: 1 });
    const none = await api.provision('u1', { additional_credential: true, groups: [] });
    expect(none.body.user).toMatchObject({ groups: [] });
    await api.call('updateUser', { user_id: 'u1', groups: ['vip'] });
    await api.call('revoke', { user_id: 'u1', reason: 'r' });
    expect((await api.provision('u1')).body.user).toMatchObject({ groups: [] });
  });

  test('concurrent requests never make more than ten, and the chain stays whole', async () => {
    await api.provision('u1');
    const answers = await Promise.all(
      Array.from({ length: 14 }, () => api.provision('u1', { additional_credential: true })),
    );
    const made = answers.filter((one) => one.status === 201).length;
    const others = answers.filter((one) => one.status !== 201).map((one) => one.body.error.code);
    expect(new Set([...others, 'busy', 'too_many_credentials'])).toEqual(new Set(['busy', 'too_many_credentials']));
    expect(made).toBeLessThanOrEqual(9);
    expect(await credentialsOf('u1')).toHaveLength(made + 1);
    const chain = await api.stores.audit.chain('user:u1', { limit: 1000 });
    const head = await api.stores.audit.expectedHead('user:u1');
    expect(await verifyChain(api.services.digests, 'user:u1', chain.items, head)).toMatchObject({ whole: true });
  });

  test('a refusal lists some of the credentials that a user has gathered, not all', async () => {
    for (let n = 0; n < 25; n++) {
      await api.provision('u1');
      await api.call('revoke', { user_id: 'u1', reason: 'r' });
    }
    for (const id of ['revoke', 'regeneratePassword'] as const) {
      const more = id === 'revoke' ? { reason: 'r' } : {};
      const { body } = await api.call(id, { user_id: 'u1', ...more });
      expect(body.error.code).toBe('wrong_status');
      expect(body.error.details).toHaveLength(20);
    }
  });

  test('a user whose credentials are all revoked is provisioned anew: facts replaced, epoch goes on', async () => {
    await api.provision('u1', { max_sessions: 1, bypass: { reason: 'then' } });
    await api.call('revoke', { user_id: 'u1', reason: 'left' });
    const before = await api.stores.directory.account('u1');
    const { status, body } = await api.provision('u1', { rate_limit_tier: 'premium', account_balance: 9999 });
    expect(status).toBe(201);
    expect(body.user).toMatchObject({ status: 'active', tier: 'premium', account_balance: 9999, max_sessions: 10 });
    expect(body.user.bypass).toBeUndefined();
    const after = await api.stores.directory.account('u1');
    expect((after.user as { epoch: number }).epoch).toBe((before.user as { epoch: number }).epoch + 1);
  });

  test('max_sessions is capped by the tier', async () => {
    expect((await api.provision('u1', { rate_limit_tier: 'standard', max_sessions: 2 })).body.user.max_sessions).toBe(
      2,
    );
    expect((await api.provision('u2', { rate_limit_tier: 'standard', max_sessions: 50 })).body.user.max_sessions).toBe(
      3,
    );
  });

  test.each([
    ['an unknown tier', { rate_limit_tier: 'gold' }, 404, 'tier_not_found'],
    ['an expiry that has passed', { expires_at: new Date(START - 1).toISOString() }, 400, 'invalid_request'],
    ['a fingerprint in another spelling', { certificate_fingerprints: ['AB'.repeat(32)] }, 400, 'invalid_request'],
    ['no fingerprint in a list of them', { certificate_fingerprints: [] }, 400, 'invalid_request'],
    ['a bad CIDR', { allowed_ips: ['10.0.0.0/8', '10.0.0.0/33'] }, 400, 'invalid_request'],
    ['a version that is not', { if_version: 3 }, 409, 'version_conflict'],
  ])('%s is refused', async (_title, more, status, expected) => {
    expect(code(await api.provision('u1', more))).toEqual([status, expected]);
    expect(api.world.credentials.size).toBe(0);
    expect(await records('u1')).toMatchObject([{ outcome: 'refused', details: { code: expected } }]);
  });

  test('certificates of a credential are shown as they were given, and not where there are none', async () => {
    const certificate_fingerprints = ['ab'.repeat(32), 'cd'.repeat(32)];
    expect((await api.provision('u1', { certificate_fingerprints })).status).toBe(201);
    expect((await api.provision('u2', {})).status).toBe(201);
    const shown = async (user_id: string) =>
      (await api.call('userCredentials', { user_id })).body.credentials[0].certificate_fingerprints;
    expect(await shown('u1')).toEqual(certificate_fingerprints);
    expect(await shown('u2')).toBeUndefined();
  });

  test('a bad CIDR is named by its path', async () => {
    const answer = await api.provision('u1', { allowed_ips: ['10.0.0.0/8', '10.0.0.0/33'] });
    expect(answer.body.error.details).toEqual([{ path: 'allowed_ips[1]', message: expect.any(String) }]);
  });
});

describe('the same request again', () => {
  const keyed = { idempotency_key: 'k-1' };

  test('before the first logon it issues a new password and retires the old one', async () => {
    const first = (await api.provision('u1', keyed)).body.credentials;
    const again = await api.provision('u1', keyed);
    expect(again.status).toBe(201);
    expect(again.body.credentials.sender_comp_id).toBe(first.sender_comp_id);
    expect(await proves(first.sender_comp_id, first.password)).toBe(false);
    expect(await proves(first.sender_comp_id, again.body.credentials.password)).toBe(true);
    expect(await credentialsOf('u1')).toHaveLength(1);
  });

  test('with another body, or after the first logon, it is a conflict', async () => {
    const { sender_comp_id } = (await api.provision('u1', keyed)).body.credentials;
    expect(code(await api.provision('u1', { ...keyed, account_balance: 7000 }))).toEqual([409, 'idempotency_conflict']);
    expect(await api.noteLogon(sender_comp_id, 1)).toBe(true);
    expect(code(await api.provision('u1', keyed))).toEqual([409, 'idempotency_conflict']);
  });

  test('of another principal, or a day later, it is a request of its own', async () => {
    await api.provision('u1', keyed);
    const body = { user_id: 'u1', rate_limit_tier: 'basic', ...FACTS, ...keyed };
    expect(code(await api.call('provision', body, 'arn:aws:iam::111122223333:user/bob'))).toEqual([
      409,
      'already_provisioned',
    ]);
    api.clock.ms += 24 * 3_600_000;
    expect(code(await api.provision('u1', keyed))).toEqual([409, 'already_provisioned']);
  });

  test('many at once make one credential, whose last password works', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => api.provision('u1', keyed)));
    expect(answers.map((one) => one.status)).toEqual([201, 201, 201, 201, 201]);
    const issued = answers.map((one) => one.body.credentials as { sender_comp_id: string; password: string });
    expect(new Set(issued.map((one) => one.sender_comp_id)).size).toBe(1);
    const working = await Promise.all(issued.map((one) => proves(one.sender_comp_id, one.password)));
    expect(working.filter(Boolean)).toHaveLength(1);
  });
});

describe('suspend, reactivate, revoke', () => {
  test('of a user: every credential that allows it', async () => {
    const first = (await api.provision('u1')).body.credentials.sender_comp_id;
    await api.provision('u1', { additional_credential: true });
    const { body } = await api.call('suspend', { user_id: 'u1', reason: 'review' });
    expect(body.user.status).toBe('suspended');
    expect(body.credentials.map((one: { status: string }) => one.status)).toEqual(['suspended', 'suspended']);
    expect(body.credentials[0].status_reason).toBe('review');
    expect((await api.call('reactivate', { sender_comp_id: first, reason: 'cleared' })).body.user.status).toBe(
      'active',
    );
    expect((await api.call('revoke', { user_id: 'u1', reason: 'left' })).body.user.status).toBe('revoked');
    expect(code(await api.call('reactivate', { user_id: 'u1', reason: 'back' }))).toEqual([409, 'wrong_status']);
  });

  test.each([
    ['an unknown user', { user_id: 'nobody' }, 404, 'user_not_found'],
    ['an unknown credential', { sender_comp_id: 'NOBODY' }, 404, 'credential_not_found'],
    ['a version that is not', { user_id: 'u1', if_version: 7 }, 409, 'version_conflict'],
  ])('%s is refused and recorded', async (_title, target, status, expected) => {
    await api.provision('u1');
    expect(code(await api.call('suspend', { ...target, reason: 'r' }))).toEqual([status, expected]);
    const refused = (await api.call('audit', { type: 'suspend' })).body.records;
    expect(refused).toMatchObject([{ outcome: 'refused', details: { code: expected } }]);
  });

  test('ends sessions by a command in the same transaction, only those of the credential when one is named', async () => {
    const edge = await api.stores.edges.register('e1', '0', START);
    const { sender_comp_id } = (await api.provision('u1', { rate_limit_tier: 'premium' })).body.credentials;
    await api.session(edge, sender_comp_id);
    await api.call('suspend', { sender_comp_id, reason: 'review' });
    const commands = await api.stores.edges.commands('e1', '');
    expect(commands).toMatchObject([
      { type: 'end_user', user_id: 'u1', below_epoch: 2, cause: 'suspended', reason: 'review', sender_comp_id },
    ]);
    await expect(api.session(edge, sender_comp_id, 2)).resolves.toMatchObject({ epoch: 2 });
  });

  test('a session that appeared on another edge meanwhile is told too', async () => {
    const [one, two] = [
      await api.stores.edges.register('e1', '0', START),
      await api.stores.edges.register('e2', '0', START),
    ];
    const { sender_comp_id } = (await api.provision('u1', { rate_limit_tier: 'premium' })).body.credentials;
    await api.session(one, sender_comp_id, 1);
    const ofUser = api.stores.slots.ofUser.bind(api.stores.slots);
    const held = await api.session(two, sender_comp_id, 2);
    let asked = 0;
    api.stores.slots.ofUser = async (userId) => {
      asked += 1;
      const all = await ofUser(userId);
      return asked === 1 ? all.filter((session) => session.edge_id !== held.edge_id) : all;
    };
    await api.call('revoke', { user_id: 'u1', reason: 'left' });
    expect(await api.stores.edges.commands('e1', '')).toHaveLength(1);
    expect(await api.stores.edges.commands('e2', '')).toMatchObject([{ type: 'end_user', cause: 'revoked' }]);
  });
});

test('a user with sessions on more edges than a transaction has room for: every one of them is told', async () => {
  const { sender_comp_id } = (await api.provision('u1', { rate_limit_tier: 'unlimited' })).body.credentials;
  const ids = Array.from({ length: 70 }, (_, n) => `e${n}`);
  for (const [n, id] of ids.entries()) {
    await api.session(await api.stores.edges.register(id, '0', START), sender_comp_id, n + 1, 100);
  }
  await api.call('killSessions', { user_id: 'u1', reason: 'all' });
  const told = await Promise.all(ids.map((id) => api.stores.edges.commands(id, '')));
  expect(told.map((commands) => commands.length)).toEqual(ids.map(() => 1));
});

describe('regenerate-password', () => {
  test('without a grace the old password is gone, with one both work until it ends', async () => {
    const first = (await api.provision('u1')).body.credentials;
    const second = (await api.call('regeneratePassword', { user_id: 'u1', grace_seconds: 60 })).body.credentials;
    expect(second.sender_comp_id).toBe(first.sender_comp_id);
    expect([
      await proves(first.sender_comp_id, first.password),
      await proves(first.sender_comp_id, second.password),
    ]).toEqual([true, true]);
    api.clock.ms += 60_000;
    expect([
      await proves(first.sender_comp_id, first.password),
      await proves(first.sender_comp_id, second.password),
    ]).toEqual([false, true]);
    const third = (await api.call('regeneratePassword', { sender_comp_id: first.sender_comp_id })).body.credentials;
    expect([
      await proves(first.sender_comp_id, second.password),
      await proves(first.sender_comp_id, third.password),
    ]).toEqual([false, true]);
  });

  test('the old one retires early once the new one has logged on', async () => {
    const first = (await api.provision('u1')).body.credentials;
    const { body } = await api.call('regeneratePassword', { user_id: 'u1', grace_seconds: 3600 });
    expect([body.version, await api.noteLogon(first.sender_comp_id, 2)]).toEqual([2, true]);
    expect(await proves(first.sender_comp_id, first.password)).toBe(false);
  });

  test('a user with several has to name one; revoked ones get none', async () => {
    const { sender_comp_id } = (await api.provision('u1')).body.credentials;
    await api.provision('u1', { additional_credential: true });
    const several = await api.call('regeneratePassword', { user_id: 'u1' });
    expect(code(several)).toEqual([400, 'invalid_request']);
    expect(several.body.error.details[0].path).toBe('sender_comp_id');
    await api.call('revoke', { sender_comp_id, reason: 'lost' });
    expect(code(await api.call('regeneratePassword', { sender_comp_id }))).toEqual([409, 'wrong_status']);
    expect((await api.call('regeneratePassword', { user_id: 'u1' })).status).toBe(200);
    expect(code(await api.call('regeneratePassword', { user_id: 'nobody' }))).toEqual([404, 'user_not_found']);
    expect(code(await api.call('regeneratePassword', { sender_comp_id: 'NOBODY' }))).toEqual([
      404,
      'credential_not_found',
    ]);
    expect(code(await api.call('regeneratePassword', { user_id: 'u1', if_version: 99 }))).toEqual([
      409,
      'version_conflict',
    ]);
  });
});

describe('users/update', () => {
  test('replaces what is given and warns whom the rules no longer admit', async () => {
    await api.provision('u1');
    const { body } = await api.call('updateUser', { user_id: 'u1', account_balance: 10 });
    expect(body.user).toMatchObject({ account_balance: 10, trading_volume: FACTS.trading_volume, status: 'active' });
    expect(body.evaluation).toMatchObject({ eligible: false });
    expect(body.warning).toContain('balance');
    const back = (await api.call('updateUser', { user_id: 'u1', account_balance: 2000 })).body;
    expect(back.warning).toBeUndefined();
  });

  test('suspends them when the deployment says so, and ends their sessions', async () => {
    api = await Api.create({ onIneligible: 'suspend' });
    const edge = await api.stores.edges.register('e1', '0', START);
    const { sender_comp_id } = (await api.provision('u1')).body.credentials;
    await api.session(edge, sender_comp_id);
    const { body } = await api.call('updateUser', { user_id: 'u1', kyc_level: 0 });
    expect(body).toMatchObject({ suspended: [sender_comp_id], user: { status: 'suspended' } });
    expect(await api.stores.edges.commands('e1', '')).toMatchObject([{ type: 'end_user', cause: 'not_eligible' }]);
  });

  test.each([
    [{ user_id: 'nobody', kyc_level: 1 }, 404, 'user_not_found'],
    [{ user_id: 'u1', kyc_level: 1, if_version: 9 }, 409, 'version_conflict'],
    [{ user_id: 'u1' }, 400, 'invalid_request'],
  ])('%j is refused', async (input, status, expected) => {
    await api.provision('u1');
    expect(code(await api.call('updateUser', input))).toEqual([status, expected]);
  });
});

async function credentialsOf(user_id: string): Promise<{ sender_comp_id: string; status: string }[]> {
  const { body } = await api.call('userCredentials', { user_id });
  return body.credentials.filter((one: { status: string }) => one.status !== 'revoked');
}
