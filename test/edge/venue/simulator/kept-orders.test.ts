// What is kept of orders that nobody has in hand.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { BUY } from '../../../../edge/venue/simulator/instruments.ts';
import { Interned } from '../../../../edge/venue/simulator/interned.ts';
import { CANCELED, EXPIRED, FILLED, HELD, IN_BOOK, partsOfId } from '../../../../edge/venue/simulator/order.ts';
import { NO_ROW } from '../../../../edge/venue/simulator/orders.ts';
import { orderOf, ordersInARow, type Plain } from './some-orders.ts';

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
        const { id, price, instrument, side_code, tif, account, expires_at, priority, notional } = rest;
        expect({ ...order, ...partsOfId(id) }).toMatchObject({ qty, cum, price, side_code, tif, account, expires_at });
        expect({ ...order }).toMatchObject({ priority, notional, ord_type: 0x32, leaves: open ? qty - cum : 0 });
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

test('a value has one number as long as any has it', () => {
  const some = new Interned<string>();
  const held: [string, number][] = [];
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.constantFrom('a', 'b', 'c', ''))), (steps) => {
      for (const [keeps, value] of steps) {
        const at = held.findIndex(([each]) => each === value);
        if (keeps) {
          const n = some.keep(value);
          if (at >= 0) expect(n).toBe(held[at]![1]);
          held.push([value, n]);
        } else if (at >= 0) some.drop(held.splice(at, 1)[0]![1]);
        for (const [each, n] of held) expect(some.at(n)).toBe(each);
        const numbers = new Map(held.map(([each, n]) => [n, each]));
        expect(numbers.size).toBe(new Set(held.map(([each]) => each)).size);
      }
    }),
  );
});
