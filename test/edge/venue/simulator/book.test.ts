import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyPrice, Book } from '../../../../edge/venue/simulator/book.ts';
import type { BookOrder, ClientOrder } from '../../../../edge/venue/simulator/client-order.ts';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { BUY, INSTRUMENTS, type Instrument, SELL, type Side } from '../../../../edge/venue/simulator/instruments.ts';
import { ReferenceMarket } from '../../../../edge/venue/simulator/market.ts';
import { NO_NAME } from '../../../../edge/venue/simulator/names.ts';
import { averagePrice, OrdType, partsOfId, Tif } from '../../../../edge/venue/simulator/order.ts';
import { NO_ROW } from '../../../../edge/venue/simulator/orders.ts';
import { Stops } from '../../../../edge/venue/simulator/stops.ts';
import { sessionOf } from '../harness.ts';

const clients = new Clients();
const owner = clients.of(sessionOf('s'));
const instrument: Instrument = { ...INSTRUMENTS[0]!, reference: 100, max_price: 1000 };

function order(id: string, side: Side, price: number, qty: number, stop_price = 0): ClientOrder {
  const terms = {
    instrument,
    side,
    side_code: side === BUY ? 0x31 : 0x32,
    ord_type: OrdType.Limit,
    tif: Tif.Day,
    price,
    stop_price,
    qty,
    expires_at: Number.POSITIVE_INFINITY,
    account: '',
  };
  return clients.orders.add({ ...partsOfId(id), owner, name: NO_NAME }, terms, 0);
}

interface Trade {
  maker: string;
  taker: string;
  quantity: number;
  price: number;
}

function bookOf() {
  const trades: Trade[] = [];
  const idOf = (one: BookOrder) => (one.kind === 'client' ? one.id : 'quote');
  const book = new Book(instrument, clients.orders, {
    traded: (_, maker, taker, quantity, price) =>
      trades.push({ maker: idOf(maker), taker: idOf(taker), quantity, price }),
  });
  return { book, trades };
}

/** The rule itself, without any structure: look through everything, every time. */
class Naive {
  resting: { id: string; side: Side; price: number; leaves: number; at: number }[] = [];
  trades: Trade[] = [];
  private clock = 0;

  add(id: string, side: Side, price: number, qty: number, rests: boolean): void {
    let leaves = qty;
    const fits = (other: { side: Side; price: number }) =>
      other.side !== side && (side === BUY ? other.price <= price : other.price >= price);
    for (;;) {
      const makers = this.resting.filter(fits);
      if (leaves === 0 || makers.length === 0) break;
      makers.sort((a, b) => (side === BUY ? a.price - b.price : b.price - a.price) || a.at - b.at);
      const maker = makers[0]!;
      const quantity = Math.min(leaves, maker.leaves);
      leaves -= quantity;
      maker.leaves -= quantity;
      this.trades.push({ maker: maker.id, taker: id, quantity, price: maker.price });
      this.resting = this.resting.filter((one) => one.leaves > 0);
    }
    if (rests && leaves > 0) this.resting.push({ id, side, price, leaves, at: ++this.clock });
  }

  remove(id: string): void {
    this.resting = this.resting.filter((one) => one.id !== id);
  }
}

const step = fc.record({
  what: fc.constantFrom('limit', 'limit', 'limit', 'market', 'cancel', 'reduce'),
  side: fc.constantFrom<Side>(BUY, SELL),
  price: fc.integer({ min: 95, max: 105 }),
  qty: fc.integer({ min: 1, max: 20 }),
  pick: fc.nat(),
});

/** What lies on a side, best price first and oldest first. */
function resting(book: Book, side: Side): string[] {
  const found: string[] = [];
  const levels = book.side(side);
  for (let n = 0; n < levels.depth; n++) {
    const level = levels.at(n)!;
    let quantity = 0;
    let orders = 0;
    for (let row = level.head; row !== NO_ROW; row = clients.orders.next(row)) {
      const one = clients.orders.order(row);
      found.push(`${one.id}@${one.price}:${one.leaves}`);
      quantity += one.leaves;
      orders++;
      expect(one.leaves).toBeGreaterThan(0);
      expect(one.price).toBe(level.price);
    }
    expect([level.quantity, level.orders]).toEqual([quantity, orders]);
  }
  return found;
}

