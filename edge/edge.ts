/** Starts an edge: gate, journal, venue, FIX acceptor, and the HTTP server for health and metrics. */

import { createLoad } from '../adapters/node/load.ts';
import { openGate } from '../core/gate.ts';
import { DEFAULT_GATE_SETTINGS, type Gate, type GateEvents, type GateLog } from '../core/sessions/api.ts';
import { NoFreeName } from '../core/sessions/edge-name.ts';
import type { Timer } from '../core/time.ts';
import { startAcceptor } from './acceptor.ts';
import type { Doors } from './arrival.ts';
import { Attendance } from './attendance.ts';
import { Blocks } from './blocks.ts';
import { ClockAlarm } from './clock-alarm.ts';
import { closeAll, type Opened } from './closing.ts';
import { ConfigError, type EdgeConfig } from './config.ts';
import { connectionsHere } from './descriptors.ts';
import { openDictionaries } from './dictionaries.ts';
import { Message } from './fix/message.ts';
import { FrontDesk } from './front-desk.ts';
import { hearing } from './hearing.ts';
import type { House, LiveConnection } from './house.ts';
import { startHttp } from './http.ts';
import type { Journal } from './journal/journal.ts';
import {
  CLOCK_LOOK_MS,
  CONNECTIONS,
  NOT_LOGGED_ON,
  NUMBERS_RETRY_MS,
  SHUT_LOOK_MS,
  TICK_MS,
  WOKEN_AT_ONCE,
} from './limits.ts';
import { type Guest, Lobby } from './lobby.ts';
import { StrangerLog } from './log.ts';
import { LogonLine } from './logon-line.ts';
import type { Metrics } from './metrics.ts';
import { Numbers } from './numbers.ts';
import type { EdgeParts } from './parts.ts';
import { Profiles } from './profiles.ts';
import { ProxySources } from './proxy-protocol.ts';
import { Seating } from './seating.ts';
import { watchShut } from './shut.ts';
import { answering, taken } from './takeover/answering.ts';
import { Estates } from './takeover/estates.ts';
import { Mover } from './takeover/mover.ts';
import { askingNeighbours } from './takeover/neighbours.ts';
import { Standing } from './takeover/standing.ts';
import { openTlsDoor } from './tls.ts';
import { twoLogs } from './two-logs.ts';
import { venueTime } from './venue-time.ts';
import { Wheel } from './wheel.ts';

export interface Edge {
  readonly fixPort: number;
  readonly metricsPort: number;
  readonly gate: Gate;
  /** Resolves with the reason when an admin drains this edge. The caller then drains it and ends the process. */
  readonly drainAsked: Promise<string>;
  /** Reads the TLS certificate again now. Does nothing without TLS. Never rejects. */
  reloadTls(): Promise<void>;
  /** Becomes unready, logs clients out, writes everything and gives slots and limits back. Idempotent; never rejects. `fast`: waits for no client. */
  drain(fast: boolean): Promise<void>;
}

const REJOIN_AFTER_MS = 1000;

