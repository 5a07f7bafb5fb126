/** Edges in processes of their own that are killed, over one directory or one store, and clients that outlive them. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { startStore, type TestStore } from '../support/store.ts';
import type { Column } from './cells.ts';
import { Client } from './client.ts';
import type { EdgeReady, EdgeTask } from './edge.ts';
import type { Injury } from './injury.ts';

const ENV: Readonly<Record<Column, Readonly<Record<string, string>>>> = {
  'file, before-send': { FIXGATE_JOURNAL: 'file' },
  'file, reserve': { FIXGATE_JOURNAL: 'file', FIXGATE_COMMIT: 'reserve' },
  file_sync: { FIXGATE_JOURNAL: 'file_sync' },
  'store, before-send': { FIXGATE_JOURNAL: 'store' },
  'store, reserve': { FIXGATE_JOURNAL: 'store', FIXGATE_COMMIT: 'reserve' },
  'both side by side': { FIXGATE_JOURNAL: 'store', FIXGATE_COMMIT: 'reserve', FIXGATE_JOURNAL_BESIDE: 'file' },
};

/** Ends what is left of everything; after all tests of a file. */
export async function endAll(): Promise<void> {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await store?.stop();
  store = undefined;
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
}
const children: ChildProcess[] = [];
const directories: string[] = [];
let store: TestStore | undefined;
let program: Promise<string> | undefined;

/** What packages that are CommonJS ask of the file that they are in. */
const banner = {
  js: `import { createRequire as requireOf } from 'node:module';
const require = requireOf(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;`,
};

/**
 * The edge in one file, of one name: it is started some hundred times, and most of what a start costs is reading its sources. What V8
 * compiles of it is kept by that name (jest.config.mjs).
 */
function bundled(): Promise<string> {
  program ??= (async () => {
    const directory = join(import.meta.dirname, '..', '..', 'node_modules', '.cache');
    const outfile = join(directory, 'crash-edge.mjs');
    const written = join(directory, `crash-edge-${process.pid}.mjs`);
    const entryPoints = [join(import.meta.dirname, 'edge.ts')];
    await build({
      entryPoints,
      outfile: written,
      bundle: true,
      minifySyntax: true,
      minifyWhitespace: true,
      // An error that ends the process is told behind the line that threw it, and a pipe takes 64 KiB of both.
      lineLimit: 200,
      platform: 'node',
      format: 'esm',
      banner,
    });
    // Another test file may start it meanwhile.
    renameSync(written, outfile);
    return outfile;
  })();
  return program;
}

interface VenueProcess {
  readonly address: string;
  readonly child: ChildProcess;
}

/** A venue in a process of its own, which goes on when the edge's machine does not. */
async function startVenue(): Promise<VenueProcess> {
  const directory = newDirectory();
  const address = join(directory, 's');
  const child = fork(join(import.meta.dirname, '../../edge/venue/main.ts'), {
    env: { ...process.env, FIXGATE_VENUE_ADDRESS: address, FIXGATE_DATA_DIR: directory, FIXGATE_LOG_LEVEL: 'error' },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  await once(child, 'message');
  return { address, child };
}

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'crash-'));
  directories.push(directory);
  return directory;
}

export interface WorldOptions {
  /** Whether the venue is a process of its own. */
  readonly away?: boolean;
  readonly archive?: boolean;
  readonly limits?: EdgeTask['limits'];
  readonly numbers?: number;
  /** Of each client's profile. */
  readonly profile?: object;
  /** Whether clients log on at once. */
  readonly logon?: boolean;
  /** Where there are two journals: nobody is in the one on local disk. */
  readonly none?: 'beside';
  /** Whether there are as many clients again who do nothing by themselves. */
  readonly quiet?: boolean;
}

/** What one edge after the other stands on, and its clients: one, or one in each journal where there are two. */
export class World {
  readonly directory = newDirectory();
  readonly #task: EdgeTask;
  readonly #venue: VenueProcess | undefined;
  clients: readonly Client[] = [];
  #child: ChildProcess | undefined;
  #boot = 1;
  readonly #busy: number;
  private constructor(task: EdgeTask, venue: VenueProcess | undefined, busy: number) {
    this.#task = task;
    this.#venue = venue;
    this.#busy = busy;
  }

