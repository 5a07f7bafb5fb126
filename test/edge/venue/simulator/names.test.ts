import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SLACK, viewOf } from '../../../../edge/fix/words.ts';
import { hashOf, Names } from '../../../../edge/venue/simulator/names.ts';

const UNIT = 16;
const UNITS = [1, 2, 3, 4];
/** Whatever lies behind an id in a message. */
const OTHERS = Buffer.alloc(SLACK, 0xff);
const FEW = 20;

interface Had {
  readonly name: number;
  readonly bytes: Buffer;
  kept: number;
}

const unitsOf = (bytes: Uint8Array): number => Math.max(1, Math.ceil(bytes.length / UNIT));
const viewed = (bytes: Uint8Array): DataView => viewOf(Buffer.concat([bytes, OTHERS]));
const note = (names: Names, bytes: Uint8Array): number => names.note(viewed(bytes), 0, bytes.length);
const isPlain = (bytes: Uint8Array): boolean =>
  bytes.every((byte) => byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c);

/** Of any length, and often of one about which the number of units changes; some are the same, some differ in their last byte. */
const bytes = fc
  .tuple(
    fc.oneof(fc.integer({ min: 0, max: 64 }), fc.constantFrom(0, 0, 1, 10, 15, 16, 17, 32, 33, 48, 49, 63, 64)),
    fc.oneof(fc.constantFrom(0, 0x41, 0x22, 0x5c, 0xff), fc.nat(255)),
    fc.constantFrom(0x31, 0x32, 0x1f),
  )
  .map(([length, each, last]) => {
    const made = Buffer.alloc(length, each);
    if (length > 0) made[length - 1] = last;
    return made;
  });

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ what: fc.constant('note' as const), bytes }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('keep' as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('drop' as const), which: fc.nat() }) },
);

function check(names: Names, { name, bytes }: Had, other: Had): void {
  const view = viewed(bytes);
  expect(names.text(name)).toBe(bytes.toString('latin1'));
  expect(names.length(name)).toBe(bytes.length);
  expect(names.hash(name)).toBe(hashOf(view, 0, bytes.length));
  expect(names.is(name, view, 0, bytes.length)).toBe(true);
  expect(names.isPlain(name)).toBe(isPlain(bytes));
  expect(names.sum(name)).toBe(bytes.reduce((sum, byte) => sum + byte, 0) & 0xff);
  const same = bytes.equals(other.bytes);
  expect(names.is(other.name, view, 0, bytes.length)).toBe(same);
  expect(names.same(name, other.name)).toBe(same);
  const [mine, others] = [bytes.length, other.bytes.length];
  const isBefore = mine === others ? bytes.compare(other.bytes) > 0 : others < mine;
  expect(names.isBefore(other.name, view, 0, bytes.length)).toBe(isBefore);
}

test('names are what a map has, whatever is noted, kept and dropped, and in which order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const names = new Names();
      const model = new Map<number, Had>();
      for (const each of steps) {
        if (each.what === 'note') {
          const name = note(names, each.bytes);
          expect(model.has(name)).toBe(false);
          model.set(name, { name, bytes: each.bytes, kept: 1 });
        } else if (model.size > 0) {
          const had = [...model.values()][each.which % model.size]!;
          if (each.what === 'keep') expect(names.keep(had.name)).toBe(had.name);
          else names.drop(had.name);
          had.kept += each.what === 'keep' ? 1 : -1;
          if (had.kept === 0) model.delete(had.name);
        }
        const [first] = model.values();
        for (const had of model.values()) check(names, had, first!);
      }
      for (const { name, kept } of model.values()) {
        for (let i = 0; i < kept; i++) names.drop(name);
        expect(() => names.drop(name)).toThrow('nobody has');
      }
    }),
  );
});

