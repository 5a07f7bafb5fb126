/**
 * Everything that is broken in a run of chaos, in a process tree of its own: the store, the proxies before it, the admin API,
 * the venue, the edges and their balancer, as `npm start -- --edges N` puts them together. Does what its parent says over
 * IPC, and ends with it.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BASE_PATH } from '../contract/operations.ts';
import { type AdminApi, startAdminApi } from '../local/admin-api.ts';
import { type Balancer, startBalancer } from '../local/balancer.ts';
import { prepareDataDir, STORE_FILE, venueAddress } from '../local/data-dir.ts';
import { EMBEDDED_STORE, edgeEnvironment, edgeId, productEnvironment, REGION, SERVICE } from '../local/environment.ts';
import { openSecrets } from '../local/secrets.ts';
import { parseSettings, type Settings } from '../local/settings.ts';
import { boundLogs } from './evidence.ts';
import { type FaultProxy, type LineFault, startFaultProxy } from './fault-proxy.ts';
import { LOG_LOOK_MS } from './limits.ts';
import { Program, Store } from './processes.ts';

const HOST = '127.0.0.1';

export interface Addresses {
  readonly admin: {
    readonly admin_url: string;
    readonly region: string;
    readonly service: string;
    readonly access_key_id: string;
    readonly secret_access_key: string;
  };
  readonly fix_port: number;
  readonly fix_ports: readonly number[];
  readonly metrics_ports: readonly number[];
  /** The store itself, past all proxies. */
  readonly store: string;
}

/** What can be asked of the world; edges are numbered from 1. */
export interface Deeds {
  begin(dataDir: string, edges: number, journal: string): Promise<Addresses>;
  signalEdge(edge: number, signal: NodeJS.Signals): void;
  startEdge(edge: number): Promise<void>;
  signalStore(signal: NodeJS.Signals): void;
  /** Kills it, waits, starts it again. */
  restartStore(): Promise<void>;
  restartVenue(): Promise<void>;
  /** @param edge 0: of all */
  line(edge: number, fault: LineFault): void;
  end(): Promise<void>;
}

export type Order = {
  [Name in keyof Deeds]: { readonly id: number; readonly name: Name; readonly args: Parameters<Deeds[Name]> };
}[keyof Deeds];

export type Word =
  | { readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly exited: number; readonly code: number | null };

const say = (word: Word): void => void process.send?.(word);

class World implements Deeds {
  #store: Store | undefined;
  #admin: AdminApi | undefined;
  #venue: Program | undefined;
  #balancer: Balancer | undefined;
  #bounding: NodeJS.Timeout | undefined;
  readonly #lines: FaultProxy[] = [];
  readonly #edges: Program[] = [];

