/** The venue's process: one market for all edges of a machine, over the link of edge/venue/link/. */

import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { systemClock } from '../../adapters/node/clock.ts';
import { ConfigError, readVenueConfig, type VenueConfig } from '../config.ts';
import { loadDictionaries } from '../fix/dictionary/index.ts';
import { createLogger, type Logger } from '../log.ts';
import { openVenue } from './index.ts';
import { VenueHost } from './link/host.ts';
import { HOST_TICK_MS } from './link/limits.ts';
import { Mailroom } from './link/mailroom.ts';
import { listenForEdges } from './link/server.ts';

const EXIT_SETTINGS = 2;
const EXIT_FAILED = 1;
/** Seed of the reference markets: the same prices in each demo. */
const MARKET_SEED = 1;

async function open(
  { address, data_dir: directory, simulator_open_orders: openOrders }: VenueConfig,
  log: Logger,
): Promise<VenueHost> {
  const dictionaries = await loadDictionaries();
  const fallback = dictionaries.get('FIX.4.4', '');
  const host = new VenueHost({
    mailroom: (counts) =>
      new Mailroom({
        directory,
        newId: randomUUID(),
        counts,
        onLost: (peer, dropped, sessions) =>
          log.error({ peer, dropped, sessions }, 'too much waits for an edge: the oldest reports were dropped'),
      }),
    venue: (sink) =>
      openVenue('simulator', {
        sink,
        seed: MARKET_SEED,
        now: systemClock.now(),
        openOrders,
        directory,
        warn: (problem) => log.warn({ problem }, 'an order that was kept could not be read'),
      }),
    dictionaryOf: ({ begin_string, appl_ver_id }) => {
      const dictionary = dictionaries.get(begin_string, appl_ver_id) ?? fallback;
      if (dictionary === undefined) throw new RangeError(`no dictionary for ${begin_string} ${appl_ver_id}`);
      return dictionary;
    },
    now: systemClock.now,
    monotonic: systemClock.monotonic,
    log,
  });
  // The one before us may have been killed, and its socket is there still; two at a time are not, by the data directory's lock.
  if (!/^\d+$/.test(address)) rmSync(address, { force: true });
  await listenForEdges(host, address, (why) => log.warn({ why }, 'a connection that was no edge'));
  return host;
}

async function main(): Promise<void> {
  const config = readVenueConfig(process.env);
  const log = createLogger(config.log_level, 'venue');
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ error }, 'an error that nobody expected ends the venue');
      process.exit(EXIT_FAILED);
    });
  }
  const host = await open(config, log);
  setInterval(() => host.tick(), HOST_TICK_MS);
  const end = (why: string): void => {
    log.info({ why }, 'stopping');
    void host.finish().then(() => process.exit(0));
  };
  process.once('SIGTERM', () => end('SIGTERM'));
  // The terminal's Ctrl-C goes to all: edges still drain, and it is the parent's to end this one after them.
  process.on('SIGINT', () => {});
  if (process.send !== undefined) process.once('disconnect', () => end('the parent is gone'));
  log.info({ address: config.address }, 'ready');
  process.send?.({ type: 'ready' });
}

main().catch((error: Error) => {
  process.stderr.write(`the venue cannot start: ${error.message}\n`);
  process.exit(error instanceof ConfigError ? EXIT_SETTINGS : EXIT_FAILED);
});
