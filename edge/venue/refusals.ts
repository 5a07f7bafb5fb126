/** Bodies of refusals, as each version has them: an order that is not taken, a cancel or replace that is not done. */

import type { BodyWriter } from '../fix/encoder.ts';
import type { Message } from '../fix/message.ts';
import { Tag } from '../fix/tags.ts';
import { Field } from './tags.ts';
import { cxlRejReason, ordRejReason, V } from './versions.ts';

/** ExecType (150) of FIX 4.3 and later; earlier versions say fills and states otherwise (see {@link writeKind}). */
export const ExecType = {
  New: 0x30,
  Canceled: 0x34,
  Replaced: 0x35,
  Rejected: 0x38,
  Expired: 0x43,
  Trade: 0x46,
  Status: 0x49,
} as const;

/** OrdStatus (39) of an order that is not taken, or not known. */
export const REJECTED = 0x38;
/** CxlRejResponseTo (434). */
export const RESPONSE_TO_CANCEL = 0x31;
export const RESPONSE_TO_REPLACE = 0x32;
/** OrderID (37) of what has none. */
export const NONE = 'NONE';
/** ExecTransType (20): new, status. */
const TRANS_NEW = 0x30;
const TRANS_STATUS = 0x33;

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

/** What follows ExecID: ExecTransType (until FIX.4.2) and ExecType (since FIX.4.1). */
export function writeKind(body: BodyWriter, version: number, type: number, status: number): void {
  if (version < V.FIX43) body.char(Field.ExecTransType, type === ExecType.Status ? TRANS_STATUS : TRANS_NEW);
  if (version < V.FIX41) return;
  // Until FIX.4.2 a fill is ExecType 1 or 2 and a status report repeats OrdStatus.
  const old = version < V.FIX43 && (type === ExecType.Trade || type === ExecType.Status);
  body.char(Field.ExecType, old ? status : type);
}

export interface OrderRefusal {
  readonly execId: string;
  /** `ExecType.Rejected`, or `Status` for an order that is not known. */
  readonly type: number;
  /** OrdRejReason (103). */
  readonly reason: number;
  readonly text: string;
}

/** ExecutionReport after its OrderID: `request` is not taken; its fields come back as they were sent. */
export function writeOrderRefusal(
  body: BodyWriter,
  version: number,
  request: Message,
  { execId, type, reason, text }: OrderRefusal,
  now: number,
): void {
  const copy = (tag: number) => body.copy(request, request.index(tag));
  copy(Tag.ClOrdID);
  body.text(Field.ExecID, execId);
  writeKind(body, version, type, REJECTED);
  body.char(Field.OrdStatus, REJECTED).uint(Field.OrdRejReason, ordRejReason(version, reason));
  for (let i = 0; i < ECHOED.length; i++) copy(ECHOED[i]!);
  if (version < V.FIX42) {
    if (request.index(Field.OrderQty) < 0) body.uint(Field.OrderQty, 0);
    body.uint(Field.LastQty, 0).uint(Field.LastPx, 0);
  }
  if (version >= V.FIX41) body.uint(Field.LeavesQty, 0);
  body.uint(Field.CumQty, 0).uint(Field.AvgPx, 0).utc(Tag.TransactTime, now).text(Tag.Text, text);
}

export interface CancelRefusal {
  /** Of the order that was meant; undefined: nobody knows it. */
  readonly order: { readonly id: string; readonly status: number } | undefined;
  readonly responseTo: number;
  /** CxlRejReason (102). */
  readonly reason: number;
  readonly text: string;
}

/** OrderCancelReject (35=9). */
export function writeCancelRefusal(
  body: BodyWriter,
  version: number,
  request: Message,
  { order, responseTo, reason, text }: CancelRefusal,
  now: number,
): void {
  body.text(Field.OrderID, order?.id ?? NONE).copy(request, request.index(Tag.ClOrdID));
  if (version >= V.FIX41) {
    body.copy(request, request.index(Tag.OrigClOrdID));
    body.char(Field.OrdStatus, order?.status ?? REJECTED);
  }
  if (version >= V.FIX42) body.char(Field.CxlRejResponseTo, responseTo);
  const said = cxlRejReason(version, reason);
  if (said >= 0) body.uint(Field.CxlRejReason, said);
  if (version >= V.FIX42) body.utc(Tag.TransactTime, now);
  body.text(Tag.Text, text);
}
