/** An order of a client, from acceptance to its end, and the client: each knows the other. */

import type { Message } from '../../fix/message.ts';
import type { VenueSession } from '../venue.ts';
import { BUY, INSTRUMENTS, type Instrument, type Side } from './instruments.ts';
import type { Level, Resting } from './levels.ts';
import type { Names } from './names.ts';
import type { Piece } from './piece.ts';

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

/** Where an order is. `held`: a stop order whose price has not been reached. `closed` says how it ended. */
export type OrderState =
  | { readonly at: 'book' }
  | { readonly at: 'held' }
  | { readonly at: 'closed'; readonly status: number };

export const IN_BOOK: OrderState = { at: 'book' };
export const HELD: OrderState = { at: 'held' };
export const FILLED: OrderState = { at: 'closed', status: OrdStatus.Filled };
export const CANCELED: OrderState = { at: 'closed', status: OrdStatus.Canceled };
export const EXPIRED: OrderState = { at: 'closed', status: OrdStatus.Expired };

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

/** OrderID (37) in its parts, see {@link ClientOrder.run}. */
export function partsOfId(id: string): { run: string; serial: number } {
  const found = /^(.*-)([1-9]\d{0,14})$/.exec(id);
  return found === null ? { run: id, serial: -1 } : { run: found[1]!, serial: Number(found[2]) };
}

/** The ClOrdIDs that a session has used, and the order that each names; as it is made, in known-ids.ts. */
export interface KnownOrders {
  readonly size: number;
  get(id: string): ClientOrder | undefined;
  named(message: Message, i: number): ClientOrder | undefined;
  has(message: Message, i: number): boolean;
  set(id: number, order: ClientOrder): ClientOrder | undefined;
  add(id: number, order: ClientOrder): void;
  retire(order: ClientOrder): boolean;
  bound(most: number, freed: (order: ClientOrder) => void): void;
  entries(): Iterable<readonly [id: number, ClientOrder]>;
  open(): Iterable<ClientOrder>;
}

export interface User {
  readonly id: string;
  /** Open orders over all sessions. */
  open: number;
  readonly clients: Client[];
}

/** One FIX session. ClOrdIDs are unique within it (FIX 4.4 vol. 1, ClOrdID): sessions of one user may number alike. */
export interface Client {
  session: VenueSession;
  /** Version of its application messages (versions.ts). */
  version: number;
  readonly user: User;
  /** Every ClOrdID that was accepted: of orders, of cancels and of replacements. */
  readonly ids: KnownOrders;
  /** What its ClOrdIDs are names of. */
  readonly names: Names;
  /** Account (1) of its last order: nearly all have the same. */
  account: string;
  /** Its id in JSON, with a comma behind it. */
  readonly quoted: Piece;
  /** How far its messages have been seen: what comes again up to here, in this generation, has been done. */
  generation: number;
  taken: number;
  /** Some have come that the log has not been told of. */
  heard: boolean;
}

/** Who asks for an order, and by which names it goes. */
export interface OrderIds {
  readonly run: string;
  readonly serial: number;
  readonly owner: Client;
  /** ClOrdID, one of the {@link Names}. */
  readonly name: number;
}

export type Changeable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Of nobody's order: what terms are copied into. */
export const NO_TERMS: OrderTerms = {
  instrument: INSTRUMENTS[0]!,
  side: BUY,
  side_code: 0,
  ord_type: 0,
  tif: 0,
  price: 0,
  stop_price: 0,
  qty: 0,
  expires_at: 0,
  account: '',
};

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

/**
 * One that has ended and goes by no id any more becomes another by {@link renew}: as orders live for a while, each would be
 * moved by the collector twice, and be a reason for it to go through all there is.
 */
export class ClientOrder implements Resting {
  readonly kind = 'client';
  /** OrderID (37) is `run` and the digits of `serial`; `run` alone where that is -1. */
  run: string;
  serial: number;
  /** The FIX session that placed it. */
  owner: Client;
  /** ClOrdID (11) of the last request that was accepted, one of the {@link Names}. */
  name: number;
  /** ClOrdIDs that it is known by, of any session; and where the last one of them lies in its session's {@link KnownIds}. */
  names = 0;
  place = -1;
  /** When it ends by itself, as {@link Expiry} has it; NaN: it has not. */
  expiry = Number.NaN;
  side: Side;
  /** Nobody else's: see {@link ask}. */
  readonly terms: OrderTerms;
  /** Rises with each order and each loss of priority: the order of restoring a book. */
  priority: number;
  state: OrderState = IN_BOOK;
  /** What the step in hand has changed of it. */
  change: Changed = UNCHANGED;
  /** CumQty (14). */
  cum = 0;
  /** Sum of price × quantity of all fills, exact. */
  notional = 0;
  price: number;
  leaves: number;
  level: Level | undefined = undefined;
  prev: Resting | undefined = undefined;
  next: Resting | undefined = undefined;

  constructor(ids: OrderIds, terms: OrderTerms, priority: number) {
    this.run = ids.run;
    this.serial = ids.serial;
    this.owner = ids.owner;
    this.name = ids.name;
    this.side = terms.side;
    this.terms = { ...terms };
    this.priority = priority;
    this.price = terms.price;
    this.leaves = terms.qty;
  }

  /** Whether nothing can lead to it any more but an entry of {@link Expiry}, which means nothing. */
  get over(): boolean {
    return this.names === 0 && !this.open && this.change === UNCHANGED;
  }

  /** Makes it another order. It is {@link over}, and so lies in no book. */
  renew(ids: OrderIds, terms: OrderTerms, priority: number): this {
    this.run = ids.run;
    this.serial = ids.serial;
    this.owner = ids.owner;
    this.name = ids.name;
    this.side = terms.side;
    this.priority = priority;
    this.place = -1;
    this.state = IN_BOOK;
    this.cum = 0;
    this.notional = 0;
    this.price = terms.price;
    this.leaves = terms.qty;
    this.ask(terms);
    return this;
  }

  /** Takes these terms in place of its own. */
  ask(terms: OrderTerms): void {
    copyTerms(terms, this.terms);
  }

  /** OrderID (37). */
  get id(): string {
    return this.serial < 0 ? this.run : `${this.run}${this.serial}`;
  }

  /** ClOrdID (11). */
  get cl_ord_id(): string {
    return this.owner.names.text(this.name);
  }

  /** Whether field i of a message is its ClOrdID. */
  goesBy(message: Message, i: number): boolean {
    return i >= 0 && this.owner.names.is(this.name, message.view, message.from(i), message.length(i));
  }

  get user(): User {
    return this.owner.user;
  }

  get open(): boolean {
    return this.state.at !== 'closed';
  }

  /** OrdStatus (39). */
  get status(): number {
    if (this.state.at === 'closed') return this.state.status;
    return this.cum > 0 ? OrdStatus.PartiallyFilled : OrdStatus.New;
  }
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
