/** Where a message has the fields that orders are made of: found in one pass. */

import type { Message } from '../../fix/message.ts';
import { Tag } from '../../fix/tags.ts';
import { Field } from '../tags.ts';

/** By the names that {@link OrderFields} has for them. */
const TAGS = [
  Tag.ClOrdID,
  Tag.OrigClOrdID,
  Field.Account,
  Tag.Symbol,
  Field.Side,
  Field.OrderQty,
  Field.OrdType,
  Field.Price,
  Field.StopPx,
  Field.TimeInForce,
  Field.ExpireTime,
  Field.ExpireDate,
  Field.MinQty,
  Field.MaxFloor,
  Field.ExecInst,
] as const;
const LIMIT = 512;
const NAMES = TAGS.length;
/** Place in {@link TAGS} + 1. */
const PLACES = new Uint8Array(LIMIT);
for (const [place, tag] of TAGS.entries()) PLACES[tag] = place + 1;

/** Of each the index of the first in the message, -1 when there is none. */
export class OrderFields {
  readonly #found = new Int32Array(NAMES).fill(-1);
  /** Of the message read last, where it has one: others of the same have the same fields at the same places. */
  #layout: object | undefined;

  read(message: Message): this {
    const { layout } = message;
    if (layout !== undefined && layout === this.#layout) return this;
    this.#layout = layout;
    return this.#find(message);
  }

  #find(message: Message): this {
    const found = this.#found;
    for (let place = 0; place < NAMES; place++) found[place] = -1;
    const { tags } = message;
    // Backwards: of several the first one counts.
    for (let i = message.count - 1; i >= 0; i--) {
      const tag = tags[i]!;
      if (tag < 0 || tag >= LIMIT) continue;
      const place = PLACES[tag]!;
      if (place > 0) found[place - 1] = i;
    }
    return this;
  }

  get clOrdId(): number {
    return this.#found[0]!;
  }
  get origClOrdId(): number {
    return this.#found[1]!;
  }
  get account(): number {
    return this.#found[2]!;
  }
  get symbol(): number {
    return this.#found[3]!;
  }
  get side(): number {
    return this.#found[4]!;
  }
  get orderQty(): number {
    return this.#found[5]!;
  }
  get ordType(): number {
    return this.#found[6]!;
  }
  get price(): number {
    return this.#found[7]!;
  }
  get stopPx(): number {
    return this.#found[8]!;
  }
  get timeInForce(): number {
    return this.#found[9]!;
  }
  get expireTime(): number {
    return this.#found[10]!;
  }
  get expireDate(): number {
    return this.#found[11]!;
  }
  get minQty(): number {
    return this.#found[12]!;
  }
  get maxFloor(): number {
    return this.#found[13]!;
  }
  get execInst(): number {
    return this.#found[14]!;
  }
}
