import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Message, TOKENS_OK, tokenise } from '../../../../edge/fix/message.ts';
import { Tag } from '../../../../edge/fix/tags.ts';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { INSTRUMENTS } from '../../../../edge/venue/simulator/instruments.ts';
import { CANCELED, ClientOrder } from '../../../../edge/venue/simulator/order.ts';
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

/** The ids of a session, and orders that are noted in them. */
function sessionIds() {
  const clients = new Clients();
  clients.run = RUN;
  const client = clients.of(sessionOf('ONE'));
  const { names, ids } = client;
  let serial = 0;
  const order = (id: string, open = false): ClientOrder => {
    const made = new ClientOrder({ run: RUN, serial: ++serial, owner: client, name: names.ofText(id) }, TERMS, serial);
    if (!open) close(made);
    return made;
  };
  const set = (id: string, one: ClientOrder): void => {
    const name = names.ofText(id);
    ids.set(name, one);
    names.drop(name);
  };
  return { clients, names, ids, order, set };
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

/** What can be seen of an order, whether it is one or numbers. */
const seen = (order: ClientOrder | undefined) =>
  order && [order.id, order.cl_ord_id, order.status, order.cum, order.notional, order.terms];

describe('known ids', () => {
  test('are what a map and a queue of their ages say, whatever is noted, closed, retired and forgotten', () => {
    const step = fc.record({
      id,
      open: fc.boolean(),
      /** Names the order that goes by this id, as a cancel or a replacement does. */
      also: fc.option(id),
      closes: fc.option(id),
      bound: fc.option(fc.nat(20)),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { names, ids, order, set } = sessionIds();
        const named = (each: string) => {
          const message = messageOf(each);
          const i = message.index(Tag.ClOrdID);
          expect(ids.has(message, i)).toBe(model.has(each));
          return ids.named(message, i);
        };
        const model = new Map<string, ClientOrder>();
        let ages: string[] = [];
        const freed: ClientOrder[] = [];
        for (const { id, open, also, closes, bound } of steps) {
          const known = also === null ? undefined : model.get(also);
          const one = known?.open === true ? known : order(id, open);
          if (!model.has(id)) ages.push(id);
          model.set(id, one);
          set(id, one);
          const closed = closes === null ? undefined : model.get(closes);
          if (closed !== undefined) close(closed);
          const goes = (each: string) => model.get(each)!.open && model.get(each)!.cl_ord_id === each;
          const open_ = ages.filter(goes);
          if (bound !== null && bound > open_.length) {
            ids.bound(bound, (order) => freed.push(order));
            while (ages.length > bound) {
              const [oldest, ...rest] = ages as [string, ...string[]];
              ages = rest;
              if (goes(oldest)) ages.push(oldest);
              else model.delete(oldest);
            }
          }
          const has = (order: ClientOrder) => [...model.values()].filter((each) => each === order).length;
          if (closed !== undefined && has(closed) > 0) ids.retire(closed);
          expect(ids.size).toBe(model.size);
          for (const order of freed.splice(0)) expect([0, has(order)]).toContain(order.names);
          for (const each of [id, closes ?? 'none', 'ID0', 'é']) {
            expect(seen(ids.get(each))).toEqual(seen(model.get(each)));
            expect(seen(named(each))).toEqual(seen(model.get(each)));
          }
        }
        const all = [...ids.entries()].map(([name, order]) => [names.text(name), seen(order)]);
        expect(all).toEqual(ages.map((each) => [each, seen(model.get(each))]));
        expect([...ids.open()]).toEqual(ages.map((each) => model.get(each)!).filter((order) => order.open));
      }),
    );
  });

  test('go through a window of thousands, each found until it is forgotten', () => {
    const { ids, order, set } = sessionIds();
    const rests = order('RESTS', true);
    set('RESTS', rests);
    for (let n = 0; n < 20_000; n++) {
      const one = order(`ORD${n}`);
      set(`ORD${n}`, one);
      expect(ids.retire(one)).toBe(true);
      ids.bound(1000, () => {});
    }
    expect(ids.size).toBe(1000);
    expect(ids.get('RESTS')).toBe(rests);
    for (const n of [19_001, 19_500, 19_999]) expect(ids.get(`ORD${n}`)?.cl_ord_id).toBe(`ORD${n}`);
    for (const n of [0, 1000, 18_999]) expect(ids.get(`ORD${n}`)).toBeUndefined();
    expect([...ids.open()]).toEqual([rests]);
  });

  test('keep an order that is over under all its ids, and under those of another session only as it is', () => {
    const { clients, names, ids, order, set } = sessionIds();
    const one = order('A', true);
    for (const id of ['A', 'B', 'C']) set(id, one);
    close(one);
    const was = seen(one);
    expect(ids.retire(one)).toBe(true);
    expect(one.names).toBe(0);
    for (const id of ['A', 'B', 'C']) expect(seen(ids.get(id))).toEqual(was);
    ids.bound(0, () => {});
    expect(['A', 'B', 'C'].map((id) => ids.get(id))).toEqual([undefined, undefined, undefined]);

    const other = clients.of(sessionOf('TWO'));
    const two = order('D', true);
    set('D', two);
    other.ids.set(names.ofText('E'), two);
    close(two);
    expect(ids.retire(two)).toBe(false);
    expect(ids.get('D')).toBe(two);
    expect(other.ids.get('E')).toBe(two);
  });

  test('know nothing of a field that is not there, nor of one that is too long', () => {
    const { ids } = sessionIds();
    expect(ids.named(messageOf('A'), -1)).toBeUndefined();
    expect(ids.get('x'.repeat(65))).toBeUndefined();
  });
});

describe('names', () => {
  test('are bytes that are shared until nobody has them, and then are others', () => {
    const { names } = new Clients();
    const bytes = fc.uint8Array({ maxLength: 64 }).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(fc.array(fc.tuple(bytes, fc.boolean()), { maxLength: 200 }), (steps) => {
        const had: [name: number, text: string][] = [];
        for (const [text, keeps] of steps) {
          const name = names.ofText(text);
          expect(had.map(([other]) => other)).not.toContain(name);
          had.push([name, text]);
          if (!keeps) names.drop(had.shift()![0]);
          for (const [other, its] of had) {
            expect(names.text(other)).toBe(its);
            expect(names.same(other, name)).toBe(its === text);
            if (its === text && had.at(-1)?.[0] === name) expect(names.hash(other)).toBe(names.hash(name));
          }
        }
        for (const [name] of had) names.drop(name);
      }),
    );
    expect(() => names.ofText('x'.repeat(65))).toThrow(RangeError);
  });

  test('cannot be dropped more often than they are kept', () => {
    const { names } = new Clients();
    const name = names.ofText('A');
    names.keep(name);
    names.drop(name);
    names.drop(name);
    expect(() => names.drop(name)).toThrow('nobody has');
  });
});
