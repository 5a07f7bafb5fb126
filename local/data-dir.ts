/** The data directory: what stands in it, that one `npm start` uses it at a time, and how to begin anew. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { socketPath } from '../adapters/node/socket-path.ts';
import { SettingError } from './settings.ts';

/** The embedded store's database in the data directory. */
export const STORE_FILE = 'store.db';

/** Holds the data of all edges but the first. */
export const EDGES_FOLDER = 'edges';
/** And of all workers of an edge but the first. */
const WORKERS_FOLDER = 'workers';

/** What `--fresh` removes: our own files, never the directory itself. */
const OWN = [
  STORE_FILE,
  `${STORE_FILE}-wal`,
  `${STORE_FILE}-shm`,
  `${STORE_FILE}-journal`,
  'journal',
  'journal-copy',
  'link',
  'venue',
  'shut',
  EDGES_FOLDER,
  WORKERS_FOLDER,
  'logs',
  'local.json',
  'secrets.json',
];

export interface LocalJson {
  readonly admin_url: string;
  readonly region: string;
  readonly service: string;
  readonly access_key_id: string;
  readonly secret_access_key: string;
  readonly fix_host: string;
  readonly fix_port: number;
  /** Of the edges themselves, where they can be reached without the balancer. */
  readonly fix_ports?: readonly number[];
  readonly edge_pids?: readonly number[];
  /** Of the venue that several edges share. */
  readonly venue_pid?: number;
  /** Of the embedded store, where there is one. */
  readonly store_pid?: number;
  /** Of the first edge. */
  readonly metrics_url: string;
  /** Of each edge. */
  readonly metrics_urls?: readonly string[];
  readonly data_dir: string;
  readonly pid: number;
  /** Where the embedded store listens; for tools that read the tables themselves. */
  readonly dynamodb_endpoint: string;
  /** What FIX clients trust; absent: FIX in plain TCP. */
  readonly ca_file?: string;
}

export const localJsonFile = (dataDir: string): string => join(dataDir, 'local.json');

export const writeLocalJson = (dataDir: string, content: LocalJson): void =>
  writeAddresses(localJsonFile(dataDir), content);

/** Writes addresses and keys in one step, mode 0600, so that no reader sees half of them. */
export function writeAddresses(file: string, content: LocalJson): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

export function removeLocalJson(dataDir: string): void {
  rmSync(localJsonFile(dataDir), { force: true });
}

/** Removes what an earlier run left. */
export function wipe(dataDir: string): void {
  for (const name of OWN) rmSync(join(dataDir, name), { recursive: true, force: true });
}

/** Makes the directory, or says why it cannot be used. @throws SettingError */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 });
    const probe = join(dataDir, '.probe');
    writeFileSync(probe, '', { mode: 0o600 });
    rmSync(probe);
  } catch (error) {
    throw new SettingError(`--data-dir (FIXGATE_DATA_DIR): ${dataDir} cannot be used: ${(error as Error).message}`);
  }
}

/**
 * Holds the data directory for this process: a local socket that the system closes with the process, however it ends.
 * @throws SettingError when another process holds it
 */
export async function lockDataDir(dataDir: string): Promise<Server> {
  const path = lockPath(dataDir);
  const server = createServer((socket) => socket.end());
  server.unref();
  const held = await listen(server, path);
  if (held && (await isAnswered(path)))
    throw new SettingError(`--data-dir (FIXGATE_DATA_DIR): ${dataDir} is in use by another running fixgate`);
  if (held) {
    rmSync(path, { force: true });
    if (await listen(server, path))
      throw new SettingError(`--data-dir (FIXGATE_DATA_DIR): ${dataDir} is in use by another running fixgate`);
  }
  return server;
}

/** Where edges reach the venue that they share. */
export const venueAddress = (dataDir: string): string => socketPath(dataDir, 'venue');

function lockPath(dataDir: string): string {
  return socketPath(dataDir, 'lock');
}

/** True: the address is in use. */
function listen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      error.code === 'EADDRINUSE' ? resolve(true) : reject(error);
    server.once('error', onError);
    server.listen(path, () => {
      server.off('error', onError);
      resolve(false);
    });
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
