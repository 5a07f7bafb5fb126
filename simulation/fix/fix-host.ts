/**
 * An edge as it is shipped, from the bytes of a socket to the journal, on disk or in the store, and the way to its venue. A
 * crash leaves what was written, and nothing else.
 */
import { join } from 'node:path';
import type { Gate } from '../../core/sessions/api.ts';
import { ClockWatch } from '../../core/sessions/clock-watch.ts';
import { arrive, type Doors } from '../../edge/arrival.ts';
import { kindOf } from '../../edge/classes.ts';
import type { Connection } from '../../edge/connection.ts';
import { type Edge, startEdge } from '../../edge/edge.ts';
import type { Message } from '../../edge/fix/message.ts';
import { LOADING } from '../../edge/fix/session/ports.ts';
import type { OpenHouse } from '../../edge/house.ts';
import type { Readiness } from '../../edge/http.ts';
import type { Estate } from '../../edge/journal/estate.ts';
import type { Journal } from '../../edge/journal/journal.ts';
import type { Logger } from '../../edge/log.ts';
import {
  openVenue,
  type SubmitContext,
  type Venue,
  type VenueSession,
  type VenueSink,
} from '../../edge/venue/index.ts';
import { LinkVenue } from '../../edge/venue/link/venue.ts';
import { FixMessage } from '../../local/fix-client.ts';
import { Host, START_AGAIN_MS } from '../host.ts';
import { over } from '../over.ts';
import type { FixPlan } from '../plan.ts';
import type { Machine, Process } from '../process.ts';
import type { World } from '../world.ts';
import { judge } from './answers.ts';
import { Disk } from './disk.ts';
import { estatesOf, type JournalParts, journalOf, letGo, onDisk } from './journals.ts';
import type { LinkEnd } from './link-socket.ts';
import { logOf } from './log.ts';
import type { Kept, Speaker, Stream } from './sent.ts';
import { configOf, defectOf, linkBounds, UNSEEN } from './settings.ts';
import { type Pass, type Peer, SimSocket } from './socket.ts';

const MARKET_SEED = 1;
const ADDRESS = '192.0.2.10';
/** A call of the store is under way for about so long. */
const CALL_MS = 20;

/** What a process leaves open. */
interface Left {
  journal: Journal | undefined;
  venue: Venue | undefined;
  link: LinkEnd | undefined;
  /** Journals of others. */
  readonly estates: Set<Estate>;
}

export class FixHost extends Host implements Speaker {
  readonly disk: Disk;
  readonly #plan: FixPlan;
  readonly #sockets = new Set<SimSocket>();
  /** How many there have been. */
  #machines = 1;
  #edge: Edge | undefined;
  #house: OpenHouse<Connection> | undefined;
  #doors: Doors | undefined;
  #unreadiness: Readiness = () => 'starting';
  #left: Left | undefined;

  constructor(world: World, index: number, machine: Machine, plan: FixPlan) {
    super(world, index, machine);
    this.#plan = plan;
    this.disk = new Disk(world, this.name);
  }

  /** One that stands still does not answer who asks. */
  override get ready(): boolean {
    return super.ready && this.process?.stopped === false && this.#unreadiness() === undefined;
  }

