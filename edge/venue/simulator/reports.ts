/** What clients are told about their orders: ExecutionReport (35=8), OrderCancelReject (35=9), mass cancel report (35=r). */

import type { BodyWriter } from '../../fix/encoder.ts';
import type { Message } from '../../fix/message.ts';
import { MsgType, msgTypeCode, Tag } from '../../fix/tags.ts';
import type { VenueSink } from '../venue.ts';
import type { Client } from './clients.ts';
import { AVG_DECIMALS, averagePrice, type ClientOrder, OrdStatus, OrdType, Tif } from './order.ts';
import { Field } from './tags.ts';
import { cxlRejReason, ordRejReason, V } from './versions.ts';

/** ExecType (150) of FIX 4.3 and later; earlier versions say fills and states otherwise (see `execType`). */
export const ExecType = {
  New: 0x30,
  Canceled: 0x34,
  Replaced: 0x35,
  Rejected: 0x38,
  Expired: 0x43,
  Trade: 0x46,
  Status: 0x49,
} as const;

/** CxlRejResponseTo (434). */
export const RESPONSE_TO_CANCEL = 0x31;
export const RESPONSE_TO_REPLACE = 0x32;

const MASS_CANCEL_REPORT = msgTypeCode('r');
const NONE = 'NONE';
/** ExecTransType (20): new, status. */
const TRANS_NEW = 0x30;
const TRANS_STATUS = 0x33;

/** What an ExecutionReport says beyond the state of its order. */
export interface Execution {
  readonly type: number;
  readonly quantity: number;
  readonly price: number;
  /** ClOrdID (11) of the request answered, when it is not the order's own; '' otherwise. */
  readonly cl_ord_id: string;
  /** OrigClOrdID (41), '' for none. */
  readonly orig_cl_ord_id: string;
  readonly text: string;
}

const plain = (type: number, text = ''): Execution => ({
  type,
  quantity: 0,
  price: 0,
  cl_ord_id: '',
  orig_cl_ord_id: '',
  text,
});
export const NEW: Execution = plain(ExecType.New);
export const EXPIRED_EXECUTION: Execution = plain(ExecType.Expired);
export const NOT_FILLED: Execution = plain(ExecType.Canceled, 'Not filled at once');
/** The report of a cancel that the session itself did not ask for. */
export const CANCELED_ELSEWHERE: Execution = plain(ExecType.Canceled, 'Canceled by another session of the user');

export class Reports {
  private readonly sink: VenueSink;
  private readonly stamp: string;
  private readonly base: number;
  private executions = 0;
  private orders = 0;

  /** @param stamp epoch ms; makes the ids of this run differ from those of every other run */
  constructor(sink: VenueSink, stamp: number) {
    this.sink = sink;
    this.stamp = stamp.toString(36).toUpperCase();
    this.base = stamp * 100;
  }

  nextOrderId(): string {
    return `${this.stamp}-${++this.orders}`;
  }

  /** In FIX.4.0 ExecID is an int: 15 digits, apart from the next run's below 100 reports a millisecond. */
  private nextExecId(version: number): string {
    const n = ++this.executions;
    return version === V.FIX40 ? String(this.base + n) : `${this.stamp}.${n}`;
  }

  /** The state of an order, and what has happened to it. */
  execution(client: Client, order: ClientOrder, what: Execution, now: number, request?: Message): void {
    const { version } = client;
    const { terms, cum } = order;
    const { instrument } = terms;
    const fill = what.type === ExecType.Trade;
    const body = this.sink.open(client.session, MsgType.ExecutionReport);
    body.text(Field.OrderID, order.id).text(Tag.ClOrdID, what.cl_ord_id === '' ? order.cl_ord_id : what.cl_ord_id);
    if (what.orig_cl_ord_id !== '' && version >= V.FIX41) body.text(Tag.OrigClOrdID, what.orig_cl_ord_id);
    if (request !== undefined && version >= V.FIX44) body.copy(request, request.index(Field.OrdStatusReqID));
    this.kind(body, version, what.type, order.status);
    if (what.type === ExecType.Replaced && version < V.FIX43 && order.status === OrdStatus.New) {
      body.char(Field.OrdStatus, OrdStatus.Replaced);
    } else body.char(Field.OrdStatus, order.status);
    if (terms.account !== '') body.text(Field.Account, terms.account);
    body.text(Tag.Symbol, instrument.symbol).char(Field.Side, terms.side_code);
    body.decimal(Field.OrderQty, terms.qty, instrument.qty_scale).char(Field.OrdType, terms.ord_type);
    if (terms.ord_type === OrdType.Limit || terms.ord_type === OrdType.StopLimit) {
      body.decimal(Field.Price, terms.price, instrument.price_scale, instrument.price_scale);
    }
    if (terms.stop_price > 0) {
      body.decimal(Field.StopPx, terms.stop_price, instrument.price_scale, instrument.price_scale);
    }
    body.char(Field.TimeInForce, terms.tif);
    if (terms.tif === Tif.Gtd) body.utc(Field.ExpireTime, terms.expires_at);
    if (fill || version < V.FIX42) {
      body.decimal(Field.LastQty, what.quantity, instrument.qty_scale);
      body.decimal(Field.LastPx, what.price, instrument.price_scale, fill ? instrument.price_scale : 0);
    }
    if (version >= V.FIX41) body.decimal(Field.LeavesQty, order.open ? order.leaves : 0, instrument.qty_scale);
    body.decimal(Field.CumQty, cum, instrument.qty_scale);
    const average = averagePrice(order.notional, cum);
    body.decimal(Field.AvgPx, average, instrument.price_scale + AVG_DECIMALS, cum > 0 ? instrument.price_scale : 0);
    body.utc(Tag.TransactTime, now);
    if (what.text !== '') body.text(Tag.Text, what.text);
    this.sink.close();
  }

