import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  byteSum,
  type Decimal,
  isDecimal,
  isInteger,
  parseByWords,
  parseDecimal,
  parseInteger,
  parseNumber,
  parseScaled,
  parseUInt,
  WORDS_DIGITS,
} from '../../../edge/fix/integers.ts';

const over = <T>(parse: (buf: Buffer, from: number, to: number) => T, text: string): T => {
  const buf = Buffer.from(`9${text}9`, 'latin1'); // digits around it must not be read
  return parse(buf, 1, buf.length - 1);
};

describe('parseUInt', () => {
  test.each([
    ['0', 0],
    ['7', 7],
    ['007', 7],
    ['000', 0],
    ['999999999999999', 999_999_999_999_999],
    ['0000000000000000000042', 42],
  ])('%s is %d', (text, value) => expect(over(parseUInt, text)).toBe(value));

  test.each(['', '-5', '+5', ' 5', '5 ', '1.0', '1e3', 'x', '99999999999999999999', '9223372036854775808', '٣'])(
    '%j is refused',
    (text) => expect(over(parseUInt, text)).toBe(-1),
  );
});

test('by words a number is what it is by bytes', () => {
  const texts = fc.oneof(
    fc.stringMatching(/^[0-9]{0,8}$/),
    fc.uint8Array({ maxLength: WORDS_DIGITS }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc
      .tuple(fc.stringMatching(/^[0-9]{0,7}$/), fc.nat(255), fc.stringMatching(/^[0-9]{0,7}$/))
      .map(([a, b, c]) => `${a}${String.fromCharCode(b)}${c}`.slice(0, WORDS_DIGITS)),
  );
  const check = (text: string) => {
    const buf = Buffer.from(`99999999${text}9`, 'latin1');
    const view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    const [from, to] = [WORDS_DIGITS, WORDS_DIGITS + text.length];
    expect(parseByWords(view, from, to)).toBe(parseUInt(buf, from, to));
  };
  fc.assert(fc.property(texts, check), { numRuns: 2000 });
  for (let byte = 0; byte < 256; byte++)
    for (let at = 0; at < 8; at++) check(`${'1'.repeat(at)}${String.fromCharCode(byte)}${'9'.repeat(7 - at)}`);
});

test('parseInteger takes a minus and nothing else', () => {
  expect(over(parseInteger, '-42')).toBe(-42);
  expect(Object.is(over(parseInteger, '-0'), 0)).toBe(true);
  for (const text of ['', '-', '--1', '+1', '1-']) expect(over(parseInteger, text)).toBeNaN();
  expect(over(isInteger, '-99999999999999999999')).toBe(true);
  for (const text of ['', '-', '+1', '1.']) expect(over(isInteger, text)).toBe(false);
});

describe('decimals', () => {
  test.each(['0', '-1', '1.', '.5', '002000.00', '-.5'])('%s is a float', (text) => {
    expect(over(isDecimal, text)).toBe(true);
  });

  test.each(['', '-', '.', '+200.00', '1e3', '1,5', '1.2.3', ' 1', 'NaN', '--1', '1-'])('%j is none', (text) => {
    expect(over(isDecimal, text)).toBe(false);
    expect(over(parseNumber, text)).toBeNaN();
  });

  test('are read exactly', () => {
    const out: Decimal = { mantissa: 0, scale: 0 };
    const read = (text: string) =>
      over((b, f, t) => parseDecimal(b, f, t, out), text) ? [out.mantissa, out.scale] : null;
    expect(read('002000.00')).toEqual([2000, 0]);
    expect(read('-0.0500')).toEqual([-5, 2]);
    expect(read('100')).toEqual([100, 0]);
    expect(read('0.000')).toEqual([0, 0]);
    expect(read('1.')).toEqual([1, 0]);
    expect(read('1234567890123456')).toBeNull();
    expect(over((b, f, t) => parseScaled(b, f, t, 4), '12.5')).toBe(125_000);
    expect(over((b, f, t) => parseScaled(b, f, t, 2), '12.555')).toBeNaN();
    expect(over((b, f, t) => parseScaled(b, f, t, 8), '999999999999')).toBeNaN();
  });

  test('agree with the numbers they show', () => {
    fc.assert(
      fc.property(fc.integer({ min: -999_999_999, max: 999_999_999 }), fc.nat(12), (mantissa, scale) => {
        const digits = String(Math.abs(mantissa)).padStart(scale + 1, '0');
        const point = digits.length - scale;
        const text = `${mantissa < 0 ? '-' : ''}${digits.slice(0, point)}${scale > 0 ? '.' : ''}${digits.slice(point)}`;
        expect(over(parseNumber, text)).toBeCloseTo(Number(text), 15);
        expect(over((b, f, t) => parseScaled(b, f, t, scale), text)).toBe(mantissa === 0 ? 0 : mantissa);
      }),
    );
  });
});

test('random bytes are a number only when they look like one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      expect(parseUInt(bytes, 0, bytes.length) >= 0).toBe(/^0*\d{1,15}$/.test(text));
      expect(isDecimal(bytes, 0, bytes.length)).toBe(/^-?(\d+\.?\d*|\.\d+)$/.test(text));
    }),
  );
});

test('byteSum adds every byte once', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(10), (bytes, skip) => {
      const from = Math.min(skip, bytes.length);
      expect(byteSum(bytes, from, bytes.length)).toBe(bytes.slice(from).reduce((sum, byte) => sum + byte, 0));
    }),
  );
});
