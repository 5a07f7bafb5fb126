import { beforeEach, describe, expect, test } from '@jest/globals';
import { verifyChain } from '../../core/audit/chain.ts';
import { ensureDefaults } from '../../core/policy/defaults.ts';
import { ADMIN, type Answer, Api, START } from './support.ts';

let api: Api;
beforeEach(async () => {
  api = await Api.create();
});

const code = (answer: Answer) => [answer.status, answer.body.error?.code];
const GOLD = { name: 'gold', orders_per_second: 50, messages_per_second: 200, max_sessions: 5, burst: 100 };
const RULE = {
  id: 'swiss',
  name: 'Swiss',
  type: 'custom',
  expression: '"ch" in user.groups',
  message: 'Swiss clients only.',
};

describe('the policy of a new installation', () => {
  test('is seeded once, with one record, however many start at the same time', async () => {
    const fresh = new Api();
    const results = await Promise.all(
      Array.from({ length: 4 }, () => ensureDefaults(fresh.services, { principal: 'deployment' })),
    );
    expect(results.filter((one) => one === 'seeded')).toHaveLength(1);
    expect(await ensureDefaults(fresh.services, { principal: 'deployment' })).toBe('present');
    const { body } = await fresh.call('audit', { type: 'policy_seeded' });
    expect(body.records).toHaveLength(1);
    const { tiers } = (await fresh.call('tiers')).body;
    expect(tiers.map((one: { name: string }) => one.name)).toEqual(['basic', 'premium', 'standard', 'unlimited']);
    const { rules } = (await fresh.call('rules')).body;
    const minima = Object.fromEntries(
      rules.map((one: { id: string; parameters: { minimum: number } }) => [one.id, one.parameters.minimum]),
    );
    expect(minima).toEqual({ min_balance: 1000, min_volume: 10_000, account_age: 30, kyc_level: 2 });
  });

  test('does not come back when an admin has removed it', async () => {
    await api.call('removeRule', { id: 'kyc_level' });
    expect(await ensureDefaults(api.services, { principal: 'deployment' })).toBe('present');
    expect((await api.call('rules')).body.rules).toHaveLength(3);
  });
});

describe('tiers', () => {
  test('are put, changed under their version, and removed', async () => {
    const put = (await api.call('putTier', { ...GOLD, disconnect: { multiple: 3, seconds: 5 } })).body.tier;
    expect(put).toEqual({ ...GOLD, disconnect: { multiple: 3, seconds: 5 }, version: 2 });
    expect((await api.call('putTier', { ...GOLD, if_version: 2, burst: 10 })).body.tier).toEqual({
      ...GOLD,
      burst: 10,
      version: 3,
    });
    expect(code(await api.call('putTier', { ...GOLD, if_version: 2 }))).toEqual([409, 'version_conflict']);
    expect(code(await api.call('removeTier', { name: 'gold', if_version: 2 }))).toEqual([409, 'version_conflict']);
    expect((await api.call('removeTier', { name: 'gold', if_version: 3 })).status).toBe(200);
    expect(code(await api.call('removeTier', { name: 'gold' }))).toEqual([404, 'tier_not_found']);
  });

  test('in use stay; those of the house stay always', async () => {
    await api.call('putTier', GOLD);
    await api.provision('u1', { rate_limit_tier: 'gold' });
    expect(code(await api.call('removeTier', { name: 'gold' }))).toEqual([409, 'tier_in_use']);
    await api.call('updateRateLimit', { user_id: 'u1', tier: 'basic' });
    expect((await api.call('removeTier', { name: 'gold' })).status).toBe(200);
    expect(code(await api.call('removeTier', { name: 'basic' }))).toEqual([409, 'tier_protected']);
  });

  test.each([
    [{ orders_per_second: 0 }],
    [{ orders_per_second: 1e9 + 1 }],
    [{ burst: 1.5 }],
    [{ name: 'Gold!' }],
    [{ max_sessions: -1 }],
    [{ extra: 1 }],
  ])('%j is no tier', async (more) => {
    const answer = await api.call('putTier', { ...GOLD, ...more });
    expect(code(answer)).toEqual([400, 'invalid_request']);
    expect(answer.body.error.details[0].path).toBe(Object.keys(more)[0]);
  });
});

