import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { IdRing } from '../../../../edge/venue/simulator/id-ring.ts';
import { IdSlots, STEP } from '../../../../edge/venue/simulator/id-slots.ts';
import { hashOf } from '../../../../edge/venue/simulator/names.ts';

const PAGE = 8192;

/** Pseudo-random whole numbers below `most`: xorshift of 32 bits (Marsaglia, 2003). */
function random(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % most;
  };
}

describe('ids by age', () => {
  test.each([
    ['few', 3, 100],
    ['a page', PAGE, 3 * PAGE],
    ['several pages', 2 * PAGE + 100, 9 * PAGE],
  ])('go through a window of %s, each where it was', (_, window, ids) => {
    const ring = new IdRing();
    const places: number[] = [];
    for (let id = 0; id < ids; id++) {
      places[id] = ring.push(id, id + 1);
      if (ring.size <= window) continue;
      const oldest = id - window;
      const at = ring.oldest;
      const is = at === places[oldest] && ring.id(at) === oldest && ring.row(at) === oldest + 1;
      if (!is) throw new Error(`id ${oldest}`);
      ring.shift();
    }
    const from = ids - window;
    expect([...ring.places()]).toEqual(places.slice(from));
    expect(new Set(ring.places()).size).toBe(window);
    ring.setRow(places[from]!, 7);
    expect([...ring.places()].map((place) => ring.id(place))).toEqual(places.slice(from).map((_, i) => from + i));
    expect(ring.row(ring.oldest)).toBe(7);
    // Pages that were left behind are used again.
    expect(Math.max(...places.slice(from))).toBeLessThan(window + 2 * PAGE);
  });

  test('are none, and then some again', () => {
    const ring = new IdRing();
    for (let round = 0; round < 3; round++) {
      for (let id = 0; id < PAGE; id++) ring.push(id, 0);
      for (let id = 0; id < PAGE; id++) {
        if (ring.id(ring.oldest) !== id) throw new Error(`id ${id}`);
        ring.shift();
      }
      expect([...ring.places()]).toEqual([]);
    }
  });
});

describe('places by hash', () => {
  /** Whether a place is found where its hash says. */
  function has(slots: IdSlots, hash: number, place: number): boolean {
    const table = slots.of(hash);
    for (let at = (hash << 1) & (table.length - 1); table[at] !== 0; at = (at + STEP) & (table.length - 1))
      if (table[at] === place + 1) return table[at + 1] === hash;
    return false;
  }

  test('are found until they are taken out, however their hashes meet', () => {
    const hash = fc.oneof(
      fc.integer({ min: -4, max: 4 }),
      fc.integer({ min: 0, max: 15 }).map((upper) => upper << 28),
      fc.integer(),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(hash, fc.option(fc.nat(300))), { maxLength: 300 }), (steps) => {
        const hashes: number[] = [];
        const slots = new IdSlots();
        const model = new Set<number>();
        for (const [hash, out] of steps) {
          const place = hashes.push(hash) - 1;
          slots.add(hash, place);
          model.add(place);
          if (out !== null && model.delete(out)) slots.remove(hashes[out]!, out);
        }
        for (const [i, each] of hashes.entries()) expect(has(slots, each, i)).toBe(model.has(i));
      }),
    );
  });

  test.each([
    ['any', (n: number, next: (most: number) => number) => next(2 ** 32) | (n & 0)],
    // All upper bits by which tables are divided are the same.
    ['alike', (n: number) => n & 0xffff],
    [
      'half of them alike',
      (n: number, next: (most: number) => number) => (n % 2 === 0 ? n & 0xfff : next(2 ** 32) | 0),
    ],
  ])('are found among very many whose hashes are %s', (_, hashOf) => {
    const next = random(7);
    const hashes: number[] = [];
    const slots = new IdSlots();
    const MANY = 40_000;
    for (let place = 0; place < MANY; place++) {
      hashes[place] = hashOf(place, next);
      slots.add(hashes[place]!, place);
    }
    for (let place = 0; place < MANY; place += 2) slots.remove(hashes[place]!, place);
    for (let place = 0; place < MANY; place++)
      if (has(slots, hashes[place]!, place) !== (place % 2 === 1)) throw new Error(`place ${place}`);
  });

  test.each([
    ['by ten', 10, ''],
    ['by sixteen', 16, ''],
    ['by thirty-six', 36, ''],
    ['before an end that all have', 10, '-AB'],
  ])('are seldom in the way of each other where clients count %s', (_, radix, end) => {
    const slots = new IdSlots();
    const MANY = 40_000;
    const text = Buffer.alloc(24);
    const view = new DataView(text.buffer, text.byteOffset, text.length);
    let steps = 0;
    for (let place = 0; place < MANY; place++) {
      const length = text.write(`A${place.toString(radix).padStart(9, '0')}${end}`, 'latin1');
      const hash = hashOf(view, 0, length);
      const table = slots.of(hash);
      const mask = table.length - 1;
      for (let at = (hash << 1) & mask; table[at] !== 0; at = (at + STEP) & mask) steps++;
      slots.add(hash, place);
    }
    expect(steps).toBeLessThan(2 * MANY);
  });
});
