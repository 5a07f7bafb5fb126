import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { INSTRUMENTS } from '../../../../edge/venue/simulator/instruments.ts';
import { Line } from '../../../../edge/venue/simulator/line.ts';
import { FILLED, partsOfId } from '../../../../edge/venue/simulator/order.ts';
import { OrderLines } from '../../../../edge/venue/simulator/order-lines.ts';
import { sessionOf } from '../harness.ts';
import { latin1, ONE, orderOf, ordersInARow } from './some-orders.ts';

const text = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 12 }));
const whole = fc.maxSafeNat();

test('a line is the JSON that its orders are, whatever is in their texts and numbers', () => {
  fc.assert(
    fc.property(
      text,
      text,
      latin1,
      text,
      whole,
      whole,
      fc.boolean(),
      (id, session, clOrdId, account, qty, cum, ends) => {
        const terms = {
          instrument: INSTRUMENTS[0]!,
          side: 1,
          side_code: 0x31,
          ord_type: 0x32,
          tif: 0x30,
          price: 101,
          stop_price: 0,
          qty,
          expires_at: ends ? 5000 : Number.POSITIVE_INFINITY,
          account,
        } as const;
        const clients = new Clients();
        const owner = clients.of(sessionOf(session));
        const ids = { ...partsOfId(id), owner, name: clients.names.ofText(clOrdId) };
        const order = clients.orders.add(ids, terms, 7);
        expect(order.id).toBe(id);
        order.cum = cum;
        order.state = FILLED;
        const line = new Line().begin();
        line.add([['mark', 3]]);
        line.addOrder(order);
        line.addFill(order);
        owner.generation = cum;
        owner.taken = qty;
        line.addTaken(owner);
        line.addMark(qty);
        const { instrument, side, side_code, ord_type, tif, price, stop_price } = terms;
        const expires_at = ends ? terms.expires_at : null;
        const asked = [instrument.symbol, side, side_code, ord_type, tif, price, stop_price, qty, account, expires_at];
        expect(JSON.parse(line.end().toString())).toEqual([
          ['mark', 3],
          ['whole', id, session, clOrdId, ...asked, 7, 'filled', cum, 0],
          ['fill', id, 'filled', cum, 0],
          ['taken', session, cum, qty],
          ['mark', qty],
        ]);
      },
    ),
  );
});

test.each([
  ['ABC-12', 'ABC-', 12],
  ['A-B-7', 'A-B-', 7],
  ['ABC-012', 'ABC-012', -1],
  ['ABC', 'ABC', -1],
  ['ABC-1234567890123456', 'ABC-1234567890123456', -1],
])('the OrderID %s has its parts', (id, run, serial) => expect(partsOfId(id)).toEqual({ run, serial }));

const ANY_KIND = 5;

test('a line that is written over one before is what it would be by itself', () => {
  const clients = new Clients();
  fc.assert(
    fc.property(ordersInARow(), (orders) => {
      const line = new Line();
      for (const one of orders) {
        const alone = new Line().only(orderOf(clients, one), ANY_KIND);
        const whole = new Line().begin();
        whole.addOrder(orderOf(clients, one));
        expect(alone.toString()).toBe(whole.end().toString().replace(/\]\]$/, `,${ANY_KIND}]]`));
        expect(line.only(orderOf(clients, one), ANY_KIND).toString()).toBe(alone.toString());
      }
    }),
    { numRuns: 300 },
  );
});

test('a line that points at a whole one before, put in its place, is that of the order', () => {
  const clients = new Clients();
  const step = fc.record({ orders: ordersInARow(), begins: fc.boolean() });
  let short = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), (steps) => {
      const lines = new OrderLines();
      const wholes = new Map<number, unknown[]>();
      for (const { orders, begins } of steps) {
        if (begins) {
          lines.begin();
          wholes.clear();
        }
        for (const one of orders) {
          const order = orderOf(clients, one);
          const whole = new Line().begin();
          whole.addOrder(order);
          const [expected] = JSON.parse(whole.end().toString()) as [unknown[]];
          const [said] = JSON.parse(lines.of(order).toString()) as [unknown[]];
          if (said[0] === 'like') short++;
          else wholes.set(said.at(-1) as number, said.slice(0, -1));
          expect(said[0] === 'like' ? inPlace(said, wholes) : said.slice(0, -1)).toEqual(expected);
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(short).toBeGreaterThan(100);
});

/** The whole change that one like another stands for. */
function inPlace(like: readonly unknown[], wholes: ReadonlyMap<number, readonly unknown[]>): unknown[] {
  const [, kind, serial, clOrdId, priority] = like;
  const [tag, id, session, , ...asked] = wholes.get(kind as number)!;
  const whole = [tag, `${partsOfId(id as string).run}${serial}`, session, clOrdId, ...asked];
  whole[14] = priority;
  return whole;
}

test('no order is like a line that has been taken back', () => {
  const clients = new Clients();
  const line = new Line();
  const next = orderOf(clients, { ...ONE, id: 'RUN-2', name: 'A2', priority: 2 });
  line.only(orderOf(clients, ONE), ANY_KIND);
  expect([line.isAlike(next), line.differsInIds(next)]).toEqual([true, true]);
  line.cancel();
  expect([line.isAlike(next), line.differsInIds(next)]).toEqual([false, false]);
});

test('an order like one before is told in some forty bytes', () => {
  const clients = new Clients();
  const lines = new OrderLines();
  const ids = ['RUN-1234567', 'RUN-1234568', 'RUN-1234570'];
  const said = ids.map((id, n) =>
    lines.of(orderOf(clients, { ...ONE, id, name: `ORD${n}`, priority: 99 + n })).toString(),
  );
  expect(said.slice(1)).toEqual(['[["like",40,1234568,"ORD1",100]]', '[["like",40,1234570,"ORD2",101]]']);
});
