/**
 * All orders there are. One that nobody has in hand is a row of numbers: orders rest for long, and there may be a million of them, which
 * as objects the collector would copy twice, and go through whenever it looks at all there is. Whoever asks for an order has it in hand,
 * as one object for all who ask, until the next {@link Orders.rest}.
 */

import { keptFloat64s, keptInt32s } from '../../kept-memory.ts';
import { type BookOrder, type Client, ClientOrder, type OrderIds, type Quote } from './client-order.ts';
import { type Instrument, type Side, sideOf } from './instruments.ts';
import { Interned } from './interned.ts';
import {
  CANCELED,
  EXPIRED,
  FILLED,
  HELD,
  IN_BOOK,
  type OrderState,
  type OrderTerms,
  OrdStatus,
  UNCHANGED,
} from './order.ts';

/** No row at all. */
export const NO_ROW = 0;
/** Rows are made so many at a time. */
const ROWS = 4096;
const ROW_BITS = 12;
const LAST = ROWS - 1;
/** Of a row, as f64. */
const [SERIAL, QTY, PRICE, STOP, EXPIRES, PRIORITY, CUM, NOTIONAL] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const NUMBERS = 8;
/** As i32. Side, OrdType, TimeInForce and state have a byte each of CODES; the last four are numbers of {@link Interned} values. */
const [CODES, NAME, OWNER, INSTRUMENT, RUN, ACCOUNT] = [0, 1, 2, 3, 4, 5] as const;
/** These are right whether the order is in hand or not: ids that know it, neighbours in its list, {@link FLAGS}, what it is in hand as. */
const [KNOWN, PREV, NEXT, FLAGS, HAND] = [6, 7, 8, 9, 10] as const;
const INTS = 11;
/** It lies in a list; {@link Expiry} has the row with the time in its column; the other columns have been written. */
const [LIES, ENDS, WRITTEN] = [1, 2, 4] as const;
/** In HAND: a quote, which always is. */
const QUOTE = -1;
/** Objects kept for what is in hand. */
const KEPT = 64;

const HELD_CODE = 1;
const OVER = OrdStatus.Canceled;
const STATES: readonly (OrderState | undefined)[] = Array.from({ length: 0x80 }, (_, code) =>
  [IN_BOOK, HELD, FILLED, CANCELED, EXPIRED].find((state) => codeOf(state) === code),
);

/** In the last byte of CODES. */
function codeOf(state: OrderState): number {
  if (state.at === 'closed') return state.status;
  return state.at === 'held' ? HELD_CODE : 0;
}

class Page {
  readonly numbers = keptFloat64s(ROWS * NUMBERS);
  readonly ints = keptInt32s(ROWS * INTS);
}

export class Orders {
  readonly #owners = new Interned<Client>();
  readonly #instruments = new Interned<Instrument>();
  readonly #runs = new Interned<string>();
  readonly #accounts = new Interned<string>();
  readonly #pages: Page[] = [];
  readonly #quotes = new Map<number, Quote>();
  /** The first #held of these are in hand. */
  readonly #objects: ClientOrder[] = [];
  #held = 0;
  /** The first of the rows that are free, which are linked by NEXT; those from #fresh on have never been used. */
  #free = NO_ROW;
  #fresh = NO_ROW + 1;

  /** What lies in a row. */
  at(row: number): BookOrder {
    return this.#int(row, HAND) === QUOTE ? this.#quotes.get(row)! : this.order(row);
  }

  /** The same where it is known to be a client's. */
  order(row: number): ClientOrder {
    const hand = this.#int(row, HAND);
    return hand > 0 ? this.#objects[hand - 1]! : this.#read(row, this.#take(row));
  }

  /** A new order, which is known by no id yet; its name is kept for it. Its row may have been another's. */
  add(ids: OrderIds, terms: OrderTerms, priority: number): ClientOrder {
    const row = this.#newRow();
    const { ints } = this.#page(row);
    const int = (row & LAST) * INTS;
    ints[int + KNOWN] = 0;
    ints[int + FLAGS] = ints[int + FLAGS]! & ENDS;
    return this.#take(row).become(row, ids, terms, priority);
  }

  /** @param refill as {@link Quote.refill} has it */
  quote(side: Side, refill: number): Quote {
    const row = this.#newRow();
    this.#set(row, HAND, QUOTE);
    const quote: Quote = { kind: 'quote', row, side, price: 0, leaves: refill, refill };
    this.#quotes.set(row, quote);
    return quote;
  }

