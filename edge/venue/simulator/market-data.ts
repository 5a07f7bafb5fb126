/** Market data: MarketDataRequest (35=V) in; snapshots (W), updates (X) and rejects (Y) out. */

import type { BodyWriter } from '../../fix/encoder.ts';
import type { Message } from '../../fix/message.ts';
import { msgTypeCode, Tag } from '../../fix/tags.ts';
import { DEPTH_LEVELS, MARKET_DATA_MS, MD_REQ_ID_BYTES, SUBSCRIPTIONS_PER_SESSION } from '../limits.ts';
import { Field } from '../tags.ts';
import type { VenueSession, VenueSink } from '../venue.ts';
import { V } from '../versions.ts';
import type { Book } from './book.ts';
import type { Client } from './client-order.ts';
import type { Exchange } from './exchange.ts';
import type { Levels } from './levels.ts';

export const MARKET_DATA_REQUEST = msgTypeCode('V');
const SNAPSHOT = msgTypeCode('W');
const UPDATE = msgTypeCode('X');
const REJECT = msgTypeCode('Y');

/** SubscriptionRequestType (263). */
const SUBSCRIBE = 0x31;
const UNSUBSCRIBE = 0x32;
/** MDUpdateType (265). */
const INCREMENTAL = 0x31;
/** MDEntryType (269): the ones there are. */
const BID = 0x30;
const OFFER = 0x31;
const TRADE = 0x32;
/** MDUpdateAction (279). */
const ACTION_NEW = 0x30;
const ACTION_CHANGE = 0x31;
const ACTION_DELETE = 0x32;

/** MDReqRejReason (281). */
const UNKNOWN_SYMBOL = '0';
const DUPLICATE_ID = '1';
const INSUFFICIENT_BANDWIDTH = '2';
const UNSUPPORTED_REQUEST_TYPE = '4';
const UNSUPPORTED_DEPTH = '5';
const UNSUPPORTED_UPDATE_TYPE = '6';
const UNSUPPORTED_ENTRY_TYPE = '8';

/** One side as it was last sent: price and quantity in turn, best first. */
interface Sent {
  levels: number;
  readonly values: Float64Array;
}

/** A book under a subscription, and what the client knows of it. */
interface Feed {
  readonly book: Book;
  version: number;
  trades: number;
  readonly bids: Sent;
  readonly asks: Sent;
}

interface Subscription {
  readonly id: string;
  readonly version: number;
  readonly bids: boolean;
  readonly asks: boolean;
  readonly trades: boolean;
  readonly depth: number;
  readonly incremental: boolean;
  readonly feeds: readonly Feed[];
}

/** Entries of the update in hand. */
const MAX_ENTRIES = 4 * DEPTH_LEVELS + 1;

export class MarketData {
  private readonly exchange: Exchange;
  private readonly sink: VenueSink;
  private readonly bySession = new Map<string, { session: VenueSession; subscriptions: Map<string, Subscription> }>();
  private dueAt = Number.POSITIVE_INFINITY;
  private entries = 0;
  private readonly actions = new Uint8Array(MAX_ENTRIES);
  private readonly types = new Uint8Array(MAX_ENTRIES);
  private readonly prices = new Float64Array(MAX_ENTRIES);
  private readonly sizes = new Float64Array(MAX_ENTRIES);

  constructor(exchange: Exchange, sink: VenueSink) {
    this.exchange = exchange;
    this.sink = sink;
  }

  /** Epoch ms of the next round; Infinity while nobody listens. */
  get next(): number {
    return this.dueAt;
  }

  request(client: Client, message: Message, now: number): void {
    const idField = message.index(Field.MDReqID);
    const id = message.text(idField);
    const type = message.char(message.index(Field.SubscriptionRequestType));
    if (message.length(idField) > MD_REQ_ID_BYTES) {
      this.reject(client, message, '', `MDReqID has up to ${MD_REQ_ID_BYTES} characters`);
      return;
    }
    const known = this.bySession.get(client.session.id);
    if (type === UNSUBSCRIBE) {
      if (known?.subscriptions.delete(id) !== true) this.reject(client, message, '', 'Unknown MDReqID');
      else if (known.subscriptions.size === 0) this.drop(client.session.id);
      return;
    }
    if (type === SUBSCRIBE && known?.subscriptions.has(id)) {
      this.reject(client, message, DUPLICATE_ID, 'Duplicate MDReqID');
      return;
    }
    if (type === SUBSCRIBE && (known?.subscriptions.size ?? 0) >= SUBSCRIPTIONS_PER_SESSION) {
      this.reject(client, message, INSUFFICIENT_BANDWIDTH, `At most ${SUBSCRIPTIONS_PER_SESSION} subscriptions`);
      return;
    }
    const subscription = this.read(client, message, id);
    if (subscription === undefined) return;
    for (const feed of subscription.feeds) this.snapshot(client.session, subscription, feed);
    if (type !== SUBSCRIBE) return;
    if (known === undefined) {
      const subscriptions = new Map([[id, subscription]]);
      this.bySession.set(client.session.id, { session: client.session, subscriptions });
    } else known.subscriptions.set(id, subscription);
    this.dueAt = Math.min(this.dueAt, now + MARKET_DATA_MS);
  }

