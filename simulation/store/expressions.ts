/**
 * The expressions of DynamoDB, as far as our adapters write them. What is not understood is an error, never a guess: a
 * condition that would be passed over makes a simulation worthless.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export type Item = Record<string, AttributeValue>;

export interface Bindings {
  readonly names: Readonly<Record<string, string>> | undefined;
  readonly values: Readonly<Record<string, AttributeValue>> | undefined;
}

type Condition = (item: Item | undefined, bindings: Bindings) => boolean;
type Operand = (item: Item | undefined, bindings: Bindings) => AttributeValue | undefined;

const TOKEN = /\s*(attribute_exists|attribute_not_exists|BETWEEN|AND|OR|IN|<=|>=|<>|[=<>(),]|[#:]?[A-Za-z_][\w]*)/y;

function tokens(text: string): readonly string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match?.[1] === undefined) throw new SyntaxError(`expression not understood at ${at}: ${text}`);
    found.push(match[1]);
  }
  return found;
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  is(token: string): boolean {
    return this.#tokens[this.#at] === token;
  }

  take(token?: string): string {
    const next = this.#tokens[this.#at++];
    if (next === undefined || (token !== undefined && next !== token))
      throw new SyntaxError(`expected ${token ?? 'more'}, found ${next ?? 'the end'} in ${this.#tokens.join(' ')}`);
    return next;
  }

  condition(): Condition {
    const parts = [this.#and()];
    while (this.is('OR')) {
      this.take();
      parts.push(this.#and());
    }
    return parts.length === 1 ? parts[0]! : (item, by) => parts.some((part) => part(item, by));
  }

  #and(): Condition {
    const parts = [this.#term()];
    while (this.is('AND')) {
      this.take();
      parts.push(this.#term());
    }
    return parts.length === 1 ? parts[0]! : (item, by) => parts.every((part) => part(item, by));
  }

  #term(): Condition {
    if (this.is('(')) {
      this.take();
      const inner = this.condition();
      this.take(')');
      return inner;
    }
    if (this.is('attribute_exists') || this.is('attribute_not_exists')) {
      const wanted = this.take() === 'attribute_exists';
      this.take('(');
      const operand = this.operand();
      this.take(')');
      return (item, by) => (operand(item, by) !== undefined) === wanted;
    }
    return this.#comparison();
  }

  #comparison(): Condition {
    const left = this.operand();
    const operator = this.take();
    if (operator === 'IN') {
      this.take('(');
      const options = [this.operand()];
      while (this.is(',')) {
        this.take();
        options.push(this.operand());
      }
      this.take(')');
      return (item, by) => options.some((option) => order(left(item, by), option(item, by)) === 0);
    }
    if (operator === 'BETWEEN') {
      const low = this.operand();
      this.take('AND');
      const high = this.operand();
      return (item, by) =>
        (order(left(item, by), low(item, by)) ?? -1) >= 0 && (order(left(item, by), high(item, by)) ?? 1) <= 0;
    }
    const holds = COMPARISONS[operator];
    if (holds === undefined) throw new SyntaxError(`no comparison: ${operator}`);
    const right = this.operand();
    return (item, by) => {
      const sign = order(left(item, by), right(item, by));
      return sign !== undefined && holds(sign);
    };
  }

  operand(): Operand {
    const token = this.take();
    if (token.startsWith(':')) return (_item, { values }) => values?.[token];
    return (item, { names }) => item?.[attribute(token, names)];
  }
}

const COMPARISONS: Readonly<Record<string, (sign: number) => boolean>> = {
  '=': (sign) => sign === 0,
  '<>': (sign) => sign !== 0,
  '<': (sign) => sign < 0,
  '<=': (sign) => sign <= 0,
  '>': (sign) => sign > 0,
  '>=': (sign) => sign >= 0,
};

export function attribute(token: string, names: Bindings['names']): string {
  if (!token.startsWith('#')) return token;
  const name = names?.[token];
  if (name === undefined) throw new SyntaxError(`no name for ${token}`);
  return name;
}

/** Undefined: they cannot be compared, or one of them is not there. */
function order(a: AttributeValue | undefined, b: AttributeValue | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a.S !== undefined && b.S !== undefined) return a.S < b.S ? -1 : a.S > b.S ? 1 : 0;
  if (a.N !== undefined && b.N !== undefined) return Math.sign(Number(a.N) - Number(b.N));
  if (a.BOOL !== undefined && b.BOOL !== undefined) return Number(a.BOOL) - Number(b.BOOL);
  return undefined;
}

function cached<T>(parse: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text) ?? parse(text);
    known.set(text, found);
    return found;
  };
}

/** Whether the item, or there being none, fulfils the condition. */
export const conditionOf: (text: string) => Condition = cached((text) => {
  const parser = new Parser(text);
  const condition = parser.condition();
  if (!parser.done) throw new SyntaxError(`more than a condition: ${text}`);
  return condition;
});

type Change = (item: Item, bindings: Bindings) => void;

const CLAUSES = /\b(SET|REMOVE|ADD)\b([\s\S]*?)(?=\bSET\b|\bREMOVE\b|\bADD\b|$)/g;

/** Changes an item in place. */
export const updateOf: (text: string) => Change = cached((text) => {
  const changes = [...text.matchAll(CLAUSES)].flatMap(([, clause = '', list = '']) =>
    list.split(',').map((one) => changeOf(clause, one.trim(), text)),
  );
  if (changes.length === 0) throw new SyntaxError(`no update: ${text}`);
  return (item, by) => {
    for (const change of changes) change(item, by);
  };
});

function changeOf(clause: string, one: string, text: string): Change {
  const set = /^([#\w]+)\s*=\s*(:\w+)$/.exec(one);
  if (clause === 'SET' && set?.[1] !== undefined && set[2] !== undefined) {
    const [, name, value] = set;
    return (item, { names, values }) => {
      item[attribute(name, names)] = bound(value, values);
    };
  }
  if (clause === 'REMOVE' && /^[#\w]+$/.test(one)) return (item, { names }) => delete item[attribute(one, names)];
  const add = /^([#\w]+)\s+(:\w+)$/.exec(one);
  if (clause === 'ADD' && add?.[1] !== undefined && add[2] !== undefined) {
    const [, name, value] = add;
    return (item, { names, values }) => {
      const at = attribute(name, names);
      item[at] = { N: String(Number(item[at]?.N ?? 0) + Number(bound(value, values).N)) };
    };
  }
  throw new SyntaxError(`update not understood: ${one} in ${text}`);
}

function bound(token: string, values: Bindings['values']): AttributeValue {
  const value = values?.[token];
  if (value === undefined) throw new SyntaxError(`no value for ${token}`);
  return value;
}
