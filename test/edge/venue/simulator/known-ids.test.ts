import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Message, TOKENS_OK, tokenise } from '../../../../edge/fix/message.ts';
import { Tag } from '../../../../edge/fix/tags.ts';
import type { Client, ClientOrder } from '../../../../edge/venue/simulator/client-order.ts';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { INSTRUMENTS } from '../../../../edge/venue/simulator/instruments.ts';
import { CANCELED } from '../../../../edge/venue/simulator/order.ts';
import { NO_ROW } from '../../../../edge/venue/simulator/orders.ts';
import { sessionOf } from '../harness.ts';

const RUN = 'RUN-';
const TERMS = {
  instrument: INSTRUMENTS[0]!,
  side: 2,
  side_code: 0x35,
  ord_type: 0x34,
  tif: 0x36,
  price: 101,
  stop_price: 99,
  qty: 30,
  expires_at: 1e12,
  account: 'AC',
} as const;

/** The ids of a session, and orders that are noted in them, by row. */
function sessionIds() {
  const clients = new Clients();
  const client = clients.of(sessionOf('ONE'));
  const { names, ids } = client;
  const { orders } = clients;
  let serial = 0;
  const order = (id: string, open = false): number => {
    const name = names.ofText(id);
    const { row } = orders.add({ run: RUN, serial: ++serial, owner: client, name }, TERMS, serial);
    if (!open) close(orders.order(row));
    return row;
  };
  const set = (id: string, row: number): number => {
    const name = names.ofText(id);
    const freed = ids.set(name, orders.order(row));
    names.drop(name);
    return freed;
  };
  return { clients, names, ids, orders, order, set };
}

function close(order: ClientOrder): void {
  order.cum = 7;
  order.notional = 707;
  order.leaves = 0;
  order.state = CANCELED;
}

function messageOf(id: string): Message {
  const bytes = Buffer.from(`8=FIX.4.4\x019=0\x0135=D\x0111=${id}\x0110=000\x01`, 'latin1');
  const message = new Message();
  expect(tokenise(bytes, 0, bytes.length, message)).toBe(TOKENS_OK);
  return message;
}

/** Few, so that they meet again; of Latin-1, as they come from the wire. */
const id = fc.oneof(
  fc.integer({ min: 0, max: 60 }).map((n) => `ID${n}`),
  fc.constantFrom('é', 'ÿþ', 'x'.repeat(64)),
);

