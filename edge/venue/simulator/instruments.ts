/** What can be traded. Prices and quantities are integers: units of 10^-scale. */

export const BUY = 1;
export const SELL = 2;
export type Side = typeof BUY | typeof SELL;

/** Of a Side (54), 0 for one that is not taken: sell short (5) and sell short exempt (6) are sells to the book. */
export function sideOf(code: number): Side | 0 {
  if (code === 0x31) return BUY;
  return code === 0x32 || code === 0x35 || code === 0x36 ? SELL : 0;
}

export interface Instrument {
  readonly symbol: string;
  readonly description: string;
  readonly currency: string;
  /** Decimals of a price; a price of p units is p × 10^-price_scale. */
  readonly price_scale: number;
  /** Smallest step of a price, in units. */
  readonly tick: number;
  /** Decimals of a quantity. */
  readonly qty_scale: number;
  /** Quantities are multiples of it, in units. */
  readonly lot: number;
  /** Largest order, in units. */
  readonly max_qty: number;
  /** Largest price of an order, in units. */
  readonly max_price: number;
  /** Where the reference market begins, in units. */
  readonly reference: number;
  /** What the reference market shows at a level near the touch, in units. */
  readonly display: number;
  /** Ticks between its middle and its best prices. */
  readonly half_spread: number;
}

/** A share: cents, whole shares, orders of up to a million. */
const share = (symbol: string, description: string, reference: number): Instrument => ({
  symbol,
  description,
  currency: 'USD',
  price_scale: 2,
  tick: 1,
  qty_scale: 0,
  lot: 1,
  max_qty: 1_000_000,
  max_price: reference * 10,
  reference,
  display: 500,
  half_spread: 1,
});

export const INSTRUMENTS: readonly Instrument[] = [
  share('AAPL', 'Apple Inc.', 19_000),
  share('AMZN', 'Amazon.com Inc.', 18_000),
  share('GOOG', 'Alphabet Inc.', 16_500),
  share('IBM', 'International Business Machines', 18_500),
  share('INTC', 'Intel Corp.', 3_500),
  share('MSFT', 'Microsoft Corp.', 41_000),
  share('TSLA', 'Tesla Inc.', 24_000),
  {
    symbol: 'EURUSD',
    description: 'Euro in US dollars',
    currency: 'USD',
    price_scale: 5,
    tick: 1,
    qty_scale: 0,
    lot: 1_000,
    max_qty: 100_000_000,
    max_price: 1_080_000,
    reference: 108_000,
    display: 1_000_000,
    half_spread: 1,
  },
  {
    symbol: 'BTCUSD',
    description: 'Bitcoin in US dollars',
    currency: 'USD',
    price_scale: 2,
    tick: 50,
    qty_scale: 4,
    lot: 1,
    max_qty: 10_000_000,
    max_price: 65_000_000,
    reference: 6_500_000,
    display: 5_000,
    half_spread: 1,
  },
  {
    symbol: 'ETHUSD',
    description: 'Ether in US dollars',
    currency: 'USD',
    price_scale: 2,
    tick: 5,
    qty_scale: 3,
    lot: 1,
    max_qty: 10_000_000,
    max_price: 3_400_000,
    reference: 340_000,
    display: 20_000,
    half_spread: 1,
  },
];

/** Throws for an instrument whose arithmetic would leave the integers: a filled order's price × quantity is summed. */
export function checkInstrument(instrument: Instrument): void {
  const { symbol, tick, lot, max_qty, max_price, reference, half_spread } = instrument;
  const whole = [tick, lot, max_qty, max_price, reference, half_spread].every(
    (value) => Number.isSafeInteger(value) && value > 0,
  );
  if (!whole || !Number.isSafeInteger(max_qty * max_price)) throw new RangeError(`${symbol}: figures out of range`);
  if (reference % tick !== 0 || reference > max_price) throw new RangeError(`${symbol}: bad reference price`);
}
