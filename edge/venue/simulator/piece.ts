/** Text that is written often, as bytes. */

import { SLACK, viewOf } from '../../fix/words.ts';

/** Bytes [0, length), and {@link SLACK} behind them. */
export interface Piece {
  readonly view: DataView;
  readonly length: number;
}

/** Of memory of its own: a slice of Node's pool would keep the whole of that, and each session has such a piece. */
export function pieceOf(text: string, encoding: BufferEncoding = 'utf8'): Piece {
  const length = Buffer.byteLength(text, encoding);
  const bytes = Buffer.alloc(length + SLACK);
  bytes.write(text, encoding);
  return { view: viewOf(bytes), length };
}

/** Different ones that are kept: symbols and runs are few, accounts may be many. */
const MOST = 1024;

/** Pieces by what they are of: the last one is at hand. */
export class Pieces<T> {
  private last: T | undefined;
  private piece: Piece = pieceOf('');
  private readonly known = new Map<T, Piece>();
  private readonly make: (of: T) => string;
  private readonly encoding: BufferEncoding;

  constructor(make: (of: T) => string, encoding: BufferEncoding = 'utf8') {
    this.make = make;
    this.encoding = encoding;
  }

  of(what: T): Piece {
    return what === this.last ? this.piece : this.other(what);
  }

  private other(what: T): Piece {
    let piece = this.known.get(what);
    if (piece === undefined) {
      piece = pieceOf(this.make(what), this.encoding);
      if (this.known.size >= MOST) this.known.clear();
      this.known.set(what, piece);
    }
    this.last = what;
    this.piece = piece;
    return piece;
  }
}