describe('book', () => {
  test('trades as the rule says: best price, then oldest; nothing is lost and nothing crosses', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { book, trades } = bookOf();
        const naive = new Naive();
        const orders: ClientOrder[] = [];
        steps.forEach(({ what, side, price, qty, pick }, n) => {
          const target = orders[pick % Math.max(1, orders.length)];
          if (what === 'limit' || what === 'market') {
            const limit = what === 'limit' ? price : anyPrice(side);
            const one = order(`${n}`, side, limit, qty);
            expect(book.canFill(side, limit, qty)).toBe(fillable(naive, side, limit) >= qty);
            book.match(one, limit);
            if (what === 'limit' && one.leaves > 0) book.rest(one);
            naive.add(one.id, side, limit, qty, what === 'limit');
            orders.push(one);
          } else if (what === 'cancel' && target !== undefined) {
            book.remove(target);
            naive.remove(target.id);
          } else if (target !== undefined && book.has(target) && target.leaves > 1) {
            book.reduce(target, 1);
            naive.resting.find((one) => one.id === target.id)!.leaves -= 1;
          }
          expect(trades).toEqual(naive.trades);
          const bid = book.bids.best?.price ?? Number.NEGATIVE_INFINITY;
          expect(bid).toBeLessThan(book.asks.best?.price ?? Number.POSITIVE_INFINITY);
        });
        for (const side of [BUY, SELL] as const) {
          const expected = naive.resting
            .filter((one) => one.side === side)
            .sort((a, b) => (side === BUY ? b.price - a.price : a.price - b.price) || a.at - b.at);
          expect(resting(book, side)).toEqual(expected.map((one) => `${one.id}@${one.price}:${one.leaves}`));
        }
        // What was bought was sold.
        const traded = new Map<string, number>();
        for (const { maker, taker, quantity } of trades) {
          traded.set(maker, (traded.get(maker) ?? 0) + quantity);
          traded.set(taker, (traded.get(taker) ?? 0) + quantity);
        }
        const sum = (side: Side) =>
          orders.filter((one) => one.side === side).reduce((total, one) => total + (traded.get(one.id) ?? 0), 0);
        expect(sum(BUY)).toBe(sum(SELL));
      }),
      { numRuns: 300 },
    );
  });

  test('the reference market never crosses itself, and always has enough', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 1_000_000 }))),
        (seed, takes) => {
          const { book } = bookOf();
          const market = new ReferenceMarket(book, seed);
          market.requote();
          for (const [buys, qty] of takes) {
            const side = buys ? BUY : SELL;
            const one = order('x', side, 0, qty);
            expect(book.canFill(side, anyPrice(side), qty)).toBe(true);
            book.match(one, anyPrice(side));
            expect(one.leaves).toBe(0);
            market.step();
            expect(book.bids.best!.price).toBeLessThan(book.asks.best!.price);
            expect(market.reference).toBeGreaterThanOrEqual(90);
            expect(market.reference).toBeLessThanOrEqual(110);
          }
        },
      ),
    );
  });

  test('a quote that refills goes behind the others of its price', () => {
    const { book, trades } = bookOf();
    const deep = clients.orders.quote(SELL, 10);
    deep.price = 100;
    book.rest(deep);
    book.rest(order('a', SELL, 100, 5));
    book.match(order('t', BUY, 100, 12), 100);
    expect(trades.map(({ maker, quantity }) => [maker, quantity])).toEqual([
      ['quote', 10],
      ['a', 2],
    ]);
    expect(book.asks.best!.quantity).toBe(13);
  });
});

test('stops go off nearest and oldest first, and only when their price is reached', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom<Side>(BUY, SELL), fc.integer({ min: 90, max: 110 }))),
      fc.integer({ min: 90, max: 110 }),
      fc.nat(),
      (placed, last, cancel) => {
        const stops = new Stops(clients.orders);
        const orders = placed.map(([side, price], n) => order(`${n}`, side, 0, 1, price));
        for (const one of orders) stops.add(one);
        const gone = orders[cancel];
        if (gone !== undefined) stops.remove(gone);
        const due = orders
          .filter((one) => one !== gone)
          .filter(({ side, stop_price }) => (side === BUY ? stop_price <= last : stop_price >= last));
        const taken: ClientOrder[] = [];
        for (let one = stops.take(last); one !== undefined; one = stops.take(last)) taken.push(one);
        for (const side of [BUY, SELL]) {
          const expected = due
            .filter((one) => one.side === side)
            .sort((a, b) => (side === BUY ? 1 : -1) * (a.stop_price - b.stop_price) || Number(a.id) - Number(b.id));
          expect(taken.filter((one) => one.side === side).map((one) => one.id)).toEqual(expected.map((one) => one.id));
        }
      },
    ),
  );
});

test('AvgPx is exact to its last decimal, at any size an instrument allows', () => {
  const fills = (instrument: Instrument) =>
    fc.array(
      fc.tuple(fc.integer({ min: 1, max: instrument.max_price }), fc.integer({ min: 1, max: instrument.max_qty / 10 })),
      { minLength: 1, maxLength: 10 },
    );
  for (const instrument of INSTRUMENTS) {
    fc.assert(
      fc.property(fills(instrument), (list) => {
        const cum = list.reduce((sum, [, qty]) => sum + qty, 0);
        const notional = list.reduce((sum, [price, qty]) => sum + price * qty, 0);
        const exact = list.reduce((sum, [price, qty]) => sum + BigInt(price) * BigInt(qty), 0n);
        const rounded = (2n * exact * 10_000n + BigInt(cum)) / (2n * BigInt(cum));
        expect(BigInt(averagePrice(notional, cum))).toBe(rounded);
      }),
    );
  }
});

/** How much an order of `side` and `price` could trade. */
function fillable(naive: Naive, side: Side, price: number): number {
  return naive.resting
    .filter((one) => one.side !== side && (side === BUY ? one.price <= price : one.price >= price))
    .reduce((sum, one) => sum + one.leaves, 0);
}