  get busy(): readonly Client[] {
    return this.clients.slice(0, this.#busy);
  }

  get quiet(): readonly Client[] {
    return this.clients.slice(this.#busy);
  }

  /** With an edge that has been started, and clients that have logged on. */
  static async open(column: Column, options: WorldOptions = {}): Promise<World> {
    const { away = false, archive = true, limits, numbers = 16_384, profile = {}, logon = true } = options;
    const both = column === 'both side by side';
    const busy = both && options.none !== 'beside' ? ['trader', 'filer'] : ['trader'];
    const users = options.quiet ? [...busy, ...busy.map((name) => `quiet-${name}`)] : busy;
    const more = archive && !both ? { FIXGATE_ARCHIVE: 'on' } : {};
    const inStore = ENV[column].FIXGATE_JOURNAL === 'store';
    if (inStore) store ??= await startStore();
    const venue = away ? await startVenue() : undefined;
    const task: EdgeTask = {
      env: { ...ENV[column], ...more },
      boot: '',
      limits: { segment_bytes: 60_000, block_bytes: 2000, ...limits },
      numbers,
      users: users.map((name) => ({
        name,
        profile: { ...profile, ...(name.endsWith('filer') ? { journal: 'file' } : {}) },
      })),
      ...(venue === undefined ? {} : { venue: venue.address }),
      ...(inStore ? { store: { endpoint: store!.endpoint, tables: await store!.tables() } } : {}),
    };
    const world = new World(task, venue, busy.length);
    await world.start(logon);
    return world;
  }

  get inStore(): boolean {
    return this.#task.store !== undefined;
  }

  get store() {
    return { client: store!.client, tables: this.#task.store!.tables };
  }

  /** @returns undefined when it died on the way, as it may when it is told to */
  async launch(injury?: Injury): Promise<EdgeReady | undefined> {
    const args = injury === undefined ? [this.directory] : [this.directory, JSON.stringify(injury)];
    const task = { ...this.#task, boot: `start ${this.#boot} of the machine` };
    const child = fork(await bundled(), args, {
      env: { ...process.env, CRASH_TASK: JSON.stringify(task) },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    children.push(child);
    this.#child = child;
    this.said = '';
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (text: Buffer) => {
        this.said += text.toString();
      });
    const ended = once(child, 'close');
    const [said] = (await Promise.race([once(child, 'message'), ended])) as [EdgeReady | number | null];
    if (typeof said === 'object' && said !== null) return said;
    await ended;
    return undefined;
  }
  /** By the edge that was started last. */
  said = '';

  /** Starts an edge, and has the clients log on. */
  async start(logon = true): Promise<void> {
    const started = await this.launch();
    if (started === undefined) throw new Error(`the edge did not start: ${this.said}`);
    this.#ready = started;
    if (this.clients.length === 0) this.clients = started.accounts.map((account, i) => new Client(account, i));
    if (!logon || (await this.logons())) return;
    // What it has to say may be on its way.
    await this.pause(200);
    const faults = this.clients.flatMap(({ trader }) => trader.faults);
    throw new Error(`no Logon: ${faults} ${this.#child!.signalCode ?? this.#child!.exitCode} ${this.said}`);
  }
  #ready: EdgeReady | undefined;

  /** What the edge that runs has said in its log while it started. */
  get lines(): readonly string[] {
    return this.#ready!.lines;
  }

  /** @returns whether all clients are logged on */
  async logons(): Promise<boolean> {
    for (const { trader } of this.clients) if (!(await trader.logon(this.#ready!.port))) return false;
    return true;
  }

  /** Resolves when the edge says that it is ready, or why not. */
  async readiness(wanted: string): Promise<void> {
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${this.#ready!.metricsPort}/ready`);
      const { status, reason } = (await answer.json()) as { status: string; reason?: string };
      if ((reason ?? status) === wanted) return;
      await this.pause(20);
    }
  }

  /** The number that the first client expects. */
  get next(): number {
    return this.clients[0]!.trader.next;
  }

  /** Files of segments, of all journals, oldest first, or the last of each. */
  segments(which: 'all' | 'last' = 'all'): string[] {
    const folders = ['journal', 'journal-copy'].filter((name) => this.has(name));
    return folders.flatMap((folder) => {
      const names = readdirSync(this.path(folder)).filter((name) => name.endsWith('.seg'));
      const paths = names.sort().map((name) => this.path(folder, name));
      return which === 'all' ? paths : paths.slice(-1);
    });
  }

  /** Has the edge suffer from now on, or drain, and suffer from then on. */
  async tell(message: Injury | { readonly drain: Injury | null }): Promise<void> {
    const child = this.#child!;
    child.send(message);
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
  }

  /** The venue hears nothing, and what it is told waits; or it hears again. */
  venueHears(hears: boolean): void {
    this.#venue!.child.kill(hears ? 'SIGCONT' : 'SIGSTOP');
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    for (const { trader } of this.clients) await trader.gone();
  }

  /**
   * Turn after turn of all clients that are busy until the edge dies, which it has been told to. Who has not heard of its last turn waits:
   * what a slow machine has on its way is no more than what a session keeps, or has reserved.
   */
  async untilDead(turns = 400): Promise<void> {
    const child = this.#child!;
    const exit = once(child, 'exit').then(() => true);
    for (let n = 0; n < turns; n++) {
      for (const client of this.busy) if (client.hasHeard) client.turn();
      if (await Promise.race([exit, this.pause(20)])) {
        for (const { trader } of this.clients) await trader.gone();
        return;
      }
    }
    throw new Error('it was never where it is to die');
  }

  /** Resolves when the process has ended by itself, with how. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    const child = this.#child!;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    for (const { trader } of this.clients) await trader.gone();
    return child.signalCode ?? child.exitCode;
  }

  /** So many turns of all clients that are busy, with a pause after each in which the edge reads it. */
  async turns(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      for (const client of this.busy) client.turn();
      await this.pause(20);
    }
  }

  async pause(ms: number): Promise<false> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return false;
  }

  /** Each client's numbers, contents and orders are as it was told, and what is sent again is what it had been sent. */
  async reconcile(forgives?: (seq: number, client: Client) => boolean): Promise<void> {
    for (const client of this.clients) await client.reconcile(forgives && ((seq) => forgives(seq, client)));
  }

  async inStep(): Promise<void> {
    for (const { trader } of this.clients) await trader.inStep();
  }

  /** The machine has been started anew. */
  reboot(): void {
    this.#boot += 1;
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  has(...names: readonly string[]): boolean {
    return existsSync(this.path(...names));
  }

  async close(): Promise<void> {
    for (const { trader } of this.clients) trader.close();
    await this.kill();
  }
}
