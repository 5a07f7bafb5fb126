/**
 * The reference market of one symbol: a seeded random walk that quotes both sides in several levels, so that orders find
 * something to trade with and resting ones fill when the market comes to them.
 */

import type { Book } from './book.ts';
import type { Quote } from './client-order.ts';
import { BUY, SELL } from './instruments.ts';

/** Levels quoted on each side. */
const LEVELS = 10;
/** The walk stays within this part of where it began. */
const RANGE = 0.1;

/** Uniform integers from a seed: xorshift32 (Marsaglia 2003), good enough for a walk and the same everywhere. */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
    for (let i = 0; i < 8; i++) this.roll(2);
  }

  /** 0 to n - 1. */
  roll(n: number): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return (x >>> 0) % n;
  }
}

export class ReferenceMarket {
  private readonly book: Book;
  private readonly dice: Dice;
  /** Middle of the market, in price units. */
  reference: number;
  private readonly quotes: Quote[] = [];

  constructor(book: Book, seed: number) {
    this.book = book;
    this.dice = new Dice(seed);
    this.reference = book.instrument.reference;
    const { orders } = book;
    for (let n = 0; n < LEVELS; n++) this.quotes.push(orders.quote(BUY, 0), orders.quote(SELL, 0));
    const { max_qty } = book.instrument;
    // The outermost quotes never run out: whatever its size, a market order is filled.
    book.deepBid = orders.quote(BUY, max_qty);
    book.deepAsk = orders.quote(SELL, max_qty);
    this.quotes.push(book.deepBid, book.deepAsk);
  }

  /** Moves by up to two ticks and quotes anew; a quote that meets a client's order trades at that order's price. */
  step(): void {
    const { instrument } = this.book;
    const { tick } = instrument;
    let next = this.reference + (this.dice.roll(5) - 2) * tick;
    if (Math.abs(next - instrument.reference) > instrument.reference * RANGE) next = this.reference;
    this.reference = Math.max(next, tick * (LEVELS + 3 + instrument.half_spread));
    this.requote();
  }

  /** Takes the old quotes away and places new ones around the reference. */
  requote(): void {
    const { book, quotes, dice } = this;
    const { tick, display, lot, max_qty, half_spread } = book.instrument;
    for (const old of quotes) book.remove(old);
    book.last = this.reference;
    for (let n = 0; n < quotes.length; n++) {
      const one = quotes[n]!;
      const distance = (half_spread + (n >> 1)) * tick;
      one.price = one.side === BUY ? this.reference - distance : this.reference + distance;
      const lots = Math.max(1, Math.floor(display / lot));
      one.leaves = one.refill > 0 ? max_qty : lot * (1 + Math.floor(lots / 5) + dice.roll(lots));
      book.match(one, one.price);
      if (one.leaves > 0) book.rest(one);
      else if (one.refill > 0) {
        one.leaves = one.refill;
        book.rest(one);
      }
    }
  }

  /** Moves the market so that its middle is `price`, units of the instrument; for tests and demonstrations. */
  moveTo(price: number): void {
    this.reference = price;
    this.requote();
  }
}
