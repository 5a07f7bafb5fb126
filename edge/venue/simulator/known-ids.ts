/**
 * The ClOrdIDs that a session has used, and the order that each names: a table by hash over a ring by age. Nearly all are
 * looked up to find that they are new, and nearly all clients count: an id that comes behind all that there have been is new without a look into
 * the table, which is far from the processor's caches, and into which new ones are entered many at a time.
 */

import type { Message } from '../../fix/message.ts';
import { SLACK, viewOf } from '../../fix/words.ts';
import { ID_BYTES } from '../limits.ts';
import type { Client, ClientOrder, KnownOrders } from './client-order.ts';
import { IdRing } from './id-ring.ts';
import { IdSlots, STEP } from './id-slots.ts';
import { hashOf, type Names, NO_NAME } from './names.ts';
import { NO_ROW, type Orders } from './orders.ts';

/** A text that is looked up. */
const ASKED = Buffer.alloc(ID_BYTES + SLACK);
const ASKED_VIEW = viewOf(ASKED);

/** New ids that are entered at once. */
const NEW_IDS = 512;

/** The youngest ids of one session, which are in its ring and not in its table yet. */
export class NewIds {
  readonly places = new Int32Array(NEW_IDS);
  count = 0;
  owner: KnownIds | undefined;
}

/** What those of all sessions have in common. */
export interface Shared {
  readonly names: Names;
  readonly orders: Orders;
  readonly newIds: NewIds;
}

export class KnownIds implements KnownOrders {
  readonly #ring = new IdRing();
  readonly #slots = new IdSlots();
  readonly #names: Names;
  readonly #orders: Orders;
  readonly #newIds: NewIds;
  /** Behind which no id is that is known, {@link NO_NAME} when there has been none; and whether it is kept for that alone. */
  #last = NO_NAME;
  #isKept = false;
  /** Whether the one that {@link has} was asked about last comes behind all. */
  #isAskedBehind = false;
  /** Whose they are; set before any is noted. */
  owner: Client | undefined;

  constructor({ names, orders, newIds }: Shared) {
    this.#names = names;
    this.#orders = orders;
    this.#newIds = newIds;
  }

  get size(): number {
    return this.#ring.size;
  }

  get(id: string): ClientOrder | undefined {
    if (id.length > ID_BYTES) return undefined;
    ASKED.write(id, 'latin1');
    return this.#orderAt(this.#find(hashOf(ASKED_VIEW, 0, id.length), ASKED_VIEW, 0, id.length));
  }

  /** That of field `i` of a message. */
  named(message: Message, i: number): ClientOrder | undefined {
    return this.#orderAt(this.#placeOf(message, i));
  }

  /** Whether field `i` of a message has been used. */
  has(message: Message, i: number): boolean {
    this.#isAskedBehind = i >= 0 && this.#isBehind(message.view, message.from(i), message.length(i));
    return !this.#isAskedBehind && this.#placeOf(message, i) >= 0;
  }

