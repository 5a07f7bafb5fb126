import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nodeDigests } from '../../adapters/node/digests.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { Cursors, pageOf } from '../../core/cursors.ts';
import { fromBase64Url, toBase32, toBase64Url } from '../../core/encoding.ts';
import { ulid } from '../../core/ids.ts';

describe('bytes as text', () => {
  test('base64url is what the runtime makes of it, and comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const text = toBase64Url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64Url(text)).toEqual(bytes);
      }),
    );
  });

  test.each(['A', 'AB', '====', 'A+/A', 'AAA A', 'ÄAAA'])('%j is no base64url of anything', (text) => {
    expect(fromBase64Url(text)).toBeUndefined();
  });

  test('base32 by the vectors of RFC 4648, section 10', () => {
    const of = (text: string) => toBase32(Buffer.from(text));
    expect(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map(of)).toEqual([
      '',
      'MY',
      'MZXQ',
      'MZXW6',
      'MZXW6YQ',
      'MZXW6YTB',
      'MZXW6YTBOI',
    ]);
  });

  test('ULIDs sort by time and are their own', () => {
    const ids = [0, 1, 1_700_000_000_000, 1_700_000_000_001].map((now) => ulid(now, systemRandom));
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    expect(new Set(Array.from({ length: 500 }, () => ulid(5, systemRandom))).size).toBe(500);
  });

  test('ULIDs of one millisecond sort in the order of their making, carries included', () => {
    const ones = { bytes: (count: number) => new Uint8Array(count).fill(255) };
    const ids = Array.from({ length: 70 }, () => ulid(1_700_000_000_000, ones));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.slice(0, 2)).toEqual(['01HF7YAT00FZZZZZZZZZZZZZZZ', '01HF7YAT00G000000000000000']);
    expect(ulid(1_700_000_000_001, ones)).toBe('01HF7YAT01FZZZZZZZZZZZZZZZ');
  });
});

describe('cursors', () => {
  const cursors = new Cursors(nodeDigests, systemRandom.bytes(32));
  const filter = { list: 'x', tier: 'basic', status: undefined };

  test('open for the filters that they were made for, and for no other', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (position) => {
        const cursor = cursors.sign(filter, position);
        expect(cursors.open({ tier: 'basic', list: 'x' }, cursor)).toBe(position);
        expect(() => cursors.open({ ...filter, tier: 'premium' }, cursor)).toThrow('cursor');
        expect(() => new Cursors(nodeDigests, systemRandom.bytes(32)).open(filter, cursor)).toThrow('cursor');
      }),
    );
  });

  test('do not open when a character was changed', () => {
    const cursor = cursors.sign(filter, 'u1');
    for (let at = 0; at < cursor.length; at++) {
      const forged = `${cursor.slice(0, at)}${cursor[at] === 'x' ? 'y' : 'x'}${cursor.slice(at + 1)}`;
      expect(() => cursors.open(filter, forged)).toThrow('cursor');
    }
    expect(() => new Cursors(nodeDigests, new Uint8Array(31))).toThrow(RangeError);
  });

  test('page through a list in memory: every item once, in order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 30 }), fc.integer({ min: 1, max: 7 }), (items, limit) => {
        const seen: string[] = [];
        let after: string | undefined;
        do {
          const page = pageOf(items, (item) => item, after === undefined ? { limit } : { limit, after });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...page.items);
          after = page.next;
        } while (after !== undefined);
        expect(seen).toEqual([...items].sort());
      }),
    );
  });
});
