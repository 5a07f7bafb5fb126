/** Price-time matching of one symbol. Knows no FIX: it moves quantities and says which trades there were. */

import type { BookOrder, ClientOrder, Quote } from './client-order.ts';
import { BUY, type Instrument, SELL, type Side } from './instruments.ts';
import { Levels } from './levels.ts';
import type { Orders } from './orders.ts';

/** Told of each trade, after the leaves of both have gone down. It changes no book. */
export interface TradeListener {
  traded(book: Book, maker: BookOrder, taker: BookOrder, quantity: number, price: number): void;
}

/** Price of an order that takes any. */
export const anyPrice = (side: Side): number => (side === BUY ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);

/** The price an order trades at or better. */
export const priceOf = ({ price, side }: ClientOrder): number => (price > 0 ? price : anyPrice(side));

export class Book {
  readonly instrument: Instrument;
  readonly orders: Orders;
  readonly bids: Levels;
  readonly asks: Levels;
  /** Rises with every change that market data shows. */
  version = 0;
  /** Last price: of a trade, or where the reference market stands. */
  last: number;
  /** Price and quantity of the last trade, 0 when there was none, and how many there have been. */
  tradePrice = 0;
  tradeQuantity = 0;
  trades = 0;
  /** The reference market's quotes that refill themselves. */
  deepBid: Quote | undefined;
  deepAsk: Quote | undefined;
  private readonly listener: TradeListener;

  constructor(instrument: Instrument, orders: Orders, listener: TradeListener) {
    this.instrument = instrument;
    this.last = instrument.reference;
    this.listener = listener;
    this.orders = orders;
    this.bids = new Levels(BUY, orders);
    this.asks = new Levels(SELL, orders);
  }

  side(side: Side): Levels {
    return side === BUY ? this.bids : this.asks;
  }

  private against(side: Side): Levels {
    return side === BUY ? this.asks : this.bids;
  }

  /** Puts an order behind all others of its price; it must not cross the other side. */
  rest(order: BookOrder): void {
    this.side(order.side).add(order, order.price);
    this.version++;
  }

  /** Whether an order, which waits for no price, lies in it. */
  has({ row }: BookOrder): boolean {
    return this.orders.lies(row);
  }

  /** Takes an order out of the book; nothing when it does not lie in it. */
  remove(order: BookOrder): void {
    if (!this.has(order)) return;
    this.side(order.side).remove(order, order.price);
    this.version++;
  }

  /** Lowers what an order shows and keeps its place in the queue. */
  reduce(order: BookOrder, by: number): void {
    order.leaves -= by;
    if (this.has(order)) this.side(order.side).levelOf(order.price)!.quantity -= by;
    this.version++;
  }

  /** Fills `taker` from the other side as far as `limit` allows: best price first, then the oldest order (FIFO). */
  match(taker: BookOrder, limit: number): void {
    const { side } = taker;
    const against = this.against(side);
    while (taker.leaves > 0) {
      const level = against.best;
      if (level === undefined || !crosses(side, limit, level.price)) return;
      const maker = this.orders.at(level.head);
      const quantity = Math.min(taker.leaves, maker.leaves);
      taker.leaves -= quantity;
      maker.leaves -= quantity;
      level.quantity -= quantity;
      if (maker.leaves === 0) this.exhausted(against, maker);
      this.version++;
      this.trades++;
      this.last = level.price;
      this.tradePrice = level.price;
      this.tradeQuantity = quantity;
      this.listener.traded(this, maker, taker, quantity, level.price);
    }
  }

  private exhausted(side: Levels, maker: BookOrder): void {
    side.remove(maker, maker.price);
    if (maker.kind === 'client' || maker.refill === 0) return;
    maker.leaves = maker.refill;
    side.add(maker, maker.price);
  }

  /** Whether an order of `quantity` would be filled at once and whole (fill or kill). */
  canFill(side: Side, price: number, quantity: number): boolean {
    const deep = side === BUY ? this.deepAsk : this.deepBid;
    if (deep !== undefined && this.has(deep) && crosses(side, price, deep.price)) return true;
    const against = this.against(side);
    let missing = quantity;
    for (let n = 0; missing > 0; n++) {
      const level = against.at(n);
      if (level === undefined || !crosses(side, price, level.price)) return false;
      missing -= level.quantity;
    }
    return true;
  }
}

/** Whether an order of `side` and `price` trades at the other side's `other`. */
function crosses(side: Side, price: number, other: number): boolean {
  return side === BUY ? price >= other : price <= other;
}
