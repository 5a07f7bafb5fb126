/** Which bucket an application message draws on (DESIGN of limits: orders, cancels, everything else). Session-level messages never. */

import { CANCEL, type Kind, MESSAGE, ORDER } from '../core/limits/kinds.ts';
import { msgTypeCode } from './fix/tags.ts';

/** Order entry: whatever can put a new or larger order on a market. */
const ORDERS = [
  'D', // NewOrderSingle
  'E', // NewOrderList
  'G', // OrderCancelReplaceRequest
  's', // NewOrderCross
  't', // CrossOrderCancelReplaceRequest
  'AB', // NewOrderMultileg
  'AC', // MultilegOrderCancelReplace
  'S', // Quote
  'i', // MassQuote
];

/** What only takes orders away: it has a bucket of its own, so that a client over its limit can still get out. */
const CANCELS = [
  'F', // OrderCancelRequest
  'q', // OrderMassCancelRequest
  'u', // CrossOrderCancelRequest
  'K', // ListCancelRequest
  'Z', // QuoteCancel
  'CA', // OrderMassActionRequest
];

/** By packed MsgType of one and of two characters: 'zz' is below 32,768. */
const KINDS = new Uint8Array(32_768).fill(MESSAGE);
for (const type of ORDERS) KINDS[msgTypeCode(type)] = ORDER;
for (const type of CANCELS) KINDS[msgTypeCode(type)] = CANCEL;

/** @param msgType packed (fix/tags.ts) */
export function kindOf(msgType: number): Kind {
  return (KINDS[msgType] ?? MESSAGE) as Kind;
}