  /** Ends all subscriptions of a session. */
  drop(sessionId: string): void {
    this.bySession.delete(sessionId);
    if (this.bySession.size === 0) this.dueAt = Number.POSITIVE_INFINITY;
  }

  /** Sends what has changed to those who read; the others get the state of then when they read again. */
  publish(now: number): void {
    if (now < this.dueAt) return;
    this.dueAt = now + MARKET_DATA_MS;
    for (const { session, subscriptions } of this.bySession.values()) {
      if (!this.sink.live(session)) continue;
      for (const subscription of subscriptions.values()) {
        for (const feed of subscription.feeds) {
          if (feed.version === feed.book.version) continue;
          if (subscription.incremental) this.update(session, subscription, feed);
          else this.snapshot(session, subscription, feed);
        }
      }
    }
  }

  /** What a request asks for; undefined after it has been rejected. */
  private read(client: Client, message: Message, id: string): Subscription | undefined {
    const no = (reason: string, text: string) => this.reject(client, message, reason, text);
    const type = message.char(message.index(Field.SubscriptionRequestType));
    if (type < 0x30 || type > UNSUBSCRIBE) return no(UNSUPPORTED_REQUEST_TYPE, 'Unsupported SubscriptionRequestType');
    const asked = message.uint(message.index(Field.MarketDepth));
    if (asked < 0) return no(UNSUPPORTED_DEPTH, 'MarketDepth must be 0 or more');
    const updateField = message.index(Field.MDUpdateType);
    const updateType = updateField < 0 ? 0x30 : message.char(updateField);
    if (updateType !== 0x30 && updateType !== INCREMENTAL) {
      return no(UNSUPPORTED_UPDATE_TYPE, 'MDUpdateType must be 0 or 1');
    }
    let types = 0;
    let unknownType = false;
    const books = new Set<Book>();
    let unknownSymbol = '';
    for (let i = 0; i < message.count; i++) {
      if (message.tags[i] === Field.MDEntryType) {
        const entry = message.char(i);
        if (entry < BID || entry > TRADE) unknownType = true;
        else types |= 1 << (entry - BID);
      } else if (message.tags[i] === Tag.Symbol) {
        const symbol = message.text(i);
        const market = this.exchange.markets.of(symbol);
        if (market === undefined) unknownSymbol = symbol;
        else books.add(market.book);
      }
    }
    if (unknownSymbol !== '' || books.size === 0) return no(UNKNOWN_SYMBOL, `Unknown symbol ${unknownSymbol}`.trim());
    if (unknownType || types === 0) return no(UNSUPPORTED_ENTRY_TYPE, 'MDEntryType must be 0, 1 or 2');
    const depth = asked === 0 ? DEPTH_LEVELS : Math.min(asked, DEPTH_LEVELS);
    return {
      id,
      version: client.version,
      bids: (types & 1) !== 0,
      asks: (types & 2) !== 0,
      trades: (types & 4) !== 0,
      depth,
      incremental: updateType === INCREMENTAL,
      feeds: [...books].map((book) => feedOf(book, depth)),
    };
  }

  private reject(client: Client, message: Message, reason: string, text: string): undefined {
    const body = this.sink.open(client.session, REJECT).copy(message, message.index(Field.MDReqID));
    if (reason !== '') body.text(Field.MDReqRejReason, reason);
    body.text(Tag.Text, text);
    this.sink.close();
    return undefined;
  }

