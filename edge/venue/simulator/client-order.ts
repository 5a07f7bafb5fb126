/** An order of a client, from acceptance to its end, as it is while somebody has it in hand; and the client: each knows the other. */

import type { Message } from '../../fix/message.ts';
import type { VenueSession } from '../venue.ts';
import { BUY, type Instrument, type Side } from './instruments.ts';
import type { Names } from './names.ts';
import {
  type Changeable,
  type Changed,
  copyTerms,
  IN_BOOK,
  NO_NUMBER,
  NO_TERMS,
  type OrderState,
  type OrderTerms,
  OrdStatus,
  UNCHANGED,
} from './order.ts';
import type { Piece } from './piece.ts';

/** The ClOrdIDs that a session has used, and the order that each names; as it is made, in known-ids.ts. */
export interface KnownOrders {
  readonly size: number;
  get(id: string): ClientOrder | undefined;
  named(message: Message, i: number): ClientOrder | undefined;
  has(message: Message, i: number): boolean;
  set(id: number, order: ClientOrder): number;
  /** What {@link has} was asked about last. */
  add(id: number, order: ClientOrder): void;
  bound(most: number, freed: (row: number) => void): void;
  entries(): Iterable<readonly [id: number, row: number]>;
  open(): readonly number[];
  leave(): void;
}

export interface User {
  readonly id: string;
  /** Open orders over all sessions. */
  open: number;
  readonly clients: Client[];
}

/** What several orders of a session have in common; as it is made, in commons.ts. */
export interface Common {
  readonly number: number;
  readonly owner: Client;
  readonly run: string;
  readonly account: string;
  /** Orders that have it. */
  count: number;
}

/** One FIX session. ClOrdIDs are unique within it (FIX 4.4 vol. 1, ClOrdID): sessions of one user may number alike. */
export interface Client {
  session: VenueSession;
  /** Version of its application messages (versions.ts). */
  version: number;
  readonly user: User;
  /** Every ClOrdID that was accepted: of orders, of cancels and of replacements. */
  readonly ids: KnownOrders;
  /** Orders of its own that are open. */
  open: number;
  /** What its ClOrdIDs are names of. */
  readonly names: Names;
  /** Account (1) of its last order: nearly all have the same. */
  account: string;
  /** Of what its orders have in common, the one asked for last, as long as any of them has it. */
  common: Common | undefined;
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

/** See {@link Orders} for how one is kept when nobody has it in hand. */
export class ClientOrder implements Changeable<OrderTerms> {
  readonly kind = 'client';
  /** Where it is kept, lies in a list, and is known by ids. */
  row = 0;
  /** OrderID (37) is `run` and the digits of `serial`; `run` alone where that is -1. */
  run = '';
  serial = NO_NUMBER;
  /** The FIX session that placed it. */
  owner!: Client;
  /** ClOrdID (11) of the last request that was accepted, one of the {@link Names}. */
  name = 0;
  /** Rises with each order and each loss of priority: the order of restoring a book. */
  priority = NO_NUMBER;
  state: OrderState = IN_BOOK;
  /** What the step in hand has changed of it. */
  change: Changed = UNCHANGED;
  /** CumQty (14). */
  cum = NO_NUMBER;
  /** Sum of price × quantity of all fills, exact. */
  notional = NO_NUMBER;
  leaves = NO_NUMBER;
  // What it asks for.
  instrument: Instrument = NO_TERMS.instrument;
  side: Side = BUY;
  side_code = 0;
  ord_type = 0;
  tif = 0;
  price = NO_NUMBER;
  stop_price = NO_NUMBER;
  qty = NO_NUMBER;
  expires_at = NO_NUMBER;
  account = '';
  /** As {@link ReadTerms} have it, while the order is in hand in which it was placed and asks for nothing else. */
  alike = NO_NUMBER;

  /** Makes it a new one. Of one that is alike, which it has mostly been, it has the session, the run and the terms. */
  become(row: number, ids: OrderIds, terms: OrderTerms, priority: number, alike: number): this {
    if (alike !== this.alike) {
      this.run = ids.run;
      this.owner = ids.owner;
      copyTerms(terms, this);
      this.alike = alike;
    }
    this.row = row;
    this.serial = ids.serial;
    this.name = ids.name;
    this.priority = priority;
    this.state = IN_BOOK;
    this.change = UNCHANGED;
    this.cum = 0;
    this.notional = 0;
    this.leaves = terms.qty;
    return this;
  }

  /** Takes these terms in place of its own. */
  ask(terms: OrderTerms): void {
    copyTerms(terms, this);
    this.alike = Number.NaN;
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

/** A quote of the reference market. */
export interface Quote {
  readonly kind: 'quote';
  readonly row: number;
  readonly side: Side;
  price: number;
  leaves: number;
  /** What it shows again, behind the others of its price, when it has been taken; 0: it is gone then. */
  readonly refill: number;
}

export type BookOrder = ClientOrder | Quote;