describe('a user’s tier', () => {
  test('reaches every edge that holds a session, with the order of assignments', async () => {
    const edge = await api.stores.edges.register('e1', '0', START);
    const { sender_comp_id } = (await api.provision('u1')).body.credentials;
    await api.session(edge, sender_comp_id);
    const { body } = await api.call('updateRateLimit', { user_id: 'u1', tier: 'premium' });
    expect(body).toMatchObject({ user: { tier: 'premium', max_sessions: 10 }, tier: { burst: 200 } });
    expect(await api.stores.edges.commands('e1', '')).toMatchObject([
      {
        type: 'limits_changed',
        user_id: 'u1',
        tier: 'premium',
        limits: { orders_per_second: 100, burst: 200, assignment: 2, definition: 1 },
      },
    ]);
    expect((await api.call('credentials', { tier: 'premium' })).body.credentials).toMatchObject([{ sender_comp_id }]);
    expect((await api.call('rateLimits', { tier: 'basic' })).body.rate_limits).toEqual([]);
  });

  test.each([
    [{ user_id: 'nobody', tier: 'basic' }, 404, 'user_not_found'],
    [{ user_id: 'u1', tier: 'gold' }, 404, 'tier_not_found'],
    [{ user_id: 'u1', tier: 'premium', if_version: 8 }, 409, 'version_conflict'],
  ])('%j is refused', async (input, status, expected) => {
    await api.provision('u1');
    expect(code(await api.call('updateRateLimit', input))).toEqual([status, expected]);
  });

  test('rate-limits shows full buckets to who has sent nothing, and the violations', async () => {
    await api.provision('u1', { rate_limit_tier: 'standard' });
    await api.stores.violations.add('u1', 'order', 3, START);
    const { body } = await api.call('rateLimits', { user_id: 'u1' });
    expect(body.rate_limits).toMatchObject([
      {
        user_id: 'u1',
        tier: 'standard',
        tokens: { order: 40, cancel: 80, message: 200 },
        violations: { order: 3, last_type: 'order' },
      },
    ]);
    expect(code(await api.call('rateLimits', { user_id: 'nobody' }))).toEqual([404, 'user_not_found']);
    expect((await api.call('resetViolations', { user_id: 'u1' })).body.violations).toMatchObject({ order: 0 });
    expect(code(await api.call('resetViolations', { user_id: 'nobody' }))).toEqual([404, 'user_not_found']);
    expect(code(await api.call('resetViolations', { user_id: 'u1', if_version: 9 }))).toEqual([
      409,
      'version_conflict',
    ]);
    const { records } = (await api.call('audit', { type: 'violations_reset', user_id: 'u1' })).body;
    expect(records).toContainEqual(
      expect.objectContaining({ outcome: 'done', details: { order: 3, cancel: 0, message: 0 } }),
    );
  });
});

