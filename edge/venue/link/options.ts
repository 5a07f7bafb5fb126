/** How an edge's end of the link is opened. */

import { connect, type Socket } from 'node:net';
import type { Syncs } from '../../syncs.ts';
import type { VenueSink } from '../venue.ts';

export interface LinkVenueOptions {
  readonly sink: VenueSink;
  /** Path of a Unix socket, or a port of the loopback. */
  readonly address: string;
  readonly edge_id: string;
  /** Undefined: nothing outlives the process. */
  readonly directory: string | undefined;
  /** Names the last start of the machine; undefined: it cannot be told. */
  readonly boot?: string | undefined;
  /** How what is there gets onto the disk; the default is the system's. */
  readonly syncs?: Syncs | undefined;
  /**
   * Whether reports are acknowledged with {@link Venue.durable} only, and not once they are written: the journal may come
   * back without those that the log here has, so that they come again and are known by their numbers.
   */
  readonly ahead?: boolean;
  /** Bytes for the venue above which no orders are taken; left out: ORDERS_WAITING_BYTES. */
  readonly most_waiting?: number;
  /** Bytes for the venue above which the oldest frames go; left out: WAITING_BYTES. */
  readonly most_in_all?: number | undefined;
  readonly log: {
    info(fields: object, text: string): void;
    warn(fields: object, text: string): void;
    error(fields: object, text: string): void;
  };
  /** How the venue is reached, and what the time is there; left out: over the system's sockets, by its clock. */
  readonly way?: { readonly connect: () => Socket; readonly monotonic: () => number } | undefined;
}

/** @param address see {@link LinkVenueOptions} */
export const systemWay = (address: string): NonNullable<LinkVenueOptions['way']> => ({
  connect: () => (/^\d+$/.test(address) ? connect(Number(address), '127.0.0.1') : connect({ path: address })),
  monotonic: () => performance.now(),
});
