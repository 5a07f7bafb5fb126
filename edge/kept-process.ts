/** A child process that is kept alive: if it ends it is started again with the same settings and ports. */

import { type ChildProcess, spawn } from 'node:child_process';
import { MALLOC, NODE_FLAGS } from './runtime.ts';

/** What the edge tells its parent over IPC once it listens. */
export interface EdgeReady {
  readonly type: 'ready';
  readonly fix_port: number;
  readonly metrics_port: number;
}

/** What a later process of an edge is given, so that it is found where the first one was. */
export const samePorts = ({ fix_port, metrics_port }: EdgeReady): NodeJS.ProcessEnv => ({
  FIXGATE_FIX_PORT: String(fix_port),
  FIXGATE_METRICS_PORT: String(metrics_port),
});

export interface KeptProcess {
  /** Process id of the present process. */
  readonly pid: number;
  /** Sends SIGTERM and waits for the end; SIGKILL after `DRAIN_MS`. */
  stop(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Sends a message over IPC to the present process. @returns its answer of that type; undefined: it ended, or did not answer in time */
  ask<Answer extends { readonly type: string }>(type: Answer['type']): Promise<Answer | undefined>;
}

/** The longest a drain may take before the process is killed, milliseconds. */
const DRAIN_MS = 30_000;
const RESTART_AFTER_MS = 500;
/** Characters kept of what a failing process says: a list of every mistake in its dictionaries fits. */
const LAST_WORDS = 1_000_000;
const ANSWER_WITHIN_MS = 2000;

export interface KeptEvents {
  onRestart(why: string): void;
  /** It is ready again, in another process. */
  onReady(): void;
}

export interface Program {
  /** Its name in messages. */
  readonly what: string;
  /** Path of its script. */
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
  /** Descriptor of its standard output. */
  readonly stdout: number;
  /** Gets what it says on standard error. */
  readonly stderr: { write(chunk: Uint8Array): void };
  readonly events: KeptEvents;
}

/**
 * Starts it; rejects with its last words when it does not get ready.
 * @param again what a later process is given beside the environment, by what the first one said
 */
export async function keep<Ready extends { readonly type: 'ready' }>(
  { what, script, env, stdout, stderr, events }: Program,
  again: (ready: Ready) => NodeJS.ProcessEnv,
): Promise<{ readonly ready: Ready; readonly kept: KeptProcess }> {
  let stopping = false;
  let more: NodeJS.ProcessEnv = {};
  let child: ChildProcess;

  // Async: what keeps the system from starting it at all, such as a program that is being written anew, is thrown at once.
  const run = async (): Promise<Ready> => {
    const started = spawn(process.execPath, [...NODE_FLAGS, script], {
      env: { ...MALLOC, ...env, ...more },
      stdio: ['ignore', stdout, 'pipe', 'ipc'],
    });
    child = started;
    let lastWords = '';
    started.stderr?.on('data', (chunk: Buffer) => {
      lastWords = (lastWords + chunk.toString()).slice(-LAST_WORDS);
      stderr.write(chunk);
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
    signal: (signal) => void child.kill(signal),
    ask: (type) => answered(child, type),
  };
  return { ready, kept };
}

function answered<Answer extends { readonly type: string }>(
  child: ChildProcess,
  type: Answer['type'],
): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const end = (answer?: Answer): void => {
      clearTimeout(late);
      child.off('message', hear).off('exit', gone);
      resolve(answer);
    };
    const hear = (message: unknown): void => {
      if ((message as Answer).type === type) end(message as Answer);
    };
    const gone = (): void => end();
    const late = setTimeout(gone, ANSWER_WITHIN_MS);
    child.on('message', hear).once('exit', gone);
    child.send({ ask: type }, (error) => {
      if (error !== null) end();
    });
  });
}
