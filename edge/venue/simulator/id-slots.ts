/**
 * Places by hash. A table that is half full is divided by the next of the upper bits of what is in it, into itself and another, so that
 * nobody waits until all there is has been moved (extendible hashing: Fagin, Nievergelt, Pippenger, Strong, 1979). Within a table a place lies
 * where the lower bits say, or some {@link STEP}s behind; its hash lies beside it, for what is elsewhere is in nobody's cache.
 */

import { keptInt32s } from '../../kept-memory.ts';

/** Of a slot, as i32: place + 1, 0 where there is none; its hash. */
const [PLACE, HASH] = [0, 1] as const;
const INTS_PER_SLOT = 2;
/**
 * From a slot that is another's to the next, in ints: 257 slots on. Ids that clients count lie side by side, up to 256 of them (`hashOf`); the next slot
 * would be that of the next id, and so on to the end of them. It is odd, so that it leads through all slots.
 */
export const STEP = 257 * INTS_PER_SLOT;
/** 257 times this is 1 modulo 2^32. */
const STEP_INVERSE = 0xff00ff01 | 0;
const INITIAL = 64;
/** Slots of a table that is divided rather than made larger. */
const WHOLE = 8192;
/** Upper bits that tell tables apart, at most; ids of which all these are the same make one table larger. */
const DEPTH_MAX = 16;

interface Table {
  /** A power of two of slots. */
  slots: Int32Array;
  used: number;
  /** How many upper bits of the hash all that is in it have in common. */
  depth: number;
}

/** Of who has nothing yet: never written to. */
const NONE = new Int32Array(INTS_PER_SLOT);
/** What is on its way into other tables. */
const MOVING = new Int32Array((WHOLE / 2) * INTS_PER_SLOT);

/** Where the slot for a hash begins, and what to lay over a position behind it that might be beyond the last. */
const maskOf = (slots: Int32Array): number => slots.length - 1;
const homeOf = (slots: Int32Array, hash: number): number => (hash << 1) & maskOf(slots);
/** How many steps it is from one position to another. */
const stepsOf = (slots: Int32Array, from: number, to: number): number =>
  Math.imul((to - from) >> 1, STEP_INVERSE) & (maskOf(slots) >> 1);

export class IdSlots {
  /** By the upper #depth bits of the hash. */
  #tables: Table[] = [{ slots: NONE, used: 0, depth: 0 }];
  #depth = 0;

  /**
   * Where places of this hash lie: from `(hash << 1) & (length - 1)` on, and each {@link STEP} behind, two numbers, up to one that is 0: place + 1,
   * and its hash, which may be another.
   */
  of(hash: number): Int32Array {
    return this.#table(hash).slots;
  }

  /** @param hash int32 */
  add(hash: number, place: number): void {
    let table = this.#table(hash);
    while ((table.used + 1) * 2 * INTS_PER_SLOT > table.slots.length) {
      this.#widen(table);
      table = this.#table(hash);
    }
    enter(table, hash, place + 1);
  }

  /** Takes out a place that is there. Those behind it that had to give way to it come nearer to where they belong. */
  remove(hash: number, place: number): void {
    const table = this.#table(hash);
    const { slots } = table;
    const mask = maskOf(slots);
    let hole = homeOf(slots, hash);
    while (slots[hole + PLACE] !== place + 1) hole = (hole + STEP) & mask;
    for (let at = (hole + STEP) & mask; slots[at + PLACE] !== 0; at = (at + STEP) & mask) {
      const home = homeOf(slots, slots[at + HASH]!);
      if (stepsOf(slots, home, at) < stepsOf(slots, hole, at)) continue;
      slots[hole + PLACE] = slots[at + PLACE]!;
      slots[hole + HASH] = slots[at + HASH]!;
      hole = at;
    }
    slots[hole + PLACE] = 0;
    table.used -= 1;
  }

  #table(hash: number): Table {
    // In two steps: a shift by 32 would be none.
    return this.#tables[(hash >>> 1) >>> (31 - this.#depth)]!;
  }

  #widen(table: Table): void {
    const { slots, depth } = table;
    if (slots.length < WHOLE * INTS_PER_SLOT || depth === DEPTH_MAX) this.#enlarge(table);
    else this.#divide(table);
  }

  #enlarge(table: Table): void {
    const { slots } = table;
    table.slots = keptInt32s(slots === NONE ? INITIAL * INTS_PER_SLOT : slots.length * 2);
    table.used = 0;
    for (let at = 0; at < slots.length; at += INTS_PER_SLOT)
      if (slots[at + PLACE] !== 0) enter(table, slots[at + HASH]!, slots[at + PLACE]!);
  }

  #divide(table: Table): void {
    const end = takeAll(table.slots);
    table.used = 0;
    table.depth += 1;
    if (table.depth > this.#depth) this.#deepen();
    const other = { slots: keptInt32s(WHOLE * INTS_PER_SLOT), used: 0, depth: table.depth };
    const tables = this.#tables;
    for (let i = 0; i < tables.length; i++) if (tables[i] === table && this.#isUpper(i, table.depth)) tables[i] = other;
    for (let at = 0; at < end; at += INTS_PER_SLOT) {
      const hash = MOVING[at + HASH]!;
      enter(this.#table(hash), hash, MOVING[at + PLACE]!);
    }
  }

  /** Whether the last of the first `depth` bits is 1 of what the i-th table is for. */
  #isUpper(i: number, depth: number): boolean {
    return ((i >>> (this.#depth - depth)) & 1) === 1;
  }

  #deepen(): void {
    this.#depth += 1;
    // Not by flatMap, nor by map above: V8 would take the arrays that they make for others, and compile anew what looks into them.
    const tables: Table[] = [];
    for (const table of this.#tables) tables.push(table, table);
    this.#tables = tables;
  }
}

/**
 * Moves all that lies in the slots to {@link MOVING}. A function of its own: compiled while its loop runs, as it is at first, it would give that up
 * each time for what came behind the loop.
 * @returns where it ends there
 */
function takeAll(slots: Int32Array): number {
  let end = 0;
  for (let at = 0; at < slots.length; at += INTS_PER_SLOT) {
    if (slots[at + PLACE] === 0) continue;
    MOVING[end + PLACE] = slots[at + PLACE]!;
    MOVING[end + HASH] = slots[at + HASH]!;
    end += INTS_PER_SLOT;
  }
  slots.fill(0);
  return end;
}

/** @param entry place + 1 */
function enter(table: Table, hash: number, entry: number): void {
  const { slots } = table;
  const mask = maskOf(slots);
  let at = homeOf(slots, hash);
  while (slots[at + PLACE] !== 0) at = (at + STEP) & mask;
  slots[at + PLACE] = entry;
  slots[at + HASH] = hash;
  table.used += 1;
}