  /** Whether it comes behind all that are known. */
  #isBehind(view: DataView, from: number, length: number): boolean {
    return this.#last === NO_NAME || this.#names.isBefore(this.#last, view, from, length);
  }

  #placeOf(message: Message, i: number): number {
    const length = message.length(i);
    if (i < 0 || length > ID_BYTES) return -1;
    const { view } = message;
    const from = message.from(i);
    return this.#find(hashOf(view, from, length), view, from, length);
  }

  /** @returns -1: it is not known */
  #find(hash: number, view: DataView, from: number, length: number): number {
    if (this.#newIds.owner === this) this.enterNew();
    const slots = this.#slots.of(hash);
    const mask = slots.length - 1;
    for (let at = (hash << 1) & mask; slots[at] !== 0; at = (at + STEP) & mask) {
      const place = slots[at]! - 1;
      if (slots[at + 1] === hash && this.#names.is(this.#ring.id(place), view, from, length)) return place;
    }
    return -1;
  }

  #orderAt(place: number): ClientOrder | undefined {
    return place < 0 ? undefined : this.#orders.order(this.#ring.row(place));
  }

  /**
   * Notes that an id has been used; one that is known names this order from now on, and is no younger for it.
   * @returns the row of an order that it has named and that no id names any more, {@link NO_ROW} for none
   */
  set(id: number, { row }: ClientOrder): number {
    const names = this.#names;
    const place = this.#find(names.hash(id), names.view, names.at(id), names.length(id));
    this.#orders.know(row, 1);
    if (place < 0) {
      this.#push(names.keep(id), row);
      return NO_ROW;
    }
    const before = this.#ring.row(place);
    this.#ring.setRow(place, row);
    return this.#orders.know(before, -1) === 0 ? before : NO_ROW;
  }

  /** As {@link set}, of an id that is not known: the one that {@link has} was asked about last. */
  add(id: number, { row }: ClientOrder): void {
    this.#orders.know(row, 1);
    this.#append(this.#names.keep(id), row);
    if (this.#isAskedBehind) this.#follow(id);
  }

  /** Whether an open order of this session goes by an id now. */
  #isCurrent(id: number, row: number): boolean {
    const orders = this.#orders;
    return orders.isOpen(row) && orders.isOf(row, this.owner!) && this.#names.same(orders.name(row), id);
  }

  /**
   * Forgets the oldest beyond `most`, but for those that an open order of the session goes by now: they are as young as any then.
   * @param most at least as many as there are of these
   * @param freed told the row of an order that no id names any more
   */
  bound(most: number, freed: (row: number) => void): void {
    const ring = this.#ring;
    while (ring.size > most) {
      if (this.#newIds.owner === this && this.#newIds.count === ring.size) this.enterNew();
      const place = ring.oldest;
      const [id, row, hash] = [ring.id(place), ring.row(place), this.#names.hash(ring.id(place))];
      this.#slots.remove(hash, place);
      ring.shift();
      if (this.#isCurrent(id, row)) {
        this.#push(id, row);
        continue;
      }
      if (id === this.#last && !this.#isKept) this.#isKept = true;
      else this.#names.drop(id);
      if (this.#orders.know(row, -1) === 0) freed(row);
    }
  }

  /** Each id and the row of its order, oldest first. */
  *entries(): Generator<readonly [id: number, row: number]> {
    for (const place of this.#ring.places()) yield [this.#ring.id(place), this.#ring.row(place)];
  }

  /** The rows of the orders of this session that are open, by the age of the ids that they go by. */
  open(): readonly number[] {
    const rows: number[] = [];
    for (const [id, row] of this.entries()) if (this.#isCurrent(id, row)) rows.push(row);
    return rows;
  }

  /** Its session goes, and has none left. */
  leave(): void {
    if (this.#isKept) this.#names.drop(this.#last);
    this.#isKept = false;
    this.#last = NO_NAME;
    if (this.#newIds.owner === this) this.#newIds.owner = undefined;
  }

  #push(id: number, row: number): void {
    const names = this.#names;
    this.#append(id, row);
    if (this.#isBehind(names.view, names.at(id), names.length(id))) this.#follow(id);
  }

  #append(id: number, row: number): void {
    const newIds = this.#newIds;
    if (newIds.owner !== this) this.#takeTurn();
    else if (newIds.count === NEW_IDS) this.enterNew();
    newIds.places[newIds.count++] = this.#ring.push(id, row);
  }

  /** It comes behind all. */
  #follow(id: number): void {
    if (this.#isKept) this.#names.drop(this.#last);
    this.#isKept = false;
    this.#last = id;
  }

  #takeTurn(): void {
    this.#newIds.owner?.enterNew();
    this.#newIds.owner = this;
  }

  /** Enters the new ids, which are this session's, into the table. */
  enterNew(): void {
    const { places, count } = this.#newIds;
    for (let i = 0; i < count; i++) this.#slots.add(this.#names.hash(this.#ring.id(places[i]!)), places[i]!);
    this.#newIds.count = 0;
  }
}
