/** How much each benchmark does. */

export interface Sizes {
  /** `best`: in C where it can be built. */
  readonly load_client: 'best' | 'node';
  /** Runs of which the median counts; a run and what is beside it take turns. */
  readonly runs: number;
  /** Operations of one run of a loop in memory. */
  readonly operations: number;
  readonly heap_messages: number;
  /** Messages of one run through a kind of journal. */
  readonly journal_messages: number;
  /** Messages through an edge without sockets. */
  readonly way_messages: number;
  readonly provisions: number;
  readonly kills: number;
  readonly starts: number;
  /** Processes of each function. */
  readonly cold_starts: number;
  readonly logons: number;
  /** Round trips of a run. The first run is not counted: by its end the way of an order is compiled. */
  readonly pings: number;
  /** Pipelined orders of one run. */
  readonly orders: number;
  /** The same beside another engine, which may be many times as slow. */
  readonly peer_orders: number;
  readonly window: number;
  /** Sessions at once. */
  readonly sessions: number;
  /** Between a storm and a look at what it has left, seconds: what was garbage is collected, what was late has come. */
  readonly settle_s: number;
  /** How long they are watched doing nothing, seconds. */
  readonly idle_s: number;
  /** How long each limiter is asked, seconds. */
  readonly limits_s: number;
  /** Other engines that run beside the edge, by the names of their runner. */
  readonly peers: readonly string[];
}

export const FULL: Sizes = {
  load_client: 'best',
  runs: 5,
  operations: 400_000,
  heap_messages: 200_000,
  journal_messages: 400_000,
  way_messages: 400_000,
  provisions: 200,
  kills: 50,
  starts: 3,
  cold_starts: 11,
  logons: 200,
  pings: 20_000,
  orders: 1_000_000,
  peer_orders: 300_000,
  window: 1_000,
  sessions: 300,
  settle_s: 2,
  idle_s: 35,
  limits_s: 10,
  peers: [],
};

/** Shows that everything runs; its figures mean nothing. */
export const QUICK: Sizes = {
  load_client: 'best',
  runs: 1,
  operations: 2_000,
  heap_messages: 2_000,
  journal_messages: 2_000,
  way_messages: 2_000,
  provisions: 3,
  kills: 2,
  starts: 1,
  cold_starts: 1,
  logons: 3,
  pings: 20,
  orders: 500,
  peer_orders: 500,
  window: 100,
  sessions: 5,
  settle_s: 0,
  idle_s: 0.2,
  limits_s: 0.5,
  peers: [],
};
