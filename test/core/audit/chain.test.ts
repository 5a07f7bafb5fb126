import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import { canonicalJson } from '../../../core/audit/canonical.ts';
import { headAfter, link, verifyChain } from '../../../core/audit/chain.ts';
import { type AuditEntry, type AuditRecord, asRecord, EMPTY_CHAIN } from '../../../core/audit/model.ts';

describe('canonical JSON', () => {
  test('sorts keys by UTF-16 code units and writes numbers as ECMAScript does (RFC 8785, 3.2.3 and 3.2.2.3)', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
    expect(canonicalJson([333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0])).toBe(
      '[333333333.3333333,1e+30,4.5,0.002,1e-27,0]',
    );
  });

  test('is JSON of the same value, whatever the order of keys', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }), { noNullPrototype: true }),
        (value) => {
          const shuffled = Object.fromEntries(Object.entries(value).reverse());
          const canonical = canonicalJson(value);
          expect(canonicalJson(shuffled)).toBe(canonical);
          expect(canonicalJson(JSON.parse(canonical))).toBe(canonical);
        },
      ),
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1, Symbol('s'), '\ud800'])('has no %p', (value) => {
    expect(() => canonicalJson({ value })).toThrow(TypeError);
  });

  test('leaves out what is undefined', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  });
});

const entry = (n: number, more: object = {}): AuditEntry => ({
  id: `id-${n}`,
  at: n,
  type: 'provision',
  outcome: 'done',
  actor: { principal: 'a' },
  details: { n },
  ...more,
});

function chainOf(length: number): AuditRecord[] {
  const records: AuditRecord[] = [];
  let head = EMPTY_CHAIN;
  for (let n = 1; n <= length; n++) {
    const record = link(nodeDigests, 'user:u', head, entry(n));
    records.push(record);
    head = headAfter(record);
  }
  return records;
}

const verify = (records: readonly AuditRecord[], expected?: { seq: number; hash: string }) =>
  verifyChain(nodeDigests, 'user:u', records, expected);

describe('a chain', () => {
  test('that nobody touched is whole, an empty one too', async () => {
    const records = chainOf(5);
    expect(await verify(records, headAfter(records[4] as AuditRecord))).toMatchObject({
      whole: true,
      head: { seq: 5 },
    });
    expect(await verify([], EMPTY_CHAIN)).toMatchObject({ whole: true, head: { seq: 0 } });
  });

  test('names the first record that anyone altered, whatever was altered', async () => {
    const records = chainOf(6);
    const fields = [
      'id',
      'at',
      'type',
      'outcome',
      'actor',
      'details',
      'chain',
      'seq',
      'prev_hash',
      'hash',
      'reason',
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 5 }), fc.constantFrom(...fields), async (at, field) => {
        const altered = records.map((record, index) =>
          index === at ? { ...record, [field]: 'forged' } : record,
        ) as AuditRecord[];
        expect(await verify(altered)).toMatchObject({ whole: false, seq: at + 1 });
      }),
    );
  });

  test('names the place of a record that was taken out, doubled or moved', async () => {
    const [a, b, c, d] = chainOf(4) as [AuditRecord, AuditRecord, AuditRecord, AuditRecord];
    expect(await verify([a, c, d])).toMatchObject({ whole: false, fault: 'seq', seq: 2 });
    expect(await verify([b, c, d])).toMatchObject({ whole: false, fault: 'seq', seq: 1 });
    expect(await verify([a, a, b])).toMatchObject({ whole: false, fault: 'seq', seq: 2 });
    expect(await verify([a, c, b, d])).toMatchObject({ whole: false, fault: 'seq', seq: 2 });
  });

  test('that was forged and hashed anew from some record on differs from the head kept outside', async () => {
    const records = chainOf(4);
    const [a, b] = records as [AuditRecord, AuditRecord];
    const forged = link(nodeDigests, 'user:u', headAfter(b), entry(3, { reason: 'forged' }));
    const expected = headAfter(records[3] as AuditRecord);
    expect(
      await verify([a, b, forged, link(nodeDigests, 'user:u', headAfter(forged), entry(4))], expected),
    ).toMatchObject({ fault: 'tail' });
    expect(await verify([a, b, { ...(records[2] as AuditRecord), prev_hash: headAfter(a).hash }])).toMatchObject({
      fault: 'prev_hash',
      seq: 3,
    });
  });

  test('whose tail was cut, or that runs on behind its head, is not whole', async () => {
    const records = chainOf(3);
    const head = headAfter(records[2] as AuditRecord);
    expect(await verify(records.slice(0, 2), head)).toMatchObject({ whole: false, fault: 'tail', seq: 3 });
    expect(await verify(records, headAfter(records[1] as AuditRecord))).toMatchObject({
      whole: false,
      fault: 'tail',
      seq: 3,
    });
  });

  test('with a row that is no record is broken there, by the row’s own id', async () => {
    const [a, b, c] = chainOf(3) as [AuditRecord, AuditRecord, AuditRecord];
    const damaged = { chain: 'user:u', seq: 2, id: b.id, unreadable: 'it is not JSON' };
    expect(await verifyChain(nodeDigests, 'user:u', [a, damaged, c], headAfter(c))).toEqual({
      whole: false,
      chain: 'user:u',
      fault: 'unreadable',
      seq: 2,
      id: 'id-2',
      text: 'cannot be read: it is not JSON',
    });
    expect(asRecord(JSON.parse(JSON.stringify(a)))).toEqual(a);
    for (const value of [null, [], 'x', {}, { ...a, at: '1' }, { ...a, at: 1e300 }, { ...a, actor: {} }])
      expect(asRecord(value)).toBeUndefined();
  });

  test('with what no JSON has is broken, not a crash', async () => {
    const [a] = chainOf(1) as [AuditRecord];
    expect(await verify([{ ...a, details: { n: Number.NaN } }])).toMatchObject({ whole: false, fault: 'hash', seq: 1 });
  });
});
