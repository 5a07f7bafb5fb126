/** Rules against facts: who is eligible, and for who is not, what is missing. Pure but for the cache of compiled expressions. */
import type { Expressions, ExpressionUser } from '../ports.ts';
import type { Evaluation, Facts, Override, Rule, RuleResult } from './model.ts';

export interface EvaluationInput {
  readonly facts: Facts;
  readonly tier: string;
  readonly rules: readonly Rule[];
  /** The user's; those of rules that do not exist any more are ignored. */
  readonly overrides: readonly Override[];
  readonly policy_version: number;
  /** True when the user was provisioned with a bypass. */
  readonly bypassed: boolean;
}

type Compiled = ReturnType<Expressions['compile']>;

/** Most expressions kept compiled; policies have tens. */
const MAX_COMPILED = 1000;

/** Compiles each expression once, by its text. */
export class CompiledExpressions {
  readonly #expressions: Expressions;
  readonly #compiled = new Map<string, Compiled>();

  constructor(expressions: Expressions) {
    this.#expressions = expressions;
  }

  compile(expression: string): Compiled {
    const known = this.#compiled.get(expression);
    if (known) return known;
    const compiled = this.#expressions.compile(expression);
    if (this.#compiled.size >= MAX_COMPILED) this.#compiled.delete(this.#compiled.keys().next().value as string);
    this.#compiled.set(expression, compiled);
    return compiled;
  }
}

const FACT_OF = {
  min_balance: 'account_balance',
  min_volume: 'trading_volume',
  account_age: 'account_age_days',
  kyc_level: 'kyc_level',
} as const;

/** Whether the override was made for this very rule, and not for one that had its id before and was removed. */
export function isOf(override: Override, rule: Rule): boolean {
  return override.rule_id === rule.id && override.version > rule.added;
}

/** Rule types with a minimum: those that a threshold can override. */
export function hasMinimum(rule: Rule): rule is Extract<Rule, { parameters: { minimum: number } }> {
  return rule.type in FACT_OF;
}

/**
 * Every enabled rule's answer, in the order of the policy. A minimum is inclusive. An override counts until it
 * expires: `expires_at` itself is too late.
 */
export function evaluate(input: EvaluationInput, expressions: CompiledExpressions, now: number): Evaluation {
  const overrides = new Map<string, Override>();
  for (const override of input.overrides) {
    if (override.expires_at === undefined || now < override.expires_at) overrides.set(override.rule_id, override);
  }
  const results = input.rules
    .filter((rule) => rule.enabled)
    .map((rule) => {
      const override = overrides.get(rule.id);
      return answer(rule, input, override && isOf(override, rule) ? override : undefined, expressions);
    });
  return {
    eligible: input.bypassed || results.every((result) => result.passed),
    bypassed: input.bypassed,
    results,
    policy_version: input.policy_version,
  };
}

/** The failing rules as the error `not_eligible` lists them. */
export function failures(
  evaluation: Evaluation,
): readonly Pick<RuleResult, 'rule' | 'type' | 'required' | 'actual' | 'distance'>[] {
  return evaluation.results
    .filter((result) => !result.passed)
    .map(({ rule, type, required, actual, distance }) => ({ rule, type, required, actual, distance }));
}

/** What the failing rules say to whoever fails them, each by its id, in one line: `min_balance: The balance is too low.` */
export function failureText(evaluation: Evaluation): string {
  return evaluation.results
    .filter((result) => !result.passed)
    .map(({ rule, message, error }) => `${rule}: ${message}${error === undefined ? '' : ` (${error})`}`)
    .join('; ');
}

function answer(
  rule: Rule,
  input: EvaluationInput,
  override: Override | undefined,
  expressions: CompiledExpressions,
): RuleResult {
  const plain = unexempted(rule, input, override, expressions);
  if (!override?.exempt) return plain;
  const { error: _, ...rest } = plain;
  return { ...rest, passed: true, distance: plain.distance === null ? null : 0, override: 'exempt' };
}

function unexempted(
  rule: Rule,
  input: EvaluationInput,
  override: Override | undefined,
  expressions: CompiledExpressions,
): RuleResult {
  const base = { rule: rule.id, type: rule.type, message: rule.message };
  switch (rule.type) {
    case 'custom':
      return { ...base, ...custom(rule.expression, input, expressions) };
    case 'group_membership': {
      const held = new Set(input.facts.groups);
      const { groups, match } = rule.parameters;
      const passed =
        match === 'all' ? groups.every((group) => held.has(group)) : groups.some((group) => held.has(group));
      return { ...base, passed, required: groups, actual: input.facts.groups, distance: null };
    }
    default: {
      const threshold = override && !override.exempt ? override.threshold : undefined;
      const required = threshold ?? rule.parameters.minimum;
      const actual = input.facts[FACT_OF[rule.type]];
      const passed = actual >= required;
      const result = { ...base, passed, required, actual, distance: passed ? 0 : required - actual };
      return threshold === undefined ? result : { ...result, override: 'threshold' };
    }
  }
}

function custom(
  expression: string,
  input: EvaluationInput,
  expressions: CompiledExpressions,
): Pick<RuleResult, 'passed' | 'required' | 'actual' | 'distance' | 'error'> {
  const compiled = expressions.compile(expression);
  const failed = (error: string) => ({
    passed: false,
    required: expression,
    actual: `error: ${error}`,
    distance: null,
    error,
  });
  if (!compiled.ok) return failed(compiled.message);
  const user: ExpressionUser = { ...input.facts, tier: input.tier };
  let passed: boolean;
  try {
    passed = compiled.run(user);
  } catch (error) {
    // Whatever an expression trips over (a missing group, too much work), the rule is not met and says why.
    return failed((error as Error).message);
  }
  return { passed, required: expression, actual: passed, distance: null };
}
