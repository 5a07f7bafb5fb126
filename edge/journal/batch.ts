/** A batch for a remote store: bytes of segments, and the pieces in which they are appended there. */

import { APPEND_BYTES, APPEND_PIECES, PIECE_BYTES, type Piece } from '../../core/sessions/journal-store.ts';
import type { Home } from './block.ts';
import { BLOCK_BYTES } from './format.ts';
import { SHIP_INITIAL_BYTES, SHIP_KEPT_BYTES } from './limits.ts';
import { packed, rawPack } from './pack.ts';
import type { Tail } from './tail.ts';

/** Consecutive bytes of a segment. */
interface Run {
  readonly home: Home;
  readonly offset: number;
  /** Offsets in the batch's buffer. */
  readonly from: number;
  to: number;
  /** Where flushes end. Empty: these bytes are the segment's header. */
  readonly ends: number[];
}

export class Batch {
  number = 0;
  readonly runs: Run[] = [];
  used = 0;
  #buf = Buffer.allocUnsafeSlow(SHIP_INITIAL_BYTES);

  begin(home: Home, header: Buffer): void {
    const from = this.#room(header.length);
    header.copy(this.#buf, from);
    this.runs.push({ home, offset: 0, from, to: this.used, ends: [] });
  }

  /** Blocks: the 48 bytes of each as they are stored, then its records unencrypted. */
  add(home: Home, offset: number, sealed: Buffer, tail: Tail): void {
    const from = this.#room(tail.length);
    tail.buf.copy(this.#buf, from, 0, tail.length);
    for (let i = 0; i < tail.blocks; i++) {
      const at = tail.start(i);
      sealed.copy(this.#buf, from + at, at, at + BLOCK_BYTES);
    }
    const last = this.runs.at(-1);
    if (last?.home === home && last.ends.length > 0 && last.offset + last.to - last.from === offset) {
      last.to = this.used;
      last.ends.push(this.used);
    } else this.runs.push({ home, offset, from, to: this.used, ends: [this.used] });
  }

  /** Adds bytes that an earlier process had given to {@link add}. @param ends where flushes end in `plain` */
  put(home: Home, offset: number, plain: Buffer, ends: readonly number[]): void {
    const from = this.#room(plain.length);
    plain.copy(this.#buf, from);
    this.runs.push({ home, offset, from, to: this.used, ends: ends.map((end) => from + end) });
  }

  /** Makes room. @returns its offset */
  #room(length: number): number {
    const from = this.used;
    this.used += length;
    if (this.used > this.#buf.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.used, this.#buf.length * 2));
      this.#buf.copy(larger, 0, 0, from);
      this.#buf = larger;
    }
    return from;
  }

  /** The pieces, in groups; each group is one transaction. */
  *appends(): Generator<readonly Piece[]> {
    let group: Piece[] = [];
    let bytes = 0;
    for (const run of this.runs) {
      for (const piece of this.#pieces(run)) {
        if (group.length === APPEND_PIECES || bytes + piece.bytes.length > APPEND_BYTES) {
          yield group;
          group = [];
          bytes = 0;
        }
        group.push(piece);
        bytes += piece.bytes.length;
      }
    }
    if (group.length > 0) yield group;
  }

  /** Each piece has complete flushes, or a part of one. So an incomplete flush, which is cut off after a crash, begins with a piece. */
  *#pieces({ home, offset, from, to, ends }: Run): Generator<Piece> {
    const segment = home.number;
    if (ends.length === 0) {
      yield { segment, offset, length: to - from, bytes: rawPack(this.#buf.subarray(from, to)) };
      return;
    }
    let i = 0;
    for (let at = from; at < to; ) {
      let end = at;
      for (; i < ends.length && ends[i]! <= at + PIECE_BYTES; i++) end = ends[i]!;
      if (end === at) end = Math.min(at + PIECE_BYTES, ends[i]!);
      const start = offset + at - from;
      yield { segment, offset: start, length: end - at, bytes: packed(home, start, this.#buf.subarray(at, end)) };
      at = end;
    }
  }

  clear(): void {
    this.runs.length = 0;
    this.used = 0;
    if (this.#buf.length > SHIP_KEPT_BYTES) this.#buf = Buffer.allocUnsafeSlow(SHIP_INITIAL_BYTES);
  }
}
