/** Opens the venue that the settings ask for. */

import { join } from 'node:path';
import { systemClock } from '../adapters/node/clock.ts';
import { machineBoot } from './boot.ts';
import type { EdgeConfig } from './config.ts';
import type { Logger } from './log.ts';
import { openVenue, type Synced, type Venue, type VenueSink } from './venue/index.ts';
import { LinkVenue } from './venue/link/venue.ts';

/** Seed of the simulator's markets: the same prices in each demo. */
const MARKET_SEED = 1;

/** In this process, or the link to the one that all edges share. */
export function openOwnVenue(sink: VenueSink, config: EdgeConfig, log: Logger): Venue | Promise<Venue> {
  const { edge_id, venue, venue_address: address, data_dir } = config;
  const directory = (name: string) => (config.journal === 'memory' ? undefined : join(data_dir, name));
  if (venue === 'simulator' && address !== undefined)
    return LinkVenue.open({
      sink,
      address,
      edge_id,
      directory: directory('link'),
      boot: machineBoot(),
      ahead: config.commit === 'reserve',
      log,
    });
  return openVenue(venue, {
    sink,
    seed: MARKET_SEED,
    now: systemClock.now(),
    openOrders: config.simulator_open_orders,
    directory: directory('venue'),
    synced: syncedBeside(config.journal, config.commit),
    warn: (problem) => log.warn({ problem }, 'an order that was kept could not be read'),
  });
}

/** What of its log is to outlive the machine, so that it does what this journal does. */
export function syncedBeside(journal: EdgeConfig['journal'], commit: EdgeConfig['commit']): Synced | undefined {
  if (journal !== 'file' && journal !== 'file_sync') return undefined;
  if (commit === 'reserve') return 'asked';
  return journal === 'file_sync' ? 'flushed' : undefined;
}
