/**
 * ClOrdIDs that a session has used within its window, oldest first: a ring with a hash table over it and the bytes of the
 * ids beside, compared byte for byte, so that no hash is mistaken for an id. Growing apart, nothing is allocated for one.
 */

import { randomBytes } from 'node:crypto';
import { Places } from './places.ts';

/** So that nobody outside can choose ids that meet in one bucket. */
const SEED = randomBytes(4).readUInt32LE();

const INITIAL = 16;
const INITIAL_BYTES = 512;

export class Ids {
  /** Where the record of each lies; numbered by ordinal. */
  places = new Places();
  #max: number;
  #seconds: number;
  #ordinal = 0;
  /** Ordinals of those that {@link addCarried} has added. */
  #carried = new Set<number>();
  /** By ordinal & mask. */
  #mask = INITIAL - 1;
  #hashes = new Uint32Array(INITIAL);
  #starts = new Uint32Array(INITIAL);
  #lengths = new Uint8Array(INITIAL);
  /** Slot of the next with the same bucket, + 1. */
  #chains = new Uint32Array(INITIAL);
  /** Slot of the youngest, + 1. */
  #buckets = new Uint32Array(INITIAL * 2);
  /** The ids one after the other, those that are known no longer among them until there is no room. */
  #bytes = Buffer.alloc(INITIAL_BYTES);
  #end = 0;

  /** @param max how many are known, above 0; @param seconds how long each is */
  constructor(max: number, seconds: number) {
    this.#max = max;
    this.#seconds = seconds;
  }

  get count(): number {
    return this.places.count;
  }

  /** Other bounds from now on; what is beyond them goes with the next call. */
  bound(max: number, seconds: number): void {
    this.#max = max;
    this.#seconds = seconds;
  }

  /** Whether the bytes [start, end) are an id that is known at this second. */
  has(buf: Buffer, start: number, end: number, second: number): boolean {
    const slot = this.#find(buf, start, end);
    if (slot < 0) return false;
    return second - this.#secondOf(slot) < this.#seconds;
  }

