/** One side of a book: price levels in order, each a FIFO queue. Best price last, so that work near the touch is cheap. */

import type { Side } from './instruments.ts';
import { BUY } from './instruments.ts';

/** What can lie in a book. The links belong to the level it lies in. */
export interface Resting {
  readonly side: Side;
  /** In units of the instrument's price scale. */
  price: number;
  /** Quantity open, in units of the instrument's quantity scale. */
  leaves: number;
  level: Level | undefined;
  prev: Resting | undefined;
  next: Resting | undefined;
}

/** Orders of one price, oldest first. */
export interface Level {
  readonly price: number;
  /** Sum of the orders' leaves. */
  quantity: number;
  orders: number;
  head: Resting | undefined;
  tail: Resting | undefined;
}

export class Levels {
  readonly side: Side;
  /** By how good the price is, the best last. */
  private readonly sorted: Level[] = [];

  constructor(side: Side) {
    this.side = side;
  }

  get best(): Level | undefined {
    const { sorted } = this;
    // An index of -1 would be looked up by name.
    return sorted.length === 0 ? undefined : sorted[sorted.length - 1];
  }

  get depth(): number {
    return this.sorted.length;
  }

  /** The level `n` steps behind the best, 0 the best itself. */
  at(n: number): Level | undefined {
    const place = this.sorted.length - 1 - n;
    return place < 0 ? undefined : this.sorted[place];
  }

  /** Puts an order behind all others of its price. */
  add(order: Resting): void {
    const index = this.search(order.price);
    let level = this.sorted[index];
    if (level === undefined || level.price !== order.price) {
      level = { price: order.price, quantity: 0, orders: 0, head: undefined, tail: undefined };
      this.sorted.splice(index, 0, level);
    }
    order.level = level;
    order.prev = level.tail;
    order.next = undefined;
    if (level.tail === undefined) level.head = order;
    else level.tail.next = order;
    level.tail = order;
    level.quantity += order.leaves;
    level.orders++;
  }

  /** Takes an order out, whatever its leaves; nothing when it does not lie here. */
  remove(order: Resting): void {
    const { level } = order;
    if (level === undefined) return;
    if (order.prev === undefined) level.head = order.next;
    else order.prev.next = order.next;
    if (order.next === undefined) level.tail = order.prev;
    else order.next.prev = order.prev;
    order.level = undefined;
    order.prev = undefined;
    order.next = undefined;
    level.quantity -= order.leaves;
    level.orders--;
    if (level.orders > 0) return;
    if (level === this.best) this.sorted.pop();
    else this.sorted.splice(this.search(level.price), 1);
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
