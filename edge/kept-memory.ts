/**
 * Memory for what is kept for long and grows: orders, ids. V8 counts the bytes of an ArrayBuffer as its heap's own, and goes through the whole
 * heap each time these have grown by a part of it: for a venue that takes orders which rest, ten times a second. Those of a SharedArrayBuffer it
 * does not count (backing-store.cc, PerIsolateAccountingLength); nothing here is shared.
 *
 * To touch a page of memory for the first time takes 0.5 to 5 µs: the system finds one and fills it with zeros. What grows by blocks of one size
 * has the next ones touched before it needs them, by another thread.
 */

import { openSync, read } from 'node:fs';

/** What is smaller lies in the heap anyway, or is no matter. */
const LARGE = 65_536;
/** What is larger is asked for once, and is not all needed at once. */
const BLOCK = 1_048_576;
/** Blocks of one size that lie ready. */
const READY = 2;

/** Reading it fills memory with zeros, as it is already. Undefined: not opened yet; -1: this system has none. */
let zeros: number | undefined;

function openZeros(): number {
  try {
    return openSync('/dev/zero', 'r');
  } catch {
    return -1;
  }
}

/** Blocks of one size. */
class Blocks {
  readonly #bytes: number;
  readonly #ready: SharedArrayBuffer[] = [];
  /** Those that are being touched. */
  #touched = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  take(): SharedArrayBuffer {
    const block = this.#ready.pop();
    while (this.#ready.length + this.#touched < READY && this.#touch());
    return block ?? new SharedArrayBuffer(this.#bytes);
  }

  #touch(): boolean {
    zeros ??= openZeros();
    if (zeros < 0) return false;
    const block = new SharedArrayBuffer(this.#bytes);
    this.#touched += 1;
    read(zeros, new Uint8Array(block), 0, this.#bytes, null, () => {
      this.#touched -= 1;
      this.#ready.push(block); // whether it has been touched or not, it is full of zeros
    });
    return true;
  }
}

/** By size; `once`: one has been made, and if there is another there may be many. */
const blocks = new Map<number, Blocks | 'once'>();

function memory(bytes: number): ArrayBufferLike {
  if (bytes < LARGE) return new ArrayBuffer(bytes);
  if (bytes > BLOCK) return new SharedArrayBuffer(bytes);
  const known = blocks.get(bytes);
  if (known === undefined) {
    blocks.set(bytes, 'once');
    return new SharedArrayBuffer(bytes);
  }
  if (known !== 'once') return known.take();
  const many = new Blocks(bytes);
  blocks.set(bytes, many);
  return many.take();
}

export const keptBytes = (length: number): Uint8Array => new Uint8Array(memory(length));
export const keptUint16s = (length: number): Uint16Array => new Uint16Array(memory(length * 2));
export const keptUint32s = (length: number): Uint32Array => new Uint32Array(memory(length * 4));
export const keptInt32s = (length: number): Int32Array => new Int32Array(memory(length * 4));
export const keptFloat64s = (length: number): Float64Array => new Float64Array(memory(length * 8));
