/** What an edge is made of (edge.ts). */

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
  /** Ports of the gate. Its log is the edge's. */
  readonly gate: Omit<GatePorts, 'log' | 'limiter' | 'vitals'>;
  /** Set if the edge's name was claimed out of a pool. {@link onLost} is called if another process takes it. */
  readonly claimed?: Claimed | undefined;
  readonly onLost?: (error: Error) => void;
  /** Compares clocks by the store's answers. */
  readonly clockWatch: ClockWatch;
  readonly clock: Clock;
  readonly timers: Timers;
  /** The journal, or what opens it once the edge is registered. The edge's incarnation may change later. */
  readonly journal: Journal | ((edge: () => EdgeIdentity) => Promise<Journal>);
  /** Undefined: there is no archive. */
  readonly archive?: Archive;
  /** Where edges leave parcels for each other, and keep journals. */
  readonly journals: JournalStore;
  /** Reads journals of other edges. Undefined: sessions come only from edges that hand them over. */
  readonly openEstate?: OpenEstate;
  readonly venue: (sink: VenueSink) => Venue | Promise<Venue>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Bounds on connections (all, and not logged on), on reserved blocks, and on waiting for a stopped edge. By default those of the limits files. */
  readonly bounds?:
    | {
        readonly connections?: number;
        readonly not_logged_on?: number;
        readonly blocks?: BlockBounds;
        readonly reserved_numbers?: number;
        readonly back_within_ms?: number;
      }
    | undefined;
  /** How clients and monitoring connect. By default over TCP. */
  readonly ways?: { readonly accept: typeof startAcceptor; readonly watch: typeof startHttp } | undefined;
}
