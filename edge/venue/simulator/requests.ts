/** Order messages of clients, one handler each. */

import type { Message } from '../../fix/message.ts';
import { MsgType, msgTypeCode, Tag } from '../../fix/tags.ts';
import { FULL_USERS_PER_BOOK, ID_BYTES } from '../limits.ts';
import { ExecType, RESPONSE_TO_CANCEL, RESPONSE_TO_REPLACE } from '../refusals.ts';
import { Field } from '../tags.ts';
import { CxlRejReason, OrdRejReason } from '../versions.ts';
import type { Client, ClientOrder } from './client-order.ts';
import type { Exchange } from './exchange.ts';
import { OrderFields } from './fields.ts';
import type { Market } from './markets.ts';
import { NO_NAME } from './names.ts';
import { NO_NUMBER, NO_TERMS, type OrderTerms } from './order.ts';
import { type Asked, type Refusal, readTerms } from './read.ts';

export type Handler = (exchange: Exchange, client: Client, message: Message) => void;

export const ORDER_HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [MsgType.NewOrderSingle, newOrderSingle],
  [MsgType.OrderCancelRequest, orderCancelRequest],
  [MsgType.OrderCancelReplaceRequest, orderCancelReplaceRequest],
  [MsgType.OrderStatusRequest, orderStatusRequest],
  [msgTypeCode('q'), orderMassCancelRequest],
]);

const STATUS = { type: ExecType.Status, quantity: 0, price: 0, name: NO_NAME, orig: NO_NAME, text: '' };
/** Of the message in hand. */
const FIELDS = new OrderFields();
const ASKED: Asked = { terms: { ...NO_TERMS, alike: NO_NUMBER } };

/**
 * A message of a number that has been seen: where its ClOrdID is known, what it asked for has been done, and the client,
 * which has not heard of it, hears how its order is. @returns false: nothing is known of it
 */
export function known(exchange: Exchange, client: Client, message: Message): boolean {
  const { msgType } = message;
  if (msgType === MsgType.OrderStatusRequest) return false;
  const clOrdId = message.index(Tag.ClOrdID);
  const order = client.ids.named(message, clOrdId);
  if (order === undefined) return false;
  const { reports, now, clients } = exchange;
  if (msgType !== MsgType.OrderCancelRequest) {
    reports.execution(client, order, STATUS, now);
    return true;
  }
  // Who has sent a cancel waits for an answer under the name of that, as it would have had it.
  const name = clients.names.of(message, clOrdId);
  reports.execution(client, order, { ...STATUS, name, orig: order.name }, now);
  clients.names.drop(name);
  return true;
}

function newOrderSingle(exchange: Exchange, client: Client, message: Message): void {
  const { reports, now } = exchange;
  const fields = FIELDS.read(message);
  if (client.ids.has(message, fields.clOrdId)) {
    if (message.flag(message.possResend)) {
      // PossResend of an order that is known: its status, and nothing else (FIX 4.4 vol. 2, PossResend).
      reports.execution(client, client.ids.named(message, fields.clOrdId)!, STATUS, now);
    } else reports.rejected(client, message, OrdRejReason.DuplicateOrder, 'Duplicate ClOrdID', now);
    return;
  }
  const { markets, clients } = exchange;
  const wrong = readTerms(message, fields, client, markets, now, ASKED);
  if (wrong !== undefined) {
    reports.rejected(client, message, wrong.reason, wrong.text, now);
    return;
  }
  const { terms } = ASKED;
  const market = markets.ofInstrument(terms.instrument);
  const full = overLimit(exchange, client, market);
  if (full !== undefined) reports.rejected(client, message, full.reason, full.text, now);
  else exchange.place(client, market, clients.names.of(message, fields.clOrdId), terms);
}

function overLimit({ openOrders }: Exchange, client: Client, { open, book }: Market): Refusal | undefined {
  if (client.user.open >= openOrders)
    return { reason: OrdRejReason.ExceedsLimit, text: `At most ${openOrders} open orders` };
  const most = openOrders * FULL_USERS_PER_BOOK;
  if (open >= most) {
    const text = `The book of ${book.instrument.symbol} is full: ${most} open orders`;
    return { reason: OrdRejReason.ExceedsLimit, text };
  }
  return undefined;
}

