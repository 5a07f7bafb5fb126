/**
 * What is left of orders that are over: enough to say how each came out. They are numbers in rings,
 * so that thousands of them are nothing to the collector, and the order that was just filled is the next one's.
 */

import { type Instrument, type Side, sideOf } from './instruments.ts';
import { NO_NAME } from './names.ts';
import { CANCELED, type Client, ClientOrder, EXPIRED, FILLED, type OrderState, OrdStatus } from './order.ts';

/** Of an order, as f64. */
const [SERIAL, QTY, PRICE, STOP, CUM, NOTIONAL, EXPIRES, PRIORITY] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
/** A cache line: thousands of orders are in nobody's cache. */
const DOUBLES = 8;

const STATES: Readonly<Record<number, OrderState>> = {
  [OrdStatus.Filled]: FILLED,
  [OrdStatus.Canceled]: CANCELED,
  [OrdStatus.Expired]: EXPIRED,
};

/** By place. */
export class Past {
  readonly #numbers: Float64Array;
  /** Side, OrdType, TimeInForce and OrdStatus, a byte each. */
  readonly #codes: Int32Array;
  /** ClOrdIDs that the orders go by; where it is the place's own, {@link NO_NAME}. Apart, for all that is looked at later is this. */
  readonly #names: Int32Array;
  readonly #instruments: (Instrument | undefined)[];
  readonly #accounts: string[];

  constructor(places: number) {
    this.#numbers = new Float64Array(places * DOUBLES);
    this.#codes = new Int32Array(places);
    this.#names = new Int32Array(places);
    this.#instruments = new Array<undefined>(places).fill(undefined);
    this.#accounts = new Array<string>(places).fill('');
  }

  /**
   * @param order one that is closed
   * @param name its ClOrdID, kept for this place; {@link NO_NAME}: the one that the place is of
   */
  put(place: number, order: ClientOrder, name: number): void {
    const { terms } = order;
    const numbers = this.#numbers;
    const at = place * DOUBLES;
    numbers[at + SERIAL] = order.serial;
    numbers[at + QTY] = terms.qty;
    numbers[at + PRICE] = terms.price;
    numbers[at + STOP] = terms.stop_price;
    numbers[at + CUM] = order.cum;
    numbers[at + NOTIONAL] = order.notional;
    numbers[at + EXPIRES] = terms.expires_at;
    numbers[at + PRIORITY] = order.priority;
    this.#codes[place] = terms.side_code | (terms.ord_type << 8) | (terms.tif << 16) | (order.status << 24);
    this.#names[place] = name;
    this.#instruments[place] = terms.instrument;
    this.#accounts[place] = terms.account;
  }

  /** What was kept for a place. */
  name(place: number): number {
    return this.#names[place]!;
  }

  /** The order again, as it was, for whoever looks at it: it is in no list. @param id the ClOrdID that the place is of */
  get(place: number, id: number, owner: Client, run: string): ClientOrder {
    const numbers = this.#numbers;
    const at = place * DOUBLES;
    const number = (n: number): number => numbers[at + n]!;
    const codes = this.#codes[place]!;
    const name = this.#names[place]!;
    const terms = {
      instrument: this.#instruments[place]!,
      side: sideOf(codes & 0xff) as Side,
      side_code: codes & 0xff,
      ord_type: (codes >>> 8) & 0xff,
      tif: (codes >>> 16) & 0xff,
      price: number(PRICE),
      stop_price: number(STOP),
      qty: number(QTY),
      expires_at: number(EXPIRES),
      account: this.#accounts[place]!,
    };
    const ids = { run, serial: number(SERIAL), owner, name: name === NO_NAME ? id : name };
    const order = new ClientOrder(ids, terms, number(PRIORITY));
    order.cum = number(CUM);
    order.notional = number(NOTIONAL);
    order.state = STATES[codes >>> 24]!;
    order.leaves = 0;
    order.names = 1;
    return order;
  }

  /** What is at a place, for the same place of a larger one. */
  move(place: number, into: Past, to: number): void {
    into.#numbers.set(this.#numbers.subarray(place * DOUBLES, (place + 1) * DOUBLES), to * DOUBLES);
    into.#codes[to] = this.#codes[place]!;
    into.#names[to] = this.#names[place]!;
    into.#instruments[to] = this.#instruments[place]!;
    into.#accounts[to] = this.#accounts[place]!;
  }
}
