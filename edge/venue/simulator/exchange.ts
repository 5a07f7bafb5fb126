/** Orders from acceptance to their end, over all symbols. Decides and reports; reads no FIX. */

import { ExecType } from '../refusals.ts';
import type { VenueSink } from '../venue.ts';
import { type Book, priceOf, type TradeListener } from './book.ts';
import type { Change } from './changes.ts';
import type { BookOrder, Client, ClientOrder } from './client-order.ts';
import { Clients } from './clients.ts';
import { Expiry } from './expiry.ts';
import { BUY, type Instrument } from './instruments.ts';
import { Keeping } from './keeping.ts';
import type { UsedId } from './line.ts';
import { type OrderLog, restore } from './log.ts';
import { type Market, Markets } from './markets.ts';
import { NO_NAME } from './names.ts';
import {
  CANCELED,
  CHANGED,
  CHANGED_STATE,
  type Changed,
  EXPIRED,
  FILLED,
  HELD,
  IN_BOOK,
  type OrderState,
  type OrderTerms,
  type ReadTerms,
  Tif,
  UNCHANGED,
} from './order.ts';
import { answering, CANCELED_ELSEWHERE, EXPIRED_EXECUTION, NEW, NOT_FILLED, Reports } from './reports.ts';

export interface ExchangeOptions {
  readonly sink: VenueSink;
  readonly instruments: readonly Instrument[];
  /** Of the reference markets: the same seed, the same walk. */
  readonly seed: number;
  /** Epoch ms; with the log it makes the ids of this run unique. */
  readonly now: number;
  /** How many a user may have. */
  readonly openOrders: number;
  /** Undefined: orders end with the process. */
  readonly log: OrderLog | undefined;
  /** Told what of the log could not be read. */
  readonly warn: (problem: string) => void;
}

/** What the log has said. */
interface Restart {
  readonly stamp: number;
  readonly keeping: Keeping | undefined;
  /** By row. */
  readonly closed: readonly number[];
}

/** Of a step that has changed more orders, no room is kept for so many; one that goes through orders pauses after as many. */
const KEPT = 64;

export class Exchange implements TradeListener {
  readonly markets: Markets;
  readonly clients = new Clients();
  /** How many a user may have. */
  readonly openOrders: number;
  readonly reports: Reports;
  /** Time of the step in hand. */
  now: number;
  private readonly expiry = new Expiry(this.clients.orders);
  /** Undefined: orders end with the process. */
  readonly keeping: Keeping | undefined;
  private priority = 0;
  private started = false;
  /** Orders changed in the step in hand. */
  private readonly changed: ClientOrder[] = [];
  /** How many: to shorten an array is a call into the engine. */
  private changedCount = 0;
  /** Sessions to be told of, and ids that have been used, in it. */
  private readonly changes: Change[] = [];
  private readonly used: UsedId[] = [];
  /** The trade being told. */
  private readonly fill = { ...NEW, type: ExecType.Trade };

  constructor(options: ExchangeOptions) {
    this.now = options.now;
    this.openOrders = options.openOrders;
    this.markets = new Markets(options.instruments, options.seed, this.clients.orders, this);
    const { stamp, keeping, closed } = this.restore(options);
    this.keeping = keeping;
    this.reports = new Reports(options.sink, stamp);
    this.clients.read(closed);
  }

  /** A step begins. Whatever it does, it does not meet an order whose time is over. */
  begin(now: number): void {
    this.clients.orders.rest();
    if (this.now !== now) this.now = now; // a write of what is young costs more than a look
    if (this.expiry.next <= now) this.expire(now);
    if (!this.started) this.open(now);
  }

  /**
   * Opens the reference markets, once. Restored orders may trade in it, so it is not the constructor's: their sessions must
   * be there to be told.
   */
  private open(now: number): void {
    this.started = true;
    this.now = now;
    for (const market of this.markets.all) {
      market.reference.requote();
      this.settle(market);
    }
    this.commit();
  }

  market(order: ClientOrder): Market {
    return this.markets.ofInstrument(order.instrument);
  }

  /**
   * Takes an order for the market of its instrument: New, then what it trades, then what becomes of the rest. The caller has checked all bounds.
   * @param name ClOrdID, which `client.ids` has just been asked for and not known; the order takes it over
   */
  place(client: Client, market: Market, name: number, terms: ReadTerms): void {
    const ids = { run: this.reports.run, serial: this.reports.nextSerial(), owner: client, name };
    const order = this.clients.orders.add(ids, terms, ++this.priority, terms.alike);
    this.clients.rememberNew(client, name, order);
    client.open++;
    client.user.open++;
    market.open++;
    this.note(order, CHANGED);
    this.reports.execution(client, order, NEW, this.now);
    this.enter(market, order);
    if (order.open) this.expiry.add(order);
    this.settle(market);
    this.commit();
  }