describe('rules', () => {
  test('are added, disabled, enabled, removed; each decides who gets in', async () => {
    expect((await api.call('addRule', RULE)).body.rule).toEqual({ ...RULE, enabled: true, version: 2 });
    expect(code(await api.provision('u1', { groups: ['de'] }))).toEqual([422, 'not_eligible']);
    expect((await api.provision('u2', { groups: ['ch'] })).status).toBe(201);
    expect((await api.call('disableRule', { id: 'swiss' })).body.rule).toMatchObject({ enabled: false, version: 3 });
    expect((await api.provision('u1', { groups: ['de'] })).status).toBe(201);
    expect((await api.call('enableRule', { id: 'swiss', if_version: 3 })).body.rule.enabled).toBe(true);
    expect((await api.call('evaluate', { user_id: 'u1' })).body.evaluation.eligible).toBe(false);
    expect((await api.call('removeRule', { id: 'swiss' })).status).toBe(200);
    expect((await api.call('evaluate', { user_id: 'u1' })).body.evaluation.eligible).toBe(true);
  });

  test('of groups ask for any or all of them', async () => {
    const rule = { id: 'desk', name: 'Desk', type: 'group_membership', message: 'Not of the desk.' };
    await api.call('addRule', { ...rule, parameters: { groups: ['a', 'b'], match: 'all' } });
    const refused = await api.provision('u1', { groups: ['a'] });
    expect(refused.body.error.details).toEqual([
      { rule: 'desk', type: 'group_membership', required: ['a', 'b'], actual: ['a'], distance: null },
    ]);
    expect((await api.provision('u1', { groups: ['b', 'a', 'c'] })).status).toBe(201);
  });

  test('that run into a mistake do not pass, and say so', async () => {
    await api.call('addRule', { ...RULE, expression: 'user.groups[7] == "ch"' });
    const refused = await api.provision('u1', { groups: ['ch'] });
    expect(code(refused)).toEqual([422, 'not_eligible']);
    expect(refused.body.error.details[0].actual).toMatch(/^error: /);
  });

  test.each([
    ['an unknown type', { ...RULE, type: 'horoscope' }, 400, 'invalid_request'],
    ['a type without its parameters', { ...RULE, type: 'min_balance' }, 400, 'invalid_request'],
    ['a broken expression', { ...RULE, expression: 'user.kyc_level >' }, 400, 'invalid_expression'],
    ['a wrong type in an expression', { ...RULE, expression: 'user.kyc_level + "x" == 1' }, 400, 'invalid_expression'],
    ['an expression that is no bool', { ...RULE, expression: 'user.kyc_level' }, 400, 'invalid_expression'],
    ['an id that is there', { ...RULE, id: 'kyc_level' }, 409, 'rule_exists'],
    ['a version that is not', { ...RULE, if_version: 4 }, 409, 'version_conflict'],
  ])('%s is refused and recorded', async (_title, rule, status, expected) => {
    expect(code(await api.call('addRule', rule))).toEqual([status, expected]);
    expect((await api.call('audit', { type: 'rule_add' })).body.records).toMatchObject([
      { outcome: 'refused', details: { code: expected } },
    ]);
    expect((await api.call('rules')).body.rules).toHaveLength(4);
  });

  test('a broken expression is told where', async () => {
    const { body } = await api.call('addRule', { ...RULE, expression: 'user.nothing > 1' });
    expect(body.error.details).toEqual([
      { path: 'expression', message: expect.any(String), position: expect.any(Number) },
    ]);
  });

  test.each(['removeRule', 'enableRule', 'disableRule'] as const)(
    '%s of what is not, or has changed',
    async (operation) => {
      expect(code(await api.call(operation, { id: 'nothing' }))).toEqual([404, 'rule_not_found']);
      expect(code(await api.call(operation, { id: 'kyc_level', if_version: 55 }))).toEqual([409, 'version_conflict']);
    },
  );
});