  protected async open(process: Process): Promise<Gate> {
    const directory = this.disk.boot(this.#start);
    const log = logOf(this.world, process, defectOf(this.#plan));
    const { clock } = process.machine;
    const left: Left = { journal: undefined, venue: undefined, link: undefined, estates: new Set() };
    this.#left = left;
    const reached = Promise.withResolvers<void>();
    const gate = this.#ports(process, reached.resolve);
    const journals: JournalParts = {
      directory,
      syncs: this.disk.syncs(process),
      commit: this.#plan.commit,
      boot: this.#start,
      process,
      log,
      store: gate.journals,
      onLost: () => {
        this.world.trace(this.name, () => 'ends: another process has its journal');
        this.end(START_AGAIN_MS);
      },
      opened: (kept) => this.#journal(process, kept, left),
    };
    const journal = journalOf(this.#plan.journal, journals);
    this.world.scheduler.hold(reached.promise);
    const opening = startEdge({
      config: configOf(this.name, directory, this.#plan, this.world.plan.limiter),
      gate,
      journals: gate.journals,
      clockWatch: new ClockWatch(clock),
      clock,
      timers: process.timers,
      journal,
      openEstate: estatesOf(journals, left.estates, this.world.mutation?.estate ?? ((state) => state)),
      venue: async (sink) => {
        const venue = await this.#openVenue(process, sink, directory, log, left);
        left.venue = venue;
        const watched = this.#watched(process, venue);
        return this.world.mutation?.venue?.(watched, process) ?? watched;
      },
      metrics: UNSEEN,
      log,
      ways: {
        accept: async (house, doors) => {
          // It may have been killed while it started: then nobody listens.
          if (process.alive) [this.#house, this.#doors] = [house, doors];
          return { port: 0, connections: () => this.#sockets.size, close: () => this.#shut() };
        },
        watch: async (_host, _port, _registry, readiness) => {
          this.#unreadiness = readiness;
          return { port: 0, close: async () => {} };
        },
      },
    });
    const edge = await opening.finally(reached.resolve);
    this.#edge = edge;
    void edge.drainAsked.then(() => this.drain(START_AGAIN_MS));
    return edge.gate;
  }

  #journal(process: Process, kept: Journal, left: Left): Journal {
    // It may have been killed while it read.
    if (!process.alive) letGo(kept);
    else left.journal = kept;
    const spoiled = this.world.mutation?.journal?.(kept, process) ?? kept;
    return onDisk(spoiled, this.disk, (write) => this.#written(process, write));
  }

  /** What the edge tells its venue, as the world sees it. */
  #watched(process: Process, venue: Venue): Venue {
    const { absences } = this.world;
    return over(venue, {
      flush: () => {
        this.#written(process, () => venue.flush());
        absences.kept(this);
      },
      submit: (message, context) => {
        if (!context.recovered) this.#admitted(message, context);
        venue.submit(message, context);
      },
      sessionStarted: (session, now) => {
        this.world.begins(this, session);
        absences.started(this, session);
        venue.sessionStarted(session, now);
      },
      sessionEnded: (session, now) => {
        absences.ended(this, session);
        venue.sessionEnded(session, now);
      },
      cancelAll: (session, now) => {
        absences.decided(this, session);
        venue.cancelAll(session, now);
      },
    });
  }

  /** Sessions that have orders at a venue of its own. */
  override resting(): Iterable<VenueSession> {
    return this.world.market === undefined ? (this.#left?.venue?.resting() ?? []) : [];
  }

  async #openVenue(process: Process, sink: VenueSink, directory: string, log: Logger, left: Left): Promise<Venue> {
    const { market } = this.world;
    const { clock } = process.machine;
    if (market === undefined) {
      const opened = openVenue('simulator', {
        sink,
        seed: MARKET_SEED,
        now: clock.now(),
        ...this.disk.ofVenue(process, this.#plan),
        warn: (problem) => this.world.fail('venue', `${this.name}: ${problem}`),
      });
      return this.world.mutation?.exchange?.(opened, process) ?? opened;
    }
    const connect = () => {
      left.link = market.connect(process);
      return left.link.asSocket;
    };
    const way = { connect, monotonic: () => clock.monotonic() };
    return await LinkVenue.open({
      sink,
      address: '',
      edge_id: this.name,
      directory: join(directory, 'venue'),
      boot: this.#start,
      syncs: this.disk.syncs(process),
      log,
      ahead: this.#plan.commit === 'reserve',
      ...linkBounds(this.#plan),
      way,
    });
  }

  /** What its journal has of a session. */
  kept(session: string): Kept | undefined {
    const journal = this.#left?.journal;
    if (journal === undefined || this.gate === undefined || !journal.has(session)) return undefined;
    const kept = journal.session(session);
    return {
      generation: kept.generation,
      nextOut: kept.nextOut,
      message(number) {
        const found = kept.next(number, number);
        if (found === undefined || found === LOADING) return undefined;
        return new FixMessage(found.buf.toString('latin1', found.start, found.end));
      },
    };
  }

  /** What gets to the venue has been admitted just now. */
  #admitted({ msgType }: Message, { session: { sender_comp_id, sender_sub_id } }: SubmitContext): void {
    const { gate } = this;
    if (gate === undefined) return;
    for (const { session } of gate.sessions()) {
      const { key } = session;
      if (key.sender_comp_id === sender_comp_id && key.sender_sub_id === sender_sub_id)
        this.world.oracle.admitted(session, kindOf(msgType), gate.limiterFigures().unleased);
    }
  }

  /** Most turns write nothing: it is those that do which are looked at. */
  #written(process: Process, write: () => void): void {
    const looked = this.#left?.venue?.pending === true || this.#left?.venue?.sealed === true;
    this.disk.written(process, looked, (ms) => this.#dies(ms), write);
  }

  /** Names the last start of the machine. */
  get #start(): string {
    return `${this.name}.${this.#machines}`;
  }

  #dies(backAfterMs: number): void {
    if (this.#plan.power === true && this.world.chance.hit(0.5)) this.losePower(backAfterMs);
    else this.crash(backAfterMs);
  }

  #shut(): void {
    this.#doors = undefined;
  }

  /** Until it has reached for the store, an edge that begins reads files of the program, in the time of the machine. */
  #ports(process: Process, reached: () => void) {
    const ports = this.world.gatePorts(process);
    const register: typeof ports.edges.register = (...args) => {
      reached();
      return ports.edges.register(...args);
    };
    const append: typeof ports.journals.append = (...args) => {
      this.#mayDie(process);
      return ports.journals.append(...args);
    };
    return { ...ports, edges: { ...ports.edges, register }, journals: { ...ports.journals, append } };
  }

  /** While the store is asked to take what the journal has. */
  #mayDie(process: Process): void {
    const { world } = this;
    if (world.calm || !world.chance.hit(world.plan.diesWriting)) return;
    world.scheduler.after(world.chance.between(0, CALL_MS), () => {
      if (process.alive && this.process === process) this.crash(world.chance.between(50, 3_000));
    });
  }

  protected async stop(_gate: Gate): Promise<void> {
    await this.#edge?.drain(false);
    this.#left = undefined;
  }

  protected lost(): void {
    this.world.absences.gone(this);
    this.#edge = undefined;
    this.#house = undefined;
    this.#doors = undefined;
    for (const socket of this.#sockets) socket.cut(this.world.chance.hit(0.5));
    this.#sockets.clear();
    const left = this.#left;
    this.#left = undefined;
    if (left === undefined) return;
    left.link?.died();
    this.disk.abandon(() => {
      if (left.journal !== undefined) letGo(left.journal);
      void left.venue?.close().catch(() => {});
      for (const estate of left.estates) void estate.close().catch(() => {});
    });
  }

  /** The machine is gone with all that was on its disk. */
  loseMachine(backAfterMs: number): void {
    this.crash(backAfterMs);
    this.#machines += 1;
    this.disk.lose();
  }

  /** The machine loses its power, and what its disk did not have. */
  losePower(backAfterMs: number): void {
    if (!this.process?.alive) return;
    this.world.trace(this.name, () => 'loses its power');
    this.crash(backAfterMs);
    this.#machines += 1;
    this.disk.losePower(this.#plan);
  }

  /** The run is over: nothing stays open. */
  dispose(): void {
    this.process?.kill();
    if (this.#left !== undefined) this.lost();
  }

  /** A Logon is answered. */
  #loggedOn(message: FixMessage, socket: SimSocket): void {
    this.world.greets(this);
    const since = this.world.decisions.since(socket);
    if (since === undefined) return;
    for (const { session } of this.gate?.sessions() ?? []) {
      const { sender_comp_id, sender_sub_id } = session.key;
      if (sender_comp_id === message.get(56) && sender_sub_id === (message.get(57) ?? ''))
        this.world.oracle.registered(session, since);
    }
  }

  /** Of one connection: what is said on it, as it leaves. */
  #passing(socket: () => SimSocket): Pass {
    const { world } = this;
    const spoil = world.mutation?.wire;
    const stream: Stream = {};
    let on = false;
    return (message) => {
      const raw = spoil?.(message) ?? message.raw;
      if (!on && message.type === 'A') this.#loggedOn(message, socket());
      on ||= message.type === 'A';
      world.decisions.done(socket());
      // Who is refused is no session: its number is not one of the session's.
      const { now } = world.scheduler;
      const at = { since: world.decisions.since(socket()) ?? now, now };
      const told = spoil === undefined ? message : new FixMessage(raw);
      judge(world, this, told, on, at.since);
      const wrong = on ? world.sent.note(this, told, stream, at) : undefined;
      if (wrong !== undefined) world.fail('numbers', `${this.name}: ${wrong}`);
      return raw;
    };
  }

  /** A client connects. Undefined: nobody listens. */
  accept(peer: Peer): SimSocket | undefined {
    const { process } = this;
    const { scheduler, chance } = this.world;
    if (process === undefined || !process.alive || this.#house === undefined || this.#doors === undefined)
      return undefined;
    const { decisions } = this.world;
    const socket: SimSocket = new SimSocket(
      process,
      scheduler,
      chance,
      peer,
      this.#passing(() => socket),
      this.world.mutation?.hears,
    );
    this.#sockets.add(socket);
    socket.once('data', (bytes: Buffer) => decisions.came(this, socket, bytes));
    socket.once('close', () => {
      this.#sockets.delete(socket);
      decisions.done(socket);
    });
    process.reach(0.1, () => {
      const [house, doors] = [this.#house, this.#doors];
      if (house === undefined || doors === undefined) socket.destroy();
      else {
        house.turns.run(() => arrive(socket.asSocket, ADDRESS, house, doors));
        socket.resume();
      }
    });
    return socket;
  }
}
