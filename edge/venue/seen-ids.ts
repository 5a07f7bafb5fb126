/**
 * A set of byte strings that forgets its oldest ones: two tables by turns, of which the older is dropped whole when the
 * younger is full. Noting a string is appending its bytes; they are found by hash only once somebody asks, which hardly
 * anybody does. A string is compared byte for byte, so that no hash is mistaken for it.
 */

import { copyWords, SLACK, viewOf } from '../fix/words.ts';

class Table {
  count = 0;
  used = 0;
  /** Bytes whose strings are in `slots`. */
  indexed = 0;
  /** Start of an entry in `bytes` + 1, by hash; 0: none. An entry is its length in two bytes and its bytes. */
  slots = new Int32Array(64);
  bytes = Buffer.allocUnsafeSlow(1024);
  view = viewOf(this.bytes);

  clear(): void {
    if (this.indexed > 0) this.slots.fill(0);
    this.count = 0;
    this.used = 0;
    this.indexed = 0;
  }
}

/** Longer strings are not remembered. */
const MAX_BYTES = 0xffff;

export class SeenIds {
  private readonly maxCount: number;
  private readonly maxBytes: number;
  private young = new Table();
  private old = new Table();

  /** Remembers the last `count` ÷ 2 strings noted at least, fewer when they have more than `bytes` ÷ 2 bytes. */
  constructor(count: number, bytes: number) {
    this.maxCount = count >>> 1;
    this.maxBytes = bytes >>> 1;
  }

  /** Remembers the bytes [from, to), behind which there are {@link SLACK} more. */
  note(view: DataView, from: number, to: number): void {
    const length = to - from;
    const size = length + 2;
    if (size > this.maxBytes || length > MAX_BYTES) return;
    let table = this.young;
    if (table.count >= this.maxCount || table.used + size > this.maxBytes) table = this.turn();
    const { used } = table;
    if (used + size + SLACK > table.bytes.length) grow(table, size, this.maxBytes);
    table.view.setUint16(used, length, true);
    copyWords(view, from, length, table.view, used + 2);
    table.used = used + size;
    table.count++;
  }

  /** Whether the bytes [from, to) have been noted. */
  has(buf: Uint8Array, from: number, to: number): boolean {
    const hash = hashOf(buf, from, to);
    return find(this.young, hash, buf, from, to) || find(this.old, hash, buf, from, to);
  }

  private turn(): Table {
    const table = this.old;
    this.old = this.young;
    this.young = table;
    table.clear();
    return table;
  }
}

function grow(table: Table, size: number, most: number): void {
  const least = Math.min(most, Math.max(table.bytes.length * 2, table.used + size));
  const grown = Buffer.allocUnsafeSlow(least + SLACK);
  table.bytes.copy(grown, 0, 0, table.used);
  table.bytes = grown;
  table.view = viewOf(grown);
}

const lengthAt = (bytes: Buffer, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);

function hashOf(buf: Uint8Array, from: number, to: number): number {
  let h = 0x811c9dc5; // FNV-1a
  for (let i = from; i < to; i++) h = Math.imul(h ^ buf[i]!, 0x01000193);
  return h ^ (h >>> 15);
}

function find(table: Table, hash: number, buf: Uint8Array, from: number, to: number): boolean {
  if (table.indexed < table.used) index(table);
  const at = slotOf(table, hash, buf, from, to);
  return table.slots[at] !== 0;
}

/** The slot of the string, or the empty one where it would be. */
function slotOf({ slots, bytes }: Table, hash: number, buf: Uint8Array, from: number, to: number): number {
  const mask = slots.length - 1;
  const length = to - from;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const at = slots[slot]! - 1;
    if (at < 0) return slot;
    if (lengthAt(bytes, at) !== length) continue;
    let i = 0;
    while (i < length && bytes[at + 2 + i] === buf[from + i]) i++;
    if (i === length) return slot;
  }
}

/** Puts into the slots what has been noted since the last time: each string once, however often it was noted. */
function index(table: Table): void {
  if (table.count * 2 > table.slots.length) {
    let size = table.slots.length;
    while (size < table.count * 2) size *= 2;
    table.slots = new Int32Array(size);
    table.indexed = 0;
  }
  const { bytes, slots, used } = table;
  let at = table.indexed;
  while (at < used) {
    const from = at + 2;
    const to = from + lengthAt(bytes, at);
    const slot = slotOf(table, hashOf(bytes, from, to), bytes, from, to);
    if (slots[slot] === 0) slots[slot] = at + 1;
    at = to;
  }
  table.indexed = used;
}
