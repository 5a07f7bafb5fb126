/**
 * Ids by age: of each a name, and the row of the order that it names. They lie in pages, so that what is there never moves, and what
 * the oldest leave behind is used again.
 */

import { keptInt32s } from '../../kept-memory.ts';

const INITIAL = 16;
/** Places of a page; the first begins with fewer. */
const PLACES = 8192;
const PLACE_BITS = 13;
const LAST = PLACES - 1;
/** Of a place, as i32. */
const [ID, ROW] = [0, 1] as const;
const INTS = 2;
/** Of who has nothing yet: never written to. */
const NONE = new Int32Array(0);

export class IdRing {
  size = 0;
  /** By the number that is in its places. The first is there from the beginning: of an array without any V8 would compile anew what looks into it. */
  readonly #pages: Int32Array[] = [NONE];
  /** Numbers of those that have been filled, oldest first, but for the one that is being filled. */
  readonly #full: number[] = [];
  readonly #free: number[] = [];
  #filling = 0;
  /** Within the oldest page, and the one that is being filled. */
  #head = 0;
  #next = 0;
  /** The one that is being filled, and how many it holds. */
  #page: Int32Array = NONE;
  #places = 0;

  id(place: number): number {
    return this.#pages[place >>> PLACE_BITS]![(place & LAST) * INTS + ID]!;
  }

  row(place: number): number {
    return this.#pages[place >>> PLACE_BITS]![(place & LAST) * INTS + ROW]!;
  }

  setRow(place: number, row: number): void {
    this.#pages[place >>> PLACE_BITS]![(place & LAST) * INTS + ROW] = row;
  }

  /** The next one. @returns its place, which is its own until it is the oldest and shifted out */
  push(id: number, row: number): number {
    if (this.#next === this.#places) this.#room();
    const page = this.#page;
    const place = this.#next++;
    const at = place * INTS;
    page[at + ID] = id;
    page[at + ROW] = row;
    this.size += 1;
    return (this.#filling << PLACE_BITS) | place;
  }

  /** Where the oldest is; there must be one. */
  get oldest(): number {
    return ((this.#full[0] ?? this.#filling) << PLACE_BITS) | this.#head;
  }

  /** Takes the oldest out. */
  shift(): void {
    this.#head += 1;
    this.size -= 1;
    if (this.#head < PLACES) return;
    this.#head = 0;
    const emptied = this.#full.shift();
    if (emptied === undefined) this.#next = 0;
    else this.#free.push(emptied);
  }

  /** From the oldest to the youngest; none may be added meanwhile. */
  *places(): Generator<number> {
    let from = this.#head;
    for (const page of this.#full) {
      for (let i = from; i < PLACES; i++) yield (page << PLACE_BITS) | i;
      from = 0;
    }
    for (let i = from; i < this.#next; i++) yield (this.#filling << PLACE_BITS) | i;
  }

  /** Has place for the next one. */
  #room(): void {
    if (this.#places < PLACES) this.#widen(this.#page);
    else {
      this.#full.push(this.#filling);
      this.#next = 0;
      this.#filling = this.#free.pop() ?? this.#pages.push(keptInt32s(PLACES * INTS)) - 1;
    }
    this.#page = this.#pages[this.#filling]!;
    this.#places = this.#page.length / INTS;
  }

  /** The first page, while it is not whole. */
  #widen(filled: Int32Array): void {
    const wider = keptInt32s(filled === NONE ? INITIAL * INTS : filled.length * 2);
    wider.set(filled);
    this.#pages[0] = wider;
  }
}
