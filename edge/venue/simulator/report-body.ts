/**
 * The body of an ExecutionReport (35=8), rendered here and handed over in one piece. Reports of a kind are like each other:
 * in the last one only what is new of the next is written, and only that is added up again for the CheckSum.
 */

import type { BodyWriter } from '../../fix/body-writer.ts';
import type { Message } from '../../fix/message.ts';
import { Output } from '../../fix/output.ts';
import { Tag } from '../../fix/tags.ts';
import type { TimestampDecimals } from '../../fix/timestamp.ts';
import { copyWords, sumWords } from '../../fix/words.ts';
import { ExecType } from '../refusals.ts';
import { Field } from '../tags.ts';
import { V } from '../versions.ts';
import type { ClientOrder } from './client-order.ts';
import { Digits } from './digits.ts';
import { type Names, NO_NAME } from './names.ts';
import {
  AVG_DECIMALS,
  averagePrice,
  type Changeable,
  copyTerms,
  IN_BOOK,
  NO_NUMBER,
  NO_TERMS,
  type OrderState,
  type OrderTerms,
  OrdStatus,
  OrdType,
  sameTerms,
  Tif,
} from './order.ts';
import { type Piece, Pieces } from './piece.ts';

/** What an ExecutionReport says beyond the state of its order. */
export interface Execution {
  readonly type: number;
  readonly quantity: number;
  readonly price: number;
  /** ClOrdID (11) of the request answered, when it is not the order's own. */
  readonly name: number;
  /** OrigClOrdID (41). */
  readonly orig: number;
  readonly text: string;
}

/** ExecID (17): `run` and the digits of `serial`, from 1. In FIX.4.0 it is an int: `run` is left out. */
export interface ExecId {
  readonly run: string;
  serial: number;
}

/** As they stand in a field: Latin-1, and nothing that would end it. */
const fieldValue = (text: string): string => text.replaceAll('\x01', ' ').replace(/[^\0-\xff]/g, '?');
const texts = () => new Pieces(fieldValue, 'latin1');
const [ORDER_RUNS, EXECUTION_RUNS, ACCOUNTS, SYMBOLS] = [texts(), texts(), texts(), texts()];

/** All of a body but its texts has room in so much; each text makes sure of its own. */
const ROOM = 512;
const MAX = 8192;
const SOH = 0x01;
/** What stands between ClOrdID and OrigClOrdID. */
const ORIG = `\x01${Tag.OrigClOrdID}=`;
/** No version, no sum: there is no such thing. */
const NONE = -1;
/** See {@link ReportBodies}. */
const KINDS = 4096;
/** ExecTransType (20): new, status. */
const TRANS_NEW = 0x30;
const TRANS_STATUS = 0x33;

export class ReportBody extends Output {
  /** What stands there: the kind of report, */
  #version = NONE;
  #decimals: TimestampDecimals = 3;
  #type = 0;
  #status = 0;
  /** what names it, and how long the names are; {@link NONE}: there is no OrigClOrdID, */
  #run = '';
  readonly #order = new Digits();
  #nameAt = 0;
  #nameLength = 0;
  #origLength = NONE;
  readonly #exec = new Digits();
  /** what the order asks for, from where to where, */
  readonly #terms: Changeable<OrderTerms> = { ...NO_TERMS };
  /** `ClientOrder.alike` of the last order: of one that has this number neither run nor what it asks for need be looked at. */
  #alike = NO_NUMBER;
  #askedAt = 0;
  #tailAt = 0;
  /** and how it stands. */
  #quantity = NO_NUMBER;
  #price = NO_NUMBER;
  #state: OrderState = IN_BOOK;
  #leaves = NO_NUMBER;
  #cum = NO_NUMBER;
  #notional = NO_NUMBER;
  #now = NO_NUMBER;
  /** All that stands there, in which buffer. */
  #bytes: Uint8Array = this.buf;
  #in: Uint8Array = this.buf;
  /** Sums of its bytes: of those before what the order asks for, but for the names; of what it asks for; of how it stands. */
  #sum = 0;
  #askedSum = 0;
  #tailSum = 0;

