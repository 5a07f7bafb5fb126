/** How rows are named and ordered, in memory and in DynamoDB alike. */
import type { PageRequest } from '../core/ports.ts';
import type { SessionNumbers } from '../core/sessions/model.ts';

/** Most rows of a page. */
const MAX_PAGE = 1000;

/** One part of a composite key: `#` separates parts, so a part holds none. */
export function part(text: string): string {
  // Nearly none has either, and a Logon makes dozens.
  if (!text.includes('#') && !text.includes('%')) return text;
  return text.replace(/[%#]/g, (c) => (c === '#' ? '%23' : '%25'));
}

/** The parts as one key. */
export function key(first: string, ...rest: readonly string[]): string {
  let all = part(first);
  for (const one of rest) all += `#${part(one)}`;
  return all;
}

/** The parts of a key, as they were given. */
export function partsOf(all: string): readonly string[] {
  return all.split('#').map((one) => one.replace(/%23|%25/g, (escaped) => (escaped === '%23' ? '#' : '%')));
}

/** A FIX session among those of its SenderCompID. */
export function numbersKey({ key: { begin_string, sender_sub_id, target_comp_id } }: SessionNumbers): string {
  return key(begin_string, sender_sub_id, target_comp_id);
}

/** Order of DynamoDB's sort keys: by UTF-8 bytes. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Sorts by time then id as text; 15 digits hold every date that JavaScript has after 1970. */
export function timeKey(at: number, id = ''): string {
  if (!Number.isSafeInteger(at) || at < 0) throw new RangeError(`a time of ${at} ms`);
  return `${String(at).padStart(15, '0')}#${id}`;
}

/** The UTC day of an instant, `20260131`. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10).replaceAll('-', '');
}

/** Sequence numbers of chains and the like, so that text sorts as numbers do. */
export function padded(n: number): string {
  return String(n).padStart(16, '0');
}

/** @throws RangeError when the page asks for less than 1 or more than 1000 */
export function checkPage(page: PageRequest): void {
  if (!Number.isInteger(page.limit) || page.limit < 1 || page.limit > MAX_PAGE) {
    throw new RangeError(`a page of ${page.limit} rows; 1 to ${MAX_PAGE} are allowed`);
  }
}

/** Spreads names evenly over `shards` partitions (FNV-1a, 32 bits, over UTF-8), the same in every process. */
export function shardOf(name: string, shards: number): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return String((hash >>> 0) % shards).padStart(2, '0');
}
