/** The edge's process: reads settings, makes adapters, starts an edge, and ends it in order. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createExpressions } from '../adapters/cel/expressions.ts';
import { environmentAdapters } from '../adapters/environment.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { systemTimers } from '../adapters/node/timers.ts';
import { CompiledExpressions } from '../core/eligibility/evaluate.ts';
import { DEFAULT_GATE_SETTINGS } from '../core/sessions/api.ts';
import { ClockWatch } from '../core/sessions/clock-watch.ts';
import { claimName } from '../core/sessions/edge-name.ts';
import type { Claimed } from '../core/sessions/model.ts';
import { ConfigError, type EdgeConfig, readConfig } from './config.ts';
import { type Edge, startEdge } from './edge.ts';
import { EmfReporter, type ReadMetric } from './emf.ts';
import { Archive } from './journal/archive.ts';
import { createLogger, type Logger } from './log.ts';
import { measured } from './measured.ts';
import { Metrics } from './metrics.ts';
import { journalOf, openEstateBy } from './open-journal.ts';
import { openOwnVenue } from './open-venue.ts';
import { startWorkers, type WorkerMetrics } from './workers.ts';

/** Exit code for a setting that is wrong or cannot be met: starting again will not help. */
const EXIT_SETTINGS = 2;
const EXIT_FAILED = 1;
/** CloudWatch keeps a minute as one point. */
const EMF_EVERY_MS = 60_000;
/** The process ends after this, even if something hangs. */
const LAST_MS = 28_000;
const OPENING_LOOK_MS = 60_000;

/** Makes store, keys and the watch on the clock, which uses the store's answers. */
function reached(metrics: Metrics) {
  const clockWatch = new ClockWatch(systemClock);
  const onDate = clockWatch.note.bind(clockWatch);
  const onFailedTry = metrics.storeTryFailed.bind(metrics);
  const { stores, ...rest } = environmentAdapters(process.env, { onDate, onFailedTry });
  return { ...rest, clockWatch, stores: measured(stores, metrics) };
}

/** Claims a name if the settings have a pool of them. Rejects with NoFreeName or StoreUnavailable. */
async function named(config: EdgeConfig, { stores }: Reached): Promise<[EdgeConfig, Claimed | undefined]> {
  const { edge_pool, log_level, edge_id: host } = config;
  if (edge_pool.length === 0) return [config, undefined];
  const ports = { edges: stores.edges, clock: systemClock, wait: sleep, log: createLogger(log_level, host) };
  const claimed = await claimName(ports, edge_pool, DEFAULT_GATE_SETTINGS.version);
  return [Object.freeze({ ...config, edge_id: claimed.identity.edge_id }), claimed];
}

type Reached = ReturnType<typeof reached>;

interface OpenParts {
  readonly config: EdgeConfig;
  readonly claimed: Claimed | undefined;
  readonly metrics: Metrics;
  readonly log: Logger;
}

async function open({ stores, leases, box, vault, clockWatch }: Reached, parts: OpenParts): Promise<Edge> {
  const { config, claimed, metrics, log } = parts;
  const { audit, journals, ...rest } = stores;
  const clock = systemClock;
  const gate = {
    ...rest,
    trail: audit,
    leases,
    box,
    vault,
    digests: nodeDigests,
    random: systemRandom,
    clock,
    timers: systemTimers,
    expressions: new CompiledExpressions(createExpressions()),
  };
  const archive = new Archive({ directory: join(config.data_dir, 'archive'), log });
  const journal = await journalOf({
    config,
    box,
    store: journals,
    archive,
    log,
    onLost: (error) => ended(error, log),
  });
  return startEdge({
    config,
    gate,
    claimed,
    onLost: (error) => ended(error, log),
    clockWatch,
    clock,
    timers: systemTimers,
    journal,
    archive,
    journals,
    openEstate: openEstateBy({ config, box, store: journals, log }),
    venue: (sink) => openOwnVenue(sink, config, log),
    metrics,
    log,
  });
}

