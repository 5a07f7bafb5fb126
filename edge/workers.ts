/**
 * Several edges behind one port: processes that share it, each an edge of its own with its name, its slots and its journal.
 * The system gives each new connection to one of them (SO_REUSEPORT). This process serves no client: it starts them, starts
 * again those that end, and answers for all of them on the port of metrics.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AggregatorRegistry, type MetricObject } from 'prom-client';
import { socketPath } from '../adapters/node/socket-path.ts';
import { portIsFree } from './acceptor.ts';
import type { EdgeConfig } from './config.ts';
import { startHttp, type WatchServer } from './http.ts';
import { type EdgeReady, type KeptEvents, type KeptProcess, keep, type Program, samePorts } from './kept-process.ts';
import type { Logger } from './log.ts';
import { ProxySources } from './proxy-protocol.ts';

/** What a worker answers when it is asked for its figures. */
export interface WorkerMetrics {
  readonly type: 'metrics';
  readonly metrics: readonly MetricObject[];
}

/** A watcher waits for all of them. */
const READY_WITHIN_MS = 1000;
const HOST = '127.0.0.1';
const NOT_THERE = 'worker_not_there';
const DRAINING = 'draining';
/** Folder of the workers' data below that of the edge; the first one's is the edge's own. */
const FOLDER = 'workers';
/** A name's longest, without what tells workers apart. */
const NAME = 59;

interface Worker extends KeptProcess {
  readonly ready: EdgeReady;
}

export interface Workers {
  readonly fixPort: number;
  readonly metricsPort: number;
  /** For the log. */
  readonly pids: readonly number[];
  signal(signal: NodeJS.Signals): void;
  /** All drained, then the venue. */
  stop(): Promise<void>;
}

/** @param env theirs, but for what tells them apart. Rejects with the last words of the first that does not get ready */
export async function startWorkers(config: EdgeConfig, env: NodeJS.ProcessEnv, log: Logger): Promise<Workers> {
  const events = (what: string): KeptEvents => ({
    onRestart: (why) => log.error({ what, why }, 'a process ended: it is started again'),
    onReady: () => log.warn({ what }, 'a process is there again'),
  });
  await portIsFree(config.fix_host, config.fix_port);
  const venue = sharesVenue(config) ? await startVenue(config, env, events('the venue')) : undefined;
  const given = venue === undefined ? env : { ...env, FIXGATE_VENUE_ADDRESS: venueAddress(config) };
  const workers: Worker[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await venue?.stop();
  };
  try {
    // The first says which port it is, where any free one will do.
    workers.push(await startWorker(config, given, 1, config.fix_port, events('worker 1')));
    const { fix_port } = workers[0]!.ready;
    const others = Array.from({ length: config.workers - 1 }, (_, i) => i + 2);
    const started = await Promise.allSettled(
      others.map((n) => startWorker(config, given, n, fix_port, events(`worker ${n}`))),
    );
    for (const one of started) if (one.status === 'fulfilled') workers.push(one.value);
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    const http = await watch(config, workers);
    return {
      fixPort: fix_port,
      metricsPort: http.port,
      pids: workers.map(({ pid }) => pid),
      signal: (signal) => {
        for (const worker of workers) worker.signal(signal);
      },
      stop: () => stop().then(() => http.close()),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startWorker(
  { edge_id, edge_pool, data_dir }: EdgeConfig,
  env: NodeJS.ProcessEnv,
  n: number,
  port: number,
  events: KeptEvents,
): Promise<Worker> {
  const isFirst = n === 1;
  const directory = isFirst ? data_dir : join(data_dir, FOLDER, String(n));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const name = isFirst ? edge_id : `${edge_id.slice(0, NAME)}-w${n}`;
  const own = {
    FIXGATE_WORKERS: '1',
    FIXGATE_SHARED_PORT: 'on',
    // One of several names is taken by each.
    ...(edge_pool.length === 0 ? { FIXGATE_EDGE_ID: name } : {}),
    FIXGATE_DATA_DIR: directory,
    FIXGATE_FIX_PORT: String(port),
    FIXGATE_METRICS_HOST: HOST,
    FIXGATE_METRICS_PORT: '0',
    FIXGATE_PROXY_SOURCES: [env.FIXGATE_PROXY_SOURCES, HOST].filter(Boolean).join(','),
  };
  const { ready, kept } = await keep<EdgeReady>(
    program(`worker ${n}`, 'main.ts', { ...env, ...own }, events),
    samePorts,
  );
  return Object.assign(kept, { ready });
}

/** The simulator is one for all; a client may be at another worker the next time. */
const sharesVenue = ({ venue, venue_address }: EdgeConfig): boolean =>
  venue === 'simulator' && venue_address === undefined;

const venueAddress = ({ data_dir }: EdgeConfig): string => socketPath(data_dir, 'venue');

async function startVenue(config: EdgeConfig, env: NodeJS.ProcessEnv, events: KeptEvents): Promise<KeptProcess> {
  const directory = join(config.data_dir, 'venue');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const own = { FIXGATE_VENUE_ADDRESS: venueAddress(config), FIXGATE_DATA_DIR: directory };
  const venue = program('the venue', join('venue', 'main.ts'), { ...env, ...own }, events);
  return (await keep<{ readonly type: 'ready' }>(venue, () => ({}))).kept;
}

const program = (what: string, script: string, env: NodeJS.ProcessEnv, events: KeptEvents): Program => ({
  what,
  script: join(import.meta.dirname, script),
  env,
  stdout: 1,
  stderr: process.stderr,
  events,
});

function watch(config: EdgeConfig, workers: readonly Worker[]): Promise<WatchServer> {
  const { metrics_host, metrics_port, proxy_protocol, proxy_sources } = config;
  const sources = proxy_protocol === 'off' ? undefined : new ProxySources(proxy_sources);
  const figures = {
    contentType: AggregatorRegistry.PROMETHEUS_CONTENT_TYPE,
    metrics: () => allMetrics(workers),
  };
  return startHttp(metrics_host, metrics_port, figures, () => allReady(workers), sources);
}

/** Sums, but where a metric has another way. */
async function allMetrics(workers: readonly Worker[]): Promise<string> {
  const answers = await Promise.all(workers.map((worker) => worker.ask<WorkerMetrics>('metrics')));
  const metrics = answers.filter((answer) => answer !== undefined).map((answer) => [...answer.metrics]);
  return AggregatorRegistry.aggregate(metrics).metrics();
}

/** One that ended, or drains, does not listen any more: the system passes it over. @returns what keeps a client from being served */
async function allReady(workers: readonly Worker[]): Promise<string | undefined> {
  const reasons = await Promise.all(workers.map(({ ready }) => reasonOf(ready.metrics_port)));
  const listening = reasons.filter((reason) => reason !== NOT_THERE && reason !== DRAINING);
  return listening.length === 0 ? reasons[0] : listening.find((reason) => reason !== undefined);
}

async function reasonOf(port: number): Promise<string | undefined> {
  try {
    const response = await fetch(`http://${HOST}:${port}/ready`, { signal: AbortSignal.timeout(READY_WITHIN_MS) });
    const { reason } = (await response.json()) as { readonly reason?: string };
    return response.ok ? undefined : (reason ?? 'not_ready');
  } catch {
    return NOT_THERE;
  }
}