/** The open order that a cancel or replace names by OrigClOrdID (41), after saying why there is none. */
function target(
  exchange: Exchange,
  client: Client,
  message: Message,
  { clOrdId, origClOrdId }: OrderFields,
  responseTo: number,
): ClientOrder | undefined {
  const order = exchange.clients.find(client, message, origClOrdId);
  const length = message.length(clOrdId);
  let reason: number = CxlRejReason.Other;
  let text = '';
  if (length === 0 || length > ID_BYTES) text = 'ClOrdID is too long';
  else if (client.ids.has(message, clOrdId)) {
    reason = CxlRejReason.DuplicateClOrdId;
    text = 'Duplicate ClOrdID';
  } else if (order === undefined) {
    reason = CxlRejReason.UnknownOrder;
    text = 'Unknown order';
  } else if (!order.open) {
    reason = CxlRejReason.TooLate;
    text = 'Too late: the order is closed';
  } else if (!order.goesBy(message, origClOrdId)) {
    reason = CxlRejReason.UnknownOrder;
    text = `Unknown order: OrigClOrdID has been replaced by ${order.cl_ord_id}`;
  }
  if (text === '') return order;
  exchange.reports.cancelReject(client, message, order, responseTo, reason, text, exchange.now);
  return undefined;
}

function orderCancelRequest(exchange: Exchange, client: Client, message: Message): void {
  const fields = FIELDS.read(message);
  const order = target(exchange, client, message, fields, RESPONSE_TO_CANCEL);
  if (order === undefined) return;
  const { names } = exchange.clients;
  const name = names.of(message, fields.clOrdId);
  exchange.cancel(client, order, name);
  names.drop(name);
}

function orderCancelReplaceRequest(exchange: Exchange, client: Client, message: Message): void {
  const fields = FIELDS.read(message);
  const order = target(exchange, client, message, fields, RESPONSE_TO_REPLACE);
  if (order === undefined) return;
  const refusal = readTerms(message, fields, client, exchange.markets, exchange.now, ASKED);
  const { terms } = ASKED;
  const text = refusal?.text ?? conflict(order, terms);
  if (text !== '') {
    const { reports, now } = exchange;
    reports.cancelReject(client, message, order, RESPONSE_TO_REPLACE, CxlRejReason.Other, text, now);
    return;
  }
  const { names } = exchange.clients;
  const name = names.of(message, fields.clOrdId);
  exchange.replace(client, order, name, terms);
  names.drop(name);
}

/** Why `terms` cannot take the place of those of `order`; '' when they can. */
function conflict(order: ClientOrder, next: OrderTerms): string {
  if (next.instrument !== order.instrument) return 'Symbol cannot be replaced';
  if (next.side_code !== order.side_code) return 'Side cannot be replaced';
  if (next.ord_type !== order.ord_type) return 'OrdType cannot be replaced';
  if (next.qty < order.cum) return 'OrderQty is below CumQty';
  if (order.state.at === 'book' && next.stop_price !== order.stop_price) return 'StopPx has been reached';
  return '';
}

function orderStatusRequest(exchange: Exchange, client: Client, message: Message): void {
  const { clients, reports, now } = exchange;
  const order = clients.find(client, message, message.index(Tag.ClOrdID));
  if (order === undefined) reports.unknownStatus(client, message, now);
  else reports.execution(client, order, STATUS, now, message);
}

/** MassCancelRequestType (530): for a security, for all. Cancels what the user has in every session. */
const MASS_CANCEL_SECURITY = 0x31;
const MASS_CANCEL_ALL = 0x37;
const MASS_CANCEL_REJECTED = 0x30;

function orderMassCancelRequest(exchange: Exchange, client: Client, message: Message): void {
  const { reports, now } = exchange;
  const type = message.char(message.index(Field.MassCancelRequestType));
  const symbol = message.text(message.index(Tag.Symbol));
  const side = message.char(message.index(Field.Side));
  if (type !== MASS_CANCEL_ALL && type !== MASS_CANCEL_SECURITY) {
    reports.massCancel(client, message, MASS_CANCEL_REJECTED, 0, 0, now); // 532=0: not supported
    return;
  }
  if (type === MASS_CANCEL_SECURITY && exchange.markets.of(symbol) === undefined) {
    reports.massCancel(client, message, MASS_CANCEL_REJECTED, 1, 0, now); // 532=1: unknown security
    return;
  }
  const { orders } = exchange.clients;
  const rows: number[] = [];
  for (const one of client.user.clients) {
    for (const row of one.ids.open()) {
      const { instrument, side_code } = orders.order(row);
      orders.rest();
      if (type === MASS_CANCEL_SECURITY && instrument.symbol !== symbol) continue;
      if (side < 0 || side === side_code) rows.push(row);
    }
  }
  reports.massCancel(client, message, type, -1, rows.length, now);
  exchange.cancelAll(rows, 'Mass cancel');
}
