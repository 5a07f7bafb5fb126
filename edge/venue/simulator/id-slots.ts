/**
 * Places by hash. A table that is half full is divided by the next of the upper bits of what is in it, into itself and another, so that
 * nobody waits until all there is has been moved (extendible hashing: Fagin, Nievergelt, Pippenger, Strong, 1979). Within a table a place lies
 * where the lower bits say, or behind (linear probing).
 */

import { keptUint32s } from '../../kept-memory.ts';

const INITIAL = 64;
/** Slots of a table that is divided rather than made larger. */
const WHOLE = 16_384;
/** Upper bits that tell tables apart, at most; ids of which all these are the same make one table larger. */
const DEPTH_MAX = 16;

/** What is known of a place. */
export interface Hashed {
  /** @returns int32 */
  hash(place: number): number;
}

interface Table {
  /** Place + 1; 0: none. A power of two of them. */
  slots: Uint32Array;
  used: number;
  /** How many upper bits of the hash all that is in it have in common. */
  depth: number;
}

/** Of who has nothing yet: never written to. */
const NONE: Uint32Array = new Uint32Array(1);
/** What is on its way into other tables. */
const MOVING = new Uint32Array(WHOLE / 2);

export class IdSlots {
  /** By the upper #depth bits of the hash. */
  #tables: Table[] = [{ slots: NONE, used: 0, depth: 0 }];
  #depth = 0;
  readonly #hashed: Hashed;

  constructor(hashed: Hashed) {
    this.#hashed = hashed;
  }

  /** Where places of this hash lie: from slot `hash & (length - 1)` on, up to one that is 0. Each is its place + 1. */
  of(hash: number): Uint32Array {
    return this.#table(hash).slots;
  }

  add(hash: number, place: number): void {
    let table = this.#table(hash);
    while ((table.used + 1) * 2 > table.slots.length) {
      this.#widen(table);
      table = this.#table(hash);
    }
    table.used += 1;
    enter(table.slots, hash, place + 1);
  }

  /** Takes out a place that is there. Those behind it that had to give way to it come nearer to where they belong. */
  remove(hash: number, place: number): void {
    const table = this.#table(hash);
    const { slots } = table;
    const mask = slots.length - 1;
    let hole = hash & mask;
    while (slots[hole] !== place + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashed.hash(slots[slot]! - 1) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot]!;
      hole = slot;
    }
    slots[hole] = 0;
    table.used -= 1;
  }

  #table(hash: number): Table {
    // In two steps: a shift by 32 would be none.
    return this.#tables[(hash >>> 1) >>> (31 - this.#depth)]!;
  }

  #widen(table: Table): void {
    const { slots, depth } = table;
    if (slots.length < WHOLE || depth === DEPTH_MAX) this.#enlarge(table);
    else this.#divide(table);
  }

  #enlarge(table: Table): void {
    const { slots } = table;
    table.slots = keptUint32s(slots === NONE ? INITIAL : slots.length * 2);
    for (const entry of slots) if (entry !== 0) enter(table.slots, this.#hashed.hash(entry - 1), entry);
  }

  #divide(table: Table): void {
    const { slots } = table;
    let moving = 0;
    for (const entry of slots) if (entry !== 0) MOVING[moving++] = entry;
    slots.fill(0);
    table.used = 0;
    table.depth += 1;
    if (table.depth > this.#depth) this.#deepen();
    const other = { slots: keptUint32s(WHOLE), used: 0, depth: table.depth };
    this.#tables = this.#tables.map((one, i) => (one === table && this.#isUpper(i, table.depth) ? other : one));
    for (let i = 0; i < moving; i++) {
      const hash = this.#hashed.hash(MOVING[i]! - 1);
      const half = this.#table(hash);
      half.used += 1;
      enter(half.slots, hash, MOVING[i]!);
    }
  }

  /** Whether the last of the first `depth` bits is 1 of what the i-th table is for. */
  #isUpper(i: number, depth: number): boolean {
    return ((i >>> (this.#depth - depth)) & 1) === 1;
  }

  #deepen(): void {
    this.#depth += 1;
    this.#tables = this.#tables.flatMap((table) => [table, table]);
  }
}

function enter(slots: Uint32Array, hash: number, entry: number): void {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = entry;
}
