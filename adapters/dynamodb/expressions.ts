/** Conditions, filters and changes: their text, and the names and values that it speaks of. */
import { type Item, toValues } from './items.ts';

/** A condition or filter; `names` lists the attributes that `text` writes as `#name`. */
export interface Expression {
  readonly text: string;
  readonly names: readonly string[];
  readonly values?: Readonly<Record<string, unknown>>;
}

/** Every attribute by a placeholder: many good names are reserved words. */
export function nameMap(names: readonly string[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const name of names) map[`#${name}`] = name;
  return map;
}

/** As a call has them. */
interface Expressions {
  ConditionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Item;
}

/** A condition and a change of one item, whose names and values are one map each; of what there is none it says nothing. */
export function expressionsOf(when: Expression | undefined, change: Expression | undefined): Expressions {
  const said: Expressions = {};
  if (when === undefined && change === undefined) return said;
  if (when !== undefined) said.ConditionExpression = when.text;
  const names = nameMap(when?.names ?? []);
  if (change !== undefined) Object.assign(names, nameMap(change.names));
  if (!isEmpty(names)) said.ExpressionAttributeNames = names;
  const values = toValues(when?.values ?? {});
  if (change?.values !== undefined) Object.assign(values, toValues(change.values));
  if (!isEmpty(values)) said.ExpressionAttributeValues = values;
  return said;
}

function isEmpty(map: object): boolean {
  for (const _ in map) return false;
  return true;
}

/** The row has no such attribute, or is not there. */
export function absent(attribute: string): Expression {
  return { text: `attribute_not_exists(#${attribute})`, names: [attribute] };
}

/** Each attribute has this value. */
export function equals(values: Readonly<Record<string, unknown>>): Expression {
  const names = Object.keys(values);
  const is: Record<string, unknown> = {};
  let text = '';
  for (const name of names) {
    text += `${text === '' ? '' : ' AND '}#${name} = :is_${name}`;
    is[`:is_${name}`] = values[name];
  }
  return { text, names, values: is };
}

/** The row is not there, or each attribute has this value. */
export function absentOr(values: Readonly<Record<string, unknown>>): Expression {
  const same = equals(values);
  return { ...same, text: `attribute_not_exists(pk) OR (${same.text})` };
}
