/**
 * All orders there are. One that nobody has in hand is a row of numbers: orders rest for long, and there may be a million of them, which
 * as objects the collector would copy twice, and go through whenever it looks at all there is. Whoever asks for an order has it in hand,
 * as one object for all who ask, until the next {@link Orders.rest}.
 */

import { keptFloat64s, keptInt32s } from '../../kept-memory.ts';
import { type BookOrder, type Client, ClientOrder, type OrderIds, type Quote } from './client-order.ts';
import { Commons } from './commons.ts';
import { type Instrument, type Side, sideOf } from './instruments.ts';
import { Interned } from './interned.ts';
import {
  CANCELED,
  EXPIRED,
  FILLED,
  HELD,
  HELD_CODE,
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
/** A row is 68 bytes. Of them 40 as f64, */
const [SERIAL, QTY, PRICE, EXPIRES, PRIORITY] = [0, 1, 2, 3, 4] as const;
const NUMBERS = 5;
/**
 * and 28 as i32. Side, OrdType, TimeInForce and state have a byte each of CODES; COMMON is a number of {@link Commons}, INSTRUMENT one of
 * {@link Interned} values; NAME is the order's place among the objects while it is in hand.
 */
const [CODES, NAME, COMMON, INSTRUMENT] = [0, 1, 2, 3] as const;
/** These are right whether the order is in hand or not: its neighbours in its list, and its flags, with how many ids know it above them. */
const [PREV, NEXT, FLAGS] = [4, 5, 6] as const;
const INTS = 7;
/** As f64, 24 bytes in pages of their own: an order that has neither fills nor StopPx has none of them. */
const [CUM, NOTIONAL, STOP] = [0, 1, 2] as const;
const MORE_NUMBERS = 3;

/** It lies in a list; {@link Expiry} has the row with the time in its column; the other columns have been written; */
const [LIES, ENDS, WRITTEN] = [1, 2, 4] as const;
/** some of it is in the pages of their own; it is in hand; it is a quote, which always is. */
const [MORE, IN_HAND, QUOTE] = [8, 16, 32] as const;
const KNOWN_SHIFT = 8;
/** An id that knows it, above the flags. */
const KNOWN = 1 << KNOWN_SHIFT;
/** An order that so many know at once stays so: its row is never free again. */
const MOST_KNOWN = 0xff_ffff;
/** Objects kept for what is in hand. */
const KEPT = 64;

const OVER = OrdStatus.Canceled;
const STATES: readonly (OrderState | undefined)[] = Array.from({ length: 0x80 }, (_, code) =>
  [IN_BOOK, HELD, FILLED, CANCELED, EXPIRED].find((state) => state.code === code),
);

const NOTHING: Float64Array = new Float64Array(0);

class Page {
  readonly numbers = keptFloat64s(ROWS * NUMBERS);
  readonly ints = keptInt32s(ROWS * INTS);
  /** {@link NOTHING} until the first of its orders has some. */
  more = NOTHING;
}

export class Orders {
  readonly commons = new Commons();
  readonly #instruments = new Interned<Instrument>();
  readonly #pages: Page[] = [new Page()];
  /** The one asked for last, and its number: rows are taken in turn, and each step of an order asks for that of its row. */
  #last = this.#pages[0]!;
  #lastNumber = 0;
  readonly #quotes = new Map<number, Quote>();
  /** The first #held of these are in hand. */
  readonly #objects: ClientOrder[] = [];
  #held = 0;
  /** The first of the rows that are free, which are linked by NEXT; those from #fresh on have never been used. */
  #free = NO_ROW;
  #fresh = NO_ROW + 1;

  /** What lies in a row. */
  at(row: number): BookOrder {
    return (this.#int(row, FLAGS) & QUOTE) === 0 ? this.order(row) : this.#quotes.get(row)!;
  }

  /** The same where it is known to be a client's. */
  order(row: number): ClientOrder {
    return this.#hand(row) ?? this.#read(row);
  }

  /** A new order, which is known by no id yet; it takes its name over. Its row may have been another's. */
  add(ids: OrderIds, terms: OrderTerms, priority: number, alike = Number.NaN): ClientOrder {
    const row = this.#newRow();
    return this.#take(row).become(row, ids, terms, priority, alike);
  }

  /** @param refill as {@link Quote.refill} has it */
  quote(side: Side, refill: number): Quote {
    const row = this.#newRow();
    this.#set(row, FLAGS, QUOTE);
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
    const flags = ints[int + FLAGS]!;
    const hand = this.#hand(row);
    const name = hand === undefined ? ints[int + NAME]! : hand.name;
    if (hand !== undefined) hand.row = NO_ROW;
    if ((flags & WRITTEN) !== 0) this.commons.drop(ints[int + COMMON]!);
    ints[int + CODES] = OVER << 24; // for whoever has the row still: what was in hand has not been written
    ints[int + FLAGS] = flags & ENDS;
    ints[int + NEXT] = this.#free;
    this.#free = row;
    return name;
  }

  // Of an order, whether it is in hand or not.

  isOpen(row: number): boolean {
    return this.#hand(row)?.open ?? this.#int(row, CODES) >>> 24 <= HELD_CODE;
  }

  isOf(row: number, owner: Client): boolean {
    return (this.#hand(row) ?? this.commons.at(this.#int(row, COMMON))).owner === owner;
  }

  name(row: number): number {
    return this.#hand(row)?.name ?? this.#int(row, NAME);
  }

  priority(row: number): number {
    return this.#hand(row)?.priority ?? this.#number(row, PRIORITY);
  }

  /** Epoch ms, Infinity for never. */
  expiresAt(row: number): number {
    return this.#hand(row)?.expires_at ?? this.#number(row, EXPIRES);
  }

  /** Whether the step in hand has changed it. */
  isChanging(row: number): boolean {
    const hand = this.#hand(row);
    return hand !== undefined && hand.change !== UNCHANGED;
  }

  /** By how many ids it is known, of any session. */
  known(row: number): number {
    return this.#int(row, FLAGS) >>> KNOWN_SHIFT;
  }

  /** It is known by one more, or one fewer. @returns by how many then */
  know(row: number, change: 1 | -1): number {
    const { ints } = this.#page(row);
    const at = (row & LAST) * INTS + FLAGS;
    const flags = ints[at]!;
    if (flags >>> KNOWN_SHIFT === MOST_KNOWN) return MOST_KNOWN;
    const next = flags + change * KNOWN;
    ints[at] = next;
    return next >>> KNOWN_SHIFT;
  }

  /** With which time {@link Expiry} has what is or was in this row, epoch ms; NaN: it has not. */
  endsAt(row: number): number {
    return (this.#int(row, FLAGS) & ENDS) === 0 ? Number.NaN : this.#number(row, EXPIRES);
  }

  /** @returns whether it is another than it had */
  setEndsAt(row: number, at: number): boolean {
    const { numbers, ints } = this.#page(row);
    const int = (row & LAST) * INTS + FLAGS;
    const number = (row & LAST) * NUMBERS + EXPIRES;
    const flags = ints[int]!;
    if ((flags & ENDS) !== 0 && numbers[number] === at) return false;
    ints[int] = flags | ENDS;
    numbers[number] = at;
    return true;
  }

  clearEnds(row: number): void {
    this.#page(row).ints[(row & LAST) * INTS + FLAGS]! &= ~ENDS;
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
    const { ints } = this.#page(row);
    const int = (row & LAST) * INTS;
    ints[int + PREV] = last;
    ints[int + NEXT] = NO_ROW;
    ints[int + FLAGS]! |= LIES;
    if (last !== NO_ROW) this.#set(last, NEXT, row);
  }

  /** Takes one out from between its neighbours. */
  unlink(row: number): void {
    const { ints } = this.#page(row);
    const int = (row & LAST) * INTS;
    const prev = ints[int + PREV]!;
    const next = ints[int + NEXT]!;
    ints[int + FLAGS]! &= ~LIES;
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

  /** What an order is in hand as. */
  #hand(row: number): ClientOrder | undefined {
    const { ints } = this.#page(row);
    const int = (row & LAST) * INTS;
    return (ints[int + FLAGS]! & IN_HAND) === 0 ? undefined : this.#objects[ints[int + NAME]!];
  }

  /** An object for a row. */
  #take(row: number): ClientOrder {
    const { ints } = this.#page(row);
    const int = (row & LAST) * INTS;
    const held = this.#held++;
    ints[int + FLAGS]! |= IN_HAND;
    ints[int + NAME] = held;
    if (held < this.#objects.length) return this.#objects[held]!;
    const made = new ClientOrder();
    this.#objects.push(made);
    return made;
  }

  #read(row: number): ClientOrder {
    const { numbers, ints, more } = this.#page(row);
    const at = (row & LAST) * NUMBERS;
    const int = (row & LAST) * INTS;
    const codes = ints[int + CODES]!;
    const name = ints[int + NAME]!;
    const order = this.#take(row);
    const common = this.commons.at(ints[int + COMMON]!);
    order.row = row;
    order.run = common.run;
    order.serial = numbers[at + SERIAL]!;
    order.owner = common.owner;
    order.name = name;
    order.priority = numbers[at + PRIORITY]!;
    order.state = STATES[codes >>> 24]!;
    order.change = UNCHANGED;
    order.instrument = this.#instruments.at(ints[int + INSTRUMENT]!);
    order.side_code = codes & 0xff;
    order.side = sideOf(codes & 0xff) as Side;
    order.ord_type = (codes >>> 8) & 0xff;
    order.tif = (codes >>> 16) & 0xff;
    order.price = numbers[at + PRICE]!;
    order.qty = numbers[at + QTY]!;
    order.expires_at = numbers[at + EXPIRES]!;
    order.account = common.account;
    order.alike = Number.NaN;
    const has = (ints[int + FLAGS]! & MORE) !== 0;
    const place = (row & LAST) * MORE_NUMBERS;
    order.cum = has ? more[place + CUM]! : 0;
    order.notional = has ? more[place + NOTIONAL]! : 0;
    order.stop_price = has ? more[place + STOP]! : 0;
    order.leaves = order.open ? order.qty - order.cum : 0;
    return order;
  }

  #write(order: ClientOrder): void {
    const { row } = order;
    if (row === NO_ROW) return;
    const page = this.#page(row);
    const { numbers, ints } = page;
    const at = (row & LAST) * NUMBERS;
    const int = (row & LAST) * INTS;
    let flags = ints[int + FLAGS]!;
    const { commons } = this;
    ints[int + COMMON] =
      (flags & WRITTEN) === 0 ? commons.keep(order) : commons.keepInPlace(order, ints[int + COMMON]!);
    if (numbers[at + EXPIRES] !== order.expires_at) flags &= ~ENDS;
    flags &= ~(IN_HAND | MORE);
    if (order.cum !== 0 || order.stop_price !== 0 || order.notional !== 0) {
      flags |= MORE;
      this.#writeMore(page, order);
    }
    ints[int + FLAGS] = flags | WRITTEN;
    ints[int + CODES] = order.side_code | (order.ord_type << 8) | (order.tif << 16) | (order.state.code << 24);
    ints[int + NAME] = order.name;
    ints[int + INSTRUMENT] = this.#instruments.of(order.instrument);
    this.#writeNumbers(numbers, at, order);
  }

  /** A function of its own: V8 compiles {@link #write} into its caller only while that is short. */
  #writeNumbers(numbers: Float64Array, at: number, order: ClientOrder): void {
    numbers[at + SERIAL] = order.serial;
    numbers[at + PRIORITY] = order.priority;
    numbers[at + QTY] = order.qty;
    numbers[at + PRICE] = order.price;
    numbers[at + EXPIRES] = order.expires_at;
  }

  #writeMore(page: Page, { row, cum, notional, stop_price }: ClientOrder): void {
    if (page.more === NOTHING) page.more = keptFloat64s(ROWS * MORE_NUMBERS);
    const place = (row & LAST) * MORE_NUMBERS;
    page.more[place + CUM] = cum;
    page.more[place + NOTIONAL] = notional;
    page.more[place + STOP] = stop_price;
  }

  #page(row: number): Page {
    const number = row >>> ROW_BITS;
    if (number !== this.#lastNumber) {
      this.#last = this.#pages[number]!;
      this.#lastNumber = number;
    }
    return this.#last;
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
}
