/** An edge, put together: gate, journal, venue, acceptor and the server that says how they are. */

import { type GatePorts, openGate } from '../core/gate.ts';
import {
  DEFAULT_GATE_SETTINGS,
  type Gate,
  type GateEvents,
  type GateLog,
  type OrdersOf,
} from '../core/sessions/api.ts';
import type { NumbersCommand } from '../core/sessions/model.ts';
import type { Clock, Timer, Timers } from '../core/time.ts';
import { type Acceptor, startAcceptor } from './acceptor.ts';
import type { Doors } from './arrival.ts';
import { Attendance } from './attendance.ts';
import { ConfigError, type EdgeConfig } from './config.ts';
import type { Connection } from './connection.ts';
import { type Dictionaries, openDictionaries } from './dictionaries.ts';
import { Message } from './fix/message.ts';
import { FrontDesk } from './front-desk.ts';
import type { House } from './house.ts';
import { startHttp, type WatchServer } from './http.ts';
import type { Journal } from './journal/journal.ts';
import {
  DRAIN_LOGOUT_MS,
  DRAIN_MS,
  FAST_DRAIN_MS,
  NOT_LOGGED_ON,
  NUMBERS_RETRY_MS,
  TICK_MS,
  VENUE_TICK_MS,
} from './limits.ts';
import { type Guest, Lobby } from './lobby.ts';
import { type Logger, StrangerLog } from './log.ts';
import type { Metrics } from './metrics.ts';
import { announceTo } from './notices.ts';
import { Numbers } from './numbers.ts';
import { Profiles } from './profiles.ts';
import { ProxySources } from './proxy-protocol.ts';
import { nextMark, resubmit } from './resubmit.ts';
import { Sessions, sessionId } from './sessions.ts';
import { openTlsDoor } from './tls.ts';
import { type Player, Turns } from './turn.ts';
import type { Venue, VenueSink } from './venue/venue.ts';
import { Wheel } from './wheel.ts';

export interface EdgeParts {
  readonly config: EdgeConfig;
  /** Without the log: the edge's own is used. */
  readonly gate: Omit<GatePorts, 'log' | 'limiter'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly journal: Journal;
  readonly venue: (sink: VenueSink) => Venue | Promise<Venue>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export interface Edge {
  readonly fixPort: number;
  readonly metricsPort: number;
  readonly gate: Gate;
  /** Looks at the TLS certificate again at once; nothing without one. Never rejects. */
  reloadTls(): Promise<void>;
  /** Not ready any more, clients told, everything written and given back. Idempotent; never rejects. `fast`: nobody is waited for. */
  drain(fast: boolean): Promise<void>;
}

/** What is closed at the end. */
interface Opened {
  acceptor?: Acceptor;
  http?: WatchServer;
  doors?: Doors;
  readonly numbers: Numbers;
}

const SHUTTING_DOWN = 'Gateway is shutting down, log on again';
const REJOIN_AFTER_MS = 1000;

/** What the gate says before there is anybody to hear it waits. */
class Later<T> {
  #waiting: T[] = [];
  #taker: ((one: T) => void) | undefined;