describe('overrides', () => {
  test('measure one user by another minimum until they expire', async () => {
    const expires_at = new Date(START + 1000).toISOString();
    const given = { user_id: 'u1', rule_id: 'min_balance', threshold: 100, reason: 'old client', expires_at };
    expect((await api.call('setOverride', given)).body.override).toMatchObject({
      exempt: false,
      threshold: 100,
      by: ADMIN,
      expires_at,
    });
    expect((await api.provision('u1', { account_balance: 100 })).status).toBe(201);
    const { body } = await api.call('evaluate', { user_id: 'u1' });
    expect(body.evaluation.results).toContainEqual(
      expect.objectContaining({ rule: 'min_balance', required: 100, passed: true, override: 'threshold' }),
    );
    expect(body.overrides).toHaveLength(1);
    api.clock.ms += 1000;
    expect((await api.call('evaluate', { user_id: 'u1' })).body.evaluation.eligible).toBe(false);
  });

  test('are removed once', async () => {
    const key = { user_id: 'u1', rule_id: 'min_balance' };
    await api.call('setOverride', { ...key, exempt: true, reason: 'r' });
    expect(code(await api.call('removeOverride', { ...key, if_version: 77 }))).toEqual([409, 'version_conflict']);
    expect((await api.call('removeOverride', key)).status).toBe(200);
    expect(code(await api.call('removeOverride', key))).toEqual([404, 'override_not_found']);
  });

  test('go with their rule: another of its id has none of them', async () => {
    const key = { user_id: 'u1', rule_id: 'kyc_level' };
    await api.call('setOverride', { ...key, exempt: true, reason: 'r' });
    await api.provision('u1', { kyc_level: 0 });
    const of = async () => {
      const { body } = await api.call('evaluate', { user_id: 'u1' });
      return [body.evaluation.eligible, body.overrides.length];
    };
    for (const change of ['disableRule', 'enableRule'] as const) await api.call(change, { id: 'kyc_level' });
    expect(await of()).toEqual([true, 1]);
    await api.call('removeRule', { id: 'kyc_level' });
    expect(await of()).toEqual([true, 0]);
    expect(code(await api.call('removeOverride', key))).toEqual([404, 'override_not_found']);
    const again = { id: 'kyc_level', name: 'n', type: 'kyc_level', parameters: { minimum: 1 }, message: 'm' };
    await api.call('addRule', again);
    expect(await of()).toEqual([false, 0]);
    await api.call('setOverride', { ...key, threshold: 0, reason: 'r', if_version: 0 });
    expect(await of()).toEqual([true, 1]);
  });

  test.each([
    ['of a rule that is not', { rule_id: 'nothing', exempt: true }, 404, 'rule_not_found'],
    ['with both', { rule_id: 'kyc_level', exempt: true, threshold: 1 }, 400, 'invalid_request'],
    ['with neither', { rule_id: 'kyc_level' }, 400, 'invalid_request'],
    [
      'that has expired',
      { rule_id: 'kyc_level', exempt: true, expires_at: new Date(START).toISOString() },
      400,
      'invalid_request',
    ],
    ['on another version', { rule_id: 'kyc_level', exempt: true, if_version: 9 }, 409, 'version_conflict'],
  ])('%s are refused', async (_title, more, status, expected) => {
    expect(code(await api.call('setOverride', { user_id: 'u1', reason: 'r', ...more }))).toEqual([status, expected]);
    expect(await api.stores.policy.overrides('u1')).toEqual([]);
  });

  test('a threshold needs a rule with a minimum', async () => {
    await api.call('addRule', RULE);
    const answer = await api.call('setOverride', { user_id: 'u1', rule_id: 'swiss', threshold: 1, reason: 'r' });
    expect(answer.body.error).toMatchObject({ code: 'invalid_request', details: [{ path: 'threshold' }] });
  });
});

test('a policy holds a hundred rules and a hundred tiers; changing one needs no room', async () => {
  for (let n = 4; n < 100; n++) {
    expect((await api.call('addRule', { ...RULE, id: `r${n}` })).status).toBe(200);
    expect((await api.call('putTier', { ...GOLD, name: `t${n}` })).status).toBe(200);
  }
  const full = await api.call('addRule', RULE);
  expect(full.body.error).toMatchObject({ code: 'policy_full', details: [{ rules: 100, maximum: 100 }] });
  expect(code(await api.call('putTier', GOLD))).toEqual([409, 'policy_full']);
  expect((await api.call('putTier', { ...GOLD, name: 't4', burst: 77 })).status).toBe(200);
  await api.call('removeRule', { id: 'r4' });
  expect((await api.call('addRule', RULE)).status).toBe(200);
});

test('the chain of the policy is whole after concurrent changes, done and refused', async () => {
  const changes = Array.from({ length: 12 }, (_, n) =>
    n % 3 === 0 ? api.call('removeRule', { id: 'nothing' }) : api.call('putTier', { ...GOLD, burst: n + 1 }),
  );
  const answers = await Promise.all(changes);
  const busy = answers.filter((one) => one.body.error?.code === 'busy').length;
  const chain = await api.stores.audit.chain('policy', { limit: 1000 });
  expect(chain.items).toHaveLength(1 + answers.length - busy);
  const head = await api.stores.audit.expectedHead('policy');
  expect(await verifyChain(api.services.digests, 'policy', chain.items, head)).toMatchObject({ whole: true });
});
