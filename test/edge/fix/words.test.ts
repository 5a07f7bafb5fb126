import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { copyExactly, copyWords, Name, SLACK, Views, viewOf } from '../../../edge/fix/words.ts';

const latin1 = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 20,
});
/** `text` from `at` on, with other bytes around it. */
const inside = (text: string, at: number): DataView =>
  viewOf(Buffer.from(`${'~'.repeat(at)}${text}${'\x01'.repeat(SLACK)}`, 'latin1'));

describe('a name', () => {
  test('is found where it stands, whatever stands around it', () => {
    fc.assert(
      fc.property(latin1, fc.nat(9), (text, at) => {
        expect(new Name(text).isAt(inside(text, at), at)).toBe(true);
      }),
    );
  });

  test('is not found where one byte is another', () => {
    fc.assert(
      fc.property(latin1, fc.nat(19), fc.integer({ min: 1, max: 255 }), fc.nat(9), (text, where, by, at) => {
        fc.pre(where < text.length);
        const other = String.fromCharCode(text.charCodeAt(where) ^ by);
        const changed = text.slice(0, where) + other + text.slice(where + 1);
        expect(new Name(text).isAt(inside(changed, at), at)).toBe(false);
      }),
    );
  });

  test('has its length in bytes', () => {
    expect(new Name('FIX.4.4').length).toBe(7);
  });
});

test('views of two buffers are made once, and anew for a third', () => {
  const views = new Views();
  const [one, other, third] = ['one.....', 'other...', 'third...'].map((text) => Buffer.from(text));
  const [view, second] = [views.of(one!), views.of(other!)];
  for (let i = 0; i < 3; i++) {
    expect(views.of(one!)).toBe(view);
    expect(views.of(other!)).toBe(second);
  }
  expect(views.of(third!).getUint8(0)).toBe(0x74);
  expect(views.of(one!).getUint8(1)).toBe(0x6e);
  expect(views.of(other!).getUint8(1)).toBe(0x74);
});

test('bytes are copied as they are, however many, and of those behind them no more than is said are lost', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(9), fc.nat(9), (bytes, start, at) => {
      const from = viewOf(Buffer.concat([Buffer.alloc(start, 1), bytes, Buffer.alloc(SLACK, 2)]));
      const into = (): Buffer => Buffer.alloc(at + bytes.length + 2 * SLACK, 3);
      const expected = into();
      expected.set(bytes, at);
      const end = at + bytes.length;
      const [exact, words] = [into(), into()];
      expect(copyExactly(from, start, bytes.length, viewOf(exact), at)).toBe(end);
      expect(exact).toEqual(expected);
      expect(copyWords(from, start, bytes.length, viewOf(words), at)).toBe(end);
      words.fill(3, end, end + SLACK);
      expect(words).toEqual(expected);
    }),
  );
});
