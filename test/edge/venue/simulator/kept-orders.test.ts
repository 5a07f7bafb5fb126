// What is kept of orders that nobody has in hand.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { BUY, INSTRUMENTS } from '../../../../edge/venue/simulator/instruments.ts';
import { Interned } from '../../../../edge/venue/simulator/interned.ts';
import { CANCELED, EXPIRED, FILLED, HELD, IN_BOOK, partsOfId } from '../../../../edge/venue/simulator/order.ts';
import { NO_ROW } from '../../../../edge/venue/simulator/orders.ts';
import { ONE, orderOf, ordersInARow, type Plain } from './some-orders.ts';

const STATES = [IN_BOOK, HELD, FILLED, CANCELED, EXPIRED];

test('an order that has been put down is what it was, and one object for all who have it in hand', () => {
  fc.assert(
    fc.property(ordersInARow(), fc.array(fc.tuple(fc.nat(30), fc.nat(30))), (plains, looks) => {
      const clients = new Clients();
      const { orders } = clients;
      const rows = plains.map((plain, n) => {
        const order = orderOf(clients, { ...plain, state: STATES[n % STATES.length]! });
        if (n % 3 === 0) orders.rest();
        return order.row;
      });
      orders.rest();
      const is = (plain: Plain, n: number): void => {
        const order = orders.order(rows[n]!);
        const { state, qty, cum, session, name, ...rest } = { ...plain, state: STATES[n % STATES.length]! };
        const open = state === IN_BOOK || state === HELD;
        const { id, price, stop_price, instrument, side_code, tif, account, expires_at, priority, notional } = rest;
        expect({ ...order, ...partsOfId(id) }).toMatchObject({ qty, cum, price, side_code, tif, account, expires_at });
        expect({ ...order }).toMatchObject({
          priority,
          notional,
          stop_price,
          ord_type: 0x32,
          leaves: open ? qty - cum : 0,
        });
        expect([order.id, order.state, order.instrument]).toEqual([id, state, instrument]);
        expect([order.owner.session.id, order.cl_ord_id, order.open]).toEqual([session, name, open]);
        expect([orders.isOpen(order.row), orders.priority(order.row)]).toEqual([open, priority]);
        expect(orders.isOf(order.row, order.owner)).toBe(true);
        expect([orders.name(order.row), orders.expiresAt(order.row)]).toEqual([order.name, expires_at]);
      };
      for (const [n, m] of looks) {
        const [a, b] = [n % rows.length, m % rows.length];
        const order = orders.order(rows[a]!);
        order.priority = plains[a]!.priority;
        expect(orders.order(rows[b]!) === order).toBe(a === b);
        is(plains[a]!, a);
        if (m % 2 === 0) orders.rest();
        is(plains[b]!, b);
      }
    }),
  );
});

const WHAT = ['add', 'add', 'change', 'end', 'end in hand', 'look', 'rest'] as const;
const someStep = fc.record({
  what: fc.constantFrom(...WHAT),
  n: fc.nat(),
  of: fc.record({
    cum: fc.constantFrom(0, 0, 7),
    notional: fc.constantFrom(0, 0, 700),
    stop_price: fc.constantFrom(0, 0, 99),
    account: fc.constantFrom('', 'AC', 'CA'),
    instrument: fc.constantFrom(...INSTRUMENTS.slice(0, 3)),
    session: fc.constantFrom('A', 'B', 'C'),
    id: fc.constantFrom('RUN-1', 'NUR-2', 'odd'),
  }),
});

test('rows that are others again and again have what was written last: fills and stop prices, or none', () => {
  fc.assert(
    fc.property(
      fc.array(someStep, { maxLength: 80, size: 'max' }),
      fc.integer({ min: 4090, max: 4100 }),
      (steps, before) => {
        const clients = new Clients();
        const { orders } = clients;
        for (let i = 0; i < before; i++) orders.quote(BUY, 0); // some come to lie in one page of rows, some in the next
        const model: { row: number; plain: Plain }[] = [];
        const used = new Set<number>();
        let most = 0;
        const add = (plain: Plain): void => {
          const { row } = orderOf(clients, plain);
          orders.know(row, 1);
          expect(model.every((other) => other.row !== row)).toBe(true);
          model.push({ row, plain });
          used.add(row);
          most = Math.max(most, model.length);
        };
        const end = ({ row, plain }: (typeof model)[number], inHand: boolean): void => {
          if (inHand) orders.order(row).state = CANCELED;
          else orders.rest();
          expect([orders.know(row, -1), clients.names.text(orders.free(row))]).toEqual([0, plain.name]);
          expect(orders.isOpen(row)).toBe(false);
        };
        const look = ({ row, plain }: (typeof model)[number]): void => {
          const { cum, notional, stop_price, instrument, account, session, id, name, priority } = plain;
          expect(orders.isOf(row, clients.get(session)!)).toBe(true);
          expect([orders.known(row), orders.priority(row)]).toEqual([1, priority]);
          expect(clients.names.text(orders.name(row))).toBe(name);
          const order = orders.order(row);
          expect({ ...order }).toMatchObject({ row, cum, notional, stop_price, account, qty: 100 });
          expect([order.id, order.owner.session.id, order.instrument]).toEqual([id, session, instrument]);
          expect(order.open).toBe(true);
        };
        steps.forEach(({ what, n, of }, i) => {
          const at = n % model.length;
          if (what === 'add') add({ ...ONE, ...of, name: `N${i}`, priority: i });
          else if (what === 'look') model.forEach(look);
          else if (what === 'rest') orders.rest();
          else if (model.length === 0) return;
          else if (what === 'change') {
            const { cum, notional, account, instrument } = of;
            const { row, plain } = model[at]!;
            const order = orders.order(row);
            order.ask({ ...order, account, instrument });
            Object.assign(order, { cum, notional });
            model[at] = { row, plain: { ...plain, cum, notional, account, instrument } };
          } else end(model.splice(at, 1)[0]!, what === 'end in hand');
        });
        model.forEach(look);
        orders.rest();
        model.forEach(look);
        expect(used.size).toBe(most);
        orders.rest();
        const commons = model.map(({ plain }) => [plain.session, partsOfId(plain.id).run, plain.account].join());
        expect(orders.commons.size).toBe(new Set(commons).size);
      },
    ),
    { numRuns: 200 },
  );
});

