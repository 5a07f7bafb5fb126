/**
 * The archive: segments that hold every application message and are never deleted. A complete segment is hashed, and the audit
 * trail records the hash, which proves the segment. It stays in the journal as long as it is needed there and is then moved
 * to the archive's folder. What a process does not get to, the next one does.
 */

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sealName, segmentName, segmentNumber } from './format.ts';
import type { JournalLog } from './journal.ts';
import { headerAt } from './keys.ts';
import { ARCHIVE_CHUNK_BYTES } from './limits.ts';

/** A complete segment. */
export interface Complete {
  readonly number: number;
  readonly salt: number;
  /** Epoch ms. */
  readonly begunAt: number;
  /** Its present path. */
  readonly path: string;
  readonly size: number;
  /** Number of application messages in it, and the times of the first and the last; 0, 0 without any. */
  readonly messages: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** The audit record of a segment (type `archive_sealed`), and the content of the file beside the segment once it is recorded. */
export interface Seal {
  /** Name of the file. */
  readonly segment: string;
  /** Together with {@link begun_at} tells it from a segment of the same name in another directory. */
  readonly salt: number;
  /** Epoch ms. */
  readonly begun_at: number;
  readonly bytes: number;
  readonly messages: number;
  readonly first_at: number;
  readonly last_at: number;
  readonly sha256: string;
}

export interface ArchiveParts {
  /** The archive's folder. Made when it is needed. */
  readonly directory: string;
  readonly log: JournalLog;
}

export class Archive {
  readonly #parts: ArchiveParts;
  readonly #waiting: Complete[] = [];
  #record: ((seal: Seal) => Promise<void>) | undefined;
  #working: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: ArchiveParts) {
    this.#parts = parts;
  }

  get directory(): string {
    return this.#parts.directory;
  }

  /** A segment is complete. */
  readonly complete = (segment: Complete): void => {
    if (existsSync(join(this.#parts.directory, sealName(segment.number)))) return;
    this.#waiting.push(segment);
    this.#work();
  };

  /**
   * Starts sealing complete segments, one after the other.
   * @param record writes the audit record; resolves when it is in the store
   */
  start(record: (seal: Seal) => Promise<void>): void {
    this.#record = record;
    this.#work();
  }

  /** Stops between two chunks. What is not sealed then is sealed after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#working;
  }

  #work(): void {
    if (this.#record === undefined || this.#stopped || this.#working !== undefined) return;
    const segment = this.#waiting.shift();
    if (segment === undefined) return;
    this.#working = this.#seal(segment, this.#record)
      .catch((error: unknown) => {
        this.#parts.log.error({ error, file: segment.path }, 'a segment of the archive could not be sealed');
      })
      .finally(() => {
        this.#working = undefined;
        this.#work();
      });
  }

  async #seal(segment: Complete, record: (seal: Seal) => Promise<void>): Promise<void> {
    const { directory, log } = this.#parts;
    const { number, salt, begunAt, size, messages, firstAt, lastAt } = segment;
    const sha256 = await this.#digest(segment);
    if (sha256 === undefined) return;
    const seal: Seal = {
      segment: segmentName(number),
      salt,
      begun_at: begunAt,
      bytes: size,
      messages,
      first_at: firstAt,
      last_at: lastAt,
      sha256,
    };
    // The store may be away for long: hash others meanwhile.
    record(seal).then(
      () => {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        const path = join(directory, sealName(number));
        writeFileSync(`${path}.new`, `${JSON.stringify(seal)}\n`, { mode: 0o600 });
        renameSync(`${path}.new`, path);
        log.info({ ...seal }, 'a segment of the archive is sealed');
      },
      (error: unknown) => log.error({ error, segment: seal.segment }, 'a segment of the archive is not on record yet'),
    );
  }

  /** Hashes in chunks, so that nobody waits for it. Undefined: stopped. */
  async #digest({ number, path }: Complete): Promise<string | undefined> {
    const { directory } = this.#parts;
    // It may be moved meanwhile; an open file stays readable.
    const from = existsSync(path) ? path : join(directory, segmentName(number));
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(from, { highWaterMark: ARCHIVE_CHUNK_BYTES })) {
      if (this.#stopped) return undefined;
      hash.update(chunk as Buffer);
    }
    return hash.digest('hex');
  }
}

/** A segment of the archive, in either folder. */
export interface ArchiveFile {
  readonly number: number;
  readonly path: string;
  /** 0, 0: its header is damaged. */
  readonly salt: number;
  readonly begunAt: number;
  readonly encrypted: boolean;
}

/** All segments of the archive below a data directory, oldest first: those that were moved, and those still in the journal. */
export function archiveFiles(directories: readonly string[]): ArchiveFile[] {
  const found = new Map<number, ArchiveFile>();
  for (const directory of directories) {
    for (const name of existsSync(directory) ? readdirSync(directory) : []) {
      const number = segmentNumber(name);
      if (number === 0) continue;
      const path = join(directory, name);
      const header = headerAt(path, number);
      // A segment with a damaged header may belong to the archive: reading it will report that.
      if (header.ok && !header.archives) continue;
      const { salt, begunAt, wrapped } = header.ok ? header : { salt: 0, begunAt: 0, wrapped: undefined };
      found.set(number, { number, path, salt, begunAt, encrypted: wrapped !== undefined });
    }
  }
  return [...found.values()].sort((a, b) => a.number - b.number);
}

/** The file's present path: a running edge may have moved it since it was found. */
export const pathOf = ({ number, path }: ArchiveFile, directories: readonly string[]): string =>
  [path, ...directories.map((directory) => join(directory, segmentName(number)))].find(existsSync) ?? path;
