/**
 * What has been appended and not written: the records of the next blocks, in one buffer that grows and is used again.
 * They lie as they will in the segment, so that where each will be is known at once.
 */

import { copyWords, SLACK, Views, viewOf } from '../fix/words.ts';
import { BLOCK_BYTES, RECORD_BYTES, VERSION } from './format.ts';
import { JournalError } from './journal.ts';
import { BLOCK_TARGET_BYTES, TAIL_INITIAL_BYTES, TAIL_KEPT_BYTES } from './limits.ts';

/** Up to so many bytes a loop over words is quicker than the call to the machine's own copy. */
const SHORT = 256;

export class Tail {
  buf: Buffer = Buffer.alloc(TAIL_INITIAL_BYTES);
  /** With the bytes that each block begins with. */
  length = BLOCK_BYTES;
  /** Blocks, the one that is being filled among them. */
  blocks = 1;
  /** Rises with each record, and when one is taken back: while it stands, the record that was begun last is the last. */
  begun = 0;
  readonly #max: number;
  readonly #target: number;
  #view = viewOf(this.buf);
  /** Up to here the last record may go on with no further look: there its block ends, or the buffer, or what may wait for the disk. */
  #until = 0;
  /** Of output buffers, out of which a batch has many messages. */
  readonly #sources = new Views();
  /** Where each block begins, and how many records it has. */
  #starts = new Uint32Array(64);
  #counts = new Uint32Array(64);

  /** @param target bytes after which a block is followed by another; one record may be longer */
  constructor(max: number, target = BLOCK_TARGET_BYTES) {
    this.#max = max;
    this.#target = target;
    this.#bound();
  }

  get empty(): boolean {
    return this.length === BLOCK_BYTES;
  }

  start(block: number): number {
    return this.#starts[block]!;
  }

  end(block: number): number {
    return block + 1 < this.blocks ? this.#starts[block + 1]! : this.length;
  }

  records(block: number): number {
    return this.#counts[block]!;
  }

  /** Where the block that is being filled begins. */
  get block(): number {
    return this.#starts[this.blocks - 1]!;
  }

  /** Makes sure of room, for callers that change something of their own first. @throws JournalError `tail_full` */
  reserve(length: number): void {
    if (this.length + length > this.#max)
      throw new JournalError('tail_full', `${this.length} bytes wait for the disk, and no more may`);
  }

  /** Makes room for so many bytes behind what is there. */
  widen(bytes: number): void {
    if (this.length + bytes > this.buf.length) this.#grow(this.length + bytes);
  }

  /**
   * Starts a record of `length` bytes in all and writes its first 12; the caller writes the rest.
   * Takes no notice of the bound: {@link reserve} does.
   * @returns where it begins in {@link buf}, which may be another buffer than before; it is in {@link block}
   */
  begin(type: number, session: number, length: number, flags = 0): number {
    const open = this.blocks - 1;
    if (this.#counts[open]! > 0 && this.length - this.#starts[open]! + length > this.#target) this.#nextBlock();
    const at = this.length;
    if (at + length > this.buf.length) this.#grow(at + length);
    const view = this.#view;
    view.setUint32(at, type + VERSION * 256 + flags * 65_536, true);
    view.setUint32(at + 4, length, true);
    view.setUint32(at + 8, session, true);
    this.length = at + length;
    this.#counts[this.blocks - 1]! += 1;
    this.begun += 1;
    return at;
  }

  /**
   * Makes the last record, which begins at `at`, longer by so many bytes.
   * @returns where these begin, -1 when the block has no room for them
   */
  extend(at: number, length: number): number {
    const from = this.length;
    if (from - this.#starts[this.blocks - 1]! + length > this.#target) return -1;
    if (from + length > this.buf.length) this.#grow(from + length);
    this.length = from + length;
    this.#view.setUint32(at + 4, from + length - at, true);
    return from;
  }

  /**
   * Makes room for the last record to go on by so many bytes at most; {@link endAt} says where it ends then.
   * @returns where these begin, -1 when the block has no room for them
   * @throws JournalError `tail_full`
   */
  behind(bytes: number): number {
    const from = this.length;
    if (from + bytes <= this.#until) return from;
    if (from - this.block + bytes > this.#target) return -1;
    this.reserve(bytes);
    this.widen(bytes);
    return from;
  }

  /** The last record, which begins at `at`, ends here. */
  endAt(at: number, end: number): void {
    this.length = end;
    this.#view.setUint32(at + 4, end - at, true);
  }

  get view(): DataView {
    return this.#view;
  }

  /** Of a buffer that messages are in. */
  viewOf(from: Buffer): DataView {
    return this.#sources.of(from);
  }

  /** The bytes [start, end) of `from`, written at `at`: to the end of the record begun last, or they would spoil what is behind. */
  copy(at: number, from: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length <= SHORT && end + SLACK <= from.length && at + length + SLACK <= this.buf.length)
      copyWords(this.#sources.of(from), start, length, this.#view, at);
    else from.copy(this.buf, at, start, end);
  }

  /** f64, the i-th eight bytes after the first 12 of the record at `at`. */
  put(at: number, i: number, value: number): void {
    this.#view.setFloat64(at + RECORD_BYTES + i * 8, value, true);
  }

  /** u32, `bytes` after the first 12 of the record at `at`. */
  putUint(at: number, bytes: number, value: number): void {
    this.#view.setUint32(at + RECORD_BYTES + bytes, value, true);
  }

  /** u32, at `at`. */
  word(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** Sets flags of the record at `at`, beside those that it has. */
  flag(at: number, flags: number): void {
    this.#view.setUint16(at + 2, this.#view.getUint16(at + 2, true) | flags, true);
  }

  /** What {@link cut} goes back to. */
  mark(): { readonly length: number; readonly blocks: number; readonly count: number } {
    return { length: this.length, blocks: this.blocks, count: this.#counts[this.blocks - 1]! };
  }

  /** Takes back what was begun since. */
  cut({ length, blocks, count }: ReturnType<Tail['mark']>): void {
    this.length = length;
    this.blocks = blocks;
    this.#counts[blocks - 1] = count;
    this.begun += 1;
    this.#bound();
  }

  clear(): void {
    this.cut({ length: BLOCK_BYTES, blocks: 1, count: 0 });
    if (this.buf.length > TAIL_KEPT_BYTES) this.#replace(Buffer.alloc(TAIL_INITIAL_BYTES));
  }

  #nextBlock(): void {
    if (this.blocks === this.#starts.length) {
      this.#starts = grown(this.#starts);
      this.#counts = grown(this.#counts);
    }
    this.#starts[this.blocks] = this.length;
    this.#counts[this.blocks] = 0;
    this.blocks += 1;
    this.length += BLOCK_BYTES;
    this.#bound();
  }

  #bound(): void {
    this.#until = Math.min(this.block + this.#target, this.buf.length, this.#max);
  }

  #grow(least: number): void {
    let size = this.buf.length;
    while (size < least) size *= 2;
    const larger = Buffer.alloc(size);
    this.buf.copy(larger, 0, 0, Math.min(this.length, this.buf.length));
    this.#replace(larger);
  }

  #replace(buf: Buffer): void {
    this.buf = buf;
    this.#view = viewOf(buf);
    this.#bound();
  }
}

function grown(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
