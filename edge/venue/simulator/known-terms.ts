/**
 * What has been read of a message that later ones are like (Message.like). It lies with that one, which is its session's
 * alone, and counts for as long as that stays the same message.
 */

import { bitOf, type Like, type Message } from '../../fix/message.ts';
import type { Client } from './client-order.ts';
import type { OrderFields } from './fields.ts';
import {
  type Changeable,
  copyTerms,
  NO_NUMBER,
  NO_TERMS,
  type OrderTerms,
  OrdType,
  type ReadTerms,
  Tif,
} from './order.ts';

export const DAY_MS = 86_400_000;

export class KnownTerms {
  /** How often any terms have become others. */
  static #changes = 0;
  /** Of the last one that it held for, or was kept of, and that was fine. */
  readonly terms: Changeable<ReadTerms> = { ...NO_TERMS, alike: NO_NUMBER };
  /** `Message.differs` of that message: where it had another side, quantity or price, these are not those of what it was like. */
  differs = 0;
  /** By `bitOf` the fields that are read again where they differ, all and each; 0 for Price (44) where there is no limit. */
  varying = 0;
  side = 0;
  qty = 0;
  price = 0;
  /** The other fields that terms are read from: where one of them differs all is read anew. */
  #others = 0;
  /** `Like.places` of what that message was like. */
  #of = 0;
  /** Whose terms they are: the Account is a string of the client, the instrument one of its exchange. */
  #client: Client | undefined;
  /** In [since, until), epoch ms, the same message expires at the same time. */
  #since = NO_NUMBER;
  #until = NO_NUMBER;

  /** What is kept of a message, if that is its terms. */
  static of({ kept }: Like): KnownTerms | undefined {
    return kept !== undefined && #of in kept ? kept : undefined; // to V8 that is less than instanceof
  }

  /** Whether `message`, which is like that one, asks for the same but for side, quantity and price, and until the same time. */
  holdsFor(message: Message, like: Like, client: Client, now: number): boolean {
    return (
      this.#of === like.places &&
      this.#client === client &&
      (message.differs & this.#others) === 0 &&
      now >= this.#since &&
      now < this.#until
    );
  }

  /** Keeps what was read of `message`, if but for side, quantity and price it is what `like` asks for. */
  keep(message: Message, like: Like, fields: OrderFields, client: Client, terms: OrderTerms): void {
    const others = bitsOfOthers(fields);
    if ((message.differs & others) !== 0) return;
    this.#others = others;
    this.side = bitOf(fields.side);
    this.qty = bitOf(fields.orderQty);
    const { ord_type, tif, expires_at } = terms;
    this.price = ord_type === OrdType.Limit || ord_type === OrdType.StopLimit ? bitOf(fields.price) : 0;
    this.varying = this.side | this.qty | this.price;
    this.#of = like.places;
    this.#client = client;
    this.#since = tif === Tif.Day ? expires_at - DAY_MS : Number.NEGATIVE_INFINITY;
    this.#until = expires_at;
    this.differs = message.differs;
    copyTerms(terms, this.terms);
    this.become();
  }

  /** Its terms are others now. */
  become(): void {
    KnownTerms.#changes += 1;
    this.terms.alike = KnownTerms.#changes;
  }
}

/** Without MinQty and MaxFloor: of what has one of them nothing is kept. */
function bitsOfOthers(fields: OrderFields): number {
  const { account, symbol, ordType, stopPx, timeInForce, expireTime, expireDate, execInst } = fields;
  const ofOrder = bitOf(account) | bitOf(symbol) | bitOf(ordType) | bitOf(stopPx) | bitOf(execInst);
  return ofOrder | bitOf(timeInForce) | bitOf(expireTime) | bitOf(expireDate);
}
