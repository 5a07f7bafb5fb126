/**
 * The body of an ExecutionReport (35=8), rendered here and handed over in one piece. An order's reports differ in what has
 * happened to it only: as long as they are of one order, what names it and what it asks for stays where it is.
 */

import type { BodyWriter } from '../../fix/body-writer.ts';
import type { Message } from '../../fix/message.ts';
import { Output } from '../../fix/output.ts';
import { Tag } from '../../fix/tags.ts';
import { copyWords } from '../../fix/words.ts';
import { ExecType } from '../refusals.ts';
import { Field } from '../tags.ts';
import { V } from '../versions.ts';
import { type Names, NO_NAME } from './names.ts';
import { AVG_DECIMALS, averagePrice, type ClientOrder, type OrderTerms, OrdStatus, OrdType, Tif } from './order.ts';
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
/** ExecTransType (20): new, status. */
const TRANS_NEW = 0x30;
const TRANS_STATUS = 0x33;

export class ReportBody extends Output {
  /** What stands there is of this order, in this version, and with so many decimals of seconds. NaN: of none. */
  #run = '';
  #serial = -1;
  #revision = Number.NaN;
  #version = 0;
  #decimals = 3;
  /** Where the digits of ExecID are and end, and the least number that has more of them: they only count up. */
  #execAt = 0;
  #execEnd = 0;
  #execBelow = 0;
  /** Where what the order asks for ends. */
  #tailAt = 0;

  constructor() {
    super(ROOM, MAX);
  }

  cancel(): void {
    this.at = 0;
    this.#revision = Number.NaN;
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
    this.at = 0;
    this.ensure(ROOM);
    const plain = what.name === NO_NAME && what.orig === NO_NAME && request === undefined;
    if (!plain || !this.#again(body, version, order, what, execId)) {
      this.#names(body, version, order, what, request);
      this.#exec(version, order, what, execId);
      this.#asked(order.terms, body);
      this.#run = order.run;
      this.#serial = order.serial;
      this.#revision = plain ? order.revision : Number.NaN;
      this.#version = version;
      this.#decimals = body.decimals;
      this.#tailAt = this.at;
    }
    this.#standing(version, order, what);
    this.#tag(Tag.TransactTime);
    this.at = this.putTime(now, body.decimals, 0, this.at);
    this.#end();
    body.fields(this.view, 0, this.at);
    if (what.text !== '') body.text(Tag.Text, what.text);
  }

  /** Takes the body that stands there for another report of the same order. @returns whether it is one of the same lengths */
  #again({ decimals }: BodyWriter, version: number, order: ClientOrder, what: Execution, { serial }: ExecId): boolean {
    if (order.serial !== this.#serial || order.revision !== this.#revision || order.run !== this.#run) return false;
    if (version !== this.#version || decimals !== this.#decimals) return false;
    if (order.serial < 0 || serial >= this.#execBelow) return false;
    this.putDigits(serial, this.#execEnd, this.#execAt);
    this.at = this.#execEnd + 1;
    this.#kind(version, what.type, order.status);
    this.at = this.#tailAt;
    return true;
  }

  /** OrderID, ClOrdID, OrigClOrdID, OrdStatusReqID. */
  #names(body: BodyWriter, version: number, order: ClientOrder, what: Execution, request: Message | undefined): void {
    const { names } = order.owner;
    this.#label(Field.OrderID, ORDER_RUNS.of(order.run), order.serial);
    this.#name(Tag.ClOrdID, names, what.name === NO_NAME ? order.name : what.name);
    if (what.orig !== NO_NAME && version >= V.FIX41) this.#name(Tag.OrigClOrdID, names, what.orig);
    if (request === undefined || version < V.FIX44) return;
    // It may be of any length: it goes before what is rendered here.
    body.fields(this.view, 0, this.at).copy(request, request.index(Field.OrdStatusReqID));
    this.at = 0;
  }

  #exec(version: number, order: ClientOrder, what: Execution, { run, serial }: ExecId): void {
    this.#label(Field.ExecID, EXECUTION_RUNS.of(version === V.FIX40 ? '' : run), serial);
    const end = this.at - 1;
    let start = end;
    let below = 1;
    for (; below <= serial; below *= 10) start -= 1;
    this.#execAt = start;
    this.#execEnd = end;
    this.#execBelow = below;
    this.#kind(version, what.type, order.status);
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

  #asked(terms: OrderTerms, body: BodyWriter): void {
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
    if (tif !== Tif.Gtd) return;
    this.#tag(Field.ExpireTime);
    this.at = this.putTime(terms.expires_at, body.decimals, 0, this.at);
    this.#end();
  }

  /** What has happened, and how the order stands. */
  #standing(version: number, order: ClientOrder, what: Execution): void {
    const { cum, notional, terms } = order;
    const { price_scale, qty_scale } = terms.instrument;
    const fill = what.type === ExecType.Trade;
    this.ensure(ROOM);
    let { at } = this;
    if (fill || version < V.FIX42) {
      at = this.#put(Field.LastQty, what.quantity, qty_scale, 0, at);
      at = this.#put(Field.LastPx, what.price, price_scale, fill ? price_scale : 0, at);
    }
    if (version >= V.FIX41) at = this.#put(Field.LeavesQty, order.open ? order.leaves : 0, qty_scale, 0, at);
    at = this.#put(Field.CumQty, cum, qty_scale, 0, at);
    // Nearly all orders are filled at one price.
    if (fill && what.price * cum === notional) at = this.#put(Field.AvgPx, what.price, price_scale, price_scale, at);
    else {
      const average = averagePrice(notional, cum);
      at = this.#put(Field.AvgPx, average, price_scale + AVG_DECIMALS, cum > 0 ? price_scale : 0, at);
    }
    this.at = at;
  }

  // A field each; there is room, but for texts, which make it.

  #tag(tag: number): void {
    this.at = this.putTag(tag, this.at);
  }

  #end(): void {
    this.view.setUint8(this.at++, SOH);
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
