/** The segment files of one directory: made, written, read, deleted. */

import {
  close,
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Syncs } from '../syncs.ts';
import { type Home, sealBlock } from './block.ts';
import { headerOf, sealName, segmentName, segmentNumber, VERSION } from './format.ts';
import { JournalError, type JournalLog } from './journal.ts';
import type { SegmentKeys } from './keys.ts';
import { SEGMENT_BYTES_HARD, TAIL_INITIAL_BYTES, TAIL_KEPT_BYTES } from './limits.ts';
import { ShortSealer } from './short.ts';
import type { Tail } from './tail.ts';

export interface Segment extends Home {
  readonly path: string;
  readonly fd: number;
  /** Where the first block begins. */
  readonly begin: number;
  /** Bytes that are written, and in order. */
  size: number;
  /** Blocks among them. */
  blocks: number;
  /** Blocks that were tried to be written. */
  nonce: number;
  /** Made with its key, once: see {@link ShortSealer}. Undefined: it is not encrypted, or not written to any more. */
  short: ShortSealer | undefined;
  /** Places in it of messages that may still be asked for, and their bytes. */
  live: number;
  liveBytes: number;
  /** Whether a rotation has found none of them. */
  dead: boolean;
  /** Greatest mark of the venue's that a block of it depends on: it may have orders of that flush. 0: none does. */
  depends: number;
  /** Whether it belongs to the archive: then it is not deleted but moved there. */
  readonly archives: boolean;
  /** Epoch ms. */
  readonly begunAt: number;
  /** Application messages that were sent or received, and when the first and the last of them were; counted for an archive. */
  messages: number;
  firstAt: number;
  lastAt: number;
}

type Of = Pick<Segment, 'archives' | 'begunAt'>;

const EMPTY = {
  blocks: 0,
  nonce: 0,
  short: undefined,
  live: 0,
  liveBytes: 0,
  dead: false,
  depends: 0,
  messages: 0,
  firstAt: 0,
  lastAt: 0,
};

export type Counts = Pick<Segment, 'messages' | 'firstAt' | 'lastAt'>;

/** Counts application messages of one moment. */
export function noteMessage(segment: Counts, epochMs: number, messages = 1): void {
  if (segment.messages === 0) segment.firstAt = epochMs;
  segment.messages += messages;
  segment.lastAt = epochMs;
}

/** Hears of what is written, for a copy elsewhere. */
export interface Mirror {
  /** Before so many bytes are written. @throws Error: no more may wait */
  room(bytes: number): void;
  /** Nothing more is written to it, and another is about to be begun. @throws Error: not yet */
  ended?(segment: Segment): void;
  /** A segment has been begun. */
  begun(segment: Segment, header: Buffer): void;
  /**
   * The blocks of a flush have been written from `offset` on: `sealed` as they stand there, the tail with their records in plain.
   * @param leisureMs so long nobody waits for them; 0, the default: somebody does
   */
  written(segment: Segment, offset: number, sealed: Buffer, tail: Tail, leisureMs?: number): void;
  deleted(segment: number): void;
}

export interface SegmentsOptions {
  readonly directory: string;
  readonly log: JournalLog;
  /** Whether what is written is to survive the machine too. */
  readonly sync: boolean;
  readonly syncs: Syncs;
  /** A random 32-bit number. */
  readonly salt: () => number;
  /** Undefined: what is made is not encrypted. */
  readonly keys: SegmentKeys | undefined;
  /** Whether what is made belongs to the archive. */
  readonly archive: boolean;
  /** Where its segments go. */
  readonly archiveDirectory: string;
  readonly mirror?: Mirror | undefined;
}

/** What is written is encrypted into this; it is as large as the largest flush was, but for those that are rare. */
const OUT_INITIAL_BYTES = TAIL_INITIAL_BYTES;

export class Segments {
  /** Oldest first. */
  readonly all = new Map<number, Segment>();
  readonly #options: SegmentsOptions;
  #out = Buffer.alloc(0);
  /** The one made last. */
  #written: Segment | undefined;
  /** The one counted for last: most are for the same, by the thousand. */
  #last: Segment | undefined;

  constructor(options: SegmentsOptions) {
    this.#options = options;
  }

