/** Reads what an order says from a validated message: integers in the instrument's units, or why it cannot be taken. */

import { parseScaled } from '../../fix/integers.ts';
import type { Message } from '../../fix/message.ts';
import { Tag } from '../../fix/tags.ts';
import { parseDate } from '../../fix/timestamp.ts';
import { ID_BYTES } from '../limits.ts';
import { Field } from '../tags.ts';
import { OrdRejReason } from '../versions.ts';
import { BUY, type Instrument, SELL, type Side } from './instruments.ts';
import { type OrderTerms, OrdType, Tif } from './order.ts';

const DAY_MS = 86_400_000;

/** Why an order is refused: OrdRejReason (103) of the newest version, and a Text (58). */
export interface Refusal {
  readonly reason: number;
  readonly text: string;
}

const refusal = (reason: number, text: string): Refusal => ({ reason, text });

const NO_ID = refusal(OrdRejReason.Other, `ClOrdID has 1 to ${ID_BYTES} characters`);
const LONG_ACCOUNT = refusal(OrdRejReason.Other, `Account has up to ${ID_BYTES} characters`);
const UNKNOWN_SYMBOL = refusal(OrdRejReason.UnknownSymbol, 'Unknown symbol');
const BAD_SIDE = refusal(OrdRejReason.Unsupported, 'Side must be 1, 2, 5 or 6');
const BAD_TYPE = refusal(OrdRejReason.Unsupported, 'OrdType must be 1, 2, 3 or 4');
const BAD_TIF = refusal(OrdRejReason.Unsupported, 'TimeInForce must be 0, 1, 3, 4 or 6');
const BAD_EXPIRY = refusal(OrdRejReason.Other, 'ExpireTime or ExpireDate in the future is required with TimeInForce 6');
const BAD_EXEC_INST = refusal(OrdRejReason.Unsupported, 'ExecInst 6 and G are not supported');
const BAD_PARTS = refusal(OrdRejReason.Unsupported, 'MinQty and MaxFloor are not supported');

/** FIX side codes: sell short (5) and sell short exempt (6) are sells to the book. */
function sideOf(code: number): Side | 0 {
  if (code === 0x31) return BUY;
  return code === 0x32 || code === 0x35 || code === 0x36 ? SELL : 0;
}

/** ClOrdID (11) of a request, '' when it is missing or too long to keep. */
export function readClOrdId(message: Message): string {
  const i = message.index(Tag.ClOrdID);
  return message.length(i) > ID_BYTES ? '' : message.text(i);
}

/** The order in a NewOrderSingle (35=D) or OrderCancelReplaceRequest (35=G), or why it is none that is taken here. */
export function readTerms(
  message: Message,
  instruments: ReadonlyMap<string, Instrument>,
  now: number,
): OrderTerms | Refusal {
  const clOrdId = message.length(message.index(Tag.ClOrdID));
  if (clOrdId === 0 || clOrdId > ID_BYTES) return NO_ID;
  const symbol = message.index(Tag.Symbol);
  const instrument = message.length(symbol) > ID_BYTES ? undefined : instruments.get(message.text(symbol));
  if (instrument === undefined) return UNKNOWN_SYMBOL;
  const side_code = message.char(message.index(Field.Side));
  const side = sideOf(side_code);
  if (side === 0) return BAD_SIDE;
  const ord_type = message.char(message.index(Field.OrdType));
  if (ord_type < OrdType.Market || ord_type > OrdType.StopLimit) return BAD_TYPE;
  const tifField = message.index(Field.TimeInForce);
  const tif = tifField < 0 ? Tif.Day : message.char(tifField);
  if (tif !== Tif.Day && tif !== Tif.Gtc && tif !== Tif.Ioc && tif !== Tif.Fok && tif !== Tif.Gtd) return BAD_TIF;
  const stop = ord_type === OrdType.Stop || ord_type === OrdType.StopLimit;
  if (stop && (tif === Tif.Ioc || tif === Tif.Fok)) return BAD_TIF;
  if (message.index(Field.MinQty) >= 0 || message.index(Field.MaxFloor) >= 0) return BAD_PARTS;
  if (hasExecInst(message)) return BAD_EXEC_INST;
  const account = message.index(Field.Account);
  if (message.length(account) > ID_BYTES) return LONG_ACCOUNT;

  const qty = scaled(message, Field.OrderQty, instrument.qty_scale);
  if (!(qty > 0) || qty % instrument.lot !== 0 || qty > instrument.max_qty) return badQuantity(instrument);
  let price = 0;
  if (ord_type === OrdType.Limit || ord_type === OrdType.StopLimit) {
    price = scaled(message, Field.Price, instrument.price_scale);
    const wrong = checkPrice(price, instrument, 'Price (44)', message.index(Field.Price) >= 0);
    if (wrong !== undefined) return wrong;
  }
  let stop_price = 0;
  if (stop) {
    stop_price = scaled(message, Field.StopPx, instrument.price_scale);
    const wrong = checkPrice(stop_price, instrument, 'StopPx (99)', message.index(Field.StopPx) >= 0);
    if (wrong !== undefined) return wrong;
  }
  const expires_at = expiry(message, tif, now);
  if (!(expires_at > now)) return BAD_EXPIRY;
  const text = message.text(account);
  return { instrument, side, side_code, ord_type, tif, price, stop_price, qty, expires_at, account: text };
}

/** Field `tag` in units of 10^-scale; NaN when it is missing or finer than that. */
function scaled(message: Message, tag: number, scale: number): number {
  const i = message.index(tag);
  return i < 0 ? Number.NaN : parseScaled(message.buf, message.from[i]!, message.to[i]!, scale);
}

function badQuantity({ symbol, lot, max_qty, qty_scale }: Instrument): Refusal {
  const unit = 10 ** qty_scale;
  return refusal(
    OrdRejReason.IncorrectQuantity,
    `OrderQty of ${symbol} is a multiple of ${lot / unit} up to ${max_qty / unit}`,
  );
}

function checkPrice(price: number, instrument: Instrument, name: string, given: boolean): Refusal | undefined {
  const { tick, max_price, price_scale } = instrument;
  const unit = 10 ** price_scale;
  if (!given) return refusal(OrdRejReason.Other, `${name} is required`);
  if (price <= 0 || price > max_price) {
    return refusal(OrdRejReason.PriceBand, `${name} must be above 0 and at most ${max_price / unit}`);
  }
  // NaN, finer than the price scale, ends here too.
  if (price % tick !== 0) return refusal(OrdRejReason.PriceIncrement, `${name} must be a multiple of ${tick / unit}`);
  return undefined;
}

/** Participate don't initiate (6) and all or none (G) change how an order trades; the others do not matter here. */
function hasExecInst(message: Message): boolean {
  const i = message.index(Field.ExecInst);
  if (i < 0) return false;
  for (let at = message.from[i]!; at < message.to[i]!; at++) {
    const byte = message.buf[at]!;
    if (byte === 0x36 || byte === 0x47) return true;
  }
  return false;
}

/** When an order ends by itself: a day order at midnight UTC, GTD at its time, or at the end of its date. */
function expiry(message: Message, tif: number, now: number): number {
  if (tif === Tif.Day) return (Math.floor(now / DAY_MS) + 1) * DAY_MS;
  if (tif !== Tif.Gtd) return Number.POSITIVE_INFINITY;
  const time = message.index(Field.ExpireTime);
  if (time >= 0) return message.utc(time);
  const date = message.index(Field.ExpireDate);
  if (date < 0) return Number.NaN;
  return (parseDate(message.buf, message.from[date]!, message.to[date]!) + 1) * DAY_MS;
}
