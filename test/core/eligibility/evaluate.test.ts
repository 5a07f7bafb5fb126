import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createExpressions } from '../../../adapters/cel/expressions.ts';
import { CompiledExpressions, type EvaluationInput, evaluate, failures } from '../../../core/eligibility/evaluate.ts';
import type { Facts, Override, Rule } from '../../../core/eligibility/model.ts';
import { DEFAULT_RULES } from '../../../core/policy/defaults.ts';
import type { Expressions } from '../../../core/ports.ts';

const GOOD: Facts = { account_balance: 1000, trading_volume: 10_000, account_age_days: 30, kyc_level: 2, groups: [] };
const expressions = new CompiledExpressions(createExpressions());
const NOW = 1_000_000;

const run = (more: Partial<EvaluationInput> = {}, now = NOW) =>
  evaluate(
    { facts: GOOD, tier: 'basic', rules: DEFAULT_RULES, overrides: [], policy_version: 7, bypassed: false, ...more },
    expressions,
    now,
  );
const override = (more: Partial<Override> & { rule_id: string }): Override =>
  ({ user_id: 'u', reason: 'r', by: 'a', created_at: 0, version: 1, exempt: true, ...more }) as Override;
const custom = (expression: string): Rule => ({
  id: 'c',
  name: 'c',
  message: 'm',
  enabled: true,
  added: 0,
  version: 1,
  type: 'custom',
  expression,
});

describe('a minimum', () => {
  test('is inclusive, and the evaluation says by which policy', () => {
    expect(run()).toMatchObject({ eligible: true, bypassed: false, policy_version: 7 });
    expect(run({ facts: { ...GOOD, account_balance: 999.99 } }).eligible).toBe(false);
  });

  test('and a fact are as far apart as the distance says: adding it is just enough', () => {
    const amount = fc.integer({ min: -1_000_000, max: 1_000_000 });
    fc.assert(
      fc.property(amount, amount, (balance, minimum) => {
        const rules = DEFAULT_RULES.slice(0, 1).map((rule) => ({ ...rule, parameters: { minimum } }) as Rule);
        const [result] = run({ rules, facts: { ...GOOD, account_balance: balance } }).results;
        const distance = result?.distance as number;
        expect(result?.passed).toBe(balance >= minimum);
        expect(distance).toBe(Math.max(0, minimum - balance));
        expect(run({ rules, facts: { ...GOOD, account_balance: balance + distance } }).eligible).toBe(true);
      }),
    );
  });

  test('that fails is listed with what is missing; those that pass are not', () => {
    const facts = { ...GOOD, trading_volume: 9000, kyc_level: 0 };
    expect(failures(run({ facts }))).toEqual([
      { rule: 'min_volume', type: 'min_volume', required: 10_000, actual: 9000, distance: 1000 },
      { rule: 'kyc_level', type: 'kyc_level', required: 2, actual: 0, distance: 2 },
    ]);
  });

  test('of a disabled rule is not asked for', () => {
    const rules = DEFAULT_RULES.map((rule) => ({ ...rule, enabled: false }));
    expect(run({ rules, facts: { ...GOOD, kyc_level: 0 } })).toMatchObject({ eligible: true, results: [] });
  });
});

describe('an override', () => {
  const poor = { ...GOOD, account_balance: 5 };

  test('exempts or sets another minimum, for its rule alone', () => {
    expect(run({ facts: poor, overrides: [override({ rule_id: 'min_balance' })] }).eligible).toBe(true);
    expect(run({ facts: poor, overrides: [override({ rule_id: 'min_volume' })] }).eligible).toBe(false);
    const threshold = (n: number) => override({ rule_id: 'min_balance', exempt: false, threshold: n } as never);
    expect(run({ facts: poor, overrides: [threshold(5)] }).eligible).toBe(true);
    expect(failures(run({ facts: poor, overrides: [threshold(6)] }))).toMatchObject([{ required: 6, distance: 1 }]);
  });

  test('counts until it expires', () => {
    const overrides = [override({ rule_id: 'min_balance', expires_at: NOW })];
    expect(run({ facts: poor, overrides }, NOW - 1).eligible).toBe(true);
    expect(run({ facts: poor, overrides }, NOW).eligible).toBe(false);
  });
});

test('a bypass makes eligible and hides nothing', () => {
  const found = run({ bypassed: true, facts: { ...GOOD, kyc_level: 0 } });
  expect(found).toMatchObject({ eligible: true, bypassed: true });
  expect(failures(found)).toHaveLength(1);
});

describe('groups', () => {
  const rule = (match: 'any' | 'all'): Rule => ({
    id: 'g',
    name: 'g',
    message: 'm',
    enabled: true,
    added: 0,
    version: 1,
    type: 'group_membership',
    parameters: { groups: ['a', 'b'], match },
  });

  test.each([
    ['any', [], false],
    ['any', ['b'], true],
    ['all', ['b'], false],
    ['all', ['b', 'c', 'a'], true],
  ] as const)('%s of a, b with %j: %s', (match, groups, passes) => {
    expect(run({ rules: [rule(match)], facts: { ...GOOD, groups } }).eligible).toBe(passes);
  });
});

describe('an expression', () => {
  test.each([
    ['user.account_balance >= 1000.0 && user.tier == "basic"', true],
    ['user.tier == "premium"', false],
    ['"vip" in user.groups || user.kyc_level > 1.0', true],
  ])('%s: %s', (expression, passes) => {
    expect(run({ rules: [custom(expression)] }).eligible).toBe(passes);
  });

  test('that fails when it runs does not pass, and says why', () => {
    const [result] = run({ rules: [custom('user.groups[3] == "x"')] }).results;
    expect(result).toMatchObject({ passed: false, error: expect.any(String), distance: null });
    expect(
      run({ rules: [custom('user.groups[3] == "x"')], overrides: [override({ rule_id: 'c' })] }).results[0],
    ).not.toHaveProperty('error');
  });

  test('is compiled once', () => {
    const compiled: string[] = [];
    const counting: Expressions = {
      compile: (text) => {
        compiled.push(text);
        return { ok: true, run: () => true };
      },
    };
    const cache = new CompiledExpressions(counting);
    for (const text of ['a', 'b', 'a', 'a']) cache.compile(text);
    expect(compiled).toEqual(['a', 'b']);
    for (let n = 0; n < 1000; n++) cache.compile(`x${n}`);
    cache.compile('a');
    expect(compiled.filter((text) => text === 'a')).toHaveLength(2);
  });
});