  async begin(dataDir: string, count: number, journal: string): Promise<Addresses> {
    const settings = settingsOf(dataDir, count, journal);
    prepareDataDir(dataDir);
    const secrets = openSecrets(dataDir);
    const logs = join(dataDir, 'logs');
    this.#bounding = setInterval(() => boundLogs(logs), LOG_LOOK_MS);
    const store = await Store.open(join(dataDir, STORE_FILE), join(logs, 'store.log'));
    this.#store = store;
    const endpoint = `http://${HOST}:${store.port}`;
    const product = { ...productEnvironment(settings, endpoint, process.env), ...EMBEDDED_STORE };
    const environment = { ...product, FIXGATE_LOG_FILE: join(logs, 'admin.log') };
    this.#admin = await startAdminApi({ host: HOST, port: 0, environment, secrets });
    const shared = { ...process.env, ...product, FIXGATE_VENUE_ADDRESS: venueAddress(dataDir) };
    const venueEnv = { ...shared, FIXGATE_DATA_DIR: join(dataDir, 'venue') };
    this.#venue = new Program('edge/venue/main.ts', venueEnv, join(logs, 'venue.log'), () => {});
    await this.#venue.start();
    const ready = await Promise.all(
      Array.from({ length: count }, (_, i) => this.#firstStart(settings, shared, i + 1, store.port)),
    );
    const fix_ports = ready.map(({ fix_port }) => fix_port ?? 0);
    const metrics_ports = ready.map(({ metrics_port }) => metrics_port ?? 0);
    this.#balancer = await startBalancer(
      HOST,
      0,
      fix_ports.map((port, i) => ({
        name: edgeId(i + 1),
        host: HOST,
        port,
        ready_url: `http://${HOST}:${metrics_ports[i]}/ready`,
      })),
      (msg) => {
        const line = { time: new Date().toISOString(), service: 'balancer', msg };
        appendFileSync(join(logs, 'balancer.log'), `${JSON.stringify(line)}\n`);
      },
    );
    const admin = {
      admin_url: `http://${HOST}:${this.#admin.port}${BASE_PATH}`,
      region: REGION,
      service: SERVICE,
      ...secrets.admin,
    };
    return { admin, fix_port: this.#balancer.port, fix_ports, metrics_ports, store: endpoint };
  }

  async #firstStart(settings: Settings, shared: NodeJS.ProcessEnv, number: number, storePort: number) {
    const line = await startFaultProxy(storePort);
    this.#lines[number - 1] = line;
    const own = edgeEnvironment(settings, number);
    mkdirSync(own.FIXGATE_DATA_DIR as string, { recursive: true, mode: 0o700 });
    const env = { ...shared, ...own, FIXGATE_DYNAMODB_ENDPOINT: `http://${HOST}:${line.port}` };
    const log = join(settings.data_dir, 'logs', `edge-${number}.log`);
    const edge = new Program('edge/main.ts', env, log, ({ code }) => say({ exited: number, code }));
    this.#edges[number - 1] = edge;
    return edge.start();
  }

  #edge(number: number): Program {
    const edge = this.#edges[number - 1];
    if (edge === undefined) throw new RangeError(`there is no edge ${number}`);
    return edge;
  }

  signalEdge(edge: number, signal: NodeJS.Signals): void {
    if (!this.#edge(edge).signal(signal)) throw new Error(`edge ${edge} does not run`);
  }

  async startEdge(edge: number): Promise<void> {
    await this.#edge(edge).start();
  }

  signalStore(signal: NodeJS.Signals): void {
    this.#store?.signal(signal);
  }

  async restartStore(): Promise<void> {
    await this.#store?.kill();
    await this.#store?.start();
  }

  async restartVenue(): Promise<void> {
    this.#venue?.signal('SIGKILL');
    await this.#venue?.end();
    await this.#venue?.start();
  }

  line(edge: number, fault: LineFault): void {
    for (const [i, line] of this.#lines.entries()) if (edge === 0 || edge === i + 1) line.set(fault);
  }

  async end(): Promise<void> {
    clearInterval(this.#bounding);
    this.line(0, { type: 'none' });
    this.#store?.signal('SIGCONT');
    await this.#admin?.stop();
    this.#balancer?.refuse();
    await Promise.all(this.#edges.map((edge) => edge.end()));
    this.#balancer?.close();
    await this.#venue?.end();
    for (const line of this.#lines) line.close();
    await this.#store?.end();
  }
}

function settingsOf(dataDir: string, edges: number, journal: string): Settings {
  const flags = {
    '--data-dir': dataDir,
    '--edges': edges,
    '--journal': journal,
    '--admin-port': 0,
    '--fix-port': 0,
    '--metrics-port': 0,
    // All clients have one address here, and some of them are refused by the dozen.
    '--bad-logon-limit': 0,
    '--log-level': 'info',
  };
  const parsed = parseSettings(
    Object.entries(flags).flatMap(([flag, value]) => [flag, String(value)]),
    {},
  );
  if (parsed.kind !== 'settings') throw new Error('no settings');
  return parsed.settings;
}

const world = new World();

async function obey({ id, name, args }: Order): Promise<void> {
  try {
    // biome-ignore lint/suspicious/noExplicitAny: name and args belong together by the type of Order
    say({ id, value: await (world[name] as (...given: any[]) => unknown)(...args) });
  } catch (error) {
    say({ id, error: (error as Error).stack ?? String(error) });
  }
}

process.on('message', (order) => void obey(order as Order));
process.once('disconnect', () => void world.end().finally(() => process.exit(0)));
// The terminal's Ctrl-C is for the parent to hear.
process.on('SIGINT', () => {});
