import { describe, expect, test } from '@jest/globals';
import { createExpressions } from '../../adapters/cel/expressions.ts';

const expressions = createExpressions();
const user = {
  account_balance: 1500.5,
  trading_volume: 200_000,
  account_age_days: 40,
  kyc_level: 2,
  groups: ['vip', 'eu'],
  tier: 'basic',
};

const run = (text: string) => {
  const compiled = expressions.compile(text);
  if (!compiled.ok) throw new Error(`${text}: ${compiled.message}`);
  return compiled.run(user);
};

describe('an admin writes numbers as they are', () => {
  test.each([
    ['user.account_balance >= 1000', true],
    ['user.account_balance >= 1500.5', true],
    ['user.account_balance > 1500.5', false],
    ['1000 <= user.account_balance', true],
    ['user.kyc_level == 2', true],
    ['2 == user.kyc_level', true],
    ['user.kyc_level != 2', false],
    ['user.kyc_level in [1, 2]', true],
    ['user.kyc_level in [1, 3]', false],
    ['user.account_balance * 2 >= 3001', true],
    ['user.trading_volume / 4 == 50000', true],
    ['user.account_balance - 1500 == 0.5', true],
    ['1 + user.kyc_level == 3.0', true],
    ['"vip" in user.groups && user.tier != "premium"', true],
    ['user.groups.exists(g, g.startsWith("v"))', true],
    ['user.groups.all(a, user.groups.exists(b, a == b))', true],
    ['size(user.groups) > 2', false],
    ['user.kyc_level > 3 ? true : user.account_age_days >= 30', true],
  ])('%s', (text, expected) => {
    expect(run(text)).toBe(expected);
  });

  test('a fact that is no integer is never equal to one', () => {
    const compiled = expressions.compile('user.kyc_level == 2');
    expect(compiled.ok && compiled.run({ ...user, kyc_level: 2.5 })).toBe(false);
  });
});

describe('a mistake has its position', () => {
  test.each([
    ['user.account_balance >= ', 24, 'EOF'],
    ['user.nope > 1', 5, 'nope'],
    ['true && account > 1', 8, 'account'],
    ['user.tier', 0, 'needs bool'],
    ['1 + 1', 0, 'gives int'],
    ['user.tier == 2', 0, 'string == int'],
    ['user.kyc_level in [1.0, 2]', 24, 'write 2.0'],
    ['', 0, ''],
    ['true; false', 4, ''],
    ['user.kyc_level == "2"', 0, 'double == string'],
    ['user.tier.matches("(a+)+$")', 0, 'startsWith'],
    ['true && cel.bind(x, "a", x == "a")', 8, 'bind'],
    ['dyn(user.tier) == 2', 0, 'dyn'],
    ['timestamp("2020-01-01T00:00:00Z") == timestamp("2020-01-01T00:00:00Z")', 0, 'timestamp'],
  ])('%s', (text, position, message) => {
    const compiled = expressions.compile(text);
    if (compiled.ok) throw new Error('compiled');
    expect(compiled).toMatchObject({ position, message: expect.stringContaining(message) });
    expect(compiled.message).not.toContain('\n');
  });
});

describe('size and cost are bounded', () => {
  const macros = (depth: number): string => (depth === 0 ? 'true' : `user.groups.all(g${depth}, ${macros(depth - 1)})`);

  test.each([
    ['a long one', `user.tier == "${'x'.repeat(1024)}"`, '1024 are allowed'],
    ['many nodes', Array(150).fill('true').join('&&'), 'More than 200 parts.'],
    ['a deep one', `${'('.repeat(60)}true${')'.repeat(60)}`, 'More than 20 levels of nesting.'],
    ['a long list', `1 in [${Array(60).fill('1').join(',')}]`, 'More than 50 elements in a list.'],
    ['three macros inside one another', macros(3), 'More than 2 of exists'],
  ])('%s', (_what, text, message) => {
    const refused = { ok: false, message: expect.stringContaining(message), position: expect.any(Number) };
    expect(expressions.compile(text)).toMatchObject(refused);
  });

  test('two macros inside one another over a thousand groups take no time to speak of', () => {
    const compiled = expressions.compile(macros(2));
    if (!compiled.ok) throw new Error(compiled.message);
    const many = { ...user, groups: Array.from({ length: 1000 }, (_, i) => `g${i}`) };
    const from = performance.now();
    expect(compiled.run(many)).toBe(true);
    expect(performance.now() - from).toBeLessThan(5000);
  });
});

test('what fails at run time throws, and says what', () => {
  const compiled = expressions.compile('10 / (size(user.groups) - 2) > 1');
  if (!compiled.ok) throw new Error(compiled.message);
  expect(() => compiled.run(user)).toThrow('division by zero');
});