  /** MarketDataSnapshotFullRefresh (35=W). */
  private snapshot(session: VenueSession, subscription: Subscription, feed: Feed): void {
    const { book } = feed;
    this.entries = 0;
    if (subscription.bids) this.whole(book.bids, BID, subscription.depth, feed.bids);
    if (subscription.asks) this.whole(book.asks, OFFER, subscription.depth, feed.asks);
    if (subscription.trades && book.trades > 0) this.entry(ACTION_NEW, TRADE, book.tradePrice, book.tradeQuantity);
    feed.trades = book.trades;
    feed.version = book.version;
    const body = this.sink.open(session, SNAPSHOT);
    body.text(Field.MDReqID, subscription.id).text(Tag.Symbol, book.instrument.symbol);
    body.uint(Field.NoMDEntries, this.entries);
    for (let i = 0; i < this.entries; i++) {
      body.char(Field.MDEntryType, this.types[i]!);
      if (subscription.version >= V.FIX50) this.entryId(body, i, book);
      this.value(body, i, book);
    }
    this.sink.close();
  }

  /** MarketDataIncrementalRefresh (35=X), members in the order of the dictionary. */
  private update(session: VenueSession, subscription: Subscription, feed: Feed): void {
    const { book } = feed;
    this.entries = 0;
    if (subscription.bids) this.difference(book.bids, BID, subscription.depth, feed.bids, 1);
    if (subscription.asks) this.difference(book.asks, OFFER, subscription.depth, feed.asks, -1);
    if (subscription.trades && book.trades > feed.trades) {
      this.entry(ACTION_NEW, TRADE, book.tradePrice, book.tradeQuantity);
    }
    feed.trades = book.trades;
    feed.version = book.version;
    if (this.entries === 0) return;
    const body = this.sink.open(session, UPDATE);
    body.text(Field.MDReqID, subscription.id).uint(Field.NoMDEntries, this.entries);
    for (let i = 0; i < this.entries; i++) {
      body.char(Field.MDUpdateAction, this.actions[i]!).char(Field.MDEntryType, this.types[i]!);
      this.entryId(body, i, book);
      body.text(Tag.Symbol, book.instrument.symbol);
      this.value(body, i, book);
    }
    this.sink.close();
  }

  private entry(action: number, type: number, price: number, size: number): void {
    const i = this.entries++;
    this.actions[i] = action;
    this.types[i] = type;
    this.prices[i] = price;
    this.sizes[i] = size;
  }

  /** A level is named by its side and price, a trade by its number. */
  private entryId(body: BodyWriter, i: number, book: Book): void {
    const type = this.types[i]!;
    const name = type === TRADE ? `T${book.trades}` : `${type === BID ? 'B' : 'O'}${this.prices[i]}`;
    body.text(Field.MDEntryID, name);
  }

  private value(body: BodyWriter, i: number, { instrument }: Book): void {
    body.decimal(Field.MDEntryPx, this.prices[i]!, instrument.price_scale, instrument.price_scale);
    body.decimal(Field.MDEntrySize, this.sizes[i]!, instrument.qty_scale);
  }

  private whole(levels: Levels, type: number, depth: number, sent: Sent): void {
    const count = Math.min(depth, levels.depth);
    for (let n = 0; n < count; n++) {
      const { price, quantity } = levels.at(n)!;
      this.entry(ACTION_NEW, type, price, quantity);
    }
    keep(levels, count, sent);
  }

  /** Walks what was sent and what is, best first. `better` 1: a higher price is better. */
  private difference(levels: Levels, type: number, depth: number, sent: Sent, better: 1 | -1): void {
    const count = Math.min(depth, levels.depth);
    let old = 0;
    let now = 0;
    while (old < sent.levels || now < count) {
      const level = now < count ? levels.at(now)! : undefined;
      const oldPrice = sent.values[2 * old]!;
      const order = level === undefined ? 1 : old === sent.levels ? -1 : (oldPrice - level.price) * better;
      if (order > 0) {
        this.entry(ACTION_DELETE, type, oldPrice, 0);
        old++;
      } else if (order < 0) {
        this.entry(ACTION_NEW, type, level!.price, level!.quantity);
        now++;
      } else {
        if (sent.values[2 * old + 1] !== level!.quantity) {
          this.entry(ACTION_CHANGE, type, oldPrice, level!.quantity);
        }
        old++;
        now++;
      }
    }
    keep(levels, count, sent);
  }
}

const sentOf = (depth: number): Sent => ({ levels: 0, values: new Float64Array(2 * depth) });

const feedOf = (book: Book, depth: number): Feed => ({
  book,
  version: -1,
  trades: 0,
  bids: sentOf(depth),
  asks: sentOf(depth),
});

function keep(levels: Levels, count: number, sent: Sent): void {
  sent.levels = count;
  for (let n = 0; n < count; n++) {
    const { price, quantity } = levels.at(n)!;
    sent.values[2 * n] = price;
    sent.values[2 * n + 1] = quantity;
  }
}
