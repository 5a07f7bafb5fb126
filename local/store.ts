/** The embedded DynamoDB-compatible store as a child, kept alive: when it dies it is started again on the same port and file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createClient } from '../adapters/dynamodb/client.ts';
import { endStreams } from '../adapters/dynamodb/create-tables.ts';
import { LogLines, lostLine } from '../adapters/node/log-lines.ts';
import { STORE_FILE } from './data-dir.ts';
import { REGION } from './environment.ts';
import { freePort } from './free-port.ts';
import { SettingError } from './settings.ts';

const READY_WITHIN_MS = 10_000;
const RESTART_AFTER_MS = 500;

export interface EmbeddedStore {
  readonly endpoint: string;
  /** Of the store itself, as it runs now: for who has to end one that hangs. Undefined while there is none. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** The binary of the embedded store for this platform; undefined: there is none. */
export function storeBinary(): string | undefined {
  const require = createRequire(import.meta.url);
  try {
    const folder = dirname(require.resolve(`@dynoxide/${process.platform}-${process.arch}/package.json`));
    return [join(folder, 'dynoxide'), join(folder, 'bin', 'dynoxide')].find((file) => existsSync(file));
  } catch {
    return undefined;
  }
}

/**
 * Starts the store on a free port of the loopback.
 * @param onStarted a process of it runs, after the first one too
 * @throws SettingError when there is no binary for this platform
 */
export async function startStore(
  dataDir: string,
  onRestart: (code: number | null) => void,
  onStarted: () => void = () => {},
): Promise<EmbeddedStore> {
  const binary = storeBinary();
  if (binary === undefined) {
    throw new SettingError(
      `there is no embedded store for ${process.platform}-${process.arch}; set FIXGATE_DYNAMODB_ENDPOINT to DynamoDB Local, LocalStack or AWS (see README.md)`,
    );
  }
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const file = join(dataDir, 'logs', 'store.log');
  const descriptor = openSync(file, 'a', 0o600);
  const log = new LogLines(descriptor, lostLine({ service: 'fixgate-store' }));
  let stopping = false;
  let pid: number | undefined;
  let child: ChildProcess | undefined;
  const run = (): ChildProcess => {
    const guard = spawnStore(binary, port, join(dataDir, STORE_FILE));
    for (const said of [guard.stdout, guard.stderr]) said?.on('data', (chunk: Buffer) => log.write(chunk));
    guard.once('message', (message) => {
      pid = (message as { pid?: number }).pid;
      onStarted();
    });
    guard.once('exit', (code) => {
      pid = undefined;
      if (stopping) return;
      onRestart(code);
      setTimeout(() => {
        if (!stopping) child = run();
      }, RESTART_AFTER_MS);
    });
    return guard;
  };
  child = run();
  await waitReady(endpoint, file);
  await withoutStreams(endpoint);
  return {
    endpoint,
    get pid() {
      return pid;
    },
    stop: async () => {
      stopping = true;
      const last = child;
      if (last !== undefined && last.exitCode === null && last.signalCode === null) {
        const gone = new Promise<void>((resolve) => last.once('exit', () => resolve()));
        last.stdin?.end();
        await gone;
      }
      log.end();
      closeSync(descriptor);
    },
  };
}

function spawnStore(binary: string, port: number, file: string): ChildProcess {
  const guard = join(import.meta.dirname, 'guard.ts');
  return spawn(process.execPath, [guard, binary, 'serve', '-p', String(port), '--db-path', file], {
    // A process group of its own: the terminal's Ctrl-C must not end the store before the edge has drained.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  });
}

/** What this store has was made with streams once, which nobody reads here. */
async function withoutStreams(endpoint: string): Promise<void> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = createClient({ region: REGION, endpoint, credentials });
  try {
    await endStreams(client);
  } finally {
    client.destroy();
  }
}

async function waitReady(endpoint: string, logFile: string): Promise<void> {
  const from = performance.now();
  for (;;) {
    try {
      await fetch(endpoint, { method: 'GET', signal: AbortSignal.timeout(500) });
      return;
    } catch {
      if (performance.now() - from > READY_WITHIN_MS)
        throw new SettingError(`the embedded store did not answer within ${READY_WITHIN_MS / 1000} s; see ${logFile}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
