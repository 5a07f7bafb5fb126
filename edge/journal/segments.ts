/** The segment files of one directory: made, written, read, deleted. */

import {
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
import { ANOTHER_LOG, headerOf, sealName, segmentName, segmentNumber, VERSION } from './format.ts';
import { JournalError, type JournalLog } from './journal.ts';
import type { SegmentKeys } from './keys.ts';
import type { Keystream } from './keystream.ts';
import { PAGE_BYTES, SEGMENT_BYTES_HARD, TAIL_INITIAL_BYTES, TAIL_KEPT_BYTES } from './limits.ts';
import { ShortSealer } from './short.ts';
import { closeAside, discard, endFlush, removeSpares, Spares } from './spares.ts';
import { StreamedSealer } from './streamed.ts';
import type { Tail } from './tail.ts';

export interface Segment extends Home {
  readonly path: string;
  readonly fd: number;
  /** Offset of the first block. */
  readonly begin: number;
  /** Size in bytes, of what was written completely. */
  size: number;
  /** Number of blocks in it. */
  blocks: number;
  /** Number of attempts to write a block: each gets a nonce of its own. */
  nonce: number;
  /** Made with its key, once: see {@link ShortSealer}. Undefined: it is not encrypted, or not written to any more. */
  short: ShortSealer | undefined;
  /** Likewise. Undefined too where no keystream is asked for. */
  streamed: StreamedSealer | undefined;
  /** Messages in it that may still be asked for: number of places, and bytes. */
  live: number;
  liveBytes: number;
  /** Whether a rotation has found no such message. */
  dead: boolean;
  /** The greatest mark of the venue's flushes that a block depends on. Orders of that flush may be in it. 0: none. */
  depends: number;
  /** Whether this process has made it: then it is open for writing. */
  readonly made: boolean;
  /** Whether its file was there before, as a spare; and how far its pages have been written as a whole. */
  readonly over: boolean;
  paged: number;
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
  // A float: half of all salts are, and the first one that was would make all that V8 has compiled for segments void.
  salt: Number.NaN,
  blocks: 0,
  nonce: 0,
  short: undefined,
  streamed: undefined,
  live: 0,
  liveBytes: 0,
  dead: false,
  depends: 0,
  made: false,
  over: false,
  paged: 0,
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

/** Told of everything that is written, to copy it elsewhere. */
export interface Mirror {
  /** Called before so many bytes are written. @throws Error: too much waits already */
  room(bytes: number): void;
  /** A segment is complete, and another is about to be begun. @throws Error: not yet */
  ended?(segment: Segment): void;
  /** A segment has been begun. */
  begun(segment: Segment, header: Buffer): void;
  /**
   * The blocks of a flush have been written from `offset` on: `sealed` as they stand there, the tail with their records in plain.
   * @param leisureMs how long they may wait, since no client waits for them; 0, the default: not at all
   */
  written(segment: Segment, offset: number, sealed: Buffer, tail: Tail, leisureMs?: number): void;
  deleted(segment: number): void;
}

export interface SegmentsOptions {
  readonly directory: string;
  readonly log: JournalLog;
  /** Whether each write is synced to the disk. */
  readonly sync: boolean;
  readonly syncs: Syncs;
  /** A random 32-bit number. */
  readonly salt: () => number;
  /** Undefined: new segments are not encrypted. */
  readonly keys: SegmentKeys | undefined;
  /** Whether new segments belong to the archive. */
  readonly archive: boolean;
  /** Where its segments go. */
  readonly archiveDirectory: string;
  readonly mirror?: Mirror | undefined;
  /** Undefined: long blocks are sealed without. */
  readonly keystream?: Keystream | undefined;
}

/** First size of the buffer for encrypted blocks. It grows to the largest flush; rare, very large ones are freed again. */
const OUT_INITIAL_BYTES = TAIL_INITIAL_BYTES;

export class Segments {
  /** Oldest first. */
  readonly all = new Map<number, Segment>();
  /** See {@link Journal.astray}. */
  isAstray = false;
  /** See {@link partNext}. */
  #parting = false;
  readonly #options: SegmentsOptions;
  /** Undefined: what has been written is to be on the disk, where other bytes behind it might be, too; or to go to the archive. */
  readonly #spares: Spares | undefined;
  #out = Buffer.alloc(0);
  /** The one made last. */
  #written: Segment | undefined;
  /** The one counted for last: most are for the same, by the thousand. */
  #last: Segment | undefined;

  constructor(options: SegmentsOptions) {
    const { directory, log, syncs, sync, archive, mirror } = options;
    this.#options = options;
    this.#spares = sync || archive || mirror !== undefined ? undefined : new Spares({ directory, log, syncs });
    removeSpares(directory);
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

  /** Opens an existing file for reading. */
  adopt(home: Home & Of, begin: number, size: number, blocks: number): Segment {
    const path = this.path(home.number);
    const segment = { ...EMPTY, ...home, path, fd: openSync(path, 'r'), begin, size, blocks };
    this.all.set(home.number, segment);
    return segment;
  }

  /**
   * Creates a segment that begins with what is in `tail`. If it fails nothing is left.
   * @throws errors of the file system, or that there is no key yet
   */
  create(number: number, epochMs: number, tail: Tail): Segment {
    const { keys, sync, archive, mirror, keystream } = this.#options;
    const made = keys?.take(number);
    if (keys !== undefined && made === undefined) throw new Error('its key is not there yet');
    const path = this.path(number);
    const salt = this.#options.salt();
    const spare = this.#spares?.take();
    const of = { number, salt, begunAt: epochMs, archives: archive, over: spare !== undefined };
    const header = headerOf({ ...of, wrapped: made?.wrapped });
    const { fd } = spare ?? { fd: openSync(path, 'w+', 0o600) };
    const home = { version: VERSION, ...of, key: made?.key, made: true };
    const short = made === undefined ? undefined : new ShortSealer({ number, salt, key: made.key });
    const streamed =
      made === undefined || keystream === undefined
        ? undefined
        : new StreamedSealer({ number, salt, key: made.key }, keystream);
    const segment = { ...EMPTY, ...home, short, streamed, path, fd, begin: header.length, size: header.length };
    try {
      writeAll(fd, header, header.length, 0);
      const bytes = this.#write(segment, tail, 0);
      // It has its name once it is whole.
      if (spare !== undefined) renameSync(spare.path, path);
      if (sync) this.#options.syncs.namesNow(this.#options.directory);
      mirror?.begun(segment, header);
      mirror?.written(segment, header.length, bytes, tail);
    } catch (error) {
      discard(spare ?? { fd, path });
      throw error;
    }
    if (this.#written !== undefined) {
      this.#written.short = undefined;
      this.#written.streamed = undefined;
    }
    this.#written = segment;
    this.all.set(number, segment);
    return segment;
  }

  /**
   * Appends the tail as the blocks of one flush.
   * @param depends see {@link Journal.flush}
   * @param leisureMs see {@link Mirror.written}
   * @throws errors of the file system; the segment is as before
   */
  write(segment: Segment, tail: Tail, depends: number, leisureMs = 0): void {
    const { size } = segment;
    const parting = this.#parting;
    const bytes = this.#write(segment, tail, parting ? ANOTHER_LOG : depends);
    this.#parting = false;
    if (!parting && depends > segment.depends) segment.depends = depends;
    this.#options.mirror?.written(segment, size, bytes, tail, leisureMs);
  }

  /** Called when nobody waits: prepares for the next flush what does not depend on its content. */
  prepare(segment: Segment): void {
    segment.short?.prepare();
  }

  /** @returns the bytes as they were written; they are used again */
  #write(segment: Segment, tail: Tail, depends: number): Buffer {
    if (segment.size + tail.length > SEGMENT_BYTES_HARD - PAGE_BYTES)
      throw new Error('the segment is full, and none follows it');
    this.#options.mirror?.room(tail.length);
    const bytes = this.#sealed(segment, tail, depends);
    try {
      const length = segment.over ? endFlush(segment, bytes, tail.length) : tail.length;
      writeAll(segment.fd, bytes, length, segment.size);
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
    if (segment.over && segment.key === undefined) tail.widen(PAGE_BYTES);
    const into = segment.key === undefined ? tail.buf : this.#room(tail.length + PAGE_BYTES);
    const { blocks } = tail;
    for (let i = 0; i < blocks; i++) {
      const from = tail.start(i);
      const fields = {
        length: tail.end(i) - from,
        ordinal: segment.blocks + i,
        records: tail.records(i),
        last: i + 1 === blocks,
        nonce: segment.nonce++,
        depends,
      };
      sealBlock(segment, { plain: tail.buf, into, from }, fields, segment);
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

  /** The segment with this number, which must exist. */
  #counted(number: number): Segment {
    if (this.#last?.number !== number) this.#last = this.all.get(number)!;
    return this.#last;
  }

  /**
   * After a rotation: deletes segments that were already empty of needed messages at the rotation before. So the snapshot in the
   * segment that is complete by now shows them empty, and even if the current segment is lost with the machine they are not
   * needed again. Segments with orders that the venue may not have are kept while there is room.
   * @param had see {@link Journal.committed}
   * @param most bytes of all segments
   */
  sweep(current: Segment, had: number, most: number): void {
    for (const segment of this.all.values()) {
      if (segment.live > 0 || segment === current) continue;
      if (segment.dead && !this.#owes(segment, had, most)) this.#delete(segment, current.begunAt - segment.begunAt);
      else segment.dead = true;
    }
  }

  #owes({ depends, path }: Segment, had: number, most: number): boolean {
    if (depends <= had) return false;
    if (this.bytes <= most) return true;
    this.#options.log.error({ file: path }, 'the journal is full: orders that the venue may not have are forgotten');
    return false;
  }

  /** The venue is not the one that the segments before this one refer to: their marks are meaningless. */
  astray(current?: Segment): void {
    this.isAstray = true;
    for (const segment of this.all.values())
      if (segment !== current && segment.depends > 0) segment.depends = Number.POSITIVE_INFINITY;
  }

  /** The next flush names {@link ANOTHER_LOG}. */
  partNext(): void {
    this.#parting = true;
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
    this.#spares?.close();
    this.#options.keystream?.end();
  }

  #delete(segment: Segment, ageMs: number): void {
    let isSpare = false;
    try {
      if (segment.archives) {
        const { archiveDirectory } = this.#options;
        // Not sealed in the audit trail yet: it stays where the next process looks for it.
        if (!existsSync(join(archiveDirectory, sealName(segment.number)))) return;
        renameSync(segment.path, join(archiveDirectory, segmentName(segment.number)));
      } else {
        isSpare = segment.made && (this.#spares?.offer(segment, ageMs) ?? false);
        if (!isSpare) unlinkSync(segment.path);
      }
    } catch (error) {
      // It is not needed, and the next rotation tries again.
      this.#options.log.warn({ error, file: segment.path }, 'a segment of the journal cannot be taken away');
      return;
    }
    this.all.delete(segment.number);
    if (this.#last === segment) this.#last = undefined;
    this.#options.mirror?.deleted(segment.number);
    if (!isSpare) closeAside(segment, this.#options.log);
  }

  /** Removes part of a block that may have been written. The next write would cover it, but on a full disk it takes space. */
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
