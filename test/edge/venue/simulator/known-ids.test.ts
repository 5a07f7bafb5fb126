import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Message, TOKENS_OK, tokenise } from '../../../../edge/fix/message.ts';
import { Tag } from '../../../../edge/fix/tags.ts';
import { KnownIds } from '../../../../edge/venue/simulator/known-ids.ts';
import type { ClientOrder } from '../../../../edge/venue/simulator/order.ts';

/** Of an order, what the table looks at. */
const order = (cl_ord_id: string, open = false): ClientOrder => ({ cl_ord_id, open, names: 0 }) as ClientOrder;

function messageOf(id: string): Message {
  const bytes = Buffer.from(`8=FIX.4.4\x019=0\x0135=D\x0111=${id}\x0110=000\x01`, 'latin1');
  const message = new Message();
  expect(tokenise(bytes, 0, bytes.length, message)).toBe(TOKENS_OK);
  return message;
}

const named = (ids: KnownIds, id: string) => {
  const message = messageOf(id);
  return ids.named(message, message.index(Tag.ClOrdID));
};

/** Few, so that they meet again; of Latin-1, as they come from the wire. */
const id = fc.oneof(
  fc.integer({ min: 0, max: 60 }).map((n) => `ID${n}`),
  fc.constantFrom('é', 'ÿþ', 'x'.repeat(64)),
);

describe('known ids', () => {
  test('are what a map and a queue of their ages say, whatever is noted, closed and forgotten', () => {
    const step = fc.record({ id, open: fc.boolean(), closes: fc.option(id), bound: fc.option(fc.nat(20)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const ids = new KnownIds();
        const model = new Map<string, { cl_ord_id: string; open: boolean; names: number }>();
        let ages: string[] = [];
        const freed: ClientOrder[] = [];
        for (const { id, open, closes, bound } of steps) {
          const one = order(id, open);
          if (!model.has(id)) ages.push(id);
          model.set(id, one);
          ids.set(id, one);
          const closed = closes === null ? undefined : model.get(closes);
          if (closed !== undefined) closed.open = false;
          const open_ = ages.filter((each) => model.get(each)!.open);
          if (bound !== null && bound > open_.length) {
            ids.bound(bound, (order) => freed.push(order));
            while (ages.length > bound) {
              const [oldest, ...rest] = ages as [string, ...string[]];
              ages = rest;
              if (model.get(oldest)!.open) ages.push(oldest);
              else model.delete(oldest);
            }
          }
          expect(ids.size).toBe(model.size);
          for (const order of freed.splice(0)) expect(order.names).toBe(0); // each has one id here
          for (const each of [id, closes ?? 'none', 'ID0', 'é']) {
            expect(ids.get(each)).toBe(model.get(each));
            expect(named(ids, each)).toBe(model.get(each));
          }
        }
        expect([...ids.entries()]).toEqual(ages.map((each) => [each, model.get(each)]));
      }),
    );
  });

  test('go through a window of thousands, each found until it is forgotten', () => {
    const ids = new KnownIds();
    const rests = order('RESTS', true);
    ids.set('RESTS', rests);
    for (let n = 0; n < 20_000; n++) {
      ids.set(`ORD${n}`, order(`ORD${n}`));
      ids.bound(1000, () => {});
    }
    expect(ids.size).toBe(1000);
    expect(ids.get('RESTS')).toBe(rests);
    for (const n of [19_001, 19_500, 19_999]) expect(named(ids, `ORD${n}`)?.cl_ord_id).toBe(`ORD${n}`);
    for (const n of [0, 1000, 18_999]) expect(ids.get(`ORD${n}`)).toBeUndefined();
    expect([...ids.orders()]).toHaveLength(1000);
  });

  test('know nothing of a field that is not there', () => {
    expect(new KnownIds().named(messageOf('A'), -1)).toBeUndefined();
  });
});
