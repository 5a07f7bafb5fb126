/** Reads what an order says from a validated message: integers in the instrument's units, or why it cannot be taken. */

import { parseScaled } from '../../fix/integers.ts';
import type { Message } from '../../fix/message.ts';
import { parseDate } from '../../fix/timestamp.ts';
import { ID_BYTES } from '../limits.ts';
import { OrdRejReason } from '../versions.ts';
import type { Client } from './client-order.ts';
import type { OrderFields } from './fields.ts';
import { type Instrument, sideOf } from './instruments.ts';
import { DAY_MS, KnownTerms } from './known-terms.ts';
import type { Markets } from './markets.ts';
import { type Changeable, NO_NUMBER, NO_TERMS, type OrderTerms, OrdType, type ReadTerms, Tif } from './order.ts';

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

/** The terms that were read last. They are right until the next are read: they are in an object that is used again. */
export interface Asked {
  terms: ReadTerms;
}

/** One object for all: whoever made one anew for each found the engine changing its shape each time. */
const TERMS: Changeable<ReadTerms> = { ...NO_TERMS, alike: NO_NUMBER };

/**
 * Reads the order in a NewOrderSingle (35=D) or OrderCancelReplaceRequest (35=G). What has been read of a message that it is like is not
 * read again.
 * @param asked where its terms are then
 * @returns why it is none that is taken here
 */
export function readTerms(
  message: Message,
  fields: OrderFields,
  client: Client,
  markets: Markets,
  now: number,
  asked: Asked,
): Refusal | undefined {
  const clOrdId = message.length(fields.clOrdId);
  if (clOrdId === 0 || clOrdId > ID_BYTES) return NO_ID;
  const { like } = message;
  const known = like === undefined ? undefined : KnownTerms.of(like);
  if (like !== undefined && known?.holdsFor(message, like, client, now))
    return readAgain(message, fields, known, asked);
  const refusal = readAll(message, fields, client, markets, now, TERMS);
  if (refusal !== undefined) return refusal;
  asked.terms = TERMS;
  if (like === undefined) return undefined;
  const kept = known ?? new KnownTerms();
  kept.keep(message, like, fields, client, TERMS);
  like.kept = kept;
  return undefined;
}

/** As {@link readAll} would, of a message that `known` holds for: all else that it looks at is as it was, and fine. */
function readAgain(message: Message, fields: OrderFields, known: KnownTerms, asked: Asked): Refusal | undefined {
  const differs = message.differs | known.differs;
  const refusal = (differs & known.varying) === 0 ? undefined : readVarying(message, fields, known, differs);
  if (refusal !== undefined) return refusal;
  known.differs = message.differs;
  if (asked.terms !== known.terms) asked.terms = known.terms; // a write of what is young costs more than a look
  return undefined;
}

/** Brings the terms of `known` up to date. @param differs the fields that may be others, by `bitOf` */
function readVarying(message: Message, fields: OrderFields, known: KnownTerms, differs: number): Refusal | undefined {
  const { terms } = known;
  let { side, side_code, qty, price } = terms;
  if ((differs & known.side) !== 0) {
    side_code = message.char(fields.side);
    const is = sideOf(side_code);
    if (is === 0) return BAD_SIDE;
    side = is;
  }
  const { instrument } = terms;
  if ((differs & known.qty) !== 0) {
    qty = scaled(message, fields.orderQty, instrument.qty_scale);
    if (!isQuantity(qty, instrument)) return badQuantity(instrument);
  }
  if ((differs & known.price) !== 0) {
    price = scaled(message, fields.price, instrument.price_scale);
    const wrong = checkPrice(price, instrument, 'Price (44)', true);
    if (wrong !== undefined) return wrong;
  }
  if (side_code === terms.side_code && qty === terms.qty && price === terms.price) return undefined;
  terms.side = side;
  terms.side_code = side_code;
  terms.qty = qty;
  terms.price = price;
  known.become();
  return undefined;
}

