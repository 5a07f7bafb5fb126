import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Heard } from '../../../../edge/venue/link/heard.ts';
import { PASSED_OVER } from '../../../../edge/venue/link/limits.ts';

const upTo = (most: number): number[] => Array.from({ length: most }, (_, i) => i + 1);

test('of each number it is known whether it came, did not, or may come yet', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), fc.boolean(), (numbers, again) => {
      const came = numbers.toSorted((a, b) => a - b);
      const heard = new Heard();
      heard.note('s', 1, 7);
      for (const n of came) heard.note('s', 2, n);
      if (again) for (const one of [...heard.all()]) heard.restore(...one);
      const most = came.at(-1)!;
      expect(heard.of('s')).toEqual({ generation: 2, msg_seq_num: most });
      expect(upTo(most + 2).map((n) => heard.standing('s', 2, n))).toEqual(
        upTo(most + 2).map((n) => (n > most ? 'new' : came.includes(n) ? 'had' : 'passed')),
      );
      expect([heard.standing('s', 3, 1), heard.standing('s', 1, 3), heard.standing('t', 1, 1)]).toEqual([
        'new',
        'had',
        'new',
      ]);
    }),
  );
});

test('of what was before the first one nothing is known, nor of what has been left out for too long', () => {
  const heard = new Heard();
  heard.note('s', 1, 100);
  expect(heard.standing('s', 1, 99)).toBe('had');
  for (let n = 1; n <= PASSED_OVER + 1; n++) heard.note('s', 1, 100 + n * 2);
  expect([101, 103].map((n) => heard.standing('s', 1, n))).toEqual(['had', 'passed']);
});
