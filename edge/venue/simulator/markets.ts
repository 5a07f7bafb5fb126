/** What is traded, symbol by symbol. */

import type { Message } from '../../fix/message.ts';
import { ID_BYTES } from '../limits.ts';
import { Book, type TradeListener } from './book.ts';
import { checkInstrument, type Instrument } from './instruments.ts';
import { ReferenceMarket } from './market.ts';
import { hashOf } from './names.ts';
import type { Orders } from './orders.ts';
import { pieceOf } from './piece.ts';
import { Stops } from './stops.ts';

/** What belongs to one symbol. */
export interface Market {
  readonly book: Book;
  readonly stops: Stops;
  readonly reference: ReferenceMarket;
  /** Open client orders. */
  open: number;
}

export class Markets {
  readonly all: readonly Market[];
  private readonly bySymbol = new Map<string, Market>();
  private readonly byInstrument = new Map<Instrument, Market>();
  /** The one whose instrument came last. */
  private lastOf: Market | undefined;
  /** The one asked for last. */
  private lastSymbol = '';
  private last: Market | undefined;
  /** The one found last in a message. */
  private lastIn: Market | undefined;
  /** By the hash of the symbol. */
  private readonly byHash = new Map<number, Market>();

  /** @param seed of the reference markets */
  constructor(instruments: readonly Instrument[], seed: number, orders: Orders, listener: TradeListener) {
    for (const instrument of instruments) checkInstrument(instrument);
    this.all = instruments.map((instrument, n) => {
      const book = new Book(instrument, orders, listener);
      return { book, stops: new Stops(orders), reference: new ReferenceMarket(book, seed * 31 + n), open: 0 };
    });
    for (const market of this.all) {
      const { symbol } = market.book.instrument;
      this.bySymbol.set(symbol, market);
      this.byInstrument.set(market.book.instrument, market);
      this.byHash.set(hashOf(pieceOf(symbol).view, 0, symbol.length), market);
    }
  }

  /** That of an instrument, which is one of those that there are. */
  ofInstrument(instrument: Instrument): Market {
    if (this.lastOf?.book.instrument !== instrument) this.lastOf = this.byInstrument.get(instrument);
    return this.lastOf!;
  }

  of(symbol: string): Market | undefined {
    if (symbol !== this.lastSymbol) {
      this.last = this.bySymbol.get(symbol);
      this.lastSymbol = symbol;
    }
    return this.last;
  }

  /** That of the symbol in field i of a message. */
  in(message: Message, i: number): Market | undefined {
    const { lastIn } = this;
    if (lastIn !== undefined && message.equals(i, lastIn.book.instrument.symbol)) return lastIn;
    const length = message.length(i);
    if (i < 0 || length > ID_BYTES) return undefined;
    const market = this.byHash.get(hashOf(message.view, message.from(i), length));
    if (market === undefined || message.equals(i, market.book.instrument.symbol)) {
      this.lastIn = market;
      return market;
    }
    return this.bySymbol.get(message.text(i)); // another symbol of the same hash
  }
}