  /** Nobody has an order in hand any more. */
  rest(): void {
    const held = this.#held;
    if (held === 0) return;
    for (let i = 0; i < held; i++) this.#write(this.#objects[i]!);
    this.#held = 0;
    if (held > KEPT) this.#objects.length = KEPT;
  }

  /** The row of an order that has ended and lies in no list is another's from now on. @returns the name that it had */
  free(row: number): number {
    const { ints } = this.#page(row);
    const int = (row & LAST) * INTS;
    const hand = ints[int + HAND]!;
    const name = hand > 0 ? this.#objects[hand - 1]!.name : ints[int + NAME]!;
    if (hand > 0) this.#objects[hand - 1]!.row = NO_ROW;
    if ((ints[int + FLAGS]! & WRITTEN) !== 0) this.#drop(ints, int);
    ints[int + CODES] = OVER << 24; // for whoever has the row still: what was in hand has not been written
    ints[int + HAND] = 0;
    ints[int + NEXT] = this.#free;
    this.#free = row;
    return name;
  }

  // Of an order, whether it is in hand or not.

  isOpen(row: number): boolean {
    const hand = this.#int(row, HAND);
    return hand > 0 ? this.#objects[hand - 1]!.open : this.#int(row, CODES) >>> 24 <= HELD_CODE;
  }