test('an order like one that has asked for something else since is as it was placed', () => {
  const clients = new Clients();
  const first = orderOf(clients, ONE);
  first.ask({ ...first, account: 'OTHER', qty: 7 });
  clients.orders.rest();
  const next = orderOf(clients, { ...ONE, id: 'RUN-2', name: 'A2' });
  expect(next).toBe(first); // one object, used again
  expect(next).toMatchObject({ account: ONE.account, qty: ONE.qty, serial: 2 });
});

test('an order that more ids know than are counted is never free', () => {
  const clients = new Clients();
  const { orders } = clients;
  const { row } = orderOf(clients, ONE);
  const most = 0xff_ffff;
  for (let i = 1; i < most; i++) orders.know(row, 1);
  expect([orders.known(row), orders.lies(row)]).toEqual([most - 1, false]);
  expect([orders.know(row, -1), orders.know(row, 1)]).toEqual([most - 2, most - 1]);
  expect([orders.know(row, 1), orders.know(row, 1), orders.know(row, -1)]).toEqual([most, most, most]);
  expect(orders.order(row).cl_ord_id).toBe('A1');
});

test('a row that is free is the next one, and keeps nothing of what it was', () => {
  const clients = new Clients();
  const { orders } = clients;
  const plain: Plain = fc.sample(ordersInARow(), { numRuns: 1, seed: 1 })[0]![0]!;
  const first = orderOf(clients, { ...plain, name: 'FIRST', account: 'AC' });
  const { row } = first;
  orders.know(row, 1);
  orders.link(NO_ROW, row);
  orders.unlink(row);
  orders.setEndsAt(row, 5000);
  orders.rest();
  expect(clients.names.text(orders.free(row))).toBe('FIRST');
  const second = orderOf(clients, { ...plain, name: 'SECOND', account: '' });
  expect(second.row).toBe(row);
  orders.rest();
  const again = orders.order(row);
  expect([again.account, again.cl_ord_id, orders.known(row), orders.lies(row)]).toEqual(['', 'SECOND', 0, false]);

  // One that was free before anybody had put it down.
  orders.free(row);
  const third = orderOf(clients, { ...plain, name: 'THIRD' });
  expect([third.row, orders.order(row).cl_ord_id]).toEqual([row, 'THIRD']);
});

test('an order is known to be like others until it is put down, or asks for something else', () => {
  const clients = new Clients();
  const { orders } = clients;
  const { alike, row } = orderOf(clients, ONE);
  expect(alike).toBe(orderOf(clients, { ...ONE, name: 'A2', priority: 2 }).alike);
  expect(alike).not.toBe(orderOf(clients, { ...ONE, name: 'A3', price: 101 }).alike);
  const other = orderOf(clients, { ...ONE, name: 'A4' });
  other.ask({ ...other });
  expect(other.alike).toBeNaN();
  orders.rest();
  expect(orders.order(row).alike).toBeNaN();
});

test('when the row of an order ends is known as long as it is the time that the order ends at', () => {
  const clients = new Clients();
  const { orders } = clients;
  const plain: Plain = { ...fc.sample(ordersInARow(), { numRuns: 1, seed: 1 })[0]![0]!, expires_at: 6000 };
  const { row } = orderOf(clients, plain);
  expect(orders.endsAt(row)).toBeNaN();
  orders.setEndsAt(row, 6000);
  orders.rest();
  expect(orders.endsAt(row)).toBe(6000);
  orders.free(row);
  orderOf(clients, plain);
  orders.rest();
  expect(orders.endsAt(row)).toBe(6000); // it is in the list of that time already
  orders.free(row);
  orderOf(clients, { ...plain, expires_at: 7000 });
  orders.rest();
  expect([orders.endsAt(row), orders.expiresAt(row)]).toEqual([Number.NaN, 7000]);
});

test('lists are in the order in which they were made, whoever leaves', () => {
  const { orders } = new Clients();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(20)), { maxLength: 60 }), (steps) => {
      const model: number[] = [];
      for (const [adds, n] of steps) {
        if (adds) {
          const { row } = orders.quote(BUY, 0);
          orders.link(model.at(-1) ?? NO_ROW, row);
          model.push(row);
        } else if (model.length > 0) orders.unlink(model.splice(n % model.length, 1)[0]!);
        model.forEach((row, at) => {
          expect([orders.prev(row), orders.next(row)]).toEqual([model[at - 1] ?? NO_ROW, model[at + 1] ?? NO_ROW]);
          expect(orders.lies(row)).toBe(true);
        });
      }
    }),
  );
});

test('a value has one number', () => {
  const some = new Interned<string>();
  const texts = ['a', 'b', 'a', '', 'b', 'b', '', 'c', 'a'];
  expect(texts.map((each) => some.of(each))).toEqual([0, 1, 0, 2, 1, 1, 2, 3, 0]);
  expect(texts.map((each) => some.at(some.of(each)))).toEqual(texts);
});