function readAll(
  message: Message,
  fields: OrderFields,
  client: Client,
  markets: Markets,
  now: number,
  into: Changeable<OrderTerms>,
): Refusal | undefined {
  const instrument = markets.in(message, fields.symbol)?.book.instrument;
  if (instrument === undefined) return UNKNOWN_SYMBOL;
  const side_code = message.char(fields.side);
  const side = sideOf(side_code);
  if (side === 0) return BAD_SIDE;
  const ord_type = message.char(fields.ordType);
  if (ord_type < OrdType.Market || ord_type > OrdType.StopLimit) return BAD_TYPE;
  const tifField = fields.timeInForce;
  const tif = tifField < 0 ? Tif.Day : message.char(tifField);
  if (tif !== Tif.Day && tif !== Tif.Gtc && tif !== Tif.Ioc && tif !== Tif.Fok && tif !== Tif.Gtd) return BAD_TIF;
  const stop = ord_type === OrdType.Stop || ord_type === OrdType.StopLimit;
  if (stop && (tif === Tif.Ioc || tif === Tif.Fok)) return BAD_TIF;
  if (fields.minQty >= 0 || fields.maxFloor >= 0) return BAD_PARTS;
  if (fields.execInst >= 0 && hasExecInst(message, fields.execInst)) return BAD_EXEC_INST;
  if (message.length(fields.account) > ID_BYTES) return LONG_ACCOUNT;

  const qty = scaled(message, fields.orderQty, instrument.qty_scale);
  if (!isQuantity(qty, instrument)) return badQuantity(instrument);
  let price = 0;
  if (ord_type === OrdType.Limit || ord_type === OrdType.StopLimit) {
    price = scaled(message, fields.price, instrument.price_scale);
    const wrong = checkPrice(price, instrument, 'Price (44)', fields.price >= 0);
    if (wrong !== undefined) return wrong;
  }
  let stop_price = 0;
  if (stop) {
    stop_price = scaled(message, fields.stopPx, instrument.price_scale);
    const wrong = checkPrice(stop_price, instrument, 'StopPx (99)', fields.stopPx >= 0);
    if (wrong !== undefined) return wrong;
  }
  const expires_at = expiry(message, fields, tif, now);
  if (!(expires_at > now)) return BAD_EXPIRY;
  into.instrument = instrument;
  into.side = side;
  into.side_code = side_code;
  into.ord_type = ord_type;
  into.tif = tif;
  into.price = price;
  into.stop_price = stop_price;
  into.qty = qty;
  into.expires_at = expires_at;
  into.account = accountOf(client, message, fields.account);
  return undefined;
}

/** Account (1), '' when it is missing: the same string for all orders in a row that have the same. */
function accountOf(client: Client, message: Message, i: number): string {
  if (i < 0) return '';
  if (!message.equals(i, client.account)) client.account = message.text(i);
  return client.account;
}

/** Field i in units of 10^-scale; NaN when it is missing or finer than that. */
function scaled(message: Message, i: number, scale: number): number {
  return i < 0 ? Number.NaN : parseScaled(message.buf, message.from(i), message.to(i), scale);
}

/** Of positive whole numbers: as integers of the machine where they are, for those of floats are a call. */
function isMultiple(value: number, unit: number): boolean {
  return value <= 0x7fffffff && unit <= 0x7fffffff
    ? (value | 0) === value && (value | 0) % (unit | 0) === 0
    : value % unit === 0;
}

const isQuantity = (qty: number, { lot, max_qty }: Instrument): boolean =>
  qty > 0 && isMultiple(qty, lot) && qty <= max_qty;

function badQuantity({ symbol, lot, max_qty, qty_scale }: Instrument): Refusal {
  const unit = 10 ** qty_scale;
  return refusal(
    OrdRejReason.IncorrectQuantity,
    `OrderQty of ${symbol} is a multiple of ${lot / unit} up to ${max_qty / unit}`,
  );
}

function checkPrice(price: number, instrument: Instrument, name: string, given: boolean): Refusal | undefined {
  const { tick, max_price } = instrument;
  if (price > 0 && price <= max_price && isMultiple(price, tick)) return undefined;
  const unit = 10 ** instrument.price_scale;
  if (!given) return refusal(OrdRejReason.Other, `${name} is required`);
  if (price <= 0 || price > max_price) {
    return refusal(OrdRejReason.PriceBand, `${name} must be above 0 and at most ${max_price / unit}`);
  }
  // NaN, finer than the price scale, ends here too.
  return refusal(OrdRejReason.PriceIncrement, `${name} must be a multiple of ${tick / unit}`);
}

/** Participate don't initiate (6) and all or none (G) change how an order trades; the others do not matter here. */
function hasExecInst(message: Message, i: number): boolean {
  for (let at = message.from(i); at < message.to(i); at++) {
    const byte = message.buf[at]!;
    if (byte === 0x36 || byte === 0x47) return true;
  }
  return false;
}

/** When an order ends by itself: a day order at midnight UTC, GTD at its time, or at the end of its date. */
function expiry(message: Message, fields: OrderFields, tif: number, now: number): number {
  if (tif === Tif.Day) return (Math.floor(now / DAY_MS) + 1) * DAY_MS;
  if (tif !== Tif.Gtd) return Number.POSITIVE_INFINITY;
  const time = fields.expireTime;
  if (time >= 0) return message.utc(time);
  const date = fields.expireDate;
  if (date < 0) return Number.NaN;
  return (parseDate(message.buf, message.from(date), message.to(date)) + 1) * DAY_MS;
}
