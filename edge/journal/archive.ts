/**
 * The archive: segments that hold every application message, which are never deleted. One that has come to its end is
 * hashed and told to the audit trail, which so proves it; it stays in the journal as long as it is needed there and is then
 * moved beside it. What a process did not come to, the next one does.
 */

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sealName, segmentName, segmentNumber } from './format.ts';
import type { JournalLog } from './journal.ts';
import { headerAt } from './keys.ts';
import { ARCHIVE_CHUNK_BYTES } from './limits.ts';

/** A segment that nothing more is written to. */
export interface Complete {
  readonly number: number;
  readonly salt: number;
  /** Epoch ms. */
  readonly begunAt: number;
  /** Where it is now. */
  readonly path: string;
  readonly size: number;
  /** Application messages in it, and when the first and the last of them were; 0, 0 without any. */
  readonly messages: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What the audit trail is told (type `archive_sealed`), and the file beside the segment once it has been. */
export interface Seal {
  /** Name of the file. */
  readonly segment: string;
  /** With {@link begun_at} what tells it from one of the same name in another directory. */
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
  /** Where segments go when the journal does not need them any more. Made when it is needed. */
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

  /** A segment has come to its end. */
  readonly complete = (segment: Complete): void => {
    if (existsSync(join(this.#parts.directory, sealName(segment.number)))) return;
    this.#waiting.push(segment);
    this.#work();
  };

  /**
   * From now on, seals what waits, one after the other.
   * @param record puts it into the audit trail; resolves when it is there
   */
  start(record: (seal: Seal) => Promise<void>): void {
    this.#record = record;
    this.#work();
  }

  /** Stops between two chunks; what is not sealed is at the next start. */
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
    // The store may be away for long: others are sealed meanwhile.
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

  /** By chunks, so that nobody waits for it. Undefined: we were stopped. */
  async #digest({ number, path }: Complete): Promise<string | undefined> {
    const { directory } = this.#parts;
    // It may have been moved meanwhile, or while we read: what is open stays open.
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

/** All segments of the archive of a data directory, oldest first: those that were moved, and those the journal still has. */
export function archiveFiles(directories: readonly string[]): ArchiveFile[] {
  const found = new Map<number, ArchiveFile>();
  for (const directory of directories) {
    for (const name of existsSync(directory) ? readdirSync(directory) : []) {
      const number = segmentNumber(name);
      if (number === 0) continue;
      const path = join(directory, name);
      const header = headerAt(path, number);
      // One whose header is damaged may belong to it: whoever reads it says so.
      if (header.ok && !header.archives) continue;
      const { salt, begunAt, wrapped } = header.ok ? header : { salt: 0, begunAt: 0, wrapped: undefined };
      found.set(number, { number, path, salt, begunAt, encrypted: wrapped !== undefined });
    }
  }
  return [...found.values()].sort((a, b) => a.number - b.number);
}

/** Where the file is by now: a running edge may have moved it since it was found. */
export const pathOf = ({ number, path }: ArchiveFile, directories: readonly string[]): string =>
  [path, ...directories.map((directory) => join(directory, segmentName(number)))].find(existsSync) ?? path;
