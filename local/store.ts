/** The embedded DynamoDB-compatible store as a child, kept alive: when it dies it is started again on the same port and file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createClient } from '../adapters/dynamodb/client.ts';
import { endStreams } from '../adapters/dynamodb/create-tables.ts';
import { STORE_FILE } from './data-dir.ts';
import { REGION } from './environment.ts';
import { SettingError } from './settings.ts';

const READY_WITHIN_MS = 10_000;
const RESTART_AFTER_MS = 500;

export interface EmbeddedStore {
  readonly endpoint: string;
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

/** Starts the store on a free port of the loopback. @throws SettingError when there is no binary for this platform */
export async function startStore(dataDir: string, onRestart: (code: number | null) => void): Promise<EmbeddedStore> {
  const binary = storeBinary();
  if (binary === undefined) {
    throw new SettingError(
      `there is no embedded store for ${process.platform}-${process.arch}; set FIXGATE_DYNAMODB_ENDPOINT to DynamoDB Local, LocalStack or AWS (see README.md)`,
    );
  }
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const log = createWriteStream(join(dataDir, 'logs', 'store.log'), { flags: 'a', mode: 0o600 });
  let stopping = false;
  let child: ChildProcess | undefined;
  const run = (): ChildProcess => {
    const guard = spawn(
      process.execPath,
      [
        join(import.meta.dirname, 'guard.ts'),
        binary,
        'serve',
        '-p',
        String(port),
        '--db-path',
        join(dataDir, STORE_FILE),
      ],
      {
        // A process group of its own: the terminal's Ctrl-C must not end the store before the edge has drained.
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    guard.stdout?.pipe(log, { end: false });
    guard.stderr?.pipe(log, { end: false });
    guard.once('exit', (code) => {
      if (stopping) return;
      onRestart(code);
      setTimeout(() => {
        if (!stopping) child = run();
      }, RESTART_AFTER_MS);
    });
    return guard;
  };
  child = run();
  await waitReady(endpoint, join(dataDir, 'logs', 'store.log'));
  await withoutStreams(endpoint);
  return {
    endpoint,
    stop: async () => {
      stopping = true;
      const last = child;
      if (last !== undefined && last.exitCode === null && last.signalCode === null) {
        const gone = new Promise<void>((resolve) => last.once('exit', () => resolve()));
        last.stdin?.end();
        await gone;
      }
      log.end();
    },
  };
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

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
