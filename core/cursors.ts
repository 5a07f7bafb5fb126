/** Cursors of lists: where to go on, signed together with what was asked for, so that nobody steers a list by a made-up one. */
import { canonicalJson } from './audit/canonical.ts';
import { fromBase64Url, toBase64Url, utf8 } from './encoding.ts';
import { FixgateError } from './errors.ts';
import type { Digests, Page, PageRequest } from './ports.ts';

/** What a list was asked for: its name and its filters. */
export type ListFilter = Readonly<Record<string, string | number | undefined>>;

export class Cursors {
  readonly #digests: Digests;
  readonly #key: Uint8Array;

  /** @param key 32 bytes or more, the same for all that serve one deployment */
  constructor(digests: Digests, key: Uint8Array) {
    if (key.length < 32) throw new RangeError('the key of cursors has 32 bytes or more');
    this.#digests = digests;
    this.#key = key;
  }

  /** `position` and HMAC-SHA-256 over filter and position. */
  sign(filter: ListFilter, position: string): string {
    return `${toBase64Url(utf8(position))}.${toBase64Url(this.#mac(filter, position))}`;
  }

  /** The position of a cursor that `sign` made for this filter; else throws `invalid_cursor`. */
  open(filter: ListFilter, cursor: string): string {
    const [text = '', mac = '', ...rest] = cursor.split('.');
    const bytes = fromBase64Url(text);
    const given = fromBase64Url(mac);
    if (bytes === undefined || given === undefined || rest.length > 0) throw new FixgateError('invalid_cursor');
    const position = new TextDecoder().decode(bytes);
    if (!this.#digests.equal(this.#mac(filter, position), given)) throw new FixgateError('invalid_cursor');
    return position;
  }

  /** The page that a request asks for by `limit` and `cursor`. */
  request(filter: ListFilter, limit: number, cursor: string | undefined): PageRequest {
    return cursor === undefined ? { limit } : { limit, after: this.open(filter, cursor) };
  }

  /** The cursor behind a page, when there is more. */
  next(filter: ListFilter, page: Page<unknown>): { readonly cursor?: string } {
    return page.next === undefined ? {} : { cursor: this.sign(filter, page.next) };
  }

  #mac(filter: ListFilter, position: string): Uint8Array {
    return this.#digests.hmacSha256(this.#key, utf8(canonicalJson({ filter, position })));
  }
}

/** A page of a list that is in memory whole, ordered by a key that is unique in it. */
export function pageOf<T>(items: readonly T[], keyOf: (item: T) => string, page: PageRequest): Page<T> {
  const sorted = [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const rest = page.after === undefined ? sorted : sorted.filter((item) => keyOf(item) > (page.after as string));
  const shown = rest.slice(0, page.limit);
  const last = shown.at(-1);
  return rest.length > shown.length && last !== undefined ? { items: shown, next: keyOf(last) } : { items: shown };
}
