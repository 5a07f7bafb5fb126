/**
 * What of a machine's files is on its disk, and not only with the system: bytes up to the last sync of a file, names up to the
 * last one of their directory. Both are what is there after a loss of power; of the rest some is, and some is not.
 */
import {
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Syncs } from '../../edge/syncs.ts';
import type { Process } from '../process.ts';
import type { Chance } from '../scheduler.ts';

/** Until a disk has answered, which has other work. */
const SYNC_MS = [0.5, 60] as const;
const LOCK = 'lock';
/** Its orders. */
const VENUE = 'orders.jsonl';
/** Elsewhere files are made once, and renamed when they are whole. */
const JOURNAL = 'journal';

export class Platter {
  readonly #chance: Chance;
  /** Of what is deleted, and may come back: links to files by their names. */
  readonly #links: string;
  /** Bytes that are there for sure, by inode. */
  readonly #bytes = new Map<number, number>();
  /** Names that are, by the name of their directory, of which those are synced. */
  readonly #names = new Map<string, ReadonlySet<string>>([[JOURNAL, new Set()]]);

  /** @param links a directory of its own, on the same file system */
  constructor(chance: Chance, links: string) {
    this.#chance = chance;
    this.#links = links;
  }

  /** What a process calls. */
  syncs(process: Process): Syncs {
    const later = (work: () => void): void => void process.reach(this.#chance.between(...SYNC_MS), work);
    return {
      data: (fd, done) => {
        const { ino, size } = fstatSync(fd);
        later(() => {
          this.#written(ino, size);
          done(null);
        });
      },
      names: (directory, done) => {
        const names = directory === '' ? undefined : namesOf(directory);
        later(() => {
          if (names !== undefined) this.#named(directory, names);
          done(null);
        });
      },
      dataNow: (fd) => {
        const { ino, size } = fstatSync(fd);
        this.#written(ino, size);
      },
      namesNow: (directory) => this.#named(directory, namesOf(directory)),
      zeros: (fd, bytes, done) => {
        for (let at = 0; at < bytes; ) at += writeSync(fd, Buffer.alloc(bytes - at), 0, bytes - at, at);
        later(() => done(null));
      },
    };
  }

  #written(ino: number, size: number): void {
    this.#bytes.set(ino, Math.max(size, this.#bytes.get(ino) ?? 0));
  }

  #named(directory: string, names: ReadonlySet<string>): void {
    this.#names.set(basename(directory), names);
    this.#link(directory);
  }

  /** Files of names that are durable stay within reach. */
  #link(directory: string): void {
    const links = join(this.#links, basename(directory));
    mkdirSync(links, { recursive: true });
    const names = this.#names.get(basename(directory)) ?? new Set();
    for (const name of readdirSync(links))
      if (!names.has(name) || existsSync(join(directory, name))) rmSync(join(links, name));
    for (const name of names) if (existsSync(join(directory, name))) linkSync(join(directory, name), join(links, name));
  }

  /** The same files lie elsewhere. */
  copied(from: string, to: string): void {
    for (const path of filesOf(to)) {
      const before = path.replace(to, from);
      const bytes = existsSync(before) ? this.#bytes.get(statSync(before).ino) : undefined;
      if (bytes !== undefined) this.#bytes.set(statSync(path).ino, bytes);
    }
    for (const directory of this.#names.keys()) if (existsSync(join(to, directory))) this.#link(join(to, directory));
  }

  /**
   * The power is gone, and all processes with it: what was in the system's hands may be, in part.
   * @param venue of the edge's process: `keeps`: it stands for one that is elsewhere, and has its power
   */
  lose(directory: string, venue: 'loses' | 'keeps'): void {
    for (const [below, names] of this.#names) this.#loseNames(join(directory, below), names);
    for (const path of filesOf(directory)) {
      if (venue === 'keeps' && basename(path) === VENUE) continue;
      const { ino, size } = statSync(path);
      const kept = Math.min(size, this.#bytes.get(ino) ?? 0);
      if (kept < size) truncateSync(path, this.#chance.hit(0.5) ? kept : this.#chance.whole(kept, size));
      this.#bytes.set(ino, size);
    }
  }

  #loseNames(directory: string, durable: ReadonlySet<string>): void {
    if (!existsSync(directory)) return;
    const there = namesOf(directory);
    for (const name of there) if (!durable.has(name) && this.#chance.hit(0.5)) rmSync(join(directory, name));
    for (const name of durable) {
      const link = join(this.#links, basename(directory), name);
      if (!there.has(name) && existsSync(link) && this.#chance.hit(0.5)) linkSync(link, join(directory, name));
    }
  }
}

const namesOf = (directory: string): Set<string> =>
  new Set(
    readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== LOCK)
      .map(({ name }) => name),
  );

function filesOf(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name !== LOCK)
    .map(({ parentPath, name }) => join(parentPath, name));
}
