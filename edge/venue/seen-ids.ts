/**
 * A set of byte strings that forgets its oldest ones: two tables by turns, of which the older is dropped whole when the
 * younger is full. Allocates nothing per entry; a string is compared byte for byte, so that no hash is mistaken for it.
 */

class Table {
  count = 0;
  used = 0;
  /** Start of an entry in `bytes` + 1, by hash; 0: none. An entry is its length in four bytes and its bytes. */
  slots = new Int32Array(64);
  bytes = Buffer.allocUnsafe(1024);

  clear(): void {
    this.slots.fill(0);
    this.count = 0;
    this.used = 0;
  }
}

export class SeenIds {
  private readonly maxCount: number;
  private readonly maxBytes: number;
  private young = new Table();
  private old = new Table();

  /** Remembers the last `count` ÷ 2 strings at least, fewer when they have more than `bytes` ÷ 2 bytes. */
  constructor(count: number, bytes: number) {
    this.maxCount = count >>> 1;
    this.maxBytes = bytes >>> 1;
  }

  /** Adds the bytes [from, to). @returns whether they were in the set */
  add(buf: Uint8Array, from: number, to: number): boolean {
    const hash = hashOf(buf, from, to);
    if (find(this.young, hash, buf, from, to)) return true;
    const known = find(this.old, hash, buf, from, to);
    this.insert(hash, buf, from, to);
    return known;
  }

  private insert(hash: number, buf: Uint8Array, from: number, to: number): void {
    const size = to - from + 4;
    if (size > this.maxBytes) return;
    if (this.young.count >= this.maxCount || this.young.used + size > this.maxBytes) {
      const table = this.old;
      this.old = this.young;
      this.young = table;
      table.clear();
    }
    const table = this.young;
    if (table.used + size > table.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.maxBytes, Math.max(table.bytes.length * 2, table.used + size)));
      table.bytes.copy(grown, 0, 0, table.used);
      table.bytes = grown;
    }
    if (table.count * 2 >= table.slots.length) rehash(table);
    const at = table.used;
    table.bytes.writeUInt32LE(to - from, at);
    for (let i = from; i < to; i++) table.bytes[at + 4 + i - from] = buf[i]!;
    table.used += size;
    table.count++;
    place(table, hash, at);
  }
}

function hashOf(buf: Uint8Array, from: number, to: number): number {
  let h = 0x811c9dc5; // FNV-1a
  for (let i = from; i < to; i++) h = Math.imul(h ^ buf[i]!, 0x01000193);
  return h ^ (h >>> 15);
}

function place(table: Table, hash: number, at: number): void {
  const mask = table.slots.length - 1;
  let slot = hash & mask;
  while (table.slots[slot] !== 0) slot = (slot + 1) & mask;
  table.slots[slot] = at + 1;
}

function find({ slots, bytes }: Table, hash: number, buf: Uint8Array, from: number, to: number): boolean {
  const mask = slots.length - 1;
  const length = to - from;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const at = slots[slot]! - 1;
    if (at < 0) return false;
    if (bytes.readUInt32LE(at) !== length) continue;
    let i = 0;
    while (i < length && bytes[at + 4 + i] === buf[from + i]) i++;
    if (i === length) return true;
  }
}

function rehash(table: Table): void {
  table.slots = new Int32Array(table.slots.length * 2);
  for (let at = 0; at < table.used; ) {
    const length = table.bytes.readUInt32LE(at);
    place(table, hashOf(table.bytes, at + 4, at + 4 + length), at);
    at += 4 + length;
  }
}
