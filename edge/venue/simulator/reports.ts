/** What clients are told about their orders: ExecutionReport (35=8), OrderCancelReject (35=9), mass cancel report (35=r). */

import type { BodyWriter } from '../../fix/encoder.ts';
import type { Message } from '../../fix/message.ts';
import { MsgType, msgTypeCode, Tag } from '../../fix/tags.ts';
import { ExecType, NONE, writeCancelRefusal, writeKind, writeOrderRefusal } from '../refusals.ts';
import { Field } from '../tags.ts';
import type { VenueSink } from '../venue.ts';
import { V } from '../versions.ts';
import type { Client } from './clients.ts';
import { AVG_DECIMALS, averagePrice, type ClientOrder, OrdStatus, OrdType, Tif } from './order.ts';

const MASS_CANCEL_REPORT = msgTypeCode('r');

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
  /** What the OrderIDs and ExecIDs of this run begin with. */
  readonly run: string;
  private readonly executionRun: string;
  private readonly base: number;
  private executions = 0;
  private orders = 0;

  /** @param stamp epoch ms; makes the ids of this run differ from those of every other run */
  constructor(sink: VenueSink, stamp: number) {
    this.sink = sink;
    this.stamp = stamp.toString(36).toUpperCase();
    this.run = `${this.stamp}-`;
    this.executionRun = `${this.stamp}.`;
    this.base = stamp * 100;
  }

  nextOrderId(): string {
    return `${this.run}${this.nextSerial()}`;
  }

  /** Of an OrderID, behind {@link run}. */
  nextSerial(): number {
    return ++this.orders;
  }

  /** In FIX.4.0 ExecID is an int: 15 digits, apart from the next run's below 100 reports a millisecond. */
  private nextExecId(version: number): string {
    const n = ++this.executions;
    return version === V.FIX40 ? String(this.base + n) : `${this.executionRun}${n}`;
  }

  private writeExecId(body: BodyWriter, version: number): void {
    const n = ++this.executions;
    if (version === V.FIX40) body.uint(Field.ExecID, this.base + n);
    else body.label(Field.ExecID, this.executionRun, n);
  }

  /** The state of an order, and what has happened to it. */
  execution(client: Client, order: ClientOrder, what: Execution, now: number, request?: Message): void {
    const { version } = client;
    const { terms, cum } = order;
    const { instrument } = terms;
    const fill = what.type === ExecType.Trade;
    const body = this.sink.open(client.session, MsgType.ExecutionReport);
    if (order.serial < 0) body.text(Field.OrderID, order.run);
    else body.label(Field.OrderID, order.run, order.serial);
    body.text(Tag.ClOrdID, what.cl_ord_id === '' ? order.cl_ord_id : what.cl_ord_id);
    if (what.orig_cl_ord_id !== '' && version >= V.FIX41) body.text(Tag.OrigClOrdID, what.orig_cl_ord_id);
    if (request !== undefined && version >= V.FIX44) body.copy(request, request.index(Field.OrdStatusReqID));
    this.writeExecId(body, version);
    writeKind(body, version, what.type, order.status);
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
    { version }: Client,
    request: Message,
    type: number,
    reason: number,
    text: string,
    now: number,
  ): void {
    writeOrderRefusal(body, version, request, { execId: this.nextExecId(version), type, reason, text }, now);
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
    const body = this.sink.open(client.session, MsgType.OrderCancelReject);
    writeCancelRefusal(body, client.version, request, { order, responseTo, reason, text }, now);
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
