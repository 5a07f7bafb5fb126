/** What an order is: its codes, what it asks for, how it stands. */

import { BUY, INSTRUMENTS, type Instrument, type Side } from './instruments.ts';

/** Codes of FIX char fields, as bytes. */
export const OrdType = { Market: 0x31, Limit: 0x32, Stop: 0x33, StopLimit: 0x34 } as const;
export const Tif = { Day: 0x30, Gtc: 0x31, Ioc: 0x33, Fok: 0x34, Gtd: 0x36 } as const;
export const OrdStatus = {
  New: 0x30,
  PartiallyFilled: 0x31,
  Filled: 0x32,
  Canceled: 0x34,
  Replaced: 0x35,
  Rejected: 0x38,
  Expired: 0x43,
} as const;

/**
 * Where an order is. `held`: a stop order whose price has not been reached. `closed` says how it ended. `code`: what stands for it in a byte
 * of seven bits, {@link HELD_CODE} at most where it is open.
 */
export type OrderState = { readonly code: number } & (
  | { readonly at: 'book' }
  | { readonly at: 'held' }
  | { readonly at: 'closed'; readonly status: number }
);

export const HELD_CODE = 1;

const closed = (status: number): OrderState => ({ at: 'closed', code: status, status });
export const IN_BOOK: OrderState = { at: 'book', code: 0 };
export const HELD: OrderState = { at: 'held', code: HELD_CODE };
export const FILLED: OrderState = closed(OrdStatus.Filled);
export const CANCELED: OrderState = closed(OrdStatus.Canceled);
export const EXPIRED: OrderState = closed(OrdStatus.Expired);

/** What a client asks for; all numbers are integers in the units of the instrument. */
export interface OrderTerms {
  readonly instrument: Instrument;
  readonly side: Side;
  /** Side (54) as received: sell short is a sell to the book. */
  readonly side_code: number;
  readonly ord_type: number;
  readonly tif: number;
  /** Price (44); 0 for market and stop orders. */
  readonly price: number;
  /** StopPx (99); 0 for others than stop orders. */
  readonly stop_price: number;
  readonly qty: number;
  /** Epoch ms when it ends by itself; Infinity: never. */
  readonly expires_at: number;
  /** Account (1), '' for none. */
  readonly account: string;
}

/** Nothing; state and fills only; more. */
export const UNCHANGED = 0;
export const CHANGED_STATE = 1;
export const CHANGED = 2;
export type Changed = typeof UNCHANGED | typeof CHANGED_STATE | typeof CHANGED;

/** OrderID (37) in its parts, as client-order.ts has it. */
export function partsOfId(id: string): { run: string; serial: number } {
  const found = /^(.*-)([1-9]\d{0,14})$/.exec(id);
  return found === null ? { run: id, serial: -1 } : { run: found[1]!, serial: Number(found[2]) };
}

export type Changeable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * What a number is until something is said of it, where it will be one that may be a float. By a 0 V8 would take the field for one of small integers,
 * and drop all that it has compiled for such objects when the first float came: a serial read from its row, the CumQty of the first fill.
 */
export const NO_NUMBER: number = Number.NaN;

/** Of nobody's order: what terms are copied into. */
export const NO_TERMS: OrderTerms = {
  instrument: INSTRUMENTS[0]!,
  side: BUY,
  side_code: 0,
  ord_type: 0,
  tif: 0,
  price: NO_NUMBER,
  stop_price: NO_NUMBER,
  qty: NO_NUMBER,
  expires_at: NO_NUMBER,
  account: '',
};

/** Terms as they were read. */
export interface ReadTerms extends OrderTerms {
  /** Orders that have the same number are of one session and one run, and ask for the same. NaN: nothing is known of that. */
  readonly alike: number;
}

export function copyTerms(from: OrderTerms, to: Changeable<OrderTerms>): void {
  to.instrument = from.instrument;
  to.side = from.side;
  to.side_code = from.side_code;
  to.ord_type = from.ord_type;
  to.tif = from.tif;
  to.price = from.price;
  to.stop_price = from.stop_price;
  to.qty = from.qty;
  to.expires_at = from.expires_at;
  to.account = from.account;
}

export function sameTerms(a: OrderTerms, b: OrderTerms): boolean {
  return (
    a.instrument === b.instrument &&
    a.side_code === b.side_code &&
    a.ord_type === b.ord_type &&
    a.tif === b.tif &&
    a.price === b.price &&
    a.stop_price === b.stop_price &&
    a.qty === b.qty &&
    a.expires_at === b.expires_at &&
    a.account === b.account
  );
}

/** Decimals of AvgPx (6) beyond those of a price. */
export const AVG_DECIMALS = 4;

/**
 * AvgPx (6) = notional ÷ cum, rounded half up, in units of 10^-(price_scale + {@link AVG_DECIMALS}). Exact: quotient and
 * remainder stay below 2^53, their product with 10^4 too (instruments.ts bounds both factors).
 */
export function averagePrice(notional: number, cum: number): number {
  if (cum === 0) return 0;
  const rest = notional % cum;
  const unit = 10 ** AVG_DECIMALS;
  return ((notional - rest) / cum) * unit + Math.floor((2 * rest * unit + cum) / (2 * cum));
}