  /** Recovery: adds an id that was carried forward, after younger ones perhaps: {@link settled} puts it ahead of those of its second. */
  addCarried(buf: Buffer, start: number, end: number, place: IdPlace, second: number, lost: Lost): void {
    const ordinal = this.#ordinal;
    this.add(buf, start, end, place, second, lost);
    if (this.#ordinal > ordinal) this.#carried.add(ordinal);
  }

  /** Adds an id; one that is there already is as old as it was, and lies where it is said to lie now. */
  add(buf: Buffer, start: number, end: number, place: IdPlace, second: number, lost: Lost): void {
    const { segment, block, offset, length } = place;
    this.expire(second, lost);
    const known = this.#find(buf, start, end);
    if (known >= 0) {
      const i = (known - this.places.number(0)) & this.#mask;
      lost(this.places.segment(i), this.places.length(i));
      this.places.move(i, segment, block, offset, length);
      return;
    }
    this.expire(second, lost, 1);
    if (this.count > this.#mask) this.#grow();
    const ordinal = this.#ordinal++;
    const slot = ordinal & this.#mask;
    this.places.push(ordinal, segment, block, offset, length, second);
    const at = this.#room(end - start);
    this.#starts[slot] = at;
    this.#lengths[slot] = end - start;
    buf.copy(this.#bytes, at, start, end);
    this.#hashes[slot] = hashOf(buf, start, end);
    this.#link(slot);
  }

  /** Forgets those that are too old, and as many more as make room for `coming`. */
  expire(second: number, lost: Lost, coming = 0): void {
    const { places } = this;
    while (places.count > 0 && (places.count + coming > this.#max || second - places.second(0) >= this.#seconds)) {
      lost(places.segment(0), places.length(0));
      this.#unlink(places.number(0) & this.#mask);
      places.shift();
    }
  }

  /** Bytes of the i-th id: valid until something is added. */
  id(i: number): Buffer {
    const slot = this.places.number(i) & this.#mask;
    const start = this.#starts[slot]!;
    return this.#bytes.subarray(start, start + this.#lengths[slot]!);
  }

  /** After recovery, where what was carried forward came late: oldest first again. @returns itself, or a new one in its place */
  settled(lost: Lost): Ids {
    const { places } = this;
    const carried = this.#carried;
    this.#carried = new Set();
    const rank = (i: number): number => places.second(i) * 2 + (carried.has(places.number(i)) ? 0 : 1);
    let ordered = true;
    for (let i = 1; i < places.count; i++) ordered &&= rank(i - 1) <= rank(i);
    if (ordered) return this;
    const order = Array.from({ length: places.count }, (_, i) => i);
    order.sort((a, b) => rank(a) - rank(b) || a - b);
    const sorted = new Ids(this.#max, this.#seconds);
    for (const i of order) {
      const id = this.id(i);
      const place = {
        segment: places.segment(i),
        block: places.block(i),
        offset: places.offset(i),
        length: places.length(i),
      };
      sorted.add(id, 0, id.length, place, places.second(i), lost);
    }
    return sorted;
  }

  #secondOf(slot: number): number {
    return this.places.second((slot - this.places.number(0)) & this.#mask);
  }

  #find(buf: Buffer, start: number, end: number): number {
    if (this.places.count === 0) return -1;
    const hash = hashOf(buf, start, end);
    for (let at = this.#buckets[hash & (this.#buckets.length - 1)]!; at !== 0; at = this.#chains[at - 1]!) {
      const slot = at - 1;
      if (this.#hashes[slot] === hash && this.#lengths[slot] === end - start && this.#same(slot, buf, start))
        return slot;
    }
    return -1;
  }

  #same(slot: number, buf: Buffer, start: number): boolean {
    const from = this.#starts[slot]!;
    const length = this.#lengths[slot]!;
    for (let i = 0; i < length; i++) if (this.#bytes[from + i] !== buf[start + i]) return false;
    return true;
  }

  #link(slot: number): void {
    const bucket = this.#hashes[slot]! & (this.#buckets.length - 1);
    this.#chains[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = slot + 1;
  }

  /** The oldest, which is the last of its chain; chains are short. */
  #unlink(slot: number): void {
    const bucket = this.#hashes[slot]! & (this.#buckets.length - 1);
    if (this.#buckets[bucket] === slot + 1) {
      this.#buckets[bucket] = this.#chains[slot]!;
      return;
    }
    let at = this.#buckets[bucket]! - 1;
    while (this.#chains[at] !== slot + 1) at = this.#chains[at]! - 1;
    this.#chains[at] = this.#chains[slot]!;
  }

  /** Room for the bytes of the youngest. @returns where it is */
  #room(length: number): number {
    if (this.#end + length > this.#bytes.length) this.#compact(length);
    const at = this.#end;
    this.#end += length;
    return at;
  }

  /** The bytes of those that are known, but the youngest, to the start of a buffer that is half empty then. */
  #compact(coming: number): void {
    const { places } = this;
    const slots = Array.from({ length: places.count - 1 }, (_, i) => places.number(i) & this.#mask);
    const live = slots.reduce((sum, slot) => sum + this.#lengths[slot]!, coming);
    let size = INITIAL_BYTES;
    while (size < live * 2) size *= 2;
    const bytes = Buffer.alloc(size);
    let end = 0;
    for (const slot of slots) {
      const start = this.#starts[slot]!;
      this.#starts[slot] = end;
      end += this.#bytes.copy(bytes, end, start, start + this.#lengths[slot]!);
    }
    this.#bytes = bytes;
    this.#end = end;
  }

  #grow(): void {
    const { places } = this;
    const before = this.#mask;
    const size = (before + 1) * 2;
    const [hashes, starts, lengths] = [this.#hashes, this.#starts, this.#lengths];
    this.#mask = size - 1;
    this.#hashes = new Uint32Array(size);
    this.#starts = new Uint32Array(size);
    this.#lengths = new Uint8Array(size);
    this.#chains = new Uint32Array(size);
    this.#buckets = new Uint32Array(size * 2);
    for (let i = 0; i < places.count; i++) {
      const [from, to] = [places.number(i) & before, places.number(i) & this.#mask];
      this.#hashes[to] = hashes[from]!;
      this.#starts[to] = starts[from]!;
      this.#lengths[to] = lengths[from]!;
      this.#link(to);
    }
  }
}

/** Where the record lies that an id is in. */
export interface IdPlace {
  readonly segment: number;
  readonly block: number;
  readonly offset: number;
  readonly length: number;
}

/** Told of what is forgotten. */
export type Lost = (segment: number, length: number) => void;

function hashOf(buf: Buffer, start: number, end: number): number {
  let h = SEED;
  for (let i = start; i < end; i++) {
    h = Math.imul(h ^ buf[i]!, 0x5bd1e995);
    h ^= h >>> 13;
  }
  return (h ^ (h >>> 15)) >>> 0;
}
