/** Orders that are much alike, one after the other. */

import fc from 'fast-check';
import type { ClientOrder } from '../../../../edge/venue/simulator/client-order.ts';
import type { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { BUY, INSTRUMENTS, type Instrument, SELL, type Side } from '../../../../edge/venue/simulator/instruments.ts';
import { CANCELED, FILLED, IN_BOOK, type OrderState, partsOfId } from '../../../../edge/venue/simulator/order.ts';
import { sessionOf } from '../harness.ts';

/** As it comes from the wire. */
export const latin1 = fc.array(fc.nat(255), { maxLength: 64 }).map((codes) => String.fromCharCode(...codes));

/** An order in plain values. */
export interface Plain {
  readonly session: string;
  readonly id: string;
  readonly name: string;
  readonly instrument: Instrument;
  readonly side_code: number;
  readonly tif: number;
  readonly account: string;
  readonly price: number;
  readonly stop_price: number;
  readonly qty: number;
  readonly expires_at: number;
  readonly priority: number;
  readonly state: OrderState;
  readonly cum: number;
  readonly notional: number;
  /** Whether it is known to be like others, see `ReadTerms`. */
  readonly known: boolean;
}

export const ONE: Plain = {
  session: 'A',
  id: 'RUN-1',
  name: 'A1',
  instrument: INSTRUMENTS[0]!,
  side_code: 0x31,
  tif: 0x30,
  account: '',
  price: 100,
  stop_price: 0,
  qty: 100,
  expires_at: 5000,
  priority: 1,
  state: IN_BOOK,
  cum: 0,
  notional: 0,
  known: true,
};

/** By what they are and of whom. */
const NUMBERS = new Map<string, number>();

/** As `ReadTerms` has it. */
export function alikeOf(...parts: readonly unknown[]): number {
  const key = JSON.stringify(parts);
  if (!NUMBERS.has(key)) NUMBERS.set(key, NUMBERS.size + 1);
  return NUMBERS.get(key)!;
}

export function orderOf(clients: Clients, plain: Plain): ClientOrder {
  const { instrument, side_code, tif, account, price, stop_price, qty, expires_at, state, cum, notional } = plain;
  const side: Side = side_code === 0x31 ? BUY : SELL;
  const terms = { instrument, side, side_code, ord_type: 0x32, tif, account, price, stop_price, qty, expires_at };
  const owner = clients.get(plain.session) ?? clients.of(sessionOf(plain.session));
  const ids = { ...partsOfId(plain.id), owner, name: clients.names.ofText(plain.name) };
  const { run, serial } = ids;
  const alike = plain.known && serial >= 0 ? alikeOf(plain.session, run, terms) : Number.NaN;
  return Object.assign(clients.orders.add(ids, terms, plain.priority, alike), { state, cum, notional });
}

const few = <T>(...values: T[]) => fc.constantFrom(...values);
const serial = few(1, 9, 10, 11, 99, 100, 2 ** 31, 2 ** 31 + 1);

const one: fc.Arbitrary<Plain> = fc.record({
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
  stop_price: few(0, 0, 99),
  qty: few(1, 100),
  expires_at: few(5000, 6000, Number.POSITIVE_INFINITY),
  priority: serial,
  state: few(FILLED, CANCELED, IN_BOOK),
  cum: few(0, 1, 50),
  notional: few(0, 100, 175_000),
  known: fc.boolean(),
});

const FIELDS = Object.keys(ONE) as (keyof Plain)[];
const IDS: (keyof Plain)[] = ['id', 'name', 'priority'];

/** A few fields of the last one change, or its ids alone. */
export function ordersInARow(): fc.Arbitrary<Plain[]> {
  const fields = fc.oneof(fc.constant(IDS), fc.array(few(...FIELDS), { maxLength: 3 }));
  const changes = fc.array(fc.record({ of: one, fields }), { maxLength: 20 });
  return fc.tuple(one, changes).map(([first, rest]) => {
    const all = [first];
    for (const { of, fields } of rest) {
      all.push({ ...all.at(-1)!, ...Object.fromEntries(fields.map((name) => [name, of[name]])) });
    }
    return all;
  });
}
