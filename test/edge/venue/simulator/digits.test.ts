import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { viewOf } from '../../../../edge/fix/words.ts';
import { Digits } from '../../../../edge/venue/simulator/digits.ts';

const END = 20;
/** Any, and such as come one after the other. */
const numbers = fc.oneof(
  fc.array(fc.oneof(fc.nat(1200), fc.maxSafeNat())),
  fc.tuple(fc.nat(1200), fc.array(fc.nat(30))).map(([first, steps]) => {
    let at = first;
    return [first, ...steps.map((step) => (at += step))];
  }),
);

test('a number that fits takes the place of the one before, of which nothing is left', () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const digits = new Digits();
      const text = Buffer.alloc(END + 1, '-');
      let last = '';
      for (const value of values) {
        const next = String(value);
        expect(digits.fit(value)).toBe(last.length === next.length);
        if (last.length !== next.length) {
          digits.set(value, END);
          text.fill('-');
        }
        const sum = digits.put(value, viewOf(text));
        last = next;
        expect(text.toString()).toBe(`${next.padStart(END, '-')}-`);
        expect(END - digits.at).toBe(next.length);
        expect(sum).toBe(Buffer.from(next).reduce((all, byte) => all + byte, 0));
      }
    }),
  );
});

test('no number fits where there is none, but what is none itself', () => {
  const digits = new Digits();
  const text = Buffer.alloc(END + 1, '-');
  digits.set(7, END);
  digits.set(-1, END);
  expect(digits.fit(7)).toBe(false);
  expect(digits.fit(0)).toBe(false);
  expect(digits.fit(-1)).toBe(true);
  expect(digits.put(-1, viewOf(text))).toBe(0);
  expect(text.toString()).toBe('-'.repeat(END + 1));
});