  constructor() {
    super(ROOM, MAX);
  }

  cancel(): void {
    this.at = 0;
    this.#version = NONE;
  }

  /** Whether the last report was one of this kind on an order like this one, as far as one look tells. */
  tells({ type }: Execution, { alike, state }: ClientOrder): boolean {
    return alike === this.#alike && state === this.#state && type === this.#type;
  }

  /** Writes all behind the header into `body`. `request`: the status request that is answered. */
  write(
    body: BodyWriter,
    version: number,
    order: ClientOrder,
    what: Execution,
    execId: ExecId,
    now: number,
    request: Message | undefined,
  ): void {
    const isLike = request === undefined && this.#isLike(version, body.decimals, order, what);
    let names = isLike ? this.#rename(order, what, execId.serial) : NONE;
    if (names === NONE) {
      names = this.#render(body, version, order, what, execId, request);
      this.#stand(version, order, what, now);
    } else if (order.alike !== this.#alike && !sameTerms(this.#terms, order)) {
      this.at = this.#askedAt;
      this.#ask(order);
      this.#stand(version, order, what, now);
    } else if (!this.#standsSo(order, what, now)) this.#stand(version, order, what, now);
    this.#alike = order.alike;
    if (request === undefined) body.fields(this.#bytes, (this.#sum + names + this.#askedSum + this.#tailSum) & 0xff);
    else {
      body.fields(this.#bytes);
      this.#version = NONE; // what stands there is not all of a report
    }
    if (what.text !== '') body.text(Tag.Text, what.text);
  }

  /** Whether what stands there is a report of the same kind. */
  #isLike(version: number, decimals: number, order: ClientOrder, what: Execution): boolean {
    if (version !== this.#version || decimals !== this.#decimals || what.type !== this.#type) return false;
    // The status is that of the last one where state and fills are.
    if ((order.state !== this.#state || order.cum !== this.#cum) && order.status !== this.#status) return false;
    return order.alike === this.#alike || order.run === this.#run;
  }

  /** Writes the names of another report. @returns the sum of their bytes; {@link NONE}: nothing was written, for they are not as long */
  #rename(order: ClientOrder, what: Execution, execSerial: number): number {
    const { view } = this;
    const { names } = order.owner;
    const { orig } = what;
    const name = what.name === NO_NAME ? order.name : what.name;
    if (names.length(name) !== this.#nameLength) return NONE;
    if ((orig === NO_NAME ? NONE : names.length(orig)) !== this.#origLength) return NONE;
    if (!this.#order.fit(order.serial) || !this.#exec.fit(execSerial)) return NONE;
    const end = names.over(name, view, this.#nameAt);
    let sum = names.sum(name);
    if (orig !== NO_NAME && this.#version >= V.FIX41) {
      names.over(orig, view, end + ORIG.length);
      sum += names.sum(orig);
    }
    return (sum + this.#order.put(order.serial, view) + this.#exec.put(execSerial, view)) | 0;
  }

  #standsSo(order: ClientOrder, what: Execution, now: number): boolean {
    return (
      now === this.#now &&
      what.quantity === this.#quantity &&
      what.price === this.#price &&
      order.leaves === this.#leaves &&
      order.cum === this.#cum &&
      order.notional === this.#notional
    );
  }

  /** All but how it stands. @returns as {@link #rename}; nothing where a request is answered, for its names may be written already */
  #render(
    body: BodyWriter,
    version: number,
    order: ClientOrder,
    what: Execution,
    execId: ExecId,
    request: Message | undefined,
  ): number {
    this.at = 0;
    this.ensure(ROOM);
    this.#version = version;
    this.#decimals = body.decimals;
    this.#type = what.type;
    this.#status = order.status;
    this.#run = order.run;
    this.#names(body, version, order, what, request);
    this.#label(Field.ExecID, EXECUTION_RUNS.of(version === V.FIX40 ? '' : execId.run), execId.serial);
    this.#exec.set(execId.serial, this.at - 1);
    this.#kind(version, what.type, order.status);
    this.#askedAt = this.at;
    this.#ask(order);
    if (request !== undefined) return 0;
    const names = this.#rename(order, what, execId.serial);
    this.#sum = sumWords(this.view, 0, this.#askedAt) - names;
    return names;
  }

  /** OrderID, ClOrdID, OrigClOrdID, OrdStatusReqID. */
  #names(body: BodyWriter, version: number, order: ClientOrder, what: Execution, request: Message | undefined): void {
    const { names } = order.owner;
    const name = what.name === NO_NAME ? order.name : what.name;
    this.#label(Field.OrderID, ORDER_RUNS.of(order.run), order.serial);
    this.#order.set(order.serial, this.at - 1);
    this.#nameLength = names.length(name);
    this.#origLength = what.orig === NO_NAME ? NONE : names.length(what.orig);
    this.#name(Tag.ClOrdID, names, name);
    this.#nameAt = this.at - 1 - this.#nameLength;
    if (what.orig !== NO_NAME && version >= V.FIX41) this.#name(Tag.OrigClOrdID, names, what.orig);
    if (request === undefined || version < V.FIX44) return;
    // It may be of any length: it goes before what is rendered here.
    body.fields(this.buf.subarray(0, this.at)).copy(request, request.index(Field.OrdStatusReqID));
    this.at = 0;
  }

  /** ExecTransType (until FIX.4.2), ExecType (since FIX.4.1), OrdStatus. */
  #kind(version: number, type: number, status: number): void {
    if (version < V.FIX43) this.#char(Field.ExecTransType, type === ExecType.Status ? TRANS_STATUS : TRANS_NEW);
    // Until FIX.4.2 a fill is ExecType 1 or 2 and a status report repeats OrdStatus.
    const old = version < V.FIX43 && (type === ExecType.Trade || type === ExecType.Status);
    if (version >= V.FIX41) this.#char(Field.ExecType, old ? status : type);
    const replaced = type === ExecType.Replaced && version < V.FIX43 && status === OrdStatus.New;
    this.#char(Field.OrdStatus, replaced ? OrdStatus.Replaced : status);
  }

  /** What an order asks for, from here on. */
  #ask(terms: OrderTerms): void {
    copyTerms(terms, this.#terms);
    const { instrument, account, ord_type, tif } = terms;
    const { price_scale } = instrument;
    if (account !== '') this.#piece(Field.Account, ACCOUNTS.of(account), 0);
    this.#piece(Tag.Symbol, SYMBOLS.of(instrument.symbol), ROOM);
    this.#char(Field.Side, terms.side_code);
    this.#decimal(Field.OrderQty, terms.qty, instrument.qty_scale, 0);
    this.#char(Field.OrdType, ord_type);
    if (ord_type === OrdType.Limit || ord_type === OrdType.StopLimit)
      this.#decimal(Field.Price, terms.price, price_scale, price_scale);
    if (terms.stop_price > 0) this.#decimal(Field.StopPx, terms.stop_price, price_scale, price_scale);
    this.#char(Field.TimeInForce, tif);
    if (tif === Tif.Gtd) this.#time(Field.ExpireTime, terms.expires_at);
    this.#tailAt = this.at;
    this.#askedSum = sumWords(this.view, this.#askedAt, this.#tailAt);
  }

  /** What has happened, and how the order stands. */
  #stand(version: number, order: ClientOrder, what: Execution, now: number): void {
    const { cum, notional } = order;
    const leaves = order.open ? order.leaves : 0;
    const { price_scale, qty_scale } = order.instrument;
    const fill = what.type === ExecType.Trade;
    this.at = this.#tailAt;
    this.ensure(ROOM);
    let { at } = this;
    if (fill || version < V.FIX42) {
      at = this.#put(Field.LastQty, what.quantity, qty_scale, 0, at);
      at = this.#put(Field.LastPx, what.price, price_scale, fill ? price_scale : 0, at);
    }
    if (version >= V.FIX41) at = this.#put(Field.LeavesQty, leaves, qty_scale, 0, at);
    at = this.#put(Field.CumQty, cum, qty_scale, 0, at);
    // Nearly all orders are filled at one price.
    if (fill && what.price * cum === notional) at = this.#put(Field.AvgPx, what.price, price_scale, price_scale, at);
    else {
      const average = averagePrice(notional, cum);
      at = this.#put(Field.AvgPx, average, price_scale + AVG_DECIMALS, cum > 0 ? price_scale : 0, at);
    }
    this.at = at;
    this.#time(Tag.TransactTime, now);
    this.#quantity = what.quantity;
    this.#price = what.price;
    this.#state = order.state;
    this.#leaves = order.leaves;
    this.#cum = cum;
    this.#notional = notional;
    this.#now = now;
    if (this.#bytes.length !== this.at || this.#in !== this.buf) {
      this.#bytes = this.buf.subarray(0, this.at);
      this.#in = this.buf;
    }
    this.#tailSum = sumWords(this.view, this.#tailAt, this.at);
  }

  // A field each; there is room, but for texts, which make it.

  #tag(tag: number): void {
    this.at = this.putTag(tag, this.at);
  }

  #end(): void {
    this.view.setUint8(this.at++, SOH);
  }

  #time(tag: number, epochMs: number): void {
    this.#tag(tag);
    this.at = this.putTime(epochMs, this.#decimals, 0, this.at);
    this.#end();
  }

  #char(tag: number, code: number): void {
    const at = this.putTag(tag, this.at);
    this.view.setUint8(at, code);
    this.view.setUint8(at + 1, SOH);
    this.at = at + 2;
  }

  #decimal(tag: number, mantissa: number, scale: number, decimals: number): void {
    this.at = this.#put(tag, mantissa, scale, decimals, this.at);
  }

