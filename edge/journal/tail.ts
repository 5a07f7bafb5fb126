/** What has been appended and not written: the records of the next block, in one buffer that grows and is used again. */

import { BLOCK_BYTES, RECORD_BYTES, VERSION } from './format.ts';
import { JournalError } from './journal.ts';
import { TAIL_INITIAL_BYTES, TAIL_KEPT_BYTES } from './limits.ts';

export class Tail {
  buf: Buffer = Buffer.alloc(TAIL_INITIAL_BYTES);
  /** With the 16 bytes that the block begins with. */
  length = BLOCK_BYTES;
  records = 0;
  readonly #max: number;
  #view = viewOf(this.buf);

  constructor(max: number) {
    this.#max = max;
  }

  /** Makes sure of room, for callers that change something of their own first. @throws JournalError `tail_full` */
  reserve(length: number): void {
    if (this.length + length > this.#max)
      throw new JournalError('tail_full', `${this.length} bytes wait for the disk, and no more may`);
  }

  /**
   * Starts a record of `length` bytes in all and writes its first 12; the caller writes the rest.
   * Takes no notice of the bound: {@link reserve} does.
   * @returns where it begins in {@link buf}, which may be another buffer than before
   */
  begin(type: number, session: number, length: number): number {
    const at = this.length;
    if (at + length > this.buf.length) this.#grow(at + length);
    const view = this.#view;
    view.setUint32(at, type + VERSION * 256, true);
    view.setUint32(at + 4, length, true);
    view.setUint32(at + 8, session, true);
    this.length = at + length;
    this.records += 1;
    return at;
  }

  /** f64, the i-th eight bytes after the first 12 of the record at `at`. */
  put(at: number, i: number, value: number): void {
    this.#view.setFloat64(at + RECORD_BYTES + i * 8, value, true);
  }

  /** Takes back what was begun since the tail had this length. */
  cut(length: number, records: number): void {
    this.length = length;
    this.records = records;
  }

  clear(): void {
    this.cut(BLOCK_BYTES, 0);
    if (this.buf.length > TAIL_KEPT_BYTES) this.#replace(Buffer.alloc(TAIL_INITIAL_BYTES));
  }

  #grow(least: number): void {
    let size = this.buf.length;
    while (size < least) size *= 2;
    const grown = Buffer.alloc(size);
    this.buf.copy(grown, 0, 0, this.length);
    this.#replace(grown);
  }

  #replace(buf: Buffer): void {
    this.buf = buf;
    this.#view = viewOf(buf);
  }
}

const viewOf = (buf: Buffer): DataView => new DataView(buf.buffer, buf.byteOffset, buf.length);
