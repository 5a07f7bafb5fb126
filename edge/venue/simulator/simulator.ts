/** The simulated venue: a price-time matching book per symbol with a reference market on both sides. */

import type { Message } from '../../fix/message.ts';
import type { Done } from '../../syncs.ts';
import { MARKET_STEP_MS, OPEN_ORDERS_PER_USER } from '../limits.ts';
import type { HowToCancel, OrdersOf, SubmitContext, Venue, VenueSession, VenueSink } from '../venue.ts';
import { Exchange } from './exchange.ts';
import { INSTRUMENTS, type Instrument } from './instruments.ts';
import type { OrderLog } from './log.ts';
import { MARKET_DATA_REQUEST, MarketData } from './market-data.ts';
import { type Handler, known, ORDER_HANDLERS } from './requests.ts';
import { SECURITY_LIST_REQUEST, securityList } from './securities.ts';

export interface SimulatorOptions {
  readonly sink: VenueSink;
  /** Of the reference markets: the same seed and the same calls give the same trades. */
  readonly seed: number;
  /** Epoch ms. */
  readonly now: number;
  /** How many a user may have, over all sessions; ten times as many are what a symbol's book holds. */
  readonly openOrders?: number | undefined;
  /** Where open orders and used ClOrdIDs outlive the process; undefined: nowhere. */
  readonly log?: OrderLog | undefined;
  readonly instruments?: readonly Instrument[];
  /** Told what of the log could not be read. */
  readonly warn?: (problem: string) => void;
}

function concerns(whose: OrdersOf, session: VenueSession): boolean {
  if (whose.of === 'everybody') return true;
  return whose.of === 'session' ? whose.id === session.id : whose.user_ids.has(session.user_id);
}

/** Whether the simulator takes this MsgType. */
export function simulates(msgType: number): boolean {
  return ORDER_HANDLERS.has(msgType) || msgType === MARKET_DATA_REQUEST || msgType === SECURITY_LIST_REQUEST;
}

export class Simulator implements Venue {
  readonly name = 'simulator';
  private readonly exchange: Exchange;
  private readonly marketData: MarketData;
  private readonly sink: VenueSink;
  private stepAt: number;
  /** Of the last order message, and what deals with it: most are of the same type as the one before. */
  private type = 0;
  private handler: Handler | undefined;

  constructor(options: SimulatorOptions) {
    const { sink, seed, now, log, instruments = INSTRUMENTS, warn = () => {} } = options;
    const { openOrders = OPEN_ORDERS_PER_USER } = options;
    this.sink = sink;
    this.exchange = new Exchange({ sink, seed, now, openOrders, log, instruments, warn });
    this.marketData = new MarketData(this.exchange, sink);
    this.stepAt = now + MARKET_STEP_MS;
  }

  supports(msgType: number): boolean {
    return msgType === this.type || simulates(msgType);
  }

  private handlerOf(msgType: number): Handler | undefined {
    if (msgType === this.type) return this.handler;
    const handler = ORDER_HANDLERS.get(msgType);
    if (handler !== undefined) {
      this.type = msgType;
      this.handler = handler;
    }
    return handler;
  }

  submit(message: Message, context: SubmitContext): void {
    const { exchange } = this;
    const { now } = context;
    exchange.begin(now);
    const client = exchange.clients.of(context.session);
    const handler = this.handlerOf(message.msgType);
    const seen = exchange.hear(client, context.generation, context.msg_seq_num);
    if (context.recovered) exchange.keeping?.touch();
    if (seen && known(exchange, client, message)) return;
    if (handler !== undefined) handler(exchange, client, message);
    else if (context.recovered)
      return; // market data and lists of a client who is away
    else if (message.msgType === MARKET_DATA_REQUEST) this.marketData.request(client, message, now);
    else if (message.msgType === SECURITY_LIST_REQUEST) securityList(exchange, this.sink, client, message);
    else throw new RangeError(`the simulator does not do MsgType ${message.msgType}`);
  }

  sessionStarted(session: VenueSession, _now: number): void {
    this.exchange.renewed(this.exchange.clients.of(session));
    this.marketData.drop(session.id);
  }

  sessionEnded(session: VenueSession, _now: number): void {
    this.marketData.drop(session.id);
    const client = this.exchange.clients.get(session.id);
    if (client !== undefined) this.exchange.clients.release(client);
  }

  resting(): Iterable<VenueSession> {
    return [...this.exchange.clients.all()].filter(({ open }) => open > 0).map(({ session }) => session);
  }

  cancelAll(session: VenueSession, now: number): void {
    const { exchange } = this;
    const client = exchange.clients.get(session.id);
    if (client === undefined) return;
    exchange.begin(now);
    exchange.cancelAll(client.ids.open(), 'Canceled on disconnect');
    exchange.clients.release(client);
  }

  massCancel(whose: OrdersOf, now: number, { spared }: HowToCancel = {}): void {
    const { exchange } = this;
    exchange.begin(now);
    for (const client of exchange.clients.all()) {
      if (concerns(whose, client.session) && spared?.(client.session.id) !== true)
        exchange.cancelAll(client.ids.open(), 'Canceled by an administrator');
    }
  }

  tick(now: number): number {
    const { exchange, marketData } = this;
    exchange.begin(now);
    if (now >= this.stepAt) {
      exchange.step();
      this.stepAt = now + MARKET_STEP_MS;
    }
    marketData.publish(now);
    return Math.min(this.stepAt, exchange.nextExpiry, marketData.next);
  }

  /** Moves the reference market of a symbol to a price in units of its instrument; false when there is no such symbol. */
  moveMarket(symbol: string, price: number, now: number): boolean {
    const market = this.exchange.markets.of(symbol);
    if (market === undefined) return false;
    this.exchange.begin(now);
    this.exchange.moveMarket(market, price);
    return true;
  }

  get mark(): number | undefined {
    return this.exchange.keeping?.mark;
  }

  get pending(): boolean {
    return this.exchange.keeping?.pending ?? false;
  }

  flush(): void {
    this.exchange.keeping?.flush();
  }

  sync(done: Done): void {
    const { keeping } = this.exchange;
    if (keeping === undefined) done(null);
    else keeping.sync(done);
  }

  seal(): void {
    this.exchange.keeping?.seal();
  }

  get sealed(): boolean {
    return this.exchange.keeping?.sealed ?? false;
  }

  async close(): Promise<void> {
    this.exchange.keeping?.close();
  }
}