/** Memory and journal differ: ends the process. Started again it reads what is kept. */
function ended(error: Error, log: Logger): void {
  log.fatal({ error }, 'the edge ends: its name and its journal have gone on without it');
  process.exit(EXIT_FAILED);
}

function tellCloudWatch({ deployment, edge_id }: EdgeConfig, { registry }: Metrics, log: Logger): void {
  const reporter = new EmfReporter(deployment, edge_id);
  const tell = async (): Promise<void> => {
    const line = reporter.line((await registry.getMetricsAsJSON()) as readonly ReadMetric[], systemClock.now());
    process.stdout.write(`${line}\n`);
  };
  systemTimers.every(EMF_EVERY_MS, () => {
    tell().catch((error: unknown) => log.error({ error }, 'metrics could not be told'));
  });
}

/** To the process that keeps this one as a worker. */
async function tellMetrics({ registry }: Metrics): Promise<void> {
  const answer: WorkerMetrics = { type: 'metrics', metrics: await registry.getMetricsAsJSON() };
  process.send?.(answer);
}

/** Ends the process, at the latest after {@link LAST_MS}. */
function endBy(edge: Edge, log: Logger): void {
  let ending = false;
  const end = (why: string, fast: boolean): void => {
    if (ending) return;
    ending = true;
    log.info({ why }, 'draining');
    setTimeout(() => process.exit(EXIT_FAILED), LAST_MS).unref();
    void edge.drain(fast).then(() => {
      log.info('stopped');
      process.exit(0);
    });
  };
  void edge.drainAsked.then((reason) => end(`an admin: ${reason}`, false));
  process.on('SIGTERM', () => end('SIGTERM', false));
  process.on('SIGINT', () => end('SIGINT', false));
  // The parent process has gone.
  if (process.send !== undefined) process.on('disconnect', () => end('the parent is gone', true));
}

async function main(): Promise<void> {
  const settings = readConfig(process.env);
  if (settings.workers > 1) return keepWorkers(settings);
  const metrics = new Metrics();
  const adapters = reached(metrics);
  const [config, claimed] = await named(settings, adapters);
  const log = createLogger(config.log_level, config.edge_id);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ error }, 'an error that nobody expected ends the edge');
      process.exit(EXIT_FAILED);
    });
  }
  // While the store is tried again nothing else keeps the process alive; timers do not.
  const opening = setInterval(() => {}, OPENING_LOOK_MS);
  const edge = await open(adapters, { config, claimed, metrics, log });
  clearInterval(opening);
  if (config.deployment !== '') tellCloudWatch(config, metrics, log);
  endBy(edge, log);
  // Without TLS, SIGHUP keeps its usual meaning.
  if (config.tls !== undefined) process.on('SIGHUP', () => void edge.reloadTls());
  process.on('message', (message) => {
    if ((message as { ask?: string }).ask === 'metrics') void tellMetrics(metrics);
  });
  const { fixPort: fix_port, metricsPort: metrics_port } = edge;
  log.info({ fix_port, metrics_port, venue: config.venue }, 'ready');
  process.send?.({ type: 'ready', fix_port, metrics_port });
}

/** The process of several workers: see workers.ts. */
async function keepWorkers(config: EdgeConfig): Promise<void> {
  const log = createLogger(config.log_level, config.edge_id);
  const workers = await startWorkers(config, process.env, log);
  let ending = false;
  const end = (why: string): void => {
    if (ending) return;
    ending = true;
    log.info({ why }, 'draining all workers');
    void workers.stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  if (process.send !== undefined) process.on('disconnect', () => end('the parent is gone'));
  if (config.tls !== undefined) process.on('SIGHUP', () => workers.signal('SIGHUP'));
  const { fixPort: fix_port, metricsPort: metrics_port, pids } = workers;
  log.info({ fix_port, metrics_port, workers: pids }, 'ready');
  process.send?.({ type: 'ready', fix_port, metrics_port });
}

main().catch((error: Error) => {
  process.stderr.write(`the edge cannot start: ${error.message}\n`);
  process.exit(error instanceof ConfigError ? EXIT_SETTINGS : EXIT_FAILED);
});
