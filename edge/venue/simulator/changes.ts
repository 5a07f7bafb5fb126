/** What the order log has: the changes of one step, as its lines tell them. */

import type { VenueSession } from '../venue.ts';
import type { Side } from './instruments.ts';
import { CANCELED, EXPIRED, FILLED, HELD, IN_BOOK, type OrderState, type OrderTerms } from './order.ts';

export interface OrderRecord {
  readonly id: string;
  readonly s: string;
  readonly c: string;
  readonly symbol: string;
  readonly terms: Omit<OrderTerms, 'instrument' | 'expires_at'> & { readonly expires_at: number | null };
  readonly priority: number;
  readonly state: string;
  readonly cum: number;
  readonly notional: number;
}

export type Whole = readonly [
  id: string,
  session: string,
  clOrdId: string,
  symbol: string,
  side: Side,
  side_code: number,
  ord_type: number,
  tif: number,
  price: number,
  stop_price: number,
  qty: number,
  account: string,
  expires_at: number | null,
  priority: number,
  state: string,
  cum: number,
  notional: number,
  kind?: number,
];

export function recordOf([
  id,
  s,
  c,
  symbol,
  side,
  side_code,
  ord_type,
  tif,
  price,
  stop_price,
  qty,
  account,
  expires_at,
  priority,
  state,
  cum,
  notional,
]: Whole): OrderRecord {
  const terms = { side, side_code, ord_type, tif, price, stop_price, qty, account, expires_at };
  return { id, s, c, symbol, terms, priority, state, cum, notional };
}

/**
 * boot: a run's stamp. mark: ends a flush. taken: how far the messages of a session have been seen. session: who an id is. whole: all
 * of an order; with a kind where a `like` may follow. like: an order of which all is as in the last whole one of that kind but what is said: the
 * digits of its OrderID, ClOrdID and priority. order: as `whole`, of earlier releases. fill: state, CumQty, notional. id: a used ClOrdID.
 */
export type Change =
  | readonly ['boot', stamp: number]
  | readonly ['mark', mark: number]
  | readonly ['taken', session: string, generation: number, msgSeqNum: number]
  | readonly ['session', VenueSession]
  | readonly ['order', OrderRecord]
  | readonly ['whole', ...Whole]
  | readonly ['like', kind: number, serial: number, clOrdId: string, priority: number]
  | readonly ['fill', id: string, state: string, cum: number, notional: number]
  | readonly ['id', session: string, clOrdId: string, order: string];

const STATES: Readonly<Record<string, OrderState>> = {
  book: IN_BOOK,
  held: HELD,
  filled: FILLED,
  canceled: CANCELED,
  expired: EXPIRED,
};

const NAMES: ReadonlyMap<OrderState, string> = new Map(Object.entries(STATES).map(([name, state]) => [state, name]));

export function stateName(state: OrderState): string {
  const name = NAMES.get(state);
  if (name === undefined) throw new Error(`order state ${JSON.stringify(state)} has no name`);
  return name;
}

/** Undefined: no state has that name. */
export const stateOf = (name: string): OrderState | undefined =>
  Object.hasOwn(STATES, name) ? STATES[name] : undefined;
