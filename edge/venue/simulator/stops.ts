/** Stop orders of one symbol, by the price that sets them off. */

import { BUY, SELL } from './instruments.ts';
import { Levels, type Resting } from './levels.ts';
import type { ClientOrder } from './order.ts';

/** A place in a queue: the order itself may lie in one list only, and rests by another price. */
interface Waiting extends Resting {
  readonly order: ClientOrder;
}

export class Stops {
  // A buy stop is set off by a rising price: the lowest comes first, as among asks. A sell stop the other way round.
  private readonly buys = new Levels(SELL);
  private readonly sells = new Levels(BUY);
  private readonly places = new Map<ClientOrder, Waiting>();

  add(order: ClientOrder): void {
    const place: Waiting = {
      order,
      side: order.side === BUY ? SELL : BUY,
      price: order.terms.stop_price,
      leaves: order.leaves,
      level: undefined,
      prev: undefined,
      next: undefined,
    };
    this.places.set(order, place);
    (order.side === BUY ? this.buys : this.sells).add(place);
  }

  remove(order: ClientOrder): void {
    const place = this.places.get(order);
    if (place === undefined) return;
    (order.side === BUY ? this.buys : this.sells).remove(place);
    this.places.delete(order);
  }

  /** Takes out one order that `last` sets off, the nearest and oldest first; undefined when there is none. */
  take(last: number): ClientOrder | undefined {
    const buy = this.buys.best;
    const sell = this.sells.best;
    let head: Waiting | undefined;
    if (buy !== undefined && buy.price <= last) head = buy.head as Waiting;
    else if (sell !== undefined && sell.price >= last) head = sell.head as Waiting;
    if (head === undefined) return undefined;
    this.remove(head.order);
    return head.order;
  }
}
