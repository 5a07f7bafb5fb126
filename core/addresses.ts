/**
 * Address rules: a single address, a CIDR block or a range `a-b`, IPv4 or IPv6. Strict: four decimal parts without
 * leading zeros, no zone ids. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the IPv4 address it maps, so
 * that a dual-stack listener does not lock IPv4 clients out.
 */

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** Inclusive at both ends. */
export interface AddressRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

const MAPPED_PREFIX = 0xffffn;

/** An address, or undefined when the text is none. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(':')) {
    const value = parseV4(text);
    return value === undefined ? undefined : { family: 4, value };
  }
  const value = parseV6(text);
  if (value === undefined) return undefined;
  return value >> 32n === MAPPED_PREFIX ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

/** The range that a rule stands for; undefined when it is no rule, its ends are of two families or in the wrong order. */
export function parseAddressRule(rule: string): AddressRange | undefined {
  if (rule.length > 91) return undefined;
  const slash = rule.indexOf('/');
  if (slash >= 0) return parseBlock(rule.slice(0, slash), rule.slice(slash + 1));
  const dash = rule.indexOf('-');
  const first = parseAddress(dash >= 0 ? rule.slice(0, dash).trimEnd() : rule);
  const last = dash >= 0 ? parseAddress(rule.slice(dash + 1).trimStart()) : first;
  if (first === undefined || last === undefined || first.family !== last.family || first.value > last.value)
    return undefined;
  return { family: first.family, first: first.value, last: last.value };
}

/** True when no rule is given or any of them covers the address. A text that is no address passes no rule. */
export function addressAllowed(rules: readonly string[], address: string): boolean {
  if (rules.length === 0) return true;
  const subject = parseAddress(address);
  if (subject === undefined) return false;
  return rules.some((rule) => {
    const range = parseAddressRule(rule);
    return (
      range !== undefined &&
      range.family === subject.family &&
      range.first <= subject.value &&
      subject.value <= range.last
    );
  });
}

function parseBlock(base: string, prefix: string): AddressRange | undefined {
  const address = parseAddress(base);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  // The prefix of a block written as ::ffff:a.b.c.d/n counts the 96 mapped bits too.
  const mapped = address.family === 4 && base.includes(':');
  const bits = Number(prefix) - (mapped ? 96 : 0);
  const width = address.family === 4 ? 32 : 128;
  if (bits < 0 || bits > width) return undefined;
  const host = (1n << BigInt(width - bits)) - 1n;
  return { family: address.family, first: address.value & ~host, last: address.value | host };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // `::` stands for one group of zeros or more.
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  return [...head, ...new Array<bigint>(missing).fill(0n), ...tail].reduce(
    (value, group) => (value << 16n) | group,
    0n,
  );
}

/** 16-bit groups of one side of `::`; only the very end of an address may be dotted (RFC 4291 section 2.2, 3). */
function groups(text: string, last: boolean): bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const out: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = last && index === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      out.push(v4 >> 16n, v4 & 0xffffn);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      out.push(BigInt(`0x${part}`));
    }
  }
  return out;
}
