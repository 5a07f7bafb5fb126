/** Brings the parts up in order, and down in the reverse one. */

import { mkdirSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { BASE_PATH } from '../contract/operations.ts';
import { type AdminApi, startAdminApi } from './admin-api.ts';
import { type Backend, type Balancer, startBalancer } from './balancer.ts';
import {
  type LocalJson,
  lockDataDir,
  prepareDataDir,
  removeLocalJson,
  venueAddress,
  wipe,
  writeLocalJson,
} from './data-dir.ts';
import { type EdgeProcess, type KeptProcess, startEdge, startVenue } from './edge-process.ts';
import {
  EMBEDDED_STORE,
  edgeEnvironment,
  edgeId,
  metricsPortOf,
  productEnvironment,
  REGION,
  SERVICE,
} from './environment.ts';
import { step } from './progress.ts';
import { type LocalSecrets, openSecrets } from './secrets.ts';
import { SETTINGS, SettingError, type Settings } from './settings.ts';
import { type EmbeddedStore, startStore } from './store.ts';

const HOST = '127.0.0.1';

/** A part did not come up; its message says which and why. */
export class StartFailed extends Error {}

export interface Running {
  stop(): Promise<void>;
}

interface Parts {
  /** Writes local.json anew: a process is another one now. Undefined while there is none. */
  tell?: (() => void) | undefined;
  readonly lock: Server;
  store?: EmbeddedStore;
  admin?: AdminApi;
  venue?: KeptProcess;
  edges: EdgeProcess[];
  balancer?: Balancer;
}

/** Starts everything; `interrupted` resolves when the start itself is to be given up. */
export async function start(
  settings: Settings,
  env: NodeJS.ProcessEnv,
  interrupted: Promise<string>,
): Promise<Running> {
  prepareDataDir(settings.data_dir);
  const lock = await lockDataDir(settings.data_dir);
  if (settings.fresh) {
    wipe(settings.data_dir);
    prepareDataDir(settings.data_dir);
  }
  const parts: Parts = { lock, edges: [] };
  const giveUp = interrupted.then((why) => {
    throw new StartFailed(`${why} while starting`);
  });
  giveUp.catch(() => {});
  try {
    await Promise.race([bringUp(parts, settings, env), giveUp]);
  } catch (error) {
    await bringDown(parts, settings.data_dir);
    throw error instanceof SettingError || error instanceof StartFailed
      ? error
      : new StartFailed((error as Error).message);
  }
  return { stop: () => bringDown(parts, settings.data_dir) };
}

async function bringUp(parts: Parts, settings: Settings, env: NodeJS.ProcessEnv): Promise<void> {
  await portsAreFree(settings);
  const secrets = openSecrets(settings.data_dir);
  const note = (text: string): void => void process.stdout.write(`  ${text}\n`);
  const external = env.FIXGATE_DYNAMODB_ENDPOINT;
  if (external === undefined) {
    parts.store = await step('starting the embedded store', () =>
      startStore(
        settings.data_dir,
        (code) => note(`the embedded store ended (${code ?? 'killed'}); starting it again`),
        () => parts.tell?.(),
      ),
    );
  }
  const endpoint = external ?? (parts.store as EmbeddedStore).endpoint;
  const embedded = external === undefined ? EMBEDDED_STORE : {};
  const product = { ...productEnvironment(settings, endpoint, env), ...embedded };
  parts.admin = await step('making tables, starting the admin API', () =>
    startAdminApi({
      host: HOST,
      port: settings.admin_port,
      environment: { ...product, FIXGATE_LOG_FILE: join(settings.data_dir, 'logs', 'admin.log') },
      secrets,
    }),
  );
  const shared = settings.edges > 1 && settings.venue === 'simulator';
  const address = shared ? venueAddress(settings.data_dir) : '';
  const edgeEnv = { ...env, ...product, FIXGATE_VENUE_ADDRESS: address };
  if (shared) {
    const own = { ...edgeEnv, FIXGATE_DATA_DIR: join(settings.data_dir, 'venue') };
    parts.venue = await step('starting the venue', () =>
      startVenue(own, join(settings.data_dir, 'logs', 'venue.log'), {
        onRestart: (why) => note(`${why}; starting it again`),
        onReady: () => parts.tell?.(),
      }),
    );
  }
  await step(settings.edges === 1 ? 'starting the edge' : `starting ${settings.edges} edges`, () =>
    startEdges(parts, settings, edgeEnv, note),
  );
  if (settings.edges > 1) {
    parts.balancer = await startBalancer(HOST, settings.fix_port, parts.edges.map(backendOf), note);
  }
  const local = describe(settings, secrets, parts, endpoint);
  writeLocalJson(settings.data_dir, local);
  parts.tell = () => {
    try {
      writeLocalJson(settings.data_dir, describe(settings, secrets, parts, endpoint));
    } catch (error) {
      // A disk that is full ends nothing that runs.
      note(`local.json could not be written: ${(error as Error).message}`);
    }
  };
  process.stdout.write(banner(local, settings));
}

/** All at once; the first that does not get ready ends the start. */
async function startEdges(
  parts: Parts,
  settings: Settings,
  env: NodeJS.ProcessEnv,
  note: (text: string) => void,
): Promise<void> {
  const numbers = Array.from({ length: settings.edges }, (_, i) => i + 1);
  const started = await Promise.allSettled(
    numbers.map(async (number) => {
      const name = settings.edges === 1 ? '' : `${edgeId(number)}: `;
      const own = edgeEnvironment(settings, number);
      mkdirSync(own.FIXGATE_DATA_DIR as string, { recursive: true, mode: 0o700 });
      const file = number === 1 ? 'edge.log' : `edge-${number}.log`;
      const edge = await startEdge({ ...env, ...own }, join(settings.data_dir, 'logs', file), {
        onRestart: (why) => note(`${name}${why}; starting it again`),
        onReady: () => parts.tell?.(),
      });
      parts.edges[number - 1] = edge;
    }),
  );
  for (const one of started) if (one.status === 'rejected') throw one.reason;
}

function backendOf({ ready }: EdgeProcess, index: number): Backend {
  const { fix_port, metrics_port } = ready;
  return { name: edgeId(index + 1), host: HOST, port: fix_port, ready_url: `http://${HOST}:${metrics_port}/ready` };
}

/** The reverse order: no new requests, sessions told and flushed, then the store they need. */
async function bringDown(parts: Parts, dataDir: string): Promise<void> {
  removeLocalJson(dataDir);
  parts.tell = undefined;
  await parts.admin?.stop();
  parts.balancer?.refuse();
  await Promise.all(parts.edges.map((edge) => edge?.stop()));
  parts.balancer?.close();
  await parts.venue?.stop();
  await parts.store?.stop();
  await new Promise<void>((resolve) => parts.lock.close(() => resolve()));
}

function describe(
  settings: Settings,
  secrets: LocalSecrets,
  { admin, edges, balancer, venue, store }: Parts,
  endpoint: string,
): LocalJson {
  const fix_ports = edges.map(({ ready }) => ready.fix_port);
  const metrics_urls = edges.map(({ ready }) => `http://${HOST}:${ready.metrics_port}/metrics`);
  return {
    admin_url: `http://${HOST}:${admin?.port}${BASE_PATH}`,
    region: REGION,
    service: SERVICE,
    access_key_id: secrets.admin.access_key_id,
    secret_access_key: secrets.admin.secret_access_key,
    fix_host: HOST,
    fix_port: balancer?.port ?? (fix_ports[0] as number),
    fix_ports,
    edge_pids: edges.map(({ pid }) => pid),
    ...(venue === undefined ? {} : { venue_pid: venue.pid }),
    ...(store?.pid === undefined ? {} : { store_pid: store.pid }),
    metrics_url: metrics_urls[0] as string,
    metrics_urls,
    data_dir: settings.data_dir,
    pid: process.pid,
    dynamodb_endpoint: endpoint,
    ...(settings.fix_tls_cert === '' ? {} : { ca_file: settings.fix_tls_cert }),
  };
}

function banner(local: LocalJson, settings: Settings): string {
  const facts = JSON.stringify({
    user_id: 'alice',
    rate_limit_tier: 'standard',
    account_balance: 25000,
    trading_volume: 250000,
    account_age_days: 400,
    kyc_level: 2,
  });
  return [
    '',
    `  admin API    ${local.admin_url}/…   (SigV4, ${local.region}/${local.service})`,
    `  FIX          ${local.fix_host}:${local.fix_port}   (FIX.4.0 to FIX.5.0SP2${local.ca_file === undefined ? '' : ' over TLS'}, venue: ${settings.venue})`,
    ...(settings.edges === 1
      ? []
      : [`  edges        ${settings.edges} behind a balancer, themselves at ports ${local.fix_ports?.join(', ')}`]),
    `  metrics      ${(local.metrics_urls ?? []).join('  ')}   (/health and /ready beside it)`,
    `  data, logs   ${local.data_dir}   (keys and addresses: local.json)`,
    '',
    '  Provision a client:',
    '',
    `  curl --aws-sigv4 "aws:amz:${local.region}:${local.service}" --user "${local.access_key_id}:${local.secret_access_key}" \\`,
    `    -H 'content-type: application/json' -d '${facts}' \\`,
    `    ${local.admin_url}/provision`,
    '',
    '  The whole story as a transcript: npm run demo',
    '',
    'fixgate ready',
    '',
  ].join('\n');
}

/** A port in use is told by the name of its setting, before anything is started. */
async function portsAreFree(settings: Settings): Promise<void> {
  const own = ['admin_port', 'fix_port', 'metrics_port'] as const;
  const wanted: (readonly [(typeof own)[number], number])[] = own.map((name) => [name, settings[name]]);
  for (let number = 2; number <= settings.edges; number++)
    wanted.push(['metrics_port', metricsPortOf(settings, number)]);
  for (const [name, port] of wanted) {
    if (port === 0) continue;
    const code = await tryPort(port);
    if (code === undefined) continue;
    const { flag, env } = SETTINGS[name];
    const why = code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on (${code})`;
    throw new SettingError(`${flag} (${env}): port ${port} ${why}; choose another one, or 0 for any free one`);
  }
}

/** Undefined: it can be listened on; else the error's code. */
function tryPort(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, HOST, () => server.close(() => resolve(undefined)));
  });
}
