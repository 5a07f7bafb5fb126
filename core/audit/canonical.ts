/** Canonical JSON (RFC 8785), so that everyone who hashes a record hashes the same bytes. */

/**
 * RFC 8785 text of a JSON value: keys sorted by UTF-16 code units, numbers and strings as ECMAScript writes them, no
 * whitespace. A key with the value undefined is left out. Throws on what JSON does not have (NaN, bigint, a function)
 * and on lone surrogates, which have no UTF-8.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`canonical JSON has no ${value}`);
      return JSON.stringify(value);
    case 'string':
      return text(value);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
      return object(value as Record<string, unknown>);
    default:
      throw new TypeError(`canonical JSON has no ${typeof value}`);
  }
}

function object(value: Record<string, unknown>): string {
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${text(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}

function text(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('canonical JSON has no lone surrogates');
  return JSON.stringify(value);
}
