/** The edge as a child process, kept alive: when it dies it is started again on the ports it had. */
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

export interface EdgeProcess {
  readonly ready: EdgeReady;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Drains (SIGTERM) and waits for the end; SIGKILL after `DRAIN_MS`. */
  stop(): Promise<void>;
}

/** The longest a drain may take before the edge is killed, milliseconds. */
const DRAIN_MS = 30_000;
const RESTART_AFTER_MS = 500;
/** Characters kept of what a failing edge says: a list of every mistake in its dictionaries fits. */
const LAST_WORDS = 1_000_000;

export interface EdgeEvents {
  onRestart(why: string): void;
  /** It is ready again, in another process. */
  onReady(): void;
}

/** Starts the edge; rejects with its last words when it does not get ready. @param logFile appended to */
export async function startEdge(env: NodeJS.ProcessEnv, logFile: string, events: EdgeEvents): Promise<EdgeProcess> {
  const log = openSync(logFile, 'a', 0o600);
  const copy = createWriteStream('', { fd: log, autoClose: false });
  let stopping = false;
  let ports: NodeJS.ProcessEnv = {};
  let child: ChildProcess;

  const run = (): Promise<EdgeReady> => {
    const edge = spawn(process.execPath, [...V8_FLAGS, join(import.meta.dirname, '..', 'edge', 'main.ts')], {
      env: { ...MALLOC, ...env, ...ports },
      stdio: ['ignore', log, 'pipe', 'ipc'],
    });
    child = edge;
    let lastWords = '';
    edge.stderr?.on('data', (chunk: Buffer) => {
      lastWords = (lastWords + chunk.toString()).slice(-LAST_WORDS);
      copy.write(chunk);
    });
    return new Promise((resolve, reject) => {
      let ready = false;
      edge.on('message', (message) => {
        const said = message as EdgeReady;
        if (said.type !== 'ready') return;
        ready = true;
        resolve(said);
      });
      edge.once('error', reject);
      edge.once('exit', (code, signal) => {
        if (!ready) reject(new Error(lastWords.trim() || `the edge ended with ${signal ?? code} before it was ready`));
        else if (!stopping) again(`the edge ended with ${signal ?? code}`);
      });
    });
  };
  const again = (why: string): void => {
    events.onRestart(why);
    setTimeout(() => {
      if (stopping) return;
      run().then(
        () => events.onReady(),
        (error: Error) => again(error.message),
      );
    }, RESTART_AFTER_MS);
  };

  const ready = await run();
  ports = { FIXGATE_FIX_PORT: String(ready.fix_port), FIXGATE_METRICS_PORT: String(ready.metrics_port) };
  return {
    ready,
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
}
