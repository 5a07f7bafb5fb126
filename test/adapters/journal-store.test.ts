// What every store of journals promises: pieces come back as they were, all of an append or none, and only the incarnation
// that is alive writes.

import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { Stores } from '../../adapters/stores.ts';
import {
  APPEND_BYTES,
  APPEND_PIECES,
  PARCEL_PART_BYTES,
  PIECE_BYTES,
  type Piece,
} from '../../core/sessions/journal-store.ts';
import { FIGURES, NOON, STORES } from '../support/stores.ts';

const bytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7) & 255);

/** So many pieces of a segment that follow each other. */
const run = (segment: number, count: number, length: number, from = 0): Piece[] =>
  Array.from({ length: count }, (_, i) => ({
    segment,
    offset: from + i * length,
    length,
    bytes: bytes(length, segment + i),
  }));

/** Megabytes are compared by digest. */
const digests = (pieces: readonly Piece[]) =>
  pieces.map(({ segment, offset, bytes }) => [segment, offset, createHash('sha256').update(bytes).digest('hex')]);

const begun = ({ edges }: Stores, id = 'e-1') => edges.register(id, '1', NOON);

for (const [name, open] of STORES) {
  describe(name, () => {
    const make = open();

    test('pieces come back by offset, those of other segments and edges apart', async () => {
      const stores = await make();
      const { journals } = stores;
      const edge = await begun(stores);
      const other = await begun(stores, 'e-2');
      expect(await journals.segments('e-1')).toEqual([]);
      expect(await journals.pieces('e-1', 1)).toEqual([]);
      const first = run(1, 9, 1000);
      const second = run(2, 2, 10);
      expect(await journals.append(edge, first.slice(0, 5))).toBe('done');
      expect(await journals.append(edge, [...first.slice(5), ...second])).toBe('done');
      expect(await journals.append(other, run(7, 1, 5))).toBe('done');
      expect(await journals.segments('e-1')).toEqual([1, 2]);
      expect(await journals.segments('e-2')).toEqual([7]);
      expect(await journals.pieces('e-1', 1)).toEqual(first);
      expect(await journals.pieces('e-1', 2)).toEqual(second);
      expect(await journals.first('e-1', 1)).toEqual(first[0]);
      expect(await journals.first('e-1', 3)).toBeUndefined();
    });

    test('an append may be as large as is said, and may be asked for again', async () => {
      const stores = await make();
      const edge = await begun(stores);
      const count = Math.min(APPEND_PIECES, APPEND_BYTES / PIECE_BYTES);
      const most = run(1, count, PIECE_BYTES);
      for (let i = 0; i < 2; i++) expect(await stores.journals.append(edge, most)).toBe('done');
      expect(digests(await stores.journals.pieces('e-1', 1))).toEqual(digests(most));
      const small = run(2, APPEND_PIECES, 3);
      expect(await stores.journals.append(edge, small)).toBe('done');
      expect(await stores.journals.pieces('e-1', 2)).toEqual(small);
    });

    test('what stands behind a size is taken away', async () => {
      const stores = await make();
      const { journals } = stores;
      const edge = await begun(stores);
      const all = run(1, 100, 10);
      for (let i = 0; i < 100; i += 25) await journals.append(edge, all.slice(i, i + 25));
      expect(await journals.truncate(edge, 1, 30)).toBe('done');
      expect(await journals.pieces('e-1', 1)).toEqual(all.slice(0, 3));
    });

    test('a segment that is removed is gone, and the others stay', async () => {
      const stores = await make();
      const { journals } = stores;
      const edge = await begun(stores);
      for (const segment of [1, 2, 3]) await journals.append(edge, run(segment, 30, 20));
      expect(await journals.remove(edge, 2)).toBe('done');
      expect(await journals.remove(edge, 2)).toBe('done');
      await journals.sweep(edge);
      expect(await journals.segments('e-1')).toEqual([1, 3]);
      expect(await journals.pieces('e-1', 2)).toEqual([]);
      expect(await journals.pieces('e-1', 3)).toEqual(run(3, 30, 20));
    });

    test.each([
      ['that another has followed', async (stores: Stores) => void (await begun(stores))],
      ['that has stopped', async ({ edges }: Stores) => edges.stop((await edges.list())[0]!, FIGURES, NOON)],
      [
        'that was declared dead',
        async ({ edges }: Stores) => void (await edges.declareDead((await edges.list())[0]!, 0)),
      ],
    ])('an incarnation %s writes nothing', async (_what, end) => {
      const stores = await make();
      const { journals } = stores;
      const edge = await begun(stores);
      await journals.claim(edge, 'one');
      await journals.append(edge, run(1, 3, 10));
      await end(stores);
      expect(await journals.append(edge, run(1, 1, 10, 30))).toBe('fenced');
      expect(await journals.truncate(edge, 1, 0)).toBe('fenced');
      expect(await journals.remove(edge, 1)).toBe('fenced');
      expect(await journals.claim(edge, 'one')).toBe('fenced');
      expect(await journals.reclaim(edge, 'one')).toBe('fenced');
      expect(await journals.pieces('e-1', 1)).toEqual(run(1, 3, 10));
    });

    test('what an edge leaves for another comes back whole, until it is discarded', async () => {
      const { journals } = await make();
      expect(await journals.collect('p1')).toEqual([]);
      const parts = Array.from({ length: 12 }, (_, i) => bytes(i === 11 ? 10 : PARCEL_PART_BYTES, i));
      await journals.leave('p1', parts, NOON);
      await journals.leave('p2', [bytes(5, 1)], NOON);
      const sums = (all: readonly Uint8Array[]) => all.map((part) => createHash('sha256').update(part).digest('hex'));
      expect(sums(await journals.collect('p1'))).toEqual(sums(parts));
      await journals.leave('p1', parts, NOON);
      expect(await journals.collect('p1')).toHaveLength(12);
      for (let i = 0; i < 2; i++) await journals.discard('p1', 12);
      expect(await journals.collect('p1')).toEqual([]);
      expect(await journals.collect('p2')).toEqual([bytes(5, 1)]);
    });

    test('after a revocation its edge appends nothing before it has heard of it', async () => {
      const stores = await make();
      const { journals } = stores;
      const edge = await begun(stores);
      await journals.claim(edge, 'one');
      const revocation = (n: number) => ({ session: `FIX.4.4|GATEWAY|USER_${n}|`, epoch: n });
      expect(await journals.append(edge, run(1, 1, 10))).toBe('done');
      expect(await journals.revoke(edge, [revocation(1), revocation(2)], NOON)).toBe('done');
      expect(await journals.append(edge, run(1, 1, 10, 10))).toBe('revoked');
      expect(await journals.pieces('e-1', 1)).toEqual(run(1, 1, 10));
      expect(await journals.revoked(edge, 0)).toEqual({ upTo: 1, revocations: [revocation(1), revocation(2)] });
      expect(await journals.revoke(edge, [revocation(3)], NOON)).toBe('done');
      expect(await journals.append(edge, run(1, 1, 10, 10), 1)).toBe('revoked');
      expect(await journals.revoked(edge, 1)).toEqual({ upTo: 2, revocations: [revocation(3)] });
      expect(await journals.append(edge, run(1, 1, 10, 10), 2)).toBe('done');
      expect(await journals.revoked(edge, 2)).toEqual({ upTo: 2, revocations: [] });
    });

    test('revocations of many at once are each counted', async () => {
      const stores = await make();
      const { journals } = stores;
      const edge = await begun(stores);
      await journals.claim(edge, 'one');
      const some = Array.from({ length: 6 }, (_, n) => ({ session: `s${n}`, epoch: n }));
      const answers = await Promise.all(some.map((one) => journals.revoke(edge, [one], NOON)));
      expect(answers).toEqual(some.map(() => 'done'));
      const { upTo, revocations } = await journals.revoked(edge, 0);
      expect(upTo).toBe(6);
      expect([...revocations].sort((a, b) => a.epoch - b.epoch)).toEqual(some);
    });

    test('nothing is revoked of an edge that keeps its journal elsewhere, or does not serve', async () => {
      const stores = await make();
      const { journals, edges } = stores;
      const one = [{ session: 's', epoch: 1 }];
      const edge = await begun(stores);
      // As an edge with its journal in files.
      expect(await journals.revoke(edge, one, NOON)).toBe('elsewhere');
      await journals.claim(edge, 'one');
      const again = await begun(stores);
      expect(await journals.revoke(edge, one, NOON)).toBe('fenced');
      // It has not claimed yet what the one before it wrote, and hears of it when it appends.
      expect(await journals.revoke(again, one, NOON)).toBe('done');
      expect(await journals.reclaim(again, 'one')).toBe('done');
      expect(await journals.append(again, run(1, 1, 10))).toBe('revoked');
      expect(await journals.revoked(again, 0)).toEqual({ upTo: 1, revocations: one });
      expect(await journals.append(again, run(1, 1, 10), 1)).toBe('done');
      expect(await journals.revoke(again, one, NOON)).toBe('done');
      expect(await journals.append(again, run(1, 1, 10), 1)).toBe('revoked');
      await edges.declareDead(again, 0);
      expect(await journals.revoke(again, one, NOON)).toBe('fenced');
      // What was revoked of one incarnation is not of the next.
      const next = await begun(stores);
      await journals.reclaim(next, 'one');
      expect(await journals.append(next, run(1, 1, 10))).toBe('done');
    });

    test('a process whose incarnation had ended goes on only if nobody has claimed the log since', async () => {
      const stores = await make();
      const { journals } = stores;
      expect(await journals.claim(await begun(stores), 'one')).toBe('done');
      const again = await begun(stores);
      expect(await journals.reclaim(again, 'one')).toBe('done');
      const other = await begun(stores);
      expect(await journals.claim(other, 'two')).toBe('done');
      const late = await begun(stores);
      expect(await journals.reclaim(late, 'one')).toBe('lost');
      expect(await journals.reclaim(late, 'two')).toBe('done');
    });
  });
}
