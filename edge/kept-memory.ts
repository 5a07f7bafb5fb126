/**
 * Memory for what is kept for long and grows: orders, ids. V8 counts the bytes of an ArrayBuffer as its heap's own, and goes through the whole
 * heap each time these have grown by a part of it: for a venue that takes orders which rest, ten times a second. Those of a SharedArrayBuffer it
 * does not count (backing-store.cc, PerIsolateAccountingLength); nothing here is shared.
 */

/** What is smaller lies in the heap anyway, or is no matter. */
const LARGE = 65_536;

const memory = (bytes: number): ArrayBufferLike =>
  bytes < LARGE ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);

export const keptBytes = (length: number): Uint8Array => new Uint8Array(memory(length));
export const keptUint16s = (length: number): Uint16Array => new Uint16Array(memory(length * 2));
export const keptUint32s = (length: number): Uint32Array => new Uint32Array(memory(length * 4));
export const keptInt32s = (length: number): Int32Array => new Int32Array(memory(length * 4));
export const keptFloat64s = (length: number): Float64Array => new Float64Array(memory(length * 8));