test('bytes of names that nobody has are used again: they take what the most at once took, by number of units', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(bytes, fc.nat()), { minLength: 100, maxLength: 400 }), (steps) => {
      const names = new Names();
      const had: Had[] = [];
      const most = new Map<number, number>();
      for (const [bytes, which] of steps) {
        had.push({ name: note(names, bytes), bytes, kept: 1 });
        const units = unitsOf(bytes);
        const now = had.filter((each) => unitsOf(each.bytes) === units).length;
        most.set(units, Math.max(now, most.get(units) ?? 0));
        const bound = [...most].reduce((sum, [units, count]) => sum + units * count, 1) * UNIT;
        expect(names.at(had.at(-1)!.name) + units * UNIT).toBeLessThanOrEqual(bound);
        if (had.length > FEW) names.drop(had.splice(which % had.length, 1)[0]!.name);
      }
    }),
  );
});

test('what is written where another name was spoils neither neighbour, of whatever length', () => {
  const names = new Names();
  const lengths = Array.from({ length: 65 }, (_, n) => n);
  const had = lengths.map((n) => ({ name: note(names, Buffer.alloc(n, 0x41)), bytes: Buffer.alloc(n, 0x41), kept: 1 }));
  for (const [n, each] of had.entries()) {
    names.drop(each.name);
    const bytes = Buffer.alloc(n, 0x42);
    expect(note(names, bytes)).toBe(each.name);
    had[n] = { ...each, bytes };
    for (const one of had) check(names, one, had[0]!);
  }
});

test('all that a venue drops is there again for as many of the same lengths', () => {
  const names = new Names();
  const ends = [0, 1, 2, 3].map(() => {
    const round = UNITS.flatMap((units) =>
      Array.from({ length: 1000 }, () => note(names, Buffer.alloc(units * UNIT, 0x41))),
    );
    const end = Math.max(...round);
    for (const name of round) names.drop(name);
    return end;
  });
  expect(new Set(ends).size).toBe(1);
});

test('names stay as they are where memory grows, and one of up to 16 bytes takes 16', () => {
  const names = new Names();
  const idOf = (n: number): Buffer => Buffer.from(`ID${String(n).padStart(8 + (n % 7), '0')}`);
  const noted = Array.from({ length: 270_000 }, (_, n) => note(names, idOf(n)));
  expect(names.at(noted.at(-1)!) - names.at(noted[0]!)).toBe((noted.length - 1) * UNIT);
  const bad = noted.filter((name, n) => !names.is(name, viewed(idOf(n)), 0, idOf(n).length));
  expect(bad).toEqual([]);
});

test('a name is written over one that is as long, and what lies about that stays', () => {
  fc.assert(
    fc.property(bytes, bytes, fc.integer({ min: 0, max: 20 }), (bytes, next, at) => {
      const names = new Names();
      const name = note(names, bytes);
      note(names, next);
      const into = Buffer.alloc(100, 0x7e);
      expect(names.over(name, viewOf(into), at)).toBe(at + bytes.length);
      const expected = Buffer.alloc(100, 0x7e);
      bytes.copy(expected, at);
      expect(into).toEqual(expected);
    }),
  );
});

test('one that is too long, or one too many, is refused and leaves all others as they are', () => {
  const names = new Names(100);
  expect(() => names.ofText('x'.repeat(65))).toThrow(RangeError);
  const had = Array.from({ length: 49 }, (_, n) => ({
    name: note(names, Buffer.alloc(17 + (n % 16), n)),
    bytes: Buffer.alloc(17 + (n % 16), n),
    kept: 1,
  }));
  expect(() => names.ofText('x'.repeat(17))).toThrow('more ClOrdIDs than fit into 1600 bytes');
  for (const each of had) check(names, each, had[0]!);
  names.drop(had[7]!.name);
  expect(names.ofText('y'.repeat(17))).toBe(had[7]!.name);
  expect(names.text(names.ofText('the last'))).toBe('the last');
  expect(() => names.ofText('another')).toThrow(RangeError);
});