  isOf(row: number, owner: Client): boolean {
    const hand = this.#int(row, HAND);
    return (hand > 0 ? this.#objects[hand - 1]!.owner : this.#owners.at(this.#int(row, OWNER))) === owner;
  }

  name(row: number): number {
    const hand = this.#int(row, HAND);
    return hand > 0 ? this.#objects[hand - 1]!.name : this.#int(row, NAME);
  }

  priority(row: number): number {
    const hand = this.#int(row, HAND);
    return hand > 0 ? this.#objects[hand - 1]!.priority : this.#number(row, PRIORITY);
  }

  /** Epoch ms, Infinity for never. */
  expiresAt(row: number): number {
    const hand = this.#int(row, HAND);
    return hand > 0 ? this.#objects[hand - 1]!.expires_at : this.#number(row, EXPIRES);
  }

  /** Whether the step in hand has changed it. */
  isChanging(row: number): boolean {
    const hand = this.#int(row, HAND);
    return hand > 0 && this.#objects[hand - 1]!.change !== UNCHANGED;
  }

  /** By how many ids it is known, of any session. */
  known(row: number): number {
    return this.#int(row, KNOWN);
  }

  /** It is known by one more, or one fewer. @returns by how many then */
  know(row: number, change: 1 | -1): number {
    const known = this.#int(row, KNOWN) + change;
    this.#set(row, KNOWN, known);
    return known;
  }

  /** With which time {@link Expiry} has what is or was in this row, epoch ms; NaN: it has not. */
  endsAt(row: number): number {
    return (this.#int(row, FLAGS) & ENDS) === 0 ? Number.NaN : this.#number(row, EXPIRES);
  }

  setEndsAt(row: number, at: number): void {
    this.#flag(row, ENDS, true);
    this.#page(row).numbers[(row & LAST) * NUMBERS + EXPIRES] = at;
  }

  clearEnds(row: number): void {
    this.#flag(row, ENDS, false);
  }

  /** Whether it lies in a list: of a price level, or of stop orders of a price. */
  lies(row: number): boolean {
    return (this.#int(row, FLAGS) & LIES) !== 0;
  }

  /** Its neighbours in that list, {@link NO_ROW} at the ends. */
  next(row: number): number {
    return this.#int(row, NEXT);
  }

  prev(row: number): number {
    return this.#int(row, PREV);
  }

  /** Puts one behind the last of a list, {@link NO_ROW} where that is empty. */
  link(last: number, row: number): void {
    this.#set(row, PREV, last);
    this.#set(row, NEXT, NO_ROW);
    this.#flag(row, LIES, true);
    if (last !== NO_ROW) this.#set(last, NEXT, row);
  }

  /** Takes one out from between its neighbours. */
  unlink(row: number): void {
    const [prev, next] = [this.prev(row), this.next(row)];
    this.#flag(row, LIES, false);
    if (prev !== NO_ROW) this.#set(prev, NEXT, next);
    if (next !== NO_ROW) this.#set(next, PREV, prev);
  }

  #newRow(): number {
    const free = this.#free;
    if (free !== NO_ROW) {
      this.#free = this.next(free);
      return free;
    }
    const row = this.#fresh++;
    if (row >>> ROW_BITS === this.#pages.length) this.#pages.push(new Page());
    return row;
  }

  /** An object for a row. */
  #take(row: number): ClientOrder {
    const held = this.#held++;
    this.#set(row, HAND, held + 1);
    if (held < this.#objects.length) return this.#objects[held]!;
    const made = new ClientOrder();
    this.#objects.push(made);
    return made;
  }

  #read(row: number, order: ClientOrder): ClientOrder {
    const { numbers, ints } = this.#page(row);
    const [at, int] = [(row & LAST) * NUMBERS, (row & LAST) * INTS];
    const codes = ints[int + CODES]!;
    order.row = row;
    order.run = this.#runs.at(ints[int + RUN]!);
    order.serial = numbers[at + SERIAL]!;
    order.owner = this.#owners.at(ints[int + OWNER]!);
    order.name = ints[int + NAME]!;
    order.priority = numbers[at + PRIORITY]!;
    order.state = STATES[codes >>> 24]!;
    order.change = UNCHANGED;
    order.cum = numbers[at + CUM]!;
    order.notional = numbers[at + NOTIONAL]!;
    order.instrument = this.#instruments.at(ints[int + INSTRUMENT]!);
    order.side_code = codes & 0xff;
    order.side = sideOf(codes & 0xff) as Side;
    order.ord_type = (codes >>> 8) & 0xff;
    order.tif = (codes >>> 16) & 0xff;
    order.price = numbers[at + PRICE]!;
    order.stop_price = numbers[at + STOP]!;
    order.qty = numbers[at + QTY]!;
    order.expires_at = numbers[at + EXPIRES]!;
    order.account = this.#accounts.at(ints[int + ACCOUNT]!);
    order.leaves = order.open ? order.qty - order.cum : 0;
    return order;
  }

  #write(order: ClientOrder): void {
    const { row } = order;
    if (row === NO_ROW) return;
    const { numbers, ints } = this.#page(row);
    const [at, int] = [(row & LAST) * NUMBERS, (row & LAST) * INTS];
    const [owner, instrument] = [this.#owners.keep(order.owner), this.#instruments.keep(order.instrument)];
    const [run, account] = [this.#runs.keep(order.run), this.#accounts.keep(order.account)];
    let flags = ints[int + FLAGS]!;
    if ((flags & WRITTEN) !== 0) this.#drop(ints, int);
    if (numbers[at + EXPIRES] !== order.expires_at) flags &= ~ENDS;
    ints[int + FLAGS] = flags | WRITTEN;
    ints[int + HAND] = 0;
    ints[int + CODES] = order.side_code | (order.ord_type << 8) | (order.tif << 16) | (codeOf(order.state) << 24);
    ints[int + NAME] = order.name;
    ints[int + OWNER] = owner;
    ints[int + INSTRUMENT] = instrument;
    ints[int + RUN] = run;
    ints[int + ACCOUNT] = account;
    numbers[at + SERIAL] = order.serial;
    numbers[at + PRIORITY] = order.priority;
    numbers[at + CUM] = order.cum;
    numbers[at + NOTIONAL] = order.notional;
    numbers[at + QTY] = order.qty;
    numbers[at + PRICE] = order.price;
    numbers[at + STOP] = order.stop_price;
    numbers[at + EXPIRES] = order.expires_at;
  }

  /** What its columns keep of the values that orders share. */
  #drop(ints: Int32Array, int: number): void {
    this.#owners.drop(ints[int + OWNER]!);
    this.#instruments.drop(ints[int + INSTRUMENT]!);
    this.#runs.drop(ints[int + RUN]!);
    this.#accounts.drop(ints[int + ACCOUNT]!);
  }

  #page(row: number): Page {
    return this.#pages[row >>> ROW_BITS]!;
  }

  #int(row: number, column: number): number {
    return this.#page(row).ints[(row & LAST) * INTS + column]!;
  }

  #number(row: number, column: number): number {
    return this.#page(row).numbers[(row & LAST) * NUMBERS + column]!;
  }

  #set(row: number, column: number, value: number): void {
    this.#page(row).ints[(row & LAST) * INTS + column] = value;
  }

  #flag(row: number, bit: number, value: boolean): void {
    const flags = this.#int(row, FLAGS);
    this.#set(row, FLAGS, value ? flags | bit : flags & ~bit);
  }
}
