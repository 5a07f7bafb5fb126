/**
 * Files for segments to come, of segments that have gone: writing over pages that are there costs a third of what new ones do.
 * Another thread fills them with zeros first, in the time that giving their pages back would have taken it. So behind what is
 * written to such a segment are zeros, and nothing of the one before.
 */

import { close, closeSync, fstatSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Syncs } from '../syncs.ts';
import type { JournalLog } from './journal.ts';
import { PAGE_BYTES, SPARE_BYTES, SPARE_WITHIN_MS, SPARES } from './limits.ts';

const SUFFIX = '.spare';
/** Behind the last flush of a segment in such a file; the next one is written over it. */
const END = 1;
const ZEROS = Buffer.alloc(PAGE_BYTES * 16);

export interface Spare {
  readonly fd: number;
  /** Not the name of a segment: no process takes it for one. */
  readonly path: string;
}

export interface SparesParts {
  readonly directory: string;
  readonly log: JournalLog;
  readonly syncs: Pick<Syncs, 'zeros'>;
}

/** Removes what earlier processes have left: how far it was filled with zeros is not known. */
export function removeSpares(directory: string): void {
  for (const name of readdirSync(directory)) if (name.endsWith(SUFFIX)) unlinkSync(join(directory, name));
}

export class Spares {
  readonly #parts: SparesParts;
  readonly #ready: Spare[] = [];
  /** Of those that are being filled with zeros. */
  readonly #filling = new Set<Spare>();
  #closed = false;

  constructor(parts: SparesParts) {
    this.#parts = parts;
  }

  /** The file for a segment to be made now, full of zeros; undefined: there is none. */
  take(): Spare | undefined {
    return this.#ready.pop();
  }

  /**
   * Offers the file of a segment that has gone, open for writing.
   * @param ageMs since the segment was begun
   * @returns false: it is not wanted, and as it was
   * @throws errors of the file system: likewise
   */
  offer({ fd, path }: Spare, ageMs: number): boolean {
    if (this.#ready.length + this.#filling.size >= SPARES || ageMs > SPARE_WITHIN_MS) return false;
    const { size } = fstatSync(fd);
    if (size > SPARE_BYTES) return false;
    const spare = { fd, path: `${path}${SUFFIX}` };
    renameSync(path, spare.path);
    this.#filling.add(spare);
    this.#parts.syncs.zeros(fd, size, (error) => this.#filled(spare, error));
    return true;
  }

  #filled(spare: Spare, error: Error | null): void {
    this.#filling.delete(spare);
    if (this.#closed) closeAside(spare, this.#parts.log);
    else if (error === null) this.#ready.push(spare);
    else {
      this.#parts.log.warn(
        { error, file: spare.path },
        'a segment of the journal that has gone cannot be filled with zeros',
      );
      this.#remove(spare);
    }
  }

  close(): void {
    this.#closed = true;
    for (const spare of this.#ready.splice(0)) this.#remove(spare);
    for (const spare of this.#filling) this.#unlink(spare);
  }

  #remove(spare: Spare): void {
    this.#unlink(spare);
    closeAside(spare, this.#parts.log);
  }

  /** What stays is removed by the next process. */
  #unlink({ path }: Spare): void {
    try {
      unlinkSync(path);
    } catch (error) {
      this.#parts.log.warn({ error, file: path }, 'a file of the journal that is not needed stays there');
    }
  }
}

/** In another thread: closing the last descriptor of a deleted file of 64 MiB frees its pages, which takes milliseconds. */
export function closeAside({ fd, path }: Spare, log: JournalLog): void {
  close(fd, (error) => {
    if (error !== null) log.warn({ error, file: path }, 'a segment of the journal cannot be closed');
  });
}

/** As when a segment that was being made comes to nothing. */
export function discard({ fd, path }: Spare): void {
  closeSync(fd);
  unlinkSync(path);
}

/** Of a segment in such a file, how far its pages have been written as a whole. */
export interface Paged {
  readonly size: number;
  paged: number;
}

/**
 * Puts the mark of its end behind a flush. What comes to a new page fills that with zeros: a page that is written in part would be
 * read first, if the system had put it out of memory.
 * @param bytes with room for {@link PAGE_BYTES} more
 * @param length of the flush
 * @returns how many bytes are to be written
 */
export function endFlush(segment: Paged, bytes: Buffer, length: number): number {
  bytes[length] = END;
  const end = segment.size + length + 1;
  if (end <= segment.paged) return length + 1;
  segment.paged = Math.ceil(end / PAGE_BYTES) * PAGE_BYTES;
  const padded = segment.paged - segment.size;
  bytes.fill(0, length + 1, padded);
  return padded;
}

/**
 * What has been written to a segment in such a file, as if no file had been there before.
 * @param from where its whole flushes end
 */
export function writtenOf(bytes: Buffer, from: number): Buffer {
  const end = zerosFrom(bytes, from);
  // The last byte is the mark, or of a flush that is not whole.
  return bytes.subarray(0, Math.max(from, end - 1));
}

/** Where behind `from` the zeros begin that the bytes end with. */
export function zerosFrom(bytes: Buffer, from: number): number {
  let end = bytes.length;
  while (end - from >= ZEROS.length && bytes.compare(ZEROS, 0, ZEROS.length, end - ZEROS.length, end) === 0)
    end -= ZEROS.length;
  while (end > from && bytes[end - 1] === 0) end -= 1;
  return end;
}
