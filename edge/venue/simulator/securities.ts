/** SecurityListRequest (35=x) and its answer, SecurityList (35=y). */

import type { Message } from '../../fix/message.ts';
import { msgTypeCode, Tag } from '../../fix/tags.ts';
import { Field } from '../tags.ts';
import type { VenueSink } from '../venue.ts';
import type { Client } from './client-order.ts';
import type { Exchange } from './exchange.ts';

export const SECURITY_LIST_REQUEST = msgTypeCode('x');
const SECURITY_LIST = msgTypeCode('y');

/** SecurityListRequestType (559). */
const SYMBOL = 0;
const ALL = 4;
/** SecurityRequestResult (560). */
const VALID = 0;
const UNSUPPORTED = 1;
const NONE_FOUND = 2;

export function securityList(exchange: Exchange, sink: VenueSink, client: Client, message: Message): void {
  const type = message.uint(message.index(Field.SecurityListRequestType));
  const all = exchange.markets.all.map(({ book }) => book.instrument);
  const symbol = message.text(message.index(Tag.Symbol));
  const found = type === ALL ? all : type === SYMBOL ? all.filter((one) => one.symbol === symbol) : [];
  const result = type !== ALL && type !== SYMBOL ? UNSUPPORTED : found.length === 0 ? NONE_FOUND : VALID;
  const body = sink.open(client.session, SECURITY_LIST).copy(message, message.index(Field.SecurityReqID));
  body.text(Field.SecurityResponseID, exchange.reports.nextOrderId()).uint(Field.SecurityRequestResult, result);
  if (found.length > 0) {
    body.uint(Field.TotNoRelatedSym, found.length).uint(Field.NoRelatedSym, found.length);
    for (const { symbol: name, description, currency } of found) {
      body.text(Tag.Symbol, name).text(Field.SecurityDesc, description).text(Field.Currency, currency);
    }
  }
  sink.close();
}