/** Rejects with StoreUnavailable, or with ConfigError if a port cannot be listened on or a dictionary is wrong. */
export async function startEdge(parts: EdgeParts): Promise<Edge> {
  const { config, clock, timers, metrics, log } = parts;
  const dictionaries = await openDictionaries(config, log);
  const { turns, open } = twoLogs(parts);
  const notices: House['notices'] = new Map();
  const heard = hearing({ turns, notices, log });
  const gate = await openEdgeGate(parts, heard.events);
  parts.archive?.start((seal) => gate.noteArchived({ ...seal }));
  const { journal, sessions, venue } = await open(dictionaries, () => gate.identity, heard.revoked);
  const { house, numbers, estates } = furnished(
    parts,
    { gate, turns, sessions, venue, dictionaries, notices },
    journal,
  );
  heard.begin(house, numbers, answering({ ...parts.gate, house, journal, store: parts.journals, clock, timers }));

  const clockAlarm = new ClockAlarm(parts.clockWatch, config, log);
  const lookShut = watchShut(config.data_dir, gate, heard.cancel, log);
  // Before the first connection.
  lookShut();
  turns.guard({ doubtful: () => !gate.mayPlaceOrders, timers });
  let draining = false;
  const readiness = () => (draining ? 'draining' : unreadiness(house, journal, clockAlarm));
  const ticking = [
    ...tickingOf(house, numbers, parts),
    timers.every(CLOCK_LOOK_MS, () => clockAlarm.look()),
    timers.every(SHUT_LOOK_MS, lookShut),
  ];
  const opened: Opened = {
    numbers,
    blocks: house.blocks,
    journal,
    estates,
    venueTime: timers.every(TICK_MS, venueTime(house)),
  };
  try {
    opened.doors = await openDoors(parts);
    const { accept, watch } = parts.ways ?? { accept: startAcceptor, watch: startHttp };
    opened.http = await startWatching(config, metrics, readiness, opened.doors.sources, watch);
    opened.acceptor = await accept(house, opened.doors);
  } catch (error) {
    await closeAll(house, parts, opened, ticking, true);
    throw error;
  }
  const { acceptor, http } = opened;
  metrics.watch({
    gate,
    unready: readiness,
    clock: () => parts.clockWatch.reading(),
    notLoggedOn: () => house.lobby.size,
    logonLine: () => house.line.figures,
    connections: () => acceptor.connections(),
    journalHealthy: () => journal.healthy && turns.durable,
    journalWaiting: () => journal.later?.waiting ?? 0,
    link: () => house.venue.link,
  });
  let done: Promise<void> | undefined;
  return {
    fixPort: acceptor.port,
    metricsPort: http.port,
    gate,
    drainAsked: heard.drainAsked,
    reloadTls: async () => opened.doors?.tls?.reload(),
    drain: (fast) => {
      draining = true;
      done ??= closeAll(house, parts, opened, ticking, fast);
      return done;
    },
  };
}

function tickingOf({ turns, wheel, blocks }: House, numbers: Numbers, { timers }: EdgeParts): Timer[] {
  let goesOn = false;
  const wake = (): void => {
    // In one turn: Heartbeats that are due together are one write of the journal.
    turns.run(() => {
      goesOn = wheel.turn(turns.now.monoMs, WOKEN_AT_ONCE);
    });
    if (goesOn) timers.after(0, wake);
  };
  return [
    timers.every(TICK_MS, () => {
      turns.look();
      if (!goesOn) wake();
    }),
    timers.every(NUMBERS_RETRY_MS, () => {
      numbers.tell();
      blocks.look();
    }),
  ];
}

interface Furnished extends House {
  readonly frontDesk: FrontDesk;
}

/** Builds what all connections share. */
function furnished(
  { config, clock, timers, metrics, log, gate: ports, journals: store, openEstate, bounds }: EdgeParts,
  opened: Pick<House, 'gate' | 'turns' | 'sessions' | 'venue' | 'dictionaries' | 'notices'>,
  journal: Journal,
): { readonly house: Furnished; readonly numbers: Numbers; readonly estates: Estates | undefined } {
  const { turns, sessions, venue } = opened;
  const lost = (session: string, epoch: number): void => taken(house, [{ session, epoch }]);
  const blocks = new Blocks({ journal, sessions, slots: ports.slots, clock, log, lost, bounds: bounds?.blocks });
  const numbers = new Numbers({ edge_id: config.edge_id, edges: ports.edges, sessions, turns, blocks, timers, log });
  const attendance = new Attendance(venue, (session) => numbers.note(session));
  attendance.opened(turns.now);
  const { connections = connectionsHere(), not_logged_on = NOT_LOGGED_ON } = bounds ?? {};
  const backWithinMs = bounds?.back_within_ms;
  const live = new Map<string, LiveConnection>();
  // Connections that have not logged on may use only the room that live sessions leave.
  const lobby = new Lobby<Guest>(() => Math.min(not_logged_on, Math.max(1, connections - live.size)));
  const wheel = new Wheel(clock.monotonic());
  if (connections < CONNECTIONS && bounds === undefined)
    log.warn({ connections, wanted: CONNECTIONS }, 'the limit of file descriptors allows for fewer connections');
  const shared = { ...opened, blocks, config, wheel, metrics, log, connections, lobby, live };
  const standing = new Standing({ edges: ports.edges, clock, timers, log });
  const house: { -readonly [K in keyof Furnished]: Furnished[K] } = {
    ...shared,
    strangers: new StrangerLog(log),
    profiles: new Profiles(config.session_profile),
    attendance,
    message: new Message(),
    line: new LogonLine(turns),
    seating: new Seating(turns),
    ask: askingNeighbours({ ...ports, clock, timers }, standing),
    mover: undefined as never,
    frontDesk: undefined as never,
  };
  const estates = openEstate && new Estates({ open: openEstate, store, clock, timers, log });
  house.mover = new Mover({
    ...ports,
    house,
    journal,
    numbers,
    blocks,
    store,
    estates,
    standing,
    clock,
    timers,
    backWithinMs,
  });
  house.frontDesk = new FrontDesk(house);
  return { house, numbers, estates };
}

