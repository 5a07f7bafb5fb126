import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { BUY, INSTRUMENTS, SELL, type Side } from '../../../../edge/venue/simulator/instruments.ts';
import { Line } from '../../../../edge/venue/simulator/line.ts';
import { CANCELED, ClientOrder, FILLED, IN_BOOK, partsOfId } from '../../../../edge/venue/simulator/order.ts';
import { sessionOf } from '../harness.ts';

const text = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 12 }));
/** As it comes from the wire. */
const latin1 = fc.array(fc.nat(255), { maxLength: 64 }).map((codes) => String.fromCharCode(...codes));
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
        const order = new ClientOrder(ids, terms, 7);
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

test('a line that is written over one before is what it would be by itself', () => {
  const clients = new Clients();
  const few = <T>(...values: T[]) => fc.constantFrom(...values);
  const serial = few(1, 9, 10, 11, 99, 100, 2 ** 31, 2 ** 31 + 1);
  const one = fc.record({
    session: few('A', 'B', 'a "session"'),
    id: fc.oneof(
      few('RUN-', 'NUR-').chain((run) => serial.map((n) => `${run}${n}`)),
      few('odd', 'RUN-01'),
    ),
    name: fc.oneof(few('A1', 'A2', 'A10', 'A"2', 'A\\2', 'A\x7f2', 'Aä2', 'A\t2', 'A12345678', 'A1234567"'), latin1),
    instrument: few(INSTRUMENTS[0]!, INSTRUMENTS[1]!),
    side_code: few(0x31, 0x32, 0x35),
    tif: few(0x30, 0x31),
    account: few('', 'AC', 'Ä"'),
    price: few(0, 100, 3500),
    qty: few(1, 100),
    expires_at: few(5000, 6000, Number.POSITIVE_INFINITY),
    priority: serial,
    state: few(FILLED, CANCELED, IN_BOOK),
    cum: few(0, 1, 50),
    notional: few(0, 100, 175_000),
  });
  const orderOf = (of: typeof one extends fc.Arbitrary<infer T> ? T : never): ClientOrder => {
    const { instrument, side_code, tif, account, price, qty, expires_at } = of;
    const side: Side = side_code === 0x31 ? BUY : SELL;
    const asked = { instrument, side_code, ord_type: 0x32, tif, account, price, stop_price: 0, qty, expires_at };
    const terms = { ...asked, side };
    const owner = clients.of(sessionOf(of.session));
    const order = new ClientOrder(
      { ...partsOfId(of.id), owner, name: clients.names.ofText(of.name) },
      terms,
      of.priority,
    );
    return Object.assign(order, { state: of.state, cum: of.cum, notional: of.notional });
  };
  const changes = fc.array(fc.record({ of: one, fields: fc.array(fc.nat(16), { maxLength: 3 }) }), { maxLength: 20 });
  fc.assert(
    fc.property(one, changes, (first, rest) => {
      const line = new Line();
      let last = first;
      for (const { of, fields } of [{ of: first, fields: [] as number[] }, ...rest]) {
        // A few fields of the last one change.
        last = { ...last, ...Object.fromEntries(Object.entries(of).filter((_, i) => fields.includes(i))) };
        const alone = new Line().begin();
        alone.addOrder(orderOf(last));
        expect(line.only(orderOf(last)).toString()).toBe(alone.end().toString());
      }
    }),
    { numRuns: 300 },
  );
});
