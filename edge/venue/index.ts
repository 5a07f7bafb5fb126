/** The one door of this folder. */

import { SYSTEM_SYNCS, type Syncs } from '../syncs.ts';
import { EchoVenue } from './echo.ts';
import { FileLog, type Synced } from './simulator/file-log.ts';
import { Simulator } from './simulator/simulator.ts';
import type { Venue, VenueSink } from './venue.ts';

export type { Synced } from './simulator/file-log.ts';
export type { SubmitContext, Venue, VenueSession, VenueSink } from './venue.ts';

/** The venues there are, by the name of the setting. */
export const VENUES = ['simulator', 'echo'] as const;
export type VenueName = (typeof VENUES)[number];

export interface VenueOptions {
  readonly sink: VenueSink;
  /** Of the simulator's reference markets. */
  readonly seed: number;
  /** Epoch ms. */
  readonly now: number;
  /** How many open orders a user may have at the simulator; undefined: what is the default of the setting. */
  readonly openOrders?: number | undefined;
  /** Where the simulator keeps open orders; undefined: nowhere, they end with the process. Made when it is not there. */
  readonly directory?: string | undefined;
  /** What of it outlives the machine, with its disk: what is flushed, or what is flushed before {@link Venue.sync}. Undefined: who knows. */
  readonly synced?: Synced | undefined;
  /** The default is the system's. */
  readonly syncs?: Syncs | undefined;
  /** Told what of the kept orders could not be read, or written anew. */
  readonly warn: (problem: string) => void;
}

/**
 * Opens a venue. Calls nothing of the sink yet: restored orders trade from the first tick or message on, and their reports
 * go to sessions that may not have logged on since the start.
 */
export function openVenue(name: VenueName, options: VenueOptions): Venue {
  switch (name) {
    case 'echo':
      return new EchoVenue(options.sink);
    case 'simulator': {
      const { sink, seed, now, openOrders, directory, warn, synced, syncs = SYSTEM_SYNCS } = options;
      return new Simulator({
        sink,
        seed,
        now,
        openOrders,
        warn,
        log: directory === undefined ? undefined : new FileLog(directory, { syncs, warn, synced }),
      });
    }
  }
}
