/**
 * The disk of a machine whose processes are killed: what was written is there for the next one, and of the last write
 * maybe only a beginning. What a machine leaves that loses its power, its platter knows.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { syncedBeside } from '../../edge/open-venue.ts';
import type { Syncs } from '../../edge/syncs.ts';
import type { FixPlan } from '../plan.ts';
import type { Process } from '../process.ts';
import type { World } from '../world.ts';
import { Platter } from './platter.ts';

/** Of deaths at a write, how many leave a part of it. */
const TORN = 0.4;
const DOWN_MS = [50, 3_000] as const;

export class Disk {
  /** It takes no writes. */
  full = false;
  readonly #world: World;
  readonly #name: string;
  readonly #platter: Platter;
  /** Each process has the disk as the one before has left it, under a name of its own. */
  #boots = 0;
  #torn: { readonly path: string; readonly size: number } | undefined;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
    this.#platter = new Platter(world.chance.fork(), join(world.directory, `${name}.links`));
  }

  /** How a process gets what it has written onto the disk. */
  syncs(process: Process): Syncs {
    const syncs = this.#platter.syncs(process);
    return this.#world.mutation?.syncs?.(syncs, process) ?? syncs;
  }

  /** Where a venue in the edge's process keeps its orders, and how. */
  ofVenue(process: Process, { journal, commit }: FixPlan) {
    const synced = syncedBeside(journal, commit);
    return { directory: join(this.directory, 'venue'), synced, syncs: this.syncs(process) };
  }

  /** The machine is without power, its process gone already: what had not been synced may be lost. */
  losePower({ journal, commit }: FixPlan): void {
    this.#platter.lose(this.directory, syncedBeside(journal, commit) === 'flushed' ? 'loses' : 'keeps');
  }

  get directory(): string {
    return join(this.#world.directory, `${this.#name}.${this.#boots}`);
  }

  fill(ms: number): void {
    this.full = true;
    this.#world.scheduler.after(ms, () => {
      this.full = false;
    });
  }

  /** Nothing of what was on it is there. */
  lose(): void {
    rmSync(this.directory, { recursive: true, force: true });
    mkdirSync(this.directory, { recursive: true });
  }

  /** A process begins. @param start names the last start of its machine @returns its directory */
  boot(start: string): string {
    const before = this.directory;
    this.#boots += 1;
    const { directory } = this;
    mkdirSync(directory, { recursive: true });
    if (this.#boots === 1) return directory;
    cpSync(before, directory, { recursive: true });
    this.#platter.copied(before, directory);
    rmSync(before, { recursive: true });
    this.#world.mutation?.boot?.(directory, start);
    return directory;
  }

  /**
   * The process may die before it writes, within, and after, and the disk may refuse.
   * @param looked whether this is one of the writes that are worth it
   */
  written(process: Process, looked: boolean, crash: (backAfterMs: number) => void, write: () => void): void {
    const { chance, plan, calm } = this.#world;
    const dies = (): boolean => looked && process.alive && !calm && chance.hit(plan.diesWriting);
    const die = (): void => crash(chance.between(...DOWN_MS));
    const gone = (): void => {
      // Whatever the rest of this event does, a process that is gone has no output.
      if (!process.alive) throw new Error('the process is gone');
    };
    if (dies()) die();
    gone();
    if (this.full) throw new Error('no space left on the disk');
    const tears = dies() && chance.hit(TORN);
    const before = tears ? sizes(this.directory) : undefined;
    process.dying = tears;
    write();
    if (before !== undefined) this.#tear(before);
    if (before !== undefined || dies()) die();
    gone();
  }

  /** The file that has grown ends within what was written to it. */
  #tear(before: ReadonlyMap<string, number>): void {
    for (const [path, size] of sizes(this.directory)) {
      const from = before.get(path) ?? 0;
      if (size <= from) continue;
      this.#torn = { path, size: this.#world.chance.whole(from, size - 1) };
      this.#world.trace(
        this.#name,
        () => `a write is torn: ${size - from} bytes, ${this.#torn?.size ?? 0 - from} are there`,
      );
      return;
    }
  }

  /** The process is gone: files are closed, and what it had not written stays unwritten. */
  abandon(close: () => void): void {
    const { directory } = this;
    const kept = `${directory}.kept`;
    cpSync(directory, kept, { recursive: true });
    this.#platter.copied(directory, kept);
    if (this.#torn !== undefined) truncateSync(this.#torn.path.replace(directory, kept), this.#torn.size);
    this.#torn = undefined;
    close();
    rmSync(directory, { recursive: true });
    cpSync(kept, directory, { recursive: true });
    this.#platter.copied(kept, directory);
    rmSync(kept, { recursive: true });
  }
}

/** Of all files below, by path. */
function sizes(directory: string): Map<string, number> {
  const found = new Map<string, number>();
  if (!existsSync(directory)) return found;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) for (const [below, size] of sizes(path)) found.set(below, size);
    else if (entry.name !== 'lock') found.set(path, statSync(path).size);
  }
  return found;
}
