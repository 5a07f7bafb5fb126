/**
 * The ClOrdIDs that a session has used, and the order that each names: a table by hash over a ring by age. Nearly all are
 * looked up to find that they are new.
 */

import type { Message } from '../../fix/message.ts';
import { SLACK, viewOf } from '../../fix/words.ts';
import { keptInt32s, keptUint16s, keptUint32s } from '../../kept-memory.ts';
import { ID_BYTES } from '../limits.ts';
import type { Client, ClientOrder, KnownOrders } from './client-order.ts';
import { hashOf, type Names } from './names.ts';
import { NO_ROW, type Orders } from './orders.ts';

const INITIAL = 16;
/** A text that is looked up. */
const ASKED = Buffer.alloc(ID_BYTES + SLACK);
const ASKED_VIEW = viewOf(ASKED);

/** What those of all sessions have in common. */
export interface Shared {
  readonly names: Names;
  readonly orders: Orders;
}

/** Of a session that has sent no order yet: never written to. */
const NO_IDS: Int32Array = new Int32Array(0);
const NO_SLOTS: Uint16Array = new Uint16Array(1);

export class KnownIds implements KnownOrders {
  size = 0;
  #head = 0;
  /** By place in the ring, whose size is a power of two. */
  #ids = NO_IDS;
  #hashes = NO_IDS;
  /** Of the orders. */
  #rows = NO_IDS;
  /** Place + 1, by hash; 0: none. Four times as many as places, for what lies in a row may lie where another row does. */
  #slots: Uint16Array | Uint32Array = NO_SLOTS;
  readonly #names: Names;
  readonly #orders: Orders;
  /** Whose they are; set before any is noted. */
  owner: Client | undefined;

  constructor({ names, orders }: Shared) {
    this.#names = names;
    this.#orders = orders;
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
    return this.#placeOf(message, i) >= 0;
  }

  #placeOf(message: Message, i: number): number {
    const length = message.length(i);
    if (i < 0 || length > ID_BYTES) return -1;
    const { view } = message;
    const from = message.from(i);
    return this.#find(hashOf(view, from, length), view, from, length);
  }

  #find(hash: number, view: DataView, from: number, length: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const place = slots[slot]! - 1;
      if (this.#hashes[place] === hash && this.#names.is(this.#ids[place]!, view, from, length)) return place;
    }
    return -1;
  }

  #orderAt(place: number): ClientOrder | undefined {
    return place < 0 ? undefined : this.#orders.order(this.#rows[place]!);
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
      this.#push(names.keep(id), row, names.hash(id));
      return NO_ROW;
    }
    const before = this.#rows[place]!;
    this.#rows[place] = row;
    return this.#orders.know(before, -1) === 0 ? before : NO_ROW;
  }

  /** As {@link set}, of an id that is not known. */
  add(id: number, { row }: ClientOrder): void {
    this.#orders.know(row, 1);
    this.#push(this.#names.keep(id), row, this.#names.hash(id));
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
    while (this.size > most) {
      const place = this.#head & (this.#hashes.length - 1);
      const [id, row] = [this.#ids[place]!, this.#rows[place]!];
      this.#forget(place);
      if (this.#isCurrent(id, row)) {
        this.#push(id, row, this.#hashes[place]!);
        continue;
      }
      this.#names.drop(id);
      if (this.#orders.know(row, -1) === 0) freed(row);
    }
  }

  /** Each id and the row of its order, oldest first. */
  *entries(): Generator<readonly [id: number, row: number]> {
    for (let i = 0; i < this.size; i++) {
      const place = (this.#head + i) & (this.#hashes.length - 1);
      yield [this.#ids[place]!, this.#rows[place]!];
    }
  }

  /** The rows of the orders of this session that are open, by the age of the ids that they go by. */
  open(): readonly number[] {
    const rows: number[] = [];
    for (const [id, row] of this.entries()) if (this.#isCurrent(id, row)) rows.push(row);
    return rows;
  }

  #push(id: number, row: number, hash: number): void {
    if (this.size === this.#hashes.length) this.#grow();
    const place = (this.#head + this.size++) & (this.#hashes.length - 1);
    this.#ids[place] = id;
    this.#rows[place] = row;
    this.#hashes[place] = hash;
    this.#enter(place);
  }

  #enter(place: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#hashes[place]! & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = place + 1;
  }

  /** The oldest. Those behind it that had to give way to it come nearer to where they belong. */
  #forget(place: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#hashes[place]! & mask;
    while (slots[hole] !== place + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashes[slots[slot]! - 1]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot]!;
      hole = slot;
    }
    slots[hole] = 0;
    this.#head += 1;
    this.size -= 1;
  }

  /** Numbers of places stay: each is the lower bits of how many ids there have been before. */
  #grow(): void {
    const before = this.#hashes.length;
    const size = Math.max(INITIAL, before * 2);
    const [ids, hashes, rows] = [keptInt32s(size), keptInt32s(size), keptInt32s(size)];
    for (let i = 0; i < this.size; i++) {
      const [from, to] = [(this.#head + i) & (before - 1), (this.#head + i) & (size - 1)];
      ids[to] = this.#ids[from]!;
      hashes[to] = this.#hashes[from]!;
      rows[to] = this.#rows[from]!;
    }
    this.#ids = ids;
    this.#hashes = hashes;
    this.#rows = rows;
    this.#slots = slotsFor(size);
    for (let i = 0; i < this.size; i++) this.#enter((this.#head + i) & (size - 1));
  }
}

/** Small, for most of them are in nobody's cache. */
const slotsFor = (places: number): Uint16Array | Uint32Array =>
  places < 0x10000 ? keptUint16s(places * 4) : keptUint32s(places * 4);
