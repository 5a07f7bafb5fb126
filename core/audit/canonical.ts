/** Canonical JSON (RFC 8785), so that everyone who hashes a record hashes the same bytes. */

const FEW_NAMES = 24;

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
      if (Array.isArray(value)) return array(value);
      return object(value as Record<string, unknown>);
    default:
      throw new TypeError(`canonical JSON has no ${typeof value}`);
  }
}

function array(values: readonly unknown[]): string {
  let written = '[';
  for (const [at, value] of values.entries()) written += at === 0 ? canonicalJson(value) : `,${canonicalJson(value)}`;
  return `${written}]`;
}

// Each record of the audit comes through here, some at each Logon: no arrays and no texts but the ones that are needed.
function object(value: Record<string, unknown>): string {
  let written = '{';
  for (const key of sorted(Object.keys(value))) {
    const member = value[key];
    if (member === undefined) continue;
    written += `${written === '{' ? '' : ','}${text(key)}:${canonicalJson(member)}`;
  }
  return `${written}}`;
}

/** In place; few names by insertion, for which Array's own sort would make copies. */
function sorted(names: string[]): string[] {
  if (names.length > FEW_NAMES) return names.sort();
  for (let at = 1; at < names.length; at++) {
    const name = names[at] as string;
    let to = at;
    for (; to > 0 && (names[to - 1] as string) > name; to--) names[to] = names[to - 1] as string;
    names[to] = name;
  }
  return names;
}

function text(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('canonical JSON has no lone surrogates');
  return JSON.stringify(value);
}
