/** The segment files of one directory: made, written, read, deleted. */

import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { HEADER_BYTES, sealBlock, segmentName, segmentNumber, writeHeader } from './format.ts';
import { JournalError, type JournalLog } from './journal.ts';
import { SEGMENT_BYTES_HARD } from './limits.ts';
import type { Tail } from './tail.ts';

export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly fd: number;
  readonly salt: number;
  /** Bytes that are written, and in order. */
  size: number;
  /** Blocks among them. */
  blocks: number;
  /** Messages in it that may still be asked for, and their bytes. */
  live: number;
  liveBytes: number;
}

export interface SegmentsOptions {
  readonly directory: string;
  readonly log: JournalLog;
  /** Whether what is written is to survive the machine too. */
  readonly sync: boolean;
  /** A random 32-bit number. */
  readonly salt: () => number;
}

export class Segments {
  /** Oldest first. */
  readonly all = new Map<number, Segment>();
  readonly #options: SegmentsOptions;

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

  /** Takes a file that is there. */
  adopt(number: number, salt: number, size: number, blocks: number): Segment {
    const path = this.path(number);
    const segment = { number, path, fd: openSync(path, 'r+'), salt, size, blocks, live: 0, liveBytes: 0 };
    this.all.set(number, segment);
    return segment;
  }

  /** Makes a segment that begins with the block in `tail`. Fails without a trace. @throws what the file system says */
  create(number: number, epochMs: number, tail: Tail): Segment {
    const path = this.path(number);
    const salt = this.#options.salt();
    const fd = openSync(path, 'w+', 0o600);
    const segment = { number, path, fd, salt, size: HEADER_BYTES, blocks: 0, live: 0, liveBytes: 0 };
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      writeHeader(header, number, salt, epochMs);
      writeAll(fd, header, HEADER_BYTES, 0);
      this.write(segment, tail);
      if (this.#options.sync) this.#syncDirectory();
    } catch (error) {
      closeSync(fd);
      unlinkSync(path);
      throw error;
    }
    this.all.set(number, segment);
    return segment;
  }

  /** Writes the tail as one block behind the others. @throws what the file system says; the segment is as before */
  write(segment: Segment, tail: Tail): void {
    if (segment.size + tail.length > SEGMENT_BYTES_HARD) throw new Error('the segment is full, and none follows it');
    sealBlock(tail.buf, tail.length, segment.blocks, tail.records, segment.salt);
    try {
      writeAll(segment.fd, tail.buf, tail.length, segment.size);
      if (this.#options.sync) fdatasyncSync(segment.fd);
    } catch (error) {
      this.#cutBack(segment);
      throw error;
    }
    segment.size += tail.length;
    segment.blocks += 1;
  }

  gained(number: number, bytes: number): void {
    const segment = this.all.get(number)!;
    segment.live += 1;
    segment.liveBytes += bytes;
  }

  lost(number: number, bytes: number): void {
    const segment = this.all.get(number)!;
    segment.live -= 1;
    segment.liveBytes -= bytes;
  }

  /**
   * Deletes segments of which nothing may be asked for any more. Only after a rotation: what made them so is then in
   * the snapshot, and losing the end of the current segment, as a machine may, brings back no question they answered.
   */
  sweep(current: Segment): void {
    for (const segment of this.all.values()) if (segment.live === 0 && segment !== current) this.#delete(segment);
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
    this.all.delete(segment.number);
    closeSync(segment.fd);
    try {
      unlinkSync(segment.path);
    } catch (error) {
      // What is in it is dead, and recovery finds that out once more.
      this.#options.log.warn({ error, file: segment.path }, 'a segment of the journal cannot be deleted');
    }
  }

  /** Half a block may be there. The next write covers it and recovery would cut it, but on a full disk it holds space. */
  #cutBack(segment: Segment): void {
    try {
      ftruncateSync(segment.fd, segment.size);
    } catch (error) {
      this.#options.log.warn({ error, file: segment.path }, 'half a block stays in the journal until the next write');
    }
  }

  #syncDirectory(): void {
    const fd = openSync(this.#options.directory, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
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