/** Why an edge is not ready; undefined: it is. */
function unreadiness({ config, gate, turns, venue }: House, journal: Journal, clock: ClockAlarm): string | undefined {
  if (gate.state !== 'running') return gate.state;
  if (gate.shutFor !== undefined) return 'shut';
  if (!gate.mayPlaceOrders) return 'store_unavailable';
  if (clock.beyond) return 'clock';
  if (journal.later?.stuck === true)
    return config.journal === 'store' ? 'journal_store_unavailable' : 'disk_unavailable';
  if (venue.available === false) return 'venue_unavailable';
  return journal.healthy && turns.durable ? undefined : 'disk_unavailable';
}

function openEdgeGate(parts: EdgeParts, events: GateEvents): Promise<Gate> {
  const { config, gate: ports, timers, log, metrics, clockWatch } = parts;
  const gateLog: GateLog = log;
  const limiter = {
    clockErrorMs: config.clock_error_ms,
    storeAway: config.store_away === 'continue' ? ('continue' as const) : ('refuse' as const),
  };
  const settings = {
    ...DEFAULT_GATE_SETTINGS,
    edge_id: config.edge_id,
    claimed: parts.claimed,
    logon_window_ms: config.logon_window_ms,
    bad_logon_limit: config.bad_logon_limit,
    real_addresses: config.client_addresses === 'real',
  };
  const rejoin = (): void => {
    gate
      .then((one) => one.rejoin())
      .catch((error: unknown) => {
        // Another process has this edge's name, and with it the journal.
        if (error instanceof NoFreeName) return parts.onLost?.(error);
        log.warn({ error }, 'could not join again yet');
        timers.after(REJOIN_AFTER_MS, rejoin);
      });
  };
  const load = createLoad();
  const vitals = () => ({ load: load(), clock: clockWatch.reading() });
  const gate = openGate({ ...ports, limiter, log: gateLog, vitals }, settings, {
    ...events,
    onCommand: (type, ageMs) => metrics.gate.command(type, ageMs),
    onSlot: (result, supersedes) => metrics.gate.slot(result, supersedes),
    onFenced: (edge) => {
      metrics.gate.fenced();
      events.onFenced?.(edge);
      rejoin();
    },
  });
  return gate;
}

/** PROXY protocol and TLS, as configured. @throws ConfigError */
async function openDoors({ config, clock, timers, log }: EdgeParts): Promise<Doors> {
  const { proxy_protocol, proxy_sources, tls } = config;
  return {
    sources: proxy_protocol === 'off' ? undefined : new ProxySources(proxy_sources),
    headerOptional: proxy_protocol === 'optional',
    tls: tls === undefined ? undefined : await openTlsDoor(tls, { clock, timers, log }),
  };
}

async function startWatching(
  config: EdgeConfig,
  metrics: Metrics,
  readiness: () => string | undefined,
  sources: ProxySources | undefined,
  watch: typeof startHttp,
) {
  const { metrics_host, metrics_port } = config;
  try {
    return await watch(metrics_host, metrics_port, metrics.registry, readiness, sources);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on (${code})`;
    throw new ConfigError(`FIXGATE_METRICS_PORT (--metrics-port): port ${metrics_port} of ${metrics_host} ${why}`);
  }
}
