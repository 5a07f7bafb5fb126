import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { INSTRUMENTS } from '../../../../edge/venue/simulator/instruments.ts';
import { Line } from '../../../../edge/venue/simulator/line.ts';
import { ClientOrder, FILLED, partsOfId } from '../../../../edge/venue/simulator/order.ts';
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
        const { instrument, side, side_code, ord_type, tif, price, stop_price } = terms;
        const expires_at = ends ? terms.expires_at : null;
        const asked = [instrument.symbol, side, side_code, ord_type, tif, price, stop_price, qty, account, expires_at];
        expect(JSON.parse(line.end().toString())).toEqual([
          ['mark', 3],
          ['whole', id, session, clOrdId, ...asked, 7, 'filled', cum, 0],
          ['fill', id, 'filled', cum, 0],
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
