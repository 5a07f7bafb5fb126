/** What the limiters of all users of an edge share. */
import type { Clock, Timers } from '../time.ts';
import type { Kind } from './kinds.ts';
import type { TokenLeases } from './leases-port.ts';
import type { LimiterSettings } from './settings.ts';

/** Sums that all users of an edge add to. */
export interface Tally {
  calls: number;
  failures: number;
  granted: number;
  wasted: number;
  admitted: number;
  readonly refused: [number, number, number];
  refusedStore: number;
  unleased: number;
  waited: number;
}

export interface LimiterHouse {
  readonly leases: TokenLeases;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Edge and incarnation. */
  readonly edgeKey: string;
  readonly settings: LimiterSettings;
  readonly tally: Tally;
  /** Told of every failed call; what is no StoreUnavailable is a defect. */
  readonly report: (error: unknown) => void;
  /** A message was refused for a rate; epoch ms. */
  readonly violated: (userId: string, kind: Kind, nowMs: number) => void;
  /** The last session has gone and the lease is settled, or left to its expiry. */
  readonly gone: (user: { readonly userId: string }) => void;
}