  /** Cancels an open order for `requester`, whose request is `name`; the session that placed it hears of it too. */
  cancel(requester: Client, order: ClientOrder, name: number): void {
    const { owner } = order;
    this.end(order, CANCELED);
    this.remember(requester, name, order);
    const what = answering(ExecType.Canceled, name, order.name);
    this.reports.execution(requester, order, what, this.now);
    if (owner !== requester) this.reports.execution(owner, order, CANCELED_ELSEWHERE, this.now);
    this.commit();
  }

  /** Cancels an order unasked or by a mass cancel: one report, to the session that placed it. */
  cancelBy(order: ClientOrder, text: string): void {
    this.end(order, CANCELED);
    this.reports.execution(order.owner, order, { ...CANCELED_ELSEWHERE, text }, this.now);
  }

  /** The same of several, by row. Nobody has an order in hand. */
  cancelAll(rows: readonly number[], text: string): void {
    for (const row of rows) {
      this.cancelBy(this.clients.orders.order(row), text);
      this.pause();
    }
    this.commit();
  }

  /** Between orders of a step that may be of very many: what has been done is in hand no longer. */
  private pause(): void {
    if (this.changedCount < KEPT) return;
    this.commit();
    this.clients.orders.rest();
  }

  /**
   * Gives an open order other terms, of the same side, symbol and type, and a quantity not below what is filled. Less
   * quantity at the same price keeps the order's place; anything else puts it behind the others (price-time priority).
   */
  replace(requester: Client, order: ClientOrder, name: number, terms: OrderTerms): void {
    const market = this.market(order);
    const { names } = this.clients;
    const { owner, name: orig } = order;
    const { price, expires_at } = order;
    const less = order.qty - terms.qty;
    const waits = order.state.at === 'held';
    const rests = !waits && market.book.has(order) && terms.tif !== Tif.Ioc && terms.tif !== Tif.Fok;
    const keeps = rests && terms.price === price && less >= 0 && order.leaves > less;
    if (keeps) market.book.reduce(order, less);
    else {
      this.withdraw(market, order);
      order.priority = ++this.priority;
      order.leaves = terms.qty - order.cum;
    }
    order.ask(terms);
    order.name = names.keep(name);
    if (order.leaves === 0) this.conclude(market, order, FILLED);
    else if (terms.expires_at !== expires_at) this.expiry.move(order);
    this.note(order, CHANGED);
    this.remember(requester, name, order);
    if (owner !== requester) this.remember(owner, name, order);
    const what = answering(ExecType.Replaced, NO_NAME, orig);
    this.reports.execution(requester, order, what, this.now);
    if (owner !== requester) this.reports.execution(owner, order, what, this.now);
    names.drop(orig);
    if (!keeps && order.open) {
      if (waits) this.enter(market, order);
      else this.admit(market, order); // a stop order that was set off stays so
    }
    this.settle(market);
    this.commit();
  }

  /** Orders end that have reached their time. */
  private expire(now: number): void {
    this.now = now;
    for (let order = this.expiry.take(now); order !== undefined; order = this.expiry.take(now)) {
      this.end(order, EXPIRED);
      this.reports.execution(order.owner, order, EXPIRED_EXECUTION, now);
      this.pause();
    }
    this.commit();
  }

  /** When the next order reaches its time, epoch ms. */
  get nextExpiry(): number {
    return this.expiry.next;
  }

  /** The reference markets move one step. */
  step(): void {
    for (const market of this.markets.all) {
      market.reference.step();
      this.settle(market);
    }
    this.commit();
  }

  /** Moves one reference market to a price, units of its instrument. */
  moveMarket(market: Market, price: number): void {
    market.reference.moveTo(price);
    this.settle(market);
    this.commit();
  }

  traded(_book: Book, maker: BookOrder, taker: BookOrder, quantity: number, price: number): void {
    // Both are brought up to date before either is told.
    if (taker.kind === 'client') this.filled(taker, quantity, price);
    if (maker.kind === 'client') this.filled(maker, quantity, price);
    if (taker.kind === 'client') this.tellFill(taker, quantity, price);
    if (maker.kind === 'client') this.tellFill(maker, quantity, price);
  }

  /** What has changed since the last call goes to the log as one line. */
  commit(): void {
    const { keeping, changed, changes, used } = this;
    const count = this.changedCount;
    const others = changes.length + used.length;
    if (count + others > 0) keeping?.step(changed, count, changes, used);
    for (let i = 0; i < count; i++) {
      const order = changed[i]!;
      order.change = UNCHANGED;
      if (!order.open) this.clients.done(order.row);
    }
    this.changedCount = 0;
    if (count > KEPT) changed.length = KEPT;
    if (others === 0) return;
    changes.length = 0;
    used.length = 0;
  }

