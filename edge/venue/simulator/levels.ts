/** One side of a book: price levels in order, each a FIFO queue. Best price last, so that work near the touch is cheap. */

import type { BookOrder } from './client-order.ts';
import { BUY, type Side } from './instruments.ts';
import { NO_ROW, type Orders } from './orders.ts';

/** Orders of one price, oldest first. */
export interface Level {
  readonly price: number;
  /** Sum of the orders' leaves. */
  quantity: number;
  orders: number;
  /** Rows, see orders.ts. */
  head: number;
  tail: number;
}

export class Levels {
  readonly side: Side;
  readonly #orders: Orders;
  /** By how good the price is, the best last. */
  private readonly sorted: Level[] = [];
  /** The last of them: every order that comes to the other side asks for it. */
  #best: Level | undefined;
  /** The one asked for last. */
  private last: Level | undefined;

  constructor(side: Side, orders: Orders) {
    this.side = side;
    this.#orders = orders;
  }

  get best(): Level | undefined {
    return this.#best;
  }

  get depth(): number {
    return this.sorted.length;
  }

  /** The level `n` steps behind the best, 0 the best itself. */
  at(n: number): Level | undefined {
    const place = this.sorted.length - 1 - n;
    return place < 0 ? undefined : this.sorted[place];
  }

  /** Puts an order behind all others of a price. @param price its own, in a book */
  add({ row, leaves }: BookOrder, price: number): void {
    const level = this.levelOf(price) ?? this.begin(price);
    this.#orders.link(level.tail, row);
    if (level.tail === NO_ROW) level.head = row;
    level.tail = row;
    level.quantity += leaves;
    level.orders++;
  }

  /** Takes an order out that lies here, whatever its leaves. @param price that it was added with */
  remove({ row, leaves }: BookOrder, price: number): void {
    const orders = this.#orders;
    const level = this.levelOf(price)!;
    if (level.head === row) level.head = orders.next(row);
    if (level.tail === row) level.tail = orders.prev(row);
    orders.unlink(row);
    level.quantity -= leaves;
    level.orders--;
    if (level.orders > 0) return;
    if (level === this.best) this.sorted.pop();
    else this.sorted.splice(this.search(price), 1);
    if (level === this.last) this.last = undefined;
    this.#best = this.at(0);
  }

  /** The level of a price, if there is one. */
  levelOf(price: number): Level | undefined {
    const { last } = this;
    // Not `last?.price === price`: to compare what may be undefined with a number is a call into the engine.
    if (last !== undefined && last.price === price) return last;
    const level = this.sorted[this.search(price)];
    if (level?.price !== price) return undefined;
    this.last = level;
    return level;
  }

  private begin(price: number): Level {
    const level = { price, quantity: 0, orders: 0, head: NO_ROW, tail: NO_ROW };
    this.sorted.splice(this.search(price), 0, level);
    this.#best = this.at(0);
    this.last = level;
    return level;
  }

  /** Where `price` is or belongs. */
  private search(price: number): number {
    const rising = this.side === BUY;
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.sorted[middle]!.price;
      if (rising ? other < price : other > price) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
