/** Edges and the venue they share as child processes, kept alive: one that dies is started again on the ports it had. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, openSync } from 'node:fs';
import { join } from 'node:path';
import { MALLOC, V8_FLAGS } from '../edge/runtime.ts';

/** What the edge tells its parent over IPC once it listens. */
export interface EdgeReady {
  readonly type: 'ready';
  readonly fix_port: number;
  readonly metrics_port: number;
}

export interface KeptProcess {
  /** Of the process that runs now. */
  readonly pid: number;
  /** SIGTERM, and waits for the end; SIGKILL after `DRAIN_MS`. */
  stop(): Promise<void>;
}

export interface EdgeProcess extends KeptProcess {
  readonly ready: EdgeReady;
}

/** The longest a drain may take before the edge is killed, milliseconds. */
const DRAIN_MS = 30_000;
const RESTART_AFTER_MS = 500;
/** Characters kept of what a failing edge says: a list of every mistake in its dictionaries fits. */
const LAST_WORDS = 1_000_000;

export interface KeptEvents {
  onRestart(why: string): void;
  /** It is ready again, in another process. */
  onReady(): void;
}

/** Starts the edge; rejects with its last words when it does not get ready. @param logFile appended to */
export async function startEdge(env: NodeJS.ProcessEnv, logFile: string, events: KeptEvents): Promise<EdgeProcess> {
  const edge = { what: 'the edge', script: 'edge/main.ts', env, logFile, events };
  const { ready, kept } = await start<EdgeReady>(edge, ({ fix_port, metrics_port }) => ({
    FIXGATE_FIX_PORT: String(fix_port),
    FIXGATE_METRICS_PORT: String(metrics_port),
  }));
  return Object.assign(kept, { ready });
}

/** Starts the venue that edges share, likewise. */
export async function startVenue(env: NodeJS.ProcessEnv, logFile: string, events: KeptEvents): Promise<KeptProcess> {
  const venue = { what: 'the venue', script: 'edge/venue/main.ts', env, logFile, events };
  return (await start<{ readonly type: 'ready' }>(venue, () => ({}))).kept;
}

interface Program {
  readonly what: string;
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  readonly events: KeptEvents;
}

/** @param again what a later process is given beside the environment, by what the first one said */
async function start<Ready extends { readonly type: 'ready' }>(
  { what, script, env, logFile, events }: Program,
  again: (ready: Ready) => NodeJS.ProcessEnv,
): Promise<{ readonly ready: Ready; readonly kept: KeptProcess }> {
  const log = openSync(logFile, 'a', 0o600);
  const copy = createWriteStream('', { fd: log, autoClose: false });
  let stopping = false;
  let more: NodeJS.ProcessEnv = {};
  let child: ChildProcess;

  const run = (): Promise<Ready> => {
    const started = spawn(process.execPath, [...V8_FLAGS, join(import.meta.dirname, '..', script)], {
      env: { ...MALLOC, ...env, ...more },
      stdio: ['ignore', log, 'pipe', 'ipc'],
    });
    child = started;
    let lastWords = '';
    started.stderr?.on('data', (chunk: Buffer) => {
      lastWords = (lastWords + chunk.toString()).slice(-LAST_WORDS);
      copy.write(chunk);
    });
    return new Promise((resolve, reject) => {
      let ready = false;
      started.on('message', (message) => {
        const said = message as Ready;
        if (said.type !== 'ready') return;
        ready = true;
        resolve(said);
      });
      started.once('error', reject);
      started.once('exit', (code, signal) => {
        if (!ready) reject(new Error(lastWords.trim() || `${what} ended with ${signal ?? code} before it was ready`));
        else if (!stopping) restart(`${what} ended with ${signal ?? code}`);
      });
    });
  };
  const restart = (why: string): void => {
    events.onRestart(why);
    setTimeout(() => {
      if (stopping) return;
      run().then(
        () => events.onReady(),
        (error: Error) => restart(error.message),
      );
    }, RESTART_AFTER_MS);
  };

  const ready = await run();
  more = again(ready);
  const kept: KeptProcess = {
    get pid() {
      return child.pid ?? 0;
    },
    stop: async () => {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
      await gone;
      clearTimeout(late);
    },
  };
  return { ready, kept };
}