  private note(order: ClientOrder, change: Changed): void {
    if (order.change === UNCHANGED) this.changed[this.changedCount++] = order;
    if (order.change < change) order.change = change;
  }

  /** A message of a session, which is noted with the next flush. @returns whether it has been seen before */
  hear(client: Client, generation: number, msgSeqNum: number): boolean {
    if (client.generation === generation && msgSeqNum <= client.taken) return true;
    client.generation = generation;
    client.taken = msgSeqNum;
    this.keeping?.hear(client);
    return false;
  }

  /** A session is back; what has changed about one that has orders here is kept. */
  renewed(client: Client): void {
    if (client.ids.size > 0) this.keeping?.introductions.make(client, this.changes);
    this.commit();
  }

  private restore({ log, now, warn }: ExchangeOptions): Restart {
    if (log === undefined) return { stamp: now, keeping: undefined, closed: [] };
    const { stamp, mark, orders, problems } = restore(log.read(), this.clients, this.markets);
    for (const problem of problems) warn(`order log, ${problem}`);
    const rows = [...orders.values()];
    const table = this.clients.orders;
    const open = rows.filter((row) => table.isOpen(row)).sort((a, b) => table.priority(a) - table.priority(b));
    for (const row of open) {
      this.reopen(table.order(row));
      table.rest();
    }
    const next = Math.max(now, stamp + 1);
    // Marks of a new log begin where no other's have been: a journal that goes with another log does not find its own.
    const closed = rows.filter((row) => !table.isOpen(row));
    return { stamp: next, keeping: new Keeping(log, this.clients, next, mark ?? next), closed };
  }

  /** An order of the log is open, as it was. */
  private reopen(order: ClientOrder): void {
    const market = this.market(order);
    market.open++;
    order.user.open++;
    order.owner.open++;
    this.priority = Math.max(this.priority, order.priority);
    this.expiry.add(order);
    if (order.state.at === 'held') market.stops.add(order);
    else market.book.rest(order);
  }

  private remember(client: Client, name: number, order: ClientOrder): void {
    this.clients.remember(client, name, order);
    if (this.keeping === undefined) return;
    this.keeping.introductions.make(client, this.changes);
    this.used.push({ client, name, order });
  }

  /** A new order meets the market; a stop order waits for its price. */
  private enter(market: Market, order: ClientOrder): void {
    if (order.stop_price > 0 && !this.triggered(market, order)) {
      order.state = HELD;
      market.stops.add(order);
    } else this.admit(market, order);
  }

  /** An order that is in no list meets the book: it trades, then rests or, if it has no price, is killed. */
  private admit(market: Market, order: ClientOrder): void {
    const { tif } = order;
    const limit = priceOf(order);
    if (tif === Tif.Fok && !market.book.canFill(order.side, limit, order.leaves)) {
      this.kill(order);
      return;
    }
    market.book.match(order, limit);
    if (order.leaves === 0) return;
    if (order.price > 0 && tif !== Tif.Ioc) market.book.rest(order);
    else this.kill(order);
  }

  private triggered(market: Market, order: ClientOrder): boolean {
    const { last } = market.book;
    return order.side === BUY ? last >= order.stop_price : last <= order.stop_price;
  }

  /** Stop orders that the last price sets off, one after the other; each may set off more. */
  private settle(market: Market): void {
    const { stops, book } = market;
    for (let order = stops.take(book.last); order !== undefined; order = stops.take(book.last)) {
      order.priority = ++this.priority;
      order.state = IN_BOOK;
      this.note(order, CHANGED);
      this.admit(market, order);
    }
  }

  /** What is left of an order that must not rest. */
  private kill(order: ClientOrder): void {
    this.end(order, CANCELED);
    this.reports.execution(order.owner, order, NOT_FILLED, this.now);
  }

  private withdraw(market: Market, order: ClientOrder): void {
    if (order.state.at === 'held') market.stops.remove(order);
    else market.book.remove(order);
    if (order.open) order.state = IN_BOOK;
  }

  private end(order: ClientOrder, state: OrderState): void {
    const market = this.market(order);
    this.withdraw(market, order);
    this.conclude(market, order, state);
  }

  private conclude(market: Market, order: ClientOrder, state: OrderState): void {
    order.state = state;
    order.leaves = 0;
    this.expiry.ended(order);
    market.open--;
    order.owner.open--;
    order.user.open--;
    this.note(order, CHANGED_STATE);
  }

  private filled(order: ClientOrder, quantity: number, price: number): void {
    order.cum += quantity;
    order.notional += quantity * price;
    if (order.leaves === 0) this.conclude(this.market(order), order, FILLED);
    else this.note(order, CHANGED_STATE);
  }

  private tellFill(order: ClientOrder, quantity: number, price: number): void {
    this.fill.quantity = quantity;
    this.fill.price = price;
    this.reports.execution(order.owner, order, this.fill, this.now);
  }
}