  readonly put = (one: T): void => {
    if (this.#taker === undefined) this.#waiting.push(one);
    else this.#taker(one);
  };

  open(taker: (one: T) => void): void {
    this.#taker = taker;
    for (const one of this.#waiting.splice(0)) taker(one);
  }
}

/** Rejects with StoreUnavailable, or ConfigError when a port cannot be listened on or a dictionary is wrong. */
export async function startEdge(parts: EdgeParts): Promise<Edge> {
  const { config, clock, timers, journal, metrics, log } = parts;
  const dictionaries = await openDictionaries(config, log);
  const changes = new Later<NumbersCommand>();
  const cancels = new Later<OrdersOf>();
  const { turns, open } = twoLogs(parts);
  const notices: House['notices'] = new Map();
  const gate = await openEdgeGate(parts, {
    onNumbers: changes.put,
    onCancelOrders: cancels.put,
    onNotice: (notice, to) => announceTo({ turns, notices, log }, notice, to),
  });
  const { sessions, venue } = await open(dictionaries);
  const numbers = new Numbers({ edge_id: config.edge_id, edges: parts.gate.edges, sessions, turns, log });
  changes.open((command) => numbers.apply(command));
  cancels.open(cancelling(turns, venue, sessions, log));
  const attendance = new Attendance(venue, (session) => numbers.note(session));
  attendance.opened(turns.now);
  const lobby = new Lobby<Guest>(NOT_LOGGED_ON);
  const wheel = new Wheel(clock.monotonic());
  const live = new Map<string, Connection>();
  const shared = { config, gate, turns, wheel, sessions, venue, dictionaries, metrics, log, notices, lobby, live };
  const house: { -readonly [K in keyof House]: House[K] } = {
    ...shared,
    strangers: new StrangerLog(log),
    profiles: new Profiles(config.session_profile),
    attendance,
    message: new Message(),
    frontDesk: undefined as never,
  };
  house.frontDesk = new FrontDesk(house);

  let draining = false;
  const readiness = () => (draining ? 'draining' : unreadiness(gate, journal, turns));
  const ticking = [
    timers.every(TICK_MS, () => wheel.turn(clock.monotonic())),
    timers.every(VENUE_TICK_MS, venueTime(house)),
    timers.every(NUMBERS_RETRY_MS, () => numbers.tell()),
  ];
  const opened: Opened = { numbers };
  try {
    opened.doors = await openDoors(parts);
    opened.http = await startWatching(config, metrics, readiness, opened.doors.sources);
    opened.acceptor = await startAcceptor(house, opened.doors);
  } catch (error) {
    await closeAll(house, parts, opened, ticking, true);
    throw error;
  }
  const { acceptor, http } = opened;
  metrics.watch({
    gate,
    notLoggedOn: () => lobby.size,
    connections: () => acceptor.connections(),
    journalHealthy: () => journal.healthy && turns.durable,
  });
  let done: Promise<void> | undefined;
  return {
    fixPort: acceptor.port,
    metricsPort: http.port,
    gate,
    reloadTls: async () => opened.doors?.tls?.reload(),
    drain: (fast) => {
      draining = true;
      done ??= closeAll(house, parts, opened, ticking, fast);
      return done;
    },
  };
}

/** Why an edge is not ready; undefined: it is. */
function unreadiness(gate: Gate, journal: Journal, turns: Turns): string | undefined {
  if (gate.state !== 'running') return gate.state;
  if (!gate.mayPlaceOrders) return 'store_unavailable';
  return journal.healthy && turns.durable ? undefined : 'disk_unavailable';
}

/**
 * Turns that write two logs, the journal's before the venue's: what the venue has done without it would be told to nobody.
 * `open` opens sessions and venue over what is kept of them, and brings them to the same state; it rejects with JournalError
 * `damaged`.
 */
function twoLogs(parts: EdgeParts) {
  const { config, clock, journal, metrics, log } = parts;
  let depends = () => 0;
  const turns = new Turns(clock, { flush: () => journal.flush(depends()) }, log);
  const open = async (dictionaries: Dictionaries) => {
    const sessions = new Sessions({ journal, turns, profile: config.session_profile, metrics });
    const venue = await parts.venue(sessions);
    depends = () => nextMark(venue);
    turns.keep({
      flush: () => {
        venue.flush();
        journal.committed();
      },
    });
    resubmit({ journal, turns, sessions, venue, dictionaries, log });
    return { sessions, venue };
  };
  return { turns, open };
}

function openEdgeGate({ config, gate: ports, timers, log }: EdgeParts, events: GateEvents): Promise<Gate> {
  const gateLog: GateLog = log;
  const limiter = {
    clockErrorMs: config.clock_error_ms,
    storeAway: config.store_away === 'continue' ? ('continue' as const) : ('refuse' as const),
  };
  const settings = {
    ...DEFAULT_GATE_SETTINGS,
    edge_id: config.edge_id,
    logon_window_ms: config.logon_window_ms,
    bad_logon_limit: config.bad_logon_limit,
    real_addresses: config.client_addresses === 'real',
  };
  const rejoin = (): void => {
    gate
      .then((one) => one.rejoin())
      .catch((error: unknown) => {
        log.warn({ error }, 'could not join again yet');
        timers.after(REJOIN_AFTER_MS, rejoin);
      });
  };
  const gate = openGate({ ...ports, limiter, log: gateLog }, settings, { ...events, onFenced: rejoin });
  return gate;
}

/** What stands before FIX. @throws ConfigError */
async function openDoors({ config, clock, timers, log }: EdgeParts): Promise<Doors> {
  const { proxy_protocol, proxy_sources, tls } = config;
  return {
    sources: proxy_protocol === 'on' ? new ProxySources(proxy_sources) : undefined,
    tls: tls === undefined ? undefined : await openTlsDoor(tls, { clock, timers, log }),
  };
}

async function startWatching(
  config: EdgeConfig,
  metrics: Metrics,
  readiness: () => string | undefined,
  sources: ProxySources | undefined,
) {
  const { metrics_host, metrics_port } = config;
  try {
    return await startHttp(metrics_host, metrics_port, metrics, readiness, sources);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on (${code})`;
    throw new ConfigError(`FIXGATE_METRICS_PORT (--metrics-port): port ${metrics_port} of ${metrics_host} ${why}`);
  }
}

/** What an admin's kill or lock does at the venue; its reports are written as those of the venue's own time are. */
function cancelling(turns: Turns, venue: Venue, sessions: Sessions, log: Logger): (whose: OrdersOf) => void {
  return (whose) =>
    turns.run(() => {
      turns.touch(nobody());
      log.info({ of: whose.of }, 'an admin has orders cancelled');
      try {
        venue.massCancel(
          whose.of === 'session' ? { of: 'session', id: sessionId(whose.key) } : whose,
          turns.now.epochMs,
        );
      } catch (error) {
        sessions.abandon();
        log.error({ error, of: whose.of }, 'orders could not be cancelled');
      }
    });
}

/** Stands for who is told what a turn has made, when nobody may be there: the turn is written all the same. */
function nobody(): Player {
  return { dirty: false, settle() {}, writeOut() {}, unwritable() {} };
}

/**
 * A venue's defect in its own time concerns no connection: it is logged, and met again at the next tick. What time
 * does is written whether or not anybody is there to be told.
 */
function venueTime({ turns, venue, attendance, sessions, log }: House): () => void {
  const player = nobody();
  const step = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      sessions.abandon();
      log.error({ error }, 'the venue failed in its own time');
    }
  };
  const tick = (): void => {
    turns.touch(player);
    step(() => attendance.tick(turns.now));
    step(() => void venue.tick(turns.now.epochMs));
  };
  return () => turns.run(tick);
}

/** Clients are told and given a moment, then the gate gives everything back, then what is written is closed. */
async function closeAll(
  house: House,
  { journal, timers, clock, log }: EdgeParts,
  { acceptor, http, doors, numbers }: Opened,
  ticking: readonly Timer[],
  fast: boolean,
): Promise<void> {
  const { gate, live, lobby, venue, turns } = house;
  const patience = fast ? FAST_DRAIN_MS : DRAIN_MS;
  const end = clock.monotonic() + patience;
  const step = async (what: string, work: () => unknown): Promise<void> => {
    try {
      await within(Promise.resolve(work()), Math.max(100, end - clock.monotonic()), timers);
    } catch (error) {
      log.error({ error, step: what }, 'a step of the drain failed');
    }
  };
  acceptor?.close();
  doors?.tls?.close();
  gate.drain();
  for (const guest of [...lobby.all()]) guest.evict();
  for (const connection of [...live.values()]) {
    if (fast) connection.end('drain', SHUTTING_DOWN);
    else connection.logout('drain', SHUTTING_DOWN);
  }
  if (!fast) await step('logout', () => emptied(live, timers, DRAIN_LOGOUT_MS));
  for (const connection of [...live.values()]) connection.end('drain', SHUTTING_DOWN);
  await step('gate', () => gate.stop());
  await step('numbers', () => numbers.finish());
  // The journal first, as ever: without it the venue writes nothing, and neither has happened.
  await step('venue', () => {
    journal.flush(nextMark(venue));
    return venue.close();
  });
  await step('journal', () => {
    turns.retire();
    return journal.close();
  });
  for (const timer of ticking) timer.cancel();
  await step('http', () => http?.close());
}

/** Resolves when no session is left, or after `ms`. */
async function emptied(live: ReadonlyMap<string, unknown>, timers: Timers, ms: number): Promise<void> {
  for (let waited = 0; live.size > 0 && waited < ms; waited += TICK_MS) {
    await new Promise<void>((resolve) => void timers.after(TICK_MS, resolve));
  }
}

function within<T>(work: Promise<T>, ms: number, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = timers.after(ms, () => reject(new Error(`it took longer than ${Math.round(ms)} ms`)));
    work.then(resolve, reject).finally(() => late.cancel());
  });
}
