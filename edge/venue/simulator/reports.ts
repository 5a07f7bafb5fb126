/** What clients are told about their orders: ExecutionReport (35=8), OrderCancelReject (35=9), mass cancel report (35=r). */

import type { BodyWriter } from '../../fix/encoder.ts';
import type { Message } from '../../fix/message.ts';
import { MsgType, msgTypeCode, Tag } from '../../fix/tags.ts';
import { ExecType, NONE, writeCancelRefusal, writeOrderRefusal } from '../refusals.ts';
import { Field } from '../tags.ts';
import type { VenueSink } from '../venue.ts';
import { V } from '../versions.ts';
import type { Client, ClientOrder } from './client-order.ts';
import { NO_NAME } from './names.ts';
import { type Execution, ReportBodies } from './report-body.ts';

const MASS_CANCEL_REPORT = msgTypeCode('r');

const plain = (type: number, text = ''): Execution => ({
  type,
  quantity: 0,
  price: 0,
  name: NO_NAME,
  orig: NO_NAME,
  text,
});
/** Of the request `name` (NO_NAME: the order's own) about the order that went by `orig`. */
export const answering = (type: number, name: number, orig: number): Execution => ({ ...plain(type), name, orig });
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
  private readonly bodies = new ReportBodies();
  private readonly execId;
  private orders = 0;

  /** @param stamp epoch ms; makes the ids of this run differ from those of every other run */
  constructor(sink: VenueSink, stamp: number) {
    this.sink = sink;
    this.stamp = stamp.toString(36).toUpperCase();
    this.run = `${this.stamp}-`;
    this.executionRun = `${this.stamp}.`;
    this.execId = { run: this.executionRun, serial: 0 };
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

  /** The state of an order, and what has happened to it. */
  execution(client: Client, order: ClientOrder, what: Execution, now: number, request?: Message): void {
    const { version } = client;
    const n = ++this.executions;
    this.execId.serial = version === V.FIX40 ? this.base + n : n;
    const body = this.sink.open(client.session, MsgType.ExecutionReport);
    this.bodies.of(what, order).write(body, version, order, what, this.execId, now, request);
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