  /** A decimal at `start`. @returns the position after it */
  #put(tag: number, mantissa: number, scale: number, decimals: number, start: number): number {
    const from = this.putTag(tag, start);
    const plain = decimals === 0 && (scale === 0 || mantissa === 0);
    const at = plain ? this.putUInt(mantissa, from) : this.putDecimal(mantissa, scale, decimals, from);
    this.view.setUint8(at, SOH);
    return at + 1;
  }

  /** A text, and where it is not negative the digits of a number. */
  #label(tag: number, text: Piece, n: number): void {
    this.#piece(tag, text, ROOM);
    if (n < 0) return;
    this.at = this.putUInt(n, this.at - 1);
    this.#end();
  }

  /** @param more bytes that there is room for behind it */
  #piece(tag: number, { view, length }: Piece, more: number): void {
    this.ensure(length + ROOM + more);
    this.#tag(tag);
    this.at = copyWords(view, 0, length, this.view, this.at);
    this.#end();
  }

  #name(tag: number, names: Names, name: number): void {
    this.#tag(tag);
    this.at = copyWords(names.view, names.at(name), names.length(name), this.view, this.at);
    this.#end();
  }
}

/** The low bits tell the codes of each field apart, most of them. */
function kindOf({ type }: Execution, { status, side_code, ord_type, tif }: ClientOrder): number {
  return (type & 7) | ((status & 7) << 3) | ((ord_type & 3) << 6) | ((side_code & 1) << 8) | ((tif & 7) << 9);
}

/** Bodies by what is likely to be like what, a kilobyte each once there is such a report. */
export class ReportBodies {
  readonly #all: (ReportBody | undefined)[] = new Array(KINDS).fill(undefined);
  #last = new ReportBody();

  /** One in which the last report may be like this one. */
  of(what: Execution, order: ClientOrder): ReportBody {
    if (this.#last.tells(what, order)) return this.#last;
    const kind = kindOf(what, order);
    this.#last = this.#all[kind] ?? this.#make(kind);
    return this.#last;
  }

  #make(kind: number): ReportBody {
    const made = new ReportBody();
    this.#all[kind] = made;
    return made;
  }
}
