/** The edge's process as the harness sees it from outside: what memory it holds, how long it is at work in one go. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Product } from '../../local/product.ts';

const PRELOADED = pathToFileURL(join(import.meta.dirname, 'collect.mjs')).href;

/** Environment under which an edge collects its garbage when it is asked to, and says in a file how long it was at work. */
export const watchedBy = (file: string): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${PRELOADED}`,
  FIXGATE_HOSTILE_WATCH: file,
});

/** How long a collection may take until its figures are read. */
const COLLECTION_MS = 150;

export interface Memory {
  /** MB that the system has given the process. */
  readonly resident: number;
  /** MB that JavaScript holds, buffers outside of its heap included. */
  readonly held: number;
  /** The longest that the edge was at work in one go since the look before, ms of processor time. */
  readonly turn: number;
}

const MEGABYTE = 1 << 20;
const RESIDENT = 'process_resident_memory_bytes';

export class EdgeWatch {
  readonly #metrics: string;
  readonly #pid: number;
  readonly #file: string;

  /** @param file see {@link watchedBy} */
  constructor({ local, process: { pid } }: Product, file: string) {
    this.#file = file;
    this.#metrics = local.metrics_url;
    this.#pid = edgeOf(pid ?? 0);
  }

  /** After a collection. */
  async memory(): Promise<Memory> {
    process.kill(this.#pid, 'SIGUSR2');
    await sleep(COLLECTION_MS);
    const megabytes = await this.#read();
    return {
      resident: megabytes(RESIDENT),
      held: megabytes('nodejs_heap_size_used_bytes') + megabytes('nodejs_external_memory_bytes'),
      turn: Number(readFileSync(this.#file, 'utf8')),
    };
  }

  /** As it is, MB. */
  async resident(): Promise<number> {
    return (await this.#read())(RESIDENT);
  }

  async #read(): Promise<(name: string) => number> {
    const text = await (await fetch(this.#metrics)).text();
    return (name) => {
      const found = new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1];
      if (found === undefined) throw new Error(`the metrics do not tell ${name}`);
      return Number(found) / MEGABYTE;
    };
  }
}

/** What `npm start` has started: process id and command. */
function children(parent: number): [number, string][] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line): [number, string][] => {
    const [, pid, ppid, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return Number(ppid) === parent ? [[Number(pid), args]] : [];
  });
}

/** @throws Error when there is none */
function edgeOf(parent: number): number {
  const found = children(parent).find(([, args]) => args.includes('edge/main.ts'));
  if (found === undefined) throw new Error('the process of the edge was not found');
  return found[0];
}

/** Where the system weighs processes by the terminal they come from, a process's own priority counts within that group only. */
const GROUP = '/proc/self/autogroup';

/**
 * Lets the bystander, the edge and the rest of the product, in this order, go ahead of what else the machine does, whose
 * delays are not the edge's. @returns what gives it back; undefined when the system does not allow it: the superuser may
 */
export function goFirst({ process: { pid = 0 } }: Product, bystander: number): (() => void) | undefined {
  const edge = edgeOf(pid);
  try {
    for (const [child] of children(pid)) setPriority(child, -5);
    setPriority(edge, -10);
    setPriority(bystander, -15);
    if (!existsSync(GROUP)) return () => {};
    writeFileSync(GROUP, '-19');
    return () => writeFileSync(GROUP, '0');
  } catch {
    return undefined;
  }
}
