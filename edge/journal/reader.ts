/** Messages by place: from the tail while they are there, else from the segment, with its neighbours. */

import type { StoredMessage } from '../fix/session/ports.ts';
import { FIXED_BYTES, PROMOTED, RECORD_BYTES, SENT } from './format.ts';
import { JournalError } from './journal.ts';
import { READ_AHEAD_BYTES } from './limits.ts';
import type { Segments } from './segments.ts';

interface Found {
  msgSeqNum: number;
  buf: Buffer;
  start: number;
  end: number;
}

export class Reader {
  readonly #segments: Segments;
  #window = Buffer.alloc(READ_AHEAD_BYTES);
  /** What the window holds: [from, to) of this segment; what is written there never changes. */
  #segment = 0;
  #from = 0;
  #to = 0;
  readonly #found: Found = { msgSeqNum: 0, buf: this.#window, start: 0, end: 0 };

  constructor(segments: Segments) {
    this.#segments = segments;
  }

  /** A record that is written. */
  fromSegment(session: number, number: number, segment: number, offset: number, length: number): StoredMessage {
    if (segment !== this.#segment || offset < this.#from || offset + length > this.#to)
      this.#fill(segment, offset, length);
    return this.message(this.#window, offset - this.#from, session, number, length, segment, offset);
  }

  /** The message in the record at `at`, which has to be the one that is looked for. @throws JournalError `damaged` */
  message(
    buf: Buffer,
    at: number,
    session: number,
    number: number,
    length: number,
    segment: number,
    offset: number,
  ): StoredMessage {
    const type = buf[at]!;
    const said = buf.readDoubleLE(at + RECORD_BYTES + (type === PROMOTED ? 8 : 0));
    const right = buf.readUInt32LE(at + 4) === length && buf.readUInt32LE(at + 8) === session;
    if (!right || type < SENT || type > PROMOTED || (number !== 0 && said !== number))
      throw new JournalError('damaged', `${this.#segments.path(segment)} has another record at ${offset}`);
    const found = this.#found;
    found.msgSeqNum = number;
    found.buf = buf;
    found.start = at + FIXED_BYTES[type]!;
    found.end = at + length;
    return found;
  }

  #fill(segment: number, offset: number, length: number): void {
    const wanted = Math.max(length, READ_AHEAD_BYTES);
    if (this.#window.length < length) this.#window = Buffer.alloc(wanted);
    this.#segment = 0;
    const read = this.#segments.read(segment, this.#window, offset, Math.min(wanted, this.#window.length));
    if (read < length)
      throw new JournalError('damaged', `${this.#segments.path(segment)} ends at ${offset + read}, within a message`);
    this.#segment = segment;
    this.#from = offset;
    this.#to = offset + read;
  }
}
