/** Eligibility expressions in CEL over `user`: type-checked when added, bounded in size and in what running them costs. */
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import type { Expressions, ExpressionUser } from '../../core/ports.ts';

type Compiled = ReturnType<Expressions['compile']>;

/** Longest expression, in UTF-16 units: a page of conditions, and nothing that a person could not read. */
const MAX_LENGTH = 1024;
/** Bounds of the parse tree; deeper or wider ones are refused before anything is checked. */
const TREE_LIMITS = { maxAstNodes: 200, maxDepth: 20, maxListElements: 50, maxMapEntries: 10, maxCallArguments: 4 };
/** How the library says that one of them is passed, and how people say it. */
const PASSED_LIMIT = /^Exceeded (max\w+) \((\d+)\)/;
const LIMIT_WORDS: Readonly<Record<string, string>> = {
  maxAstNodes: 'parts',
  maxDepth: 'levels of nesting',
  maxListElements: 'elements in a list',
  maxMapEntries: 'entries in a map',
  maxCallArguments: 'arguments in a call',
} satisfies Record<keyof typeof TREE_LIMITS, string>;
/** exists, all, map, filter inside one another: running costs at most nodes × groups². */
const MAX_NESTED_MACROS = 2;

const MACROS = new Set(['exists', 'all', 'exists_one', 'map', 'filter']);
/**
 * What may be called. Left out: `matches` (a backtracking regular expression runs without bound), `cel.bind` (values
 * that double at each step), `dyn` (undoes the type check), dates (a rule reads facts, not clocks).
 */
const FUNCTIONS = new Set(['size', 'startsWith', 'endsWith', 'contains', 'lowerAscii', 'upperAscii', 'trim', 'has']);
const CONVERSIONS = new Set(['double', 'int', 'string']);

const FACTS = {
  account_balance: 'double',
  trading_volume: 'double',
  account_age_days: 'double',
  kyc_level: 'double',
  groups: 'list<string>',
  tier: 'string',
} as const satisfies Record<keyof ExpressionUser, string>;

/**
 * CEL has no arithmetic between int and double, and comparing them is a matter of the implementation; an admin writes
 * `user.kyc_level == 2` and means the number. So integer literals act as doubles beside a double.
 */
function createEnvironment(): Environment {
  const environment = new Environment({ limits: TREE_LIMITS }).registerVariable({ name: 'user', schema: { ...FACTS } });
  const arithmetic: Record<string, (a: number, b: number) => number> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
  };
  for (const [operator, apply] of Object.entries(arithmetic)) {
    const mixed = (a: unknown, b: unknown) => apply(Number(a), Number(b));
    environment.registerOperator(`double ${operator} int: double`, mixed);
    environment.registerOperator(`int ${operator} double: double`, mixed);
  }
  // The mirror image and != come with it.
  environment.registerOperator('double == int: bool', (a: number, b: bigint) => a === Number(b));
  environment.registerOperator('double in list<int>: bool', (a: number, list: Iterable<bigint>) =>
    [...list].some((b) => a === Number(b)),
  );
  return environment;
}

/** Expressions over the facts of a user. `run` throws when an expression fails at run time (a division by zero). */
export function createExpressions(): Expressions {
  const environment = createEnvironment();
  return {
    compile(expression): Compiled {
      if (expression.length > MAX_LENGTH) {
        return mistake(`The expression has ${expression.length} characters; ${MAX_LENGTH} are allowed.`, MAX_LENGTH);
      }
      try {
        const run = environment.parse(expression);
        const forbidden = firstForbidden(run.ast, 0);
        if (forbidden !== undefined) return forbidden;
        const { valid, type, error } = run.check();
        if (!valid) return explain(error);
        if (type !== 'bool') return mistake(`The expression gives ${type}; a rule needs bool.`, 0);
        return { ok: true, run: (user) => evaluate(run, user) };
      } catch (error) {
        return explain(error);
      }
    },
  };
}

function evaluate(run: (context: { user: ExpressionUser }) => unknown, user: ExpressionUser): boolean {
  const result = run({ user });
  if (typeof result !== 'boolean') throw new TypeError(`the expression gave ${typeof result}`);
  return result;
}

function mistake(message: string, position: number): Compiled {
  return { ok: false, message, position };
}

/** A mistake that the library found, with a hint where its text alone would not help; what is no such mistake is thrown on. */
function explain(error: unknown): Compiled {
  const { summary, range } = error as { summary?: unknown; range?: { start: number } };
  if (typeof summary !== 'string') throw error;
  const [, limit = '', most] = PASSED_LIMIT.exec(summary) ?? [];
  if (LIMIT_WORDS[limit] !== undefined) return mistake(`More than ${most} ${LIMIT_WORDS[limit]}.`, range?.start ?? 0);
  const numbers = /\bint\b/.test(summary) && /\bdouble\b/.test(summary);
  const hint = numbers ? ' Facts are doubles: write 2.0 for 2 here, or double(…).' : '';
  const text = `${summary.endsWith('.') ? summary : `${summary}.`}${hint}`;
  return range === undefined ? { ok: false, message: text } : mistake(text, range.start);
}

/** The first call that may not be made; undefined: there is none. */
function firstForbidden(node: ASTNode, macros: number): Compiled | undefined {
  const inside = node.op === 'rcall' && MACROS.has(node.args[0]) ? macros + 1 : macros;
  if (inside > MAX_NESTED_MACROS) {
    return mistake(`More than ${MAX_NESTED_MACROS} of exists, all, map, filter inside one another.`, node.start);
  }
  if (node.op === 'call' || node.op === 'rcall') {
    const name = node.args[0];
    const known = FUNCTIONS.has(name) || (node.op === 'call' ? CONVERSIONS.has(name) : MACROS.has(name));
    if (!known) return mistake(`There is no function ${name} in rules.${regexHint(name)}`, node.start);
  }
  for (const child of children(node.args)) {
    const found = firstForbidden(child, inside);
    if (found !== undefined) return found;
  }
  return undefined;
}

function regexHint(name: string): string {
  return name === 'matches' ? ' Use startsWith, endsWith or contains.' : '';
}

/** The nodes in the operands of a node, however they are nested in lists. */
function children(args: unknown): readonly ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(children);
  return isNode(args) ? [args] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}
