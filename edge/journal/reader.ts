/** Reads messages by their place: from the tail if they are not written yet, else from their block. Some opened blocks are cached. */

import type { StoredMessage } from '../fix/session/ports.ts';
import { blockBytes, headAt, openBlock } from './block.ts';
import { BLOCK_BYTES, fixedBytesAt, PROMOTED, RECORD_BYTES, RUN, SENT } from './format.ts';
import { JournalError } from './journal.ts';
import { BLOCK_AT_HAND_BYTES, BLOCKS_AT_HAND, READ_AHEAD_BYTES } from './limits.ts';
import { Run } from './run.ts';
import type { Segment, Segments } from './segments.ts';

/** The place of a message, and which message it must be. */
export interface Place {
  /** Index of the session. */
  readonly session: number;
  /** 0: whatever it says. */
  readonly number: number;
  readonly segment: number;
  /** Offsets in the segment: of the block, and of the record in it. */
  readonly block: number;
  readonly offset: number;
  readonly length: number;
}

interface Found {
  msgSeqNum: number;
  buf: Buffer;
  start: number;
  end: number;
}

interface Opened {
  readonly segment: number;
  readonly block: number;
  readonly records: Buffer;
}

export class Reader {
  readonly #segments: Segments;
  #window = Buffer.alloc(READ_AHEAD_BYTES);
  /** The window has the bytes [from, to) of this segment; written bytes never change. */
  #segment = 0;
  #from = 0;
  #to = 0;
  /** Total bytes of opened blocks, as a measure of the cost of reading. */
  opened = 0;
  /** Least recently used first. */
  readonly #opened: Opened[] = [];
  readonly #run = new Run();
  readonly #found: Found = { msgSeqNum: 0, buf: this.#window, start: 0, end: 0 };

  constructor(segments: Segments) {
    this.#segments = segments;
  }

  /** A record that is written. @throws JournalError `damaged` */
  fromSegment(place: Place): StoredMessage {
    const segment = this.#segments.all.get(place.segment)!;
    const records = this.records(segment, place.block);
    const at = place.offset - place.block - blockBytes(segment.version);
    return records[at] === RUN ? this.#inRun(records, at, place, true) : this.message(records, at, place);
  }

  /** The message in the record at `at`, which must be the one that is looked for. @throws JournalError `damaged` */
  message(buf: Buffer, at: number, place: Place): StoredMessage {
    const { session, number, segment, offset, length } = place;
    const type = buf[at]!;
    if (type === RUN) return this.#inRun(buf, at, place, false);
    const said = buf.readDoubleLE(at + RECORD_BYTES + (type === PROMOTED ? 8 : 0));
    const right = buf.readUInt32LE(at + 4) === length && buf.readUInt32LE(at + 8) === session;
    if (!right || type < SENT || type > PROMOTED || (number !== 0 && said !== number))
      throw this.#another(segment, offset);
    const found = this.#found;
    found.msgSeqNum = number;
    found.buf = buf;
    found.start = at + fixedBytesAt(buf, at);
    found.end = at + length;
    return found;
  }

  /** @param isStill what is there stays as it is: who asks for one message asks for the next one of its run then */
  #inRun(buf: Buffer, at: number, { session, number, segment, offset }: Place, isStill: boolean): StoredMessage {
    const run = this.#run;
    const goesOn = isStill && run.bytes === buf && run.at === at && run.isSent && run.msgSeqNum < number;
    if (!goesOn) run.of(buf, at);
    if (buf.readUInt32LE(at + 8) !== session || !run.toSent(number)) {
      run.isSent = false;
      throw this.#another(segment, offset);
    }
    const found = this.#found;
    found.msgSeqNum = number;
    found.buf = run.buf;
    found.start = run.start;
    found.end = run.end;
    return found;
  }

  #another(segment: number, offset: number): JournalError {
    return new JournalError('damaged', `${this.#segments.path(segment)} has another record at ${offset}`);
  }

  /** The records of a block that is written, opened. @throws JournalError `damaged` */
  records(segment: Segment, block: number): Buffer {
    const opened = this.#opened;
    for (let i = opened.length - 1; i >= 0; i--) {
      const one = opened[i]!;
      if (one.segment !== segment.number || one.block !== block) continue;
      if (i + 1 < opened.length) opened.push(...opened.splice(i, 1));
      return one.records;
    }
    const records = this.#open(segment, block);
    if (records.length <= BLOCK_AT_HAND_BYTES) {
      if (opened.length >= BLOCKS_AT_HAND) opened.shift();
      opened.push({ segment: segment.number, block, records });
    }
    return records;
  }

  #open(segment: Segment, block: number): Buffer {
    this.#fill(segment, block, BLOCK_BYTES);
    const length = this.#window.readUInt32LE(block - this.#from + 4);
    if (length > segment.size - block) throw this.#damaged(segment, block);
    this.#fill(segment, block, length);
    this.opened += length;
    const at = block - this.#from;
    if (headAt(segment, this.#window, at, this.#window.readUInt32LE(at + 8)) !== length)
      throw this.#damaged(segment, block);
    try {
      // A copy: the window is used again.
      const records = openBlock(segment, this.#window, at, length);
      return segment.key === undefined ? Buffer.copyBytesFrom(records) : records;
    } catch (error) {
      throw this.#damaged(segment, block, error);
    }
  }

  /** After a reading error: the next reading goes to the disk again. */
  #damaged(segment: Segment, block: number, cause?: unknown): JournalError {
    this.#segment = 0;
    return new JournalError('damaged', `${segment.path} has a damaged block at ${block}`, { cause });
  }

  /** Reads [offset, offset + length) of the segment into the window, as far as the segment goes. */
  #fill(segment: Segment, offset: number, length: number): void {
    if (segment.number === this.#segment && offset >= this.#from && offset + length <= this.#to) return;
    const wanted = Math.max(length, READ_AHEAD_BYTES);
    if (this.#window.length < length) this.#window = Buffer.alloc(wanted);
    this.#segment = 0;
    const read = this.#segments.read(segment.number, this.#window, offset, Math.min(wanted, this.#window.length));
    if (read < Math.min(length, segment.size - offset))
      throw new JournalError('damaged', `${segment.path} ends at ${offset + read}, within a block`);
    this.#segment = segment.number;
    this.#from = offset;
    this.#to = offset + read;
  }
}
