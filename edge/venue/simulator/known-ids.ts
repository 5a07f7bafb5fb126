/**
 * The ClOrdIDs that a session has used, and the order that each names: a table by hash over a ring by age. Nearly all are
 * looked up to find that they are new. An order that is over lies here as numbers (past.ts).
 */

import type { Message } from '../../fix/message.ts';
import { SLACK, viewOf } from '../../fix/words.ts';
import { ID_BYTES } from '../limits.ts';
import { hashOf, type Names, NO_NAME } from './names.ts';
import type { Client, ClientOrder, KnownOrders } from './order.ts';
import { Past } from './past.ts';

const INITIAL = 16;
/** A text that is looked up. */
const ASKED = Buffer.alloc(ID_BYTES + SLACK);
const ASKED_VIEW = viewOf(ASKED);

/** What those of all sessions have in common. */
export interface Shared {
  readonly names: Names;
  /** Of the orders that may go into the past. */
  readonly run: string;
}

/** Of a session that has sent no order yet: never written to. */
const NO_IDS = new Int32Array(0);
const NO_SLOTS = new Uint16Array(1);
const NO_PLACES = new Float64Array(0);

export class KnownIds implements KnownOrders {
  size = 0;
  #head = 0;
  /** By place in the ring, whose size is a power of two. */
  #ids = NO_IDS;
  #hashes = NO_IDS;
  /** Undefined: it is in the past. */
  #orders: (ClientOrder | undefined)[] = [];
  /** The place that the same order was given before, as {@link ClientOrder.place} has it. */
  #before = NO_PLACES;
  #past: Past | undefined;
  /** Place + 1, by hash; 0: none. Four times as many as places, for what lies in a row may lie where another row does. */
  #slots: Uint16Array | Uint32Array = NO_SLOTS;
  readonly #names: Names;
  readonly #shared: Shared;
  /** Whose they are; set before an order goes into the past. */
  owner: Client | undefined;

  constructor(shared: Shared) {
    this.#names = shared.names;
    this.#shared = shared;
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
    if (place < 0) return undefined;
    return this.#orders[place] ?? this.#past!.get(place, this.#ids[place]!, this.owner!, this.#shared.run);
  }

  /**
   * Notes that an id has been used; one that is known names this order from now on, and is no younger for it.
   * @returns the order that it has named
   */
  set(id: number, order: ClientOrder): ClientOrder | undefined {
    const names = this.#names;
    const place = this.#find(names.hash(id), names.view, names.at(id), names.length(id));
    if (place < 0) {
      this.add(id, order);
      return undefined;
    }
    order.names += 1;
    const before = this.#orders[place];
    if (before === undefined) names.drop(this.#past!.name(place));
    else before.names -= 1;
    this.#orders[place] = order;
    return before;
  }

  /** As {@link set}, of an id that is not known. */
  add(id: number, order: ClientOrder): void {
    order.names += 1;
    this.#push(this.#names.keep(id), order, this.#names.hash(id));
  }

  /**
   * An order that is over goes into the past, if all that it is known by are ids of this session.
   * @returns whether it does, and the order may become another
   */
  retire(order: ClientOrder): boolean {
    if (order.run !== this.#shared.run || order.names !== this.#placesOf(order)) return false;
    const mask = this.#hashes.length - 1;
    this.#past ??= new Past(this.#hashes.length);
    for (let seq = order.place; order.names > 0; seq = this.#before[seq & mask]!) {
      const place = seq & mask;
      this.#past.put(place, order, order.name === this.#ids[place] ? NO_NAME : this.#names.keep(order.name));
      this.#orders[place] = undefined;
      order.names -= 1;
    }
    return true;
  }

  /** How many ids name this order, as far as its places are those of this session. */
  #placesOf(order: ClientOrder): number {
    const mask = this.#hashes.length - 1;
    let count = 0;
    for (let seq = order.place; seq >= this.#head && this.#orders[seq & mask] === order; count++) {
      const before = this.#before[seq & mask]!;
      if (before >= seq) break;
      seq = before;
    }
    return count;
  }

  /**
   * Forgets the oldest beyond `most`, but for those that an open order goes by now: they are as young as any then.
   * @param freed the order that an id which is forgotten has named
   */
  bound(most: number, freed: (order: ClientOrder) => void): void {
    while (this.size > most) {
      const place = this.#head & (this.#hashes.length - 1);
      const id = this.#ids[place]!;
      const order = this.#orders[place];
      this.#forget(place);
      if (order?.open === true && this.#names.same(order.name, id)) {
        this.#push(id, order, this.#hashes[place]!);
        continue;
      }
      this.#names.drop(id);
      if (order === undefined) {
        this.#names.drop(this.#past!.name(place));
        continue;
      }
      order.names -= 1;
      freed(order);
    }
  }

  /** Each id and its order, oldest first. */
  *entries(): Generator<readonly [id: number, ClientOrder]> {
    for (let i = 0; i < this.size; i++) {
      const place = (this.#head + i) & (this.#hashes.length - 1);
      yield [this.#ids[place]!, this.#orderAt(place)!];
    }
  }

  /** The orders that are open, by the age of their ids; one that has several comes as often. */
  *open(): Generator<ClientOrder> {
    for (let i = 0; i < this.size; i++) {
      const order = this.#orders[(this.#head + i) & (this.#hashes.length - 1)];
      if (order?.open === true) yield order;
    }
  }

  #push(id: number, order: ClientOrder, hash: number): void {
    if (this.size === this.#hashes.length) this.#grow();
    const seq = this.#head + this.size++;
    const place = seq & (this.#hashes.length - 1);
    this.#before[place] = order.place;
    order.place = seq;
    this.#ids[place] = id;
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
    this.#head += 1;
    this.size -= 1;
  }

  /** Numbers of places stay: each is the lower bits of how many ids there have been before. */
  #grow(): void {
    const before = this.#hashes.length;
    const size = Math.max(INITIAL, before * 2);
    const [ids, hashes, earlier] = [new Int32Array(size), new Int32Array(size), new Float64Array(size)];
    const orders = new Array<ClientOrder | undefined>(size).fill(undefined);
    const past = this.#past === undefined ? undefined : new Past(size);
    for (let i = 0; i < this.size; i++) {
      const [from, to] = [(this.#head + i) & (before - 1), (this.#head + i) & (size - 1)];
      ids[to] = this.#ids[from]!;
      hashes[to] = this.#hashes[from]!;
      earlier[to] = this.#before[from]!;
      orders[to] = this.#orders[from];
      if (orders[to] === undefined) this.#past?.move(from, past!, to);
    }
    this.#ids = ids;
    this.#hashes = hashes;
    this.#before = earlier;
    this.#orders = orders;
    this.#past = past;
    this.#slots = slotsFor(size);
    for (let i = 0; i < this.size; i++) this.#enter((this.#head + i) & (size - 1));
  }
}

/** Small, for most of them are in nobody's cache. */
const slotsFor = (places: number): Uint16Array | Uint32Array =>
  places < 0x10000 ? new Uint16Array(places * 4) : new Uint32Array(places * 4);
