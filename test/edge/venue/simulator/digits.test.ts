import { expect, test } from '@jest/globals';
import fc from 'fast-check';
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

test('digits from where they are said to differ are those of the next number', () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const digits = new Digits();
      let text = '';
      for (const value of values) {
        const next = String(value);
        const fits = text.length === next.length;
        expect(digits.fit(value)).toBe(fits);
        if (fits) {
          const from = digits.become(value) - digits.at;
          text = text.slice(0, from) + next.slice(from);
        } else {
          digits.set(value, END);
          text = next;
        }
        expect(text).toBe(next);
        expect(END - digits.at).toBe(next.length);
      }
    }),
  );
});
