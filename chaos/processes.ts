/** Processes that are to be killed, stopped and started again: each is one program on the ports it had first. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { MALLOC, NODE_FLAGS } from '../edge/runtime.ts';
import { freePort } from '../local/free-port.ts';
import { storeBinary } from '../local/store.ts';

const ROOT = join(import.meta.dirname, '..');
const READY_WITHIN_MS = 60_000;
const STORE_LOOK_MS = 20;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What an edge or the venue says once it listens. */
interface Ready {
  readonly type: 'ready';
  readonly fix_port?: number;
  readonly metrics_port?: number;
}

/** An edge, or the venue: says over IPC when it is ready. */
export class Program {
  readonly #script: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #log: number;
  readonly #onExit: (exit: Exit) => void;
  #child: ChildProcess | undefined;
  #ports: NodeJS.ProcessEnv = {};

  constructor(script: string, env: NodeJS.ProcessEnv, logFile: string, onExit: (exit: Exit) => void) {
    this.#script = script;
    this.#env = env;
    this.#log = openSync(logFile, 'a', 0o600);
    this.#onExit = onExit;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** Resolves when it is ready. @throws when it ends before, or takes a minute */
  start(): Promise<Ready> {
    if (this.#child !== undefined) throw new Error(`${this.#script} runs already`);
    const child = spawn(process.execPath, [...NODE_FLAGS, join(ROOT, this.#script)], {
      env: { ...MALLOC, ...this.#env, ...this.#ports },
      stdio: ['ignore', this.#log, this.#log, 'ipc'],
    });
    this.#child = child;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS);
      child.once('message', (message) => {
        clearTimeout(late);
        const ready = message as Ready;
        if (ready.fix_port !== undefined)
          this.#ports = {
            FIXGATE_FIX_PORT: String(ready.fix_port),
            FIXGATE_METRICS_PORT: String(ready.metrics_port),
          };
        resolve(ready);
      });
      child.once('exit', (code, signal) => {
        clearTimeout(late);
        this.#child = undefined;
        reject(new Error(`${this.#script} ended with ${signal ?? code}`));
        this.#onExit({ code, signal });
      });
    });
  }

  /** False: it does not run. */
  signal(name: NodeJS.Signals): boolean {
    return this.#child?.kill(name) ?? false;
  }

  /** Ends it, and waits. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
    await gone;
    clearTimeout(late);
  }
}

/** The embedded store under a guard that ends it when this process is gone. */
export class Store {
  readonly port: number;
  readonly #database: string;
  readonly #log: number;
  #guard: ChildProcess | undefined;
  #pid = 0;

  private constructor(port: number, database: string, logFile: string) {
    this.port = port;
    this.#database = database;
    this.#log = openSync(logFile, 'a', 0o600);
  }

  static async open(database: string, logFile: string): Promise<Store> {
    const store = new Store(await freePort(), database, logFile);
    await store.start();
    return store;
  }

  async start(): Promise<void> {
    const binary = storeBinary();
    if (binary === undefined) throw new Error(`there is no embedded store for ${process.platform}-${process.arch}`);
    const args = [
      join(ROOT, 'local', 'guard.ts'),
      binary,
      'serve',
      '-p',
      String(this.port),
      '--db-path',
      this.#database,
    ];
    const guard = spawn(process.execPath, args, { stdio: ['pipe', this.#log, this.#log, 'ipc'] });
    this.#guard = guard;
    this.#pid = await new Promise((resolve, reject) => {
      guard.once('message', (message) => resolve((message as { pid: number }).pid));
      guard.once('exit', (code) => reject(new Error(`the store ended with ${code}`)));
    });
    await this.#answers();
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.#pid, name);
  }

  async kill(): Promise<void> {
    const guard = this.#guard;
    const gone = new Promise((resolve) => guard?.once('exit', resolve));
    this.signal('SIGKILL');
    await gone;
  }

  async end(): Promise<void> {
    const guard = this.#guard;
    if (guard === undefined || guard.exitCode !== null) return;
    this.signal('SIGCONT');
    const gone = new Promise((resolve) => guard.once('exit', resolve));
    guard.stdin?.end();
    await gone;
  }

  /** It has no word for being ready: it is asked until it answers. */
  async #answers(): Promise<void> {
    const end = performance.now() + READY_WITHIN_MS;
    for (;;) {
      try {
        await fetch(`http://127.0.0.1:${this.port}`, { signal: AbortSignal.timeout(500) });
        return;
      } catch (error) {
        if (performance.now() > end) throw error;
        await new Promise((next) => setTimeout(next, STORE_LOOK_MS));
      }
    }
  }
}
