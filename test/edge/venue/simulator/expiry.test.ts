import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { Expiry } from '../../../../edge/venue/simulator/expiry.ts';
import { CANCELED, EXPIRED } from '../../../../edge/venue/simulator/order.ts';
import { ONE, orderOf } from './some-orders.ts';

const time = fc.constantFrom(1000, 2000, 3000, Number.POSITIVE_INFINITY);

test('orders end at the time that they have then, each once, whatever ends, moves or takes the row of another', () => {
  const step = fc.record({ what: fc.constantFrom('add', 'add', 'end', 'move', 'rest', 'take'), at: time, n: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.boolean(), (steps, many) => {
      const clients = new Clients();
      const { orders } = clients;
      const expiry = new Expiry(orders);
      /** When each open order ends, by its name. */
      const model = new Map<string, { row: number; at: number }>();
      let now = 0;
      const end = (name: string, row: number): void => {
        model.delete(name);
        orders.free(row);
      };
      const take = (until: number): void => {
        const due = [...model].filter(([, { at }]) => at <= until).map(([name]) => name);
        const taken: string[] = [];
        for (let order = expiry.take(until); order !== undefined; order = expiry.take(until)) {
          taken.push(order.cl_ord_id);
          order.state = EXPIRED;
          expiry.ended(order);
          end(order.cl_ord_id, order.row);
        }
        expect(taken.sort()).toEqual(due.sort());
        now = until;
      };
      const add = (name: string, at: number): void => {
        const order = orderOf(clients, { ...ONE, name, expires_at: at });
        model.set(name, { row: order.row, at });
        expiry.add(order);
      };
      const open = (n: number) => [...model][n % model.size]!;
      steps.forEach(({ what, at, n }, i) => {
        if (what === 'add' && at > now) {
          add(`${i}`, at);
          // Thousands that end at once: what they leave is swept out.
          for (let k = 0; many && k < 1500; k++) {
            const other = orderOf(clients, { ...ONE, name: 'GONE', expires_at: 10_000 + k });
            expiry.add(other);
            other.state = CANCELED;
            expiry.ended(other);
            orders.free(other.row);
          }
        } else if (what === 'end' && model.size > 0) {
          const [name, { row }] = open(n);
          const order = orders.order(row);
          order.state = CANCELED;
          expiry.ended(order);
          end(name, row);
        } else if (what === 'move' && model.size > 0 && at > now) {
          const [name, { row, at: before }] = open(n);
          if (before === at) return;
          const order = orders.order(row);
          order.ask({ ...order, expires_at: at });
          model.set(name, { row, at });
          expiry.move(order);
        } else if (what === 'rest') orders.rest();
        else if (what === 'take' && n % 4 === 0) take(now + 1000);
      });
      expect(expiry.next).toBeLessThanOrEqual(Math.min(...[...model.values()].map(({ at }) => at)));
      take(3000);
      expect([...model.values()].every(({ at }) => at === Number.POSITIVE_INFINITY)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('very many orders that end at one time do so once each, in the order in which they came', () => {
  const clients = new Clients();
  const { orders } = clients;
  const expiry = new Expiry(orders);
  const rows: number[] = [];
  for (let i = 0; i < 40_000; i++) {
    const order = orderOf(clients, { ...ONE, priority: i, expires_at: 5000 });
    expiry.add(order);
    rows.push(order.row);
    orders.rest();
  }
  const taken: number[] = [];
  for (let order = expiry.take(5000); order !== undefined; order = expiry.take(5000)) {
    taken.push(order.row);
    order.state = EXPIRED;
    orders.rest();
  }
  expect(taken).toEqual(rows);
});
