/** What an edge is put together from (edge.ts). */

import type { GatePorts } from '../core/gate.ts';
import type { ClockWatch } from '../core/sessions/clock-watch.ts';
import type { JournalStore } from '../core/sessions/journal-store.ts';
import type { Claimed, EdgeIdentity } from '../core/sessions/model.ts';
import type { Clock, Timers } from '../core/time.ts';
import type { startAcceptor } from './acceptor.ts';
import type { BlockBounds } from './blocks.ts';
import type { EdgeConfig } from './config.ts';
import type { startHttp } from './http.ts';
import type { Archive } from './journal/archive.ts';
import type { Journal } from './journal/journal.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { OpenEstate } from './takeover/estates.ts';
import type { Venue, VenueSink } from './venue/venue.ts';

export interface EdgeParts {
  readonly config: EdgeConfig;
  /** Without the log: the edge's own is used. */
  readonly gate: Omit<GatePorts, 'log' | 'limiter' | 'vitals'>;
  /** The name was one among several: {@link onLost} when another has it. */
  readonly claimed?: Claimed | undefined;
  readonly onLost?: (error: Error) => void;
  /** Hears of the store's clock. */
  readonly clockWatch: ClockWatch;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Or what opens it once the edge is registered; who the edge is may change later. */
  readonly journal: Journal | ((edge: () => EdgeIdentity) => Promise<Journal>);
  /** Seals what the journal completes; undefined: there is none. */
  readonly archive?: Archive;
  /** Where edges leave sessions for each other. */
  readonly journals: JournalStore;
  /** Reads the journals of other edges; undefined: what one has that does not give it away is out of reach. */
  readonly openEstate?: OpenEstate;
  readonly venue: (sink: VenueSink) => Venue | Promise<Venue>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** How many connections there may be, in all and not logged on, and numbers in a reserved block; left out: as the limits files have it. */
  readonly bounds?:
    | {
        readonly connections?: number;
        readonly not_logged_on?: number;
        readonly blocks?: BlockBounds;
        readonly reserved_numbers?: number;
      }
    | undefined;
  /** How clients, and those who watch, get in; left out: over TCP. */
  readonly ways?: { readonly accept: typeof startAcceptor; readonly watch: typeof startHttp } | undefined;
}
