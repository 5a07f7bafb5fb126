/**
 * The ClOrdIDs that a session has used, and the order that each names: a table by hash over a ring by age. To look one up in
 * a message makes no string; nearly all are looked up to find that they are new.
 */

import type { Message } from '../../fix/message.ts';
import type { ClientOrder } from './order.ts';

const INITIAL = 16;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class KnownIds {
  size = 0;
  #head = 0;
  /** By place in the ring, whose size is a power of two. */
  #names: string[] = [];
  #orders: (ClientOrder | undefined)[] = [];
  #hashes = new Int32Array(INITIAL);
  /** Place + 1, by hash; 0: none. Twice as many as places. */
  #slots = new Int32Array(INITIAL * 2);

  get(id: string): ClientOrder | undefined {
    let hash = FNV_OFFSET;
    for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), FNV_PRIME);
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = spread(hash) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const place = slots[slot]! - 1;
      if (this.#names[place] === id) return this.#orders[place];
    }
    return undefined;
  }

  /** That of field `i` of a message. */
  named(message: Message, i: number): ClientOrder | undefined {
    if (i < 0) return undefined;
    const { buf } = message;
    const to = message.to[i]!;
    let hash = FNV_OFFSET;
    for (let at = message.from[i]!; at < to; at++) hash = Math.imul(hash ^ buf[at]!, FNV_PRIME);
    hash = spread(hash);
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const place = slots[slot]! - 1;
      if (this.#hashes[place] === hash && message.equals(i, this.#names[place]!)) return this.#orders[place];
    }
    return undefined;
  }

  /** Notes that an id has been used; one that is known names this order from now on, and is no younger for it. */
  set(id: string, order: ClientOrder): void {
    let hash = FNV_OFFSET;
    for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), FNV_PRIME);
    hash = spread(hash);
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const place = slots[slot]! - 1;
      if (this.#names[place] !== id) continue;
      this.#orders[place]!.names -= 1;
      this.#orders[place] = order;
      order.names += 1;
      return;
    }
    order.names += 1;
    this.#push(id, order, hash);
  }

  /**
   * Forgets the oldest beyond `most`, but for those that an open order goes by now: they are as young as any then.
   * @param freed the order that an id which is forgotten has named
   */
  bound(most: number, freed: (order: ClientOrder) => void): void {
    while (this.size > most) {
      const place = this.#head;
      const name = this.#names[place]!;
      const order = this.#orders[place]!;
      this.#forget(place);
      if (order.open && order.cl_ord_id === name) this.#push(name, order, this.#hashes[place]!);
      else {
        order.names -= 1;
        freed(order);
      }
    }
  }

  /** Each id and its order, oldest first. */
  *entries(): Generator<readonly [string, ClientOrder]> {
    for (let i = 0; i < this.size; i++) {
      const place = (this.#head + i) & (this.#hashes.length - 1);
      yield [this.#names[place]!, this.#orders[place]!];
    }
  }

  /** The orders, by the age of their ids; one that has several comes as often. */
  *orders(): Generator<ClientOrder> {
    for (const [, order] of this.entries()) yield order;
  }

  #push(id: string, order: ClientOrder, hash: number): void {
    if (this.size === this.#hashes.length) this.#grow();
    const place = (this.#head + this.size++) & (this.#hashes.length - 1);
    this.#names[place] = id;
    this.#orders[place] = order;
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
    this.#orders[place] = undefined;
    this.#head = (place + 1) & (this.#hashes.length - 1);
    this.size -= 1;
  }

  #grow(): void {
    const all = [...this.entries()];
    const hashes = new Int32Array(this.#hashes.length * 2);
    for (let i = 0; i < all.length; i++) hashes[i] = this.#hashes[(this.#head + i) & (this.#hashes.length - 1)]!;
    this.#names = all.map(([name]) => name);
    this.#orders = all.map(([, order]) => order);
    this.#hashes = hashes;
    this.#slots = new Int32Array(hashes.length * 2);
    this.#head = 0;
    for (let place = 0; place < all.length; place++) this.#enter(place);
  }
}

/** So that the low bits have something of all. */
const spread = (hash: number): number => hash ^ (hash >>> 15);