  /** ExecID, ExecTransType (until FIX.4.2) and ExecType (since FIX.4.1). */
  private kind(body: BodyWriter, version: number, type: number, status: number): void {
    body.text(Field.ExecID, this.nextExecId(version));
    if (version < V.FIX43) body.char(Field.ExecTransType, type === ExecType.Status ? TRANS_STATUS : TRANS_NEW);
    if (version < V.FIX41) return;
    // Until FIX.4.2 a fill is ExecType 1 or 2 and a status report repeats OrdStatus.
    const old = version < V.FIX43 && (type === ExecType.Trade || type === ExecType.Status);
    body.char(Field.ExecType, old ? status : type);
  }

  /** An order that was not taken; its fields come back as they were sent. */
  rejected(client: Client, request: Message, reason: number, text: string, now: number): void {
    const body = this.sink.open(client.session, MsgType.ExecutionReport);
    body.text(Field.OrderID, this.nextOrderId());
    this.refusal(body, client, request, ExecType.Rejected, reason, text, now);
  }

  /** The answer to a status request for an order that is not known. */
  unknownStatus(client: Client, request: Message, now: number): void {
    const body = this.sink.open(client.session, MsgType.ExecutionReport);
    const orderId = request.index(Field.OrderID);
    if (request.length(orderId) > 0) body.copy(request, orderId);
    else body.text(Field.OrderID, NONE);
    if (client.version >= V.FIX44) body.copy(request, request.index(Field.OrdStatusReqID));
    this.refusal(body, client, request, ExecType.Status, 5, 'Unknown order', now);
  }

  private refusal(
    body: BodyWriter,
    client: Client,
    request: Message,
    type: number,
    reason: number,
    text: string,
    now: number,
  ): void {
    const { version } = client;
    const copy = (tag: number) => body.copy(request, request.index(tag));
    copy(Tag.ClOrdID);
    this.kind(body, version, type, OrdStatus.Rejected);
    body.char(Field.OrdStatus, OrdStatus.Rejected).uint(Field.OrdRejReason, ordRejReason(version, reason));
    for (let i = 0; i < ECHOED.length; i++) copy(ECHOED[i]!);
    if (version < V.FIX42) {
      if (request.index(Field.OrderQty) < 0) body.uint(Field.OrderQty, 0);
      body.uint(Field.LastQty, 0).uint(Field.LastPx, 0);
    }
    if (version >= V.FIX41) body.uint(Field.LeavesQty, 0);
    body.uint(Field.CumQty, 0).uint(Field.AvgPx, 0).utc(Tag.TransactTime, now).text(Tag.Text, text);
    this.sink.close();
  }

  /** OrderCancelReject (35=9); `order` undefined: nobody knows it. */
  cancelReject(
    client: Client,
    request: Message,
    order: ClientOrder | undefined,
    responseTo: number,
    reason: number,
    text: string,
    now: number,
  ): void {
    const { version } = client;
    const body = this.sink.open(client.session, MsgType.OrderCancelReject);
    body.text(Field.OrderID, order?.id ?? NONE).copy(request, request.index(Tag.ClOrdID));
    if (version >= V.FIX41) {
      body.copy(request, request.index(Tag.OrigClOrdID));
      body.char(Field.OrdStatus, order?.status ?? OrdStatus.Rejected);
    }
    if (version >= V.FIX42) body.char(Field.CxlRejResponseTo, responseTo);
    const said = cxlRejReason(version, reason);
    if (said >= 0) body.uint(Field.CxlRejReason, said);
    if (version >= V.FIX42) body.utc(Tag.TransactTime, now);
    body.text(Tag.Text, text);
    this.sink.close();
  }

  /** OrderMassCancelReport (35=r). `response` 531, '0' for a refusal with `reason` 532. */
  massCancel(client: Client, request: Message, response: number, reason: number, affected: number, now: number): void {
    const body = this.sink.open(client.session, MASS_CANCEL_REPORT);
    const id = this.nextOrderId();
    body.copy(request, request.index(Tag.ClOrdID)).text(Field.OrderID, id);
    if (client.version >= V.FIX50SP2) body.text(Field.MassActionReportID, id);
    body.copy(request, request.index(Field.MassCancelRequestType)).char(Field.MassCancelResponse, response);
    if (reason >= 0) body.uint(Field.MassCancelRejectReason, reason);
    else body.uint(Field.TotalAffectedOrders, affected);
    body.copy(request, request.index(Tag.Symbol)).copy(request, request.index(Field.Side));
    body.utc(Tag.TransactTime, now);
    this.sink.close();
  }
}

/** Fields of a refused request that the report repeats, byte for byte. */
const ECHOED = [
  Field.Account,
  Tag.Symbol,
  Field.Side,
  Field.OrderQty,
  Field.OrdType,
  Field.Price,
  Field.StopPx,
  Field.TimeInForce,
] as const;
