/** Order messages of clients, one handler each. */

import type { Message } from '../../fix/message.ts';
import { MsgType, msgTypeCode, Tag } from '../../fix/tags.ts';
import { ID_BYTES, OPEN_ORDERS_PER_BOOK, OPEN_ORDERS_PER_USER } from '../limits.ts';
import { ExecType, RESPONSE_TO_CANCEL, RESPONSE_TO_REPLACE } from '../refusals.ts';
import { Field } from '../tags.ts';
import { CxlRejReason, OrdRejReason } from '../versions.ts';
import type { Client } from './clients.ts';
import type { Exchange } from './exchange.ts';
import type { ClientOrder, OrderTerms } from './order.ts';
import { type Refusal, readClOrdId, readTerms } from './read.ts';

export type Handler = (exchange: Exchange, client: Client, message: Message) => void;

export const ORDER_HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [MsgType.NewOrderSingle, newOrderSingle],
  [MsgType.OrderCancelRequest, orderCancelRequest],
  [MsgType.OrderCancelReplaceRequest, orderCancelReplaceRequest],
  [MsgType.OrderStatusRequest, orderStatusRequest],
  [msgTypeCode('q'), orderMassCancelRequest],
]);

const STATUS = { type: ExecType.Status, quantity: 0, price: 0, cl_ord_id: '', orig_cl_ord_id: '', text: '' };

const isRefusal = (value: OrderTerms | Refusal): value is Refusal => 'reason' in value;

/**
 * A message of a number that has been seen: where its ClOrdID is known, what it asked for has been done, and the client,
 * which has not heard of it, hears how its order is. @returns false: nothing is known of it
 */
export function known(exchange: Exchange, client: Client, message: Message): boolean {
  const { msgType } = message;
  if (msgType === MsgType.OrderStatusRequest) return false;
  const order = knownBy(client, message);
  if (order === undefined) return false;
  exchange.reports.execution(client, order, STATUS, exchange.now);
  return true;
}

/** The order that the session has used the message's ClOrdID for. */
function knownBy(client: Client, message: Message): ClientOrder | undefined {
  const i = message.index(Tag.ClOrdID);
  return message.length(i) > ID_BYTES ? undefined : client.ids.named(message, i);
}

function newOrderSingle(exchange: Exchange, client: Client, message: Message): void {
  const { reports, now } = exchange;
  const known = knownBy(client, message);
  if (known !== undefined && message.flag(message.possResend)) {
    // PossResend of an order that is known: its status, and nothing else (FIX 4.4 vol. 2, PossResend).
    reports.execution(client, known, STATUS, now);
    return;
  }
  if (known !== undefined) {
    reports.rejected(client, message, OrdRejReason.DuplicateOrder, 'Duplicate ClOrdID', now);
    return;
  }
  const terms = readTerms(message, exchange.instruments, now);
  const refusal = isRefusal(terms) ? terms : overLimit(exchange, client, terms);
  if (refusal !== undefined) reports.rejected(client, message, refusal.reason, refusal.text, now);
  else exchange.place(client, readClOrdId(message), terms as OrderTerms);
}

function overLimit(exchange: Exchange, client: Client, { instrument }: OrderTerms): Refusal | undefined {
  if (client.user.open >= OPEN_ORDERS_PER_USER) {
    return { reason: OrdRejReason.ExceedsLimit, text: `At most ${OPEN_ORDERS_PER_USER} open orders` };
  }
  if (exchange.marketOf(instrument.symbol)!.open >= OPEN_ORDERS_PER_BOOK) {
    return { reason: OrdRejReason.ExceedsLimit, text: `The book of ${instrument.symbol} is full` };
  }
  return undefined;
}

/** The open order that a cancel or replace names by OrigClOrdID (41), after saying why there is none. */
function target(exchange: Exchange, client: Client, message: Message, responseTo: number): ClientOrder | undefined {
  const { clients } = exchange;
  const order = clients.find(client, message.text(message.index(Tag.OrigClOrdID)));
  const clOrdId = readClOrdId(message);
  let reason: number = CxlRejReason.Other;
  let text = '';
  if (clOrdId === '') text = 'ClOrdID is too long';
  else if (client.ids.get(clOrdId) !== undefined) {
    reason = CxlRejReason.DuplicateClOrdId;
    text = 'Duplicate ClOrdID';
  } else if (order === undefined) {
    reason = CxlRejReason.UnknownOrder;
    text = 'Unknown order';
  } else if (!order.open) {
    reason = CxlRejReason.TooLate;
    text = 'Too late: the order is closed';
  } else if (!message.equals(message.index(Tag.OrigClOrdID), order.cl_ord_id)) {
    reason = CxlRejReason.UnknownOrder;
    text = `Unknown order: OrigClOrdID has been replaced by ${order.cl_ord_id}`;
  }
  if (text === '') return order;
  exchange.reports.cancelReject(client, message, order, responseTo, reason, text, exchange.now);
  return undefined;
}

function orderCancelRequest(exchange: Exchange, client: Client, message: Message): void {
  const order = target(exchange, client, message, RESPONSE_TO_CANCEL);
  if (order !== undefined) exchange.cancel(client, order, readClOrdId(message));
}

function orderCancelReplaceRequest(exchange: Exchange, client: Client, message: Message): void {
  const order = target(exchange, client, message, RESPONSE_TO_REPLACE);
  if (order === undefined) return;
  const terms = readTerms(message, exchange.instruments, exchange.now);
  const text = isRefusal(terms) ? terms.text : conflict(order, terms);
  if (text === '') exchange.replace(client, order, readClOrdId(message), terms as OrderTerms);
  else {
    const { reports, now } = exchange;
    reports.cancelReject(client, message, order, RESPONSE_TO_REPLACE, CxlRejReason.Other, text, now);
  }
}

/** Why `terms` cannot take the place of those of `order`; '' when they can. */
function conflict({ terms, cum, state }: ClientOrder, next: OrderTerms): string {
  if (next.instrument !== terms.instrument) return 'Symbol cannot be replaced';
  if (next.side_code !== terms.side_code) return 'Side cannot be replaced';
  if (next.ord_type !== terms.ord_type) return 'OrdType cannot be replaced';
  if (next.qty < cum) return 'OrderQty is below CumQty';
  if (state.at === 'book' && next.stop_price !== terms.stop_price) return 'StopPx has been reached';
  return '';
}

function orderStatusRequest(exchange: Exchange, client: Client, message: Message): void {
  const { clients, reports, now } = exchange;
  const order = clients.find(client, message.text(message.index(Tag.ClOrdID)));
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
  if (type === MASS_CANCEL_SECURITY && !exchange.instruments.has(symbol)) {
    reports.massCancel(client, message, MASS_CANCEL_REJECTED, 1, 0, now); // 532=1: unknown security
    return;
  }
  const orders = new Set<ClientOrder>();
  for (const one of client.user.clients) {
    for (const order of one.ids.orders()) {
      const { instrument, side_code } = order.terms;
      if (!order.open || (type === MASS_CANCEL_SECURITY && instrument.symbol !== symbol)) continue;
      if (side < 0 || side === side_code) orders.add(order);
    }
  }
  reports.massCancel(client, message, type, -1, orders.size, now);
  for (const order of orders) exchange.cancelBy(order, 'Mass cancel');
  exchange.commit();
}
