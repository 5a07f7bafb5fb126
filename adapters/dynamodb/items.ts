/** Rows as DynamoDB writes their attributes (API reference, AttributeValue), both ways. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export type Item = Record<string, AttributeValue>;

/**
 * The attributes of a row: text, safe numbers, booleans, null, bytes, lists and maps of them. What is undefined is left out.
 * @throws TypeError for anything else
 */
export function toItem(row: Readonly<Record<string, unknown>>): Item {
  const item: Item = {};
  for (const name in row) {
    const value = row[name];
    if (value !== undefined) item[name] = toAttribute(value);
  }
  return item;
}

/** The same for the values of an expression, all of which are there. @throws TypeError */
export function toValues(values: Readonly<Record<string, unknown>>): Item {
  const item: Item = {};
  for (const name in values) item[name] = toAttribute(values[name]);
  return item;
}

/** @throws TypeError an attribute that no row of ours has: a set, or a number that is none of JavaScript's */
export function fromItem(item: Readonly<Item>): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const name in item) row[name] = fromAttribute(item[name] as AttributeValue);
  return row;
}

/** The bytes of an attribute B. JSON has none: there they are base64, as DynamoDB takes them. */
class Binary extends Uint8Array {
  toJSON(): string {
    return Buffer.from(this.buffer, this.byteOffset, this.length).toString('base64');
  }
}

function toAttribute(value: unknown): AttributeValue {
  switch (typeof value) {
    case 'string':
      return { S: value };
    case 'number':
      if (Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value))
        throw new TypeError(`no number that is kept exactly: ${value}`);
      return { N: String(value) };
    case 'boolean':
      return { BOOL: value };
    case 'object':
      if (value === null) return { NULL: true };
      if (value instanceof Uint8Array)
        return { B: new Binary(value.buffer as ArrayBuffer, value.byteOffset, value.length) };
      if (Array.isArray(value)) return { L: value.filter((one) => one !== undefined).map(toAttribute) };
      return { M: toItem(value as Record<string, unknown>) };
    default:
      throw new TypeError(`no attribute can be made of ${typeof value}`);
  }
}

function fromAttribute(attribute: AttributeValue): unknown {
  if (attribute.S !== undefined) return attribute.S;
  if (attribute.N !== undefined) return numberOf(attribute.N);
  if (attribute.B !== undefined) return attribute.B;
  if (attribute.BOOL !== undefined) return attribute.BOOL;
  if (attribute.NULL !== undefined) return null;
  if (attribute.L !== undefined) return attribute.L.map(fromAttribute);
  if (attribute.M !== undefined) return fromItem(attribute.M);
  throw new TypeError(`an attribute of a type that no row has: ${Object.keys(attribute).join(', ')}`);
}

function numberOf(digits: string): number {
  const value = Number(digits);
  if (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)) return value;
  throw new TypeError(`no number that JavaScript has: ${digits}`);
}