  get bytes(): number {
    let sum = 0;
    for (const { size } of this.all.values()) sum += size;
    return sum;
  }

  /** Numbers of the files that are there, ascending. */
  stored(): number[] {
    return readdirSync(this.#options.directory)
      .map(segmentNumber)
      .filter((number) => number > 0)
      .sort((a, b) => a - b);
  }

  path(number: number): string {
    return join(this.#options.directory, segmentName(number));
  }

  /** Takes a file that is there, to be read. */
  adopt(home: Home & Of, begin: number, size: number, blocks: number): Segment {
    const path = this.path(home.number);
    const segment = { ...EMPTY, ...home, path, fd: openSync(path, 'r'), begin, size, blocks };
    this.all.set(home.number, segment);
    return segment;
  }

  /**
   * Makes a segment that begins with what is in `tail`. Fails without a trace.
   * @throws what the file system says, or that there is no key yet
   */
  create(number: number, epochMs: number, tail: Tail): Segment {
    const { keys, sync, archive, mirror } = this.#options;
    const made = keys?.take(number);
    if (keys !== undefined && made === undefined) throw new Error('its key is not there yet');
    const path = this.path(number);
    const salt = this.#options.salt();
    const header = headerOf({ number, salt, begunAt: epochMs, wrapped: made?.wrapped, archives: archive });
    const fd = openSync(path, 'w+', 0o600);
    const home = { version: VERSION, number, salt, key: made?.key, archives: archive, begunAt: epochMs };
    const short = made === undefined ? undefined : new ShortSealer({ number, salt, key: made.key });
    const segment = { ...EMPTY, ...home, short, path, fd, begin: header.length, size: header.length };
    try {
      writeAll(fd, header, header.length, 0);
      const bytes = this.#write(segment, tail, 0);
      if (sync) this.#options.syncs.namesNow(this.#options.directory);
      mirror?.begun(segment, header);
      mirror?.written(segment, header.length, bytes, tail);
    } catch (error) {
      closeSync(fd);
      unlinkSync(path);
      throw error;
    }
    if (this.#written !== undefined) this.#written.short = undefined;
    this.#written = segment;
    this.all.set(number, segment);
    return segment;
  }

  /**
   * Writes the tail behind what is there, as the blocks of one flush.
   * @param depends see {@link Journal.flush}
   * @param leisureMs see {@link Mirror.written}
   * @throws what the file system says; the segment is as before
   */
  write(segment: Segment, tail: Tail, depends: number, leisureMs = 0): void {
    const { size } = segment;
    const bytes = this.#write(segment, tail, depends);
    if (depends > segment.depends) segment.depends = depends;
    this.#options.mirror?.written(segment, size, bytes, tail, leisureMs);
  }

  /** Nobody waits: what the next flush needs and does not depend on what is in it is made now. */
  prepare(segment: Segment): void {
    segment.short?.prepare();
  }

  /** @returns the bytes as they were written; they are used again */
  #write(segment: Segment, tail: Tail, depends: number): Buffer {
    if (segment.size + tail.length > SEGMENT_BYTES_HARD) throw new Error('the segment is full, and none follows it');
    this.#options.mirror?.room(tail.length);
    const bytes = this.#sealed(segment, tail, depends);
    try {
      writeAll(segment.fd, bytes, tail.length, segment.size);
      if (this.#options.sync) this.#options.syncs.dataNow(segment.fd);
    } catch (error) {
      this.#cutBack(segment);
      throw error;
    }
    segment.size += tail.length;
    segment.blocks += tail.blocks;
    return bytes;
  }

  /** The blocks of the tail as they are written: itself, or encrypted in a buffer that is used again. */
  #sealed(segment: Segment, tail: Tail, depends: number): Buffer {
    const into = segment.key === undefined ? tail.buf : this.#room(tail.length);
    const { blocks } = tail;
    for (let i = 0; i < blocks; i++) {
      const from = tail.start(i);
      const [length, records] = [tail.end(i) - from, tail.records(i)];
      const [ordinal, nonce] = [segment.blocks + i, segment.nonce++];
      const fields = { length, ordinal, records, last: i + 1 === blocks, nonce, depends };
      sealBlock(segment, { plain: tail.buf, into, from }, fields, segment.short);
    }
    return into;
  }

  #room(length: number): Buffer {
    const kept = this.#out.length > TAIL_KEPT_BYTES && length <= OUT_INITIAL_BYTES ? 0 : this.#out.length;
    if (kept < length) this.#out = Buffer.alloc(Math.max(OUT_INITIAL_BYTES, length * 2));
    return this.#out;
  }

  gained(number: number, bytes: number): void {
    const segment = this.#counted(number);
    segment.live += 1;
    segment.liveBytes += bytes;
  }

  lost(number: number, bytes: number, places = 1): void {
    const segment = this.#counted(number);
    segment.live -= places;
    segment.liveBytes -= bytes;
  }

  /** One that has something alive, or is written to: it is there. */
  #counted(number: number): Segment {
    if (this.#last?.number !== number) this.#last = this.all.get(number)!;
    return this.#last;
  }

  /**
   * After a rotation: deletes segments of which nothing was asked for any more at the rotation before. What made them so
   * is in the snapshot of the segment that is whole by now, so that the current one may lose all it has, as it may when a
   * machine dies, and no question comes back that they answered. Where they have orders that the venue may not have, they
   * stay while there is room.
   * @param had see {@link Journal.committed}
   * @param most bytes of all segments
   */
  sweep(current: Segment, had: number, most: number): void {
    for (const segment of this.all.values()) {
      if (segment.live > 0 || segment === current) continue;
      if (segment.dead && !this.#owes(segment, had, most)) this.#delete(segment);
      else segment.dead = true;
    }
  }

  #owes({ depends, path }: Segment, had: number, most: number): boolean {
    if (depends <= had) return false;
    if (this.bytes <= most) return true;
    this.#options.log.error({ file: path }, 'the journal is full: orders that the venue may not have are forgotten');
    return false;
  }

  /** Marks of before say nothing any more: what the venue has of these nobody knows. */
  astray(current: Segment): void {
    for (const segment of this.all.values())
      if (segment !== current && segment.depends > 0) segment.depends = Number.POSITIVE_INFINITY;
  }

  /** @returns bytes read into `into`, from its start */
  read(number: number, into: Buffer, offset: number, length: number): number {
    const segment = this.all.get(number)!;
    try {
      return readSync(segment.fd, into, 0, Math.min(length, segment.size - offset), offset);
    } catch (error) {
      const why = (error as Error).message;
      throw new JournalError('damaged', `${segment.path} cannot be read at ${offset}: ${why}`, { cause: error });
    }
  }

  close(): void {
    for (const { fd } of this.all.values()) closeSync(fd);
    this.all.clear();
  }

  #delete(segment: Segment): void {
    try {
      if (segment.archives) {
        const { archiveDirectory } = this.#options;
        // Not on record yet: the next process is to find it where it looks for what is to be sealed.
        if (!existsSync(join(archiveDirectory, sealName(segment.number)))) return;
        renameSync(segment.path, join(archiveDirectory, segmentName(segment.number)));
      } else unlinkSync(segment.path);
    } catch (error) {
      // What is in it is dead, and it is tried again at the next rotation.
      this.#options.log.warn({ error, file: segment.path }, 'a segment of the journal cannot be taken away');
      return;
    }
    this.all.delete(segment.number);
    if (this.#last === segment) this.#last = undefined;
    this.#options.mirror?.deleted(segment.number);
    this.#closeAside(segment);
  }

  /** By another thread: the last descriptor of a file takes its pages along, which for 64 MiB takes milliseconds. */
  #closeAside({ fd, path }: Segment): void {
    close(fd, (error) => {
      if (error !== null) this.#options.log.warn({ error, file: path }, 'a segment of the journal cannot be closed');
    });
  }

  /** Half a block may be there. The next write covers it and recovery would cut it, but on a full disk it holds space. */
  #cutBack(segment: Segment): void {
    try {
      ftruncateSync(segment.fd, segment.size);
    } catch (error) {
      this.#options.log.warn({ error, file: segment.path }, 'half a block stays in the journal until the next write');
    }
  }
}

function writeAll(fd: number, bytes: Buffer, length: number, position: number): void {
  let done = 0;
  while (done < length) {
    const written = writeSync(fd, bytes, done, length - done, position + done);
    if (written === 0) throw new Error('nothing was written');
    done += written;
  }
}
