import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { copyOf } from '../../adapters/memory/copies.ts';

const data = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, undefined, true, -0, Number.NaN),
    fc.integer(),
    fc.bigInt(),
    fc.string(),
    fc.uint8Array({ maxLength: 8 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

/** Every object in it. */
function objectsOf(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...(ArrayBuffer.isView(value) ? [value.buffer] : Object.values(value).flatMap(objectsOf))];
}

describe('a copy of a row', () => {
  test('is what structuredClone makes of it, and shares nothing with it', () => {
    fc.assert(
      fc.property(data, (value) => {
        const copy = copyOf(value);
        expect(copy).toStrictEqual(structuredClone(value));
        const theirs = new Set(objectsOf(value));
        expect(objectsOf(copy).some((one) => theirs.has(one))).toBe(false);
      }),
    );
  });

  test('has bytes of its own where they were a piece of a pool', () => {
    const pooled = Buffer.from('salt');
    const copy = copyOf({ salt: pooled as Uint8Array });
    pooled.fill(0);
    expect(Buffer.from(copy.salt).toString()).toBe('salt');
    expect(copy.salt.buffer.byteLength).toBe(4);
  });

  test.each([
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a map', new Map([[1, 2]])],
    ['a date', new Date(0)],
  ])('%s is no data', (_name, value) => {
    expect(() => copyOf({ deep: [value] })).toThrow(TypeError);
  });
});
