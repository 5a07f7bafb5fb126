/** Stop orders of one symbol, by the price that sets them off. */

import type { ClientOrder } from './client-order.ts';
import { BUY, SELL } from './instruments.ts';
import { Levels } from './levels.ts';
import type { Orders } from './orders.ts';

export class Stops {
  readonly #orders: Orders;
  // A buy stop is set off by a rising price: the lowest comes first, as among asks. A sell stop the other way round.
  readonly #buys: Levels;
  readonly #sells: Levels;
  /** Mostly there are none, and every order asks. */
  #size = 0;

  constructor(orders: Orders) {
    this.#orders = orders;
    this.#buys = new Levels(SELL, orders);
    this.#sells = new Levels(BUY, orders);
  }

  /** An order that lies in no book. */
  add(order: ClientOrder): void {
    this.#side(order).add(order, order.stop_price);
    this.#size += 1;
  }

  /** Nothing when it does not lie here. */
  remove(order: ClientOrder): void {
    if (!this.#orders.lies(order.row)) return;
    this.#side(order).remove(order, order.stop_price);
    this.#size -= 1;
  }

  /** Takes out one order that `last` sets off, the nearest and oldest first; undefined when there is none. */
  take(last: number): ClientOrder | undefined {
    if (this.#size === 0) return undefined;
    const buy = this.#buys.best;
    const sell = this.#sells.best;
    const level =
      buy !== undefined && buy.price <= last ? buy : sell !== undefined && sell.price >= last ? sell : undefined;
    if (level === undefined) return undefined;
    const order = this.#orders.order(level.head);
    this.remove(order);
    return order;
  }

  #side({ side }: ClientOrder): Levels {
    return side === BUY ? this.#buys : this.#sells;
  }
}