describe('known ids', () => {
  test('are what a map and a queue of their ages say, whatever is noted, closed, put down and forgotten', () => {
    const step = fc.record({
      id,
      open: fc.boolean(),
      /** Names the order that goes by this id, as a cancel or a replacement does. */
      also: fc.option(id),
      closes: fc.option(id),
      bound: fc.option(fc.nat(20)),
      rests: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { names, ids, orders, order, set } = sessionIds();
        const named = (each: string) => {
          const message = messageOf(each);
          const i = message.index(Tag.ClOrdID);
          expect(ids.has(message, i)).toBe(model.has(each));
          return ids.named(message, i)?.row;
        };
        const model = new Map<string, number>();
        let ages: string[] = [];
        const has = (row: number) => [...model.values()].filter((each) => each === row).length;
        const goes = (each: string) =>
          orders.isOpen(model.get(each)!) && orders.order(model.get(each)!).cl_ord_id === each;
        for (const { id, open, also, closes, bound, rests } of steps) {
          const known = also === null ? undefined : model.get(also);
          const one = known !== undefined && orders.isOpen(known) ? known : order(id, open);
          const before = model.get(id);
          if (before === undefined) ages.push(id);
          model.set(id, one);
          expect(set(id, one)).toBe(before !== undefined && has(before) === 0 ? before : NO_ROW);
          const closed = closes === null ? undefined : model.get(closes);
          if (closed !== undefined) close(orders.order(closed));
          if (bound !== null && bound > ages.filter(goes).length) {
            const freed: number[] = [];
            ids.bound(bound, (row) => freed.push(row));
            const gone: number[] = [];
            while (ages.length > bound) {
              const [oldest, ...rest] = ages as [string, ...string[]];
              ages = rest;
              if (goes(oldest)) {
                ages.push(oldest);
                continue;
              }
              const row = model.get(oldest)!;
              model.delete(oldest);
              if (has(row) === 0) gone.push(row);
            }
            expect(freed).toEqual(gone);
          }
          if (rests) orders.rest();
          expect(ids.size).toBe(model.size);
          for (const row of model.values()) expect(orders.known(row)).toBe(has(row));
          for (const each of [id, closes ?? 'none', 'ID0', 'é']) {
            expect(ids.get(each)?.row).toBe(model.get(each));
            expect(named(each)).toBe(model.get(each));
          }
        }
        expect([...ids.entries()].map(([name, row]) => [names.text(name), row])).toEqual(
          ages.map((each) => [each, model.get(each)]),
        );
        expect(ids.open()).toEqual(ages.filter(goes).map((each) => model.get(each)));
      }),
    );
  });

  test('go through a window of thousands, each found until it is forgotten', () => {
    const { ids, orders, order, set } = sessionIds();
    const rests = order('RESTS', true);
    set('RESTS', rests);
    for (let n = 0; n < 20_000; n++) {
      set(`ORD${n}`, order(`ORD${n}`));
      ids.bound(1000, (row) => orders.free(row));
      orders.rest();
    }
    expect(ids.size).toBe(1000);
    expect(ids.get('RESTS')?.row).toBe(rests);
    for (const n of [19_001, 19_500, 19_999]) expect(ids.get(`ORD${n}`)?.cl_ord_id).toBe(`ORD${n}`);
    for (const n of [0, 1000, 18_999]) expect(ids.get(`ORD${n}`)).toBeUndefined();
    expect(ids.open()).toEqual([rests]);
  });

  test('are known at once, of clients who count and of others, by turns and many between two looks', () => {
    const turn = fc.record({
      who: fc.nat(1),
      count: fc.oneof(fc.nat(5), fc.integer({ min: 500, max: 700 })),
      /** How an id is made of a number; by the first two each comes behind those before. */
      made: fc.constantFrom<(n: number) => string>(
        (n) => `ORD${n}`,
        (n) => String(n).padStart(16, '0'),
        (n) => `${n % 7}-${n}`,
        (n) => `Z${9999 - n}`,
      ),
      bound: fc.option(fc.nat(1000)),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 8 }), (turns) => {
        const { clients, names, orders } = sessionIds();
        const both = ['A', 'B'].map((id) => clients.of(sessionOf(id)));
        const known: string[][] = [[], []];
        let n = 0;
        const place = (client: Client, id: string) => {
          const ids = { run: RUN, serial: ++n, owner: client, name: names.ofText(id) };
          const order = orders.add(ids, TERMS, n);
          close(order);
          client.ids.add(ids.name, order);
          orders.rest();
        };
        for (const { who, count, made, bound } of turns) {
          const [{ ids }, own] = [both[who]!, known[who]!];
          const has = (id: string) => ids.has(messageOf(id), messageOf(id).index(Tag.ClOrdID));
          for (let i = 0; i < count; i++) {
            const id = made(n);
            expect(has(id)).toBe(own.includes(id));
            if (own.includes(id)) continue;
            place(both[who]!, id);
            own.push(id);
          }
          if (bound !== null) {
            ids.bound(bound, () => {});
            own.splice(0, own.length - bound);
          }
          const some = own.filter((_id, i) => i % 97 === 0 || i === own.length - 1);
          expect(some.map((id) => ids.get(id)?.cl_ord_id)).toEqual(some);
          expect(some.filter((id) => !has(id))).toEqual([]);
          expect(known[1 - who]!.filter((id, i) => i % 97 === 0 && !own.includes(id) && has(id))).toEqual([]);
          expect(ids.size).toBe(own.length);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('leave nothing behind when their session goes, though the last one was forgotten', () => {
    const { clients, names, ids, orders, order, set } = sessionIds();
    const rows = ['Z9', 'A1', 'A2'].map((id) => order(id));
    for (const row of rows) set(orders.order(row).cl_ord_id, row);
    ids.bound(0, (row) => names.drop(orders.free(row)));
    set('ZZ1', order('ZZ1')); // it comes behind the one that was forgotten
    ids.bound(0, (row) => names.drop(orders.free(row)));
    const isKnown = ids.has(messageOf('B1'), messageOf('B1').index(Tag.ClOrdID));
    clients.release(clients.of(sessionOf('ONE')));
    // Each has had two: that of its order and that of the id.
    const again = Array.from({ length: 6 }, (_, i) => names.ofText(`X${i}`)).sort();
    expect([isKnown, again]).toEqual([false, [1, 2, 3, 4, 5, 6]]);
  });

  test('do not keep what another session has placed for being open', () => {
    const { clients, names, ids, orders, order, set } = sessionIds();
    const other = clients.of(sessionOf('TWO'));
    const row = order('D', true);
    set('D', row);
    other.ids.set(names.ofText('D'), orders.order(row));
    other.ids.bound(0, () => {});
    expect([other.ids.size, orders.known(row)]).toEqual([0, 1]);
    ids.bound(1, () => {});
    expect(ids.get('D')?.row).toBe(row);
  });

  test('know nothing of a field that is not there, nor of one that is too long', () => {
    const { ids } = sessionIds();
    expect(ids.named(messageOf('A'), -1)).toBeUndefined();
    expect(ids.get('x'.repeat(65))).toBeUndefined();
  });
});
