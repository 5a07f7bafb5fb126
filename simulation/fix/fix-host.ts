/**
 * An edge as it is shipped, from the bytes of a socket to the journal on disk and the simulator's orders beside it. A crash
 * leaves what was written, and nothing else.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Gate } from '../../core/sessions/api.ts';
import { ClockWatch } from '../../core/sessions/clock-watch.ts';
import { arrive, type Doors } from '../../edge/arrival.ts';
import { kindOf } from '../../edge/classes.ts';
import { type EdgeConfig, readConfig } from '../../edge/config.ts';
import { type Edge, startEdge } from '../../edge/edge.ts';
import type { Message } from '../../edge/fix/message.ts';
import type { House } from '../../edge/house.ts';
import { openJournal } from '../../edge/journal/file.ts';
import type { Journal } from '../../edge/journal/journal.ts';
import type { Logger } from '../../edge/log.ts';
import type { Metrics } from '../../edge/metrics.ts';
import { openVenue, type SubmitContext, type Venue } from '../../edge/venue/index.ts';
import { Host, START_AGAIN_MS } from '../host.ts';
import { over } from '../over.ts';
import type { Process } from '../process.ts';
import { type Peer, SimSocket } from './socket.ts';

const MARKET_SEED = 1;
const ADDRESS = '192.0.2.10';

/** Figures are for people: nobody looks at them here. */
const UNSEEN: Metrics = new Proxy(() => {}, {
  get: (_target, name) => (name === 'then' ? undefined : UNSEEN),
  apply: () => undefined,
}) as unknown as Metrics;

/** How the edge says that something went wrong in itself. */
const DEFECT = /failed inside|failed at the end of a turn|threw/;

/** What a process leaves open when it is killed. */
interface Left {
  readonly journal: Journal;
  readonly venue: Venue | undefined;
}

export class FixHost extends Host {
  readonly #sockets = new Set<SimSocket>();
  /** The disk takes no writes. */
  diskFull = false;
  #edge: Edge | undefined;
  #house: House | undefined;
  #doors: Doors | undefined;
  #left: Left | undefined;
  /** Each process has the disk as the one before has left it, under a name of its own. */
  #boots = 0;

  get #directory(): string {
    return join(this.world.directory, `${this.name}.${this.#boots}`);
  }

  protected async open(process: Process): Promise<Gate> {
    const before = this.#directory;
    this.#boots += 1;
    const directory = this.#directory;
    mkdirSync(directory, { recursive: true });
    if (this.#boots > 1) {
      cpSync(before, directory, { recursive: true });
      rmSync(before, { recursive: true });
    }
    const config = this.#config(directory);
    const log = this.#log(process);
    const { clock } = process.machine;
    const kept = openJournal({ directory: join(directory, 'journal'), now: () => clock.now(), log, inbound: true });
    const spoiled = this.world.mutation?.journal?.(kept, process) ?? kept;
    const journal = over(spoiled, { flush: (depends) => this.#written(process, () => spoiled.flush(depends)) });
    const left: { -readonly [K in keyof Left]: Left[K] } = { journal: kept, venue: undefined };
    this.#left = left;
    const reached = Promise.withResolvers<void>();
    this.world.scheduler.hold(reached.promise);
    const gate = this.#ports(process, reached.resolve);
    const opening = startEdge({
      config,
      gate,
      journals: gate.journals,
      clockWatch: new ClockWatch(clock),
      clock,
      timers: process.timers,
      journal,
      venue: (sink) => {
        left.venue = openVenue('simulator', {
          sink,
          seed: MARKET_SEED,
          now: clock.now(),
          directory: join(directory, 'venue'),
          warn: (problem) => this.world.fail('venue', `${this.name}: ${problem}`),
        });
        const { venue } = left;
        return over(venue, {
          flush: () => this.#written(process, () => venue.flush()),
          submit: (message, context) => {
            if (!context.recovered) this.#admitted(message, context);
            venue.submit(message, context);
          },
        });
      },
      metrics: UNSEEN,
      log,
      ways: {
        accept: async (house, doors) => {
          this.#house = house;
          this.#doors = doors;
          return { port: 0, connections: () => this.#sockets.size, close: () => this.#shut() };
        },
        watch: async () => ({ port: 0, close: async () => {} }),
      },
    });
    const edge = await opening.finally(reached.resolve);
    this.#edge = edge;
    void edge.drainAsked.then(() => this.drain(START_AGAIN_MS));
    return edge.gate;
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

  /** The process may die before it writes and after, and the disk may refuse. */
  #written(process: Process, write: () => void): void {
    const { world } = this;
    const die = (): void => {
      // Most turns write nothing: it is those that do which are looked at.
      if (process.alive && !world.calm && this.#left?.venue?.pending && world.chance.hit(world.plan.diesWriting))
        this.crash(world.chance.between(50, 3_000));
      // Whatever the rest of this event does, a process that is gone has no output.
      if (!process.alive) throw new Error('the process is gone');
    };
    die();
    if (this.diskFull) throw new Error('no space left on the disk');
    write();
    die();
  }

  #shut(): void {
    this.#doors = undefined;
  }

  /** What an edge says of itself: a defect that it has caught is one all the same. */
  #log(process: Process): Logger {
    const tell = (level: string) => (fields: unknown, message?: string) => {
      // What is left of the event within which it was killed.
      if (!process.alive) return;
      const { error } = (typeof fields === 'object' ? fields : {}) as { error?: Error };
      const text = `${message ?? String(fields)}${error === undefined ? '' : `: ${error.stack ?? String(error)}`}`;
      if (level !== 'info') this.world.trace(this.name, () => `${level}: ${text.split('\n')[0]}`);
      if (DEFECT.test(text)) this.world.fail('no defects', `${this.name}: ${text}`);
    };
    const levels = ['debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, tell(level)]);
    return Object.fromEntries(levels) as Logger;
  }

  #config(directory: string): EdgeConfig {
    return readConfig({
      FIXGATE_EDGE_ID: this.name,
      FIXGATE_FIX_PORT: '0',
      FIXGATE_METRICS_PORT: '0',
      FIXGATE_DATA_DIR: directory,
      FIXGATE_SESSION_PROFILE: JSON.stringify({ begin_strings: ['FIX.4.4'] }),
    });
  }

  /** Until it has reached for the store, an edge that begins reads files of the program, in the time of the machine. */
  #ports(process: Process, reached: () => void) {
    const ports = this.world.gatePorts(process);
    const register: typeof ports.edges.register = (...args) => {
      reached();
      return ports.edges.register(...args);
    };
    return { ...ports, edges: { ...ports.edges, register } };
  }

  protected async stop(_gate: Gate): Promise<void> {
    await this.#edge?.drain(false);
    this.#left = undefined;
  }

  protected lost(): void {
    this.#edge = undefined;
    this.#house = undefined;
    this.#doors = undefined;
    for (const socket of this.#sockets) socket.cut(this.world.chance.hit(0.5));
    this.#sockets.clear();
    const left = this.#left;
    this.#left = undefined;
    if (left === undefined) return;
    // What the system does for a process that is gone: files are closed. What had not been written stays unwritten.
    const unwritten = this.#directory;
    cpSync(unwritten, `${unwritten}.kept`, { recursive: true });
    void left.journal.close().catch(() => {});
    void left.venue?.close().catch(() => {});
    rmSync(unwritten, { recursive: true });
    cpSync(`${unwritten}.kept`, unwritten, { recursive: true });
    rmSync(`${unwritten}.kept`, { recursive: true });
  }

  fillDisk(ms: number): void {
    this.diskFull = true;
    this.world.scheduler.after(ms, () => {
      this.diskFull = false;
    });
  }

  /** The run is over: nothing stays open. */
  dispose(): void {
    this.process?.kill();
    if (this.#left !== undefined) this.lost();
  }

  /** A client connects. Undefined: nobody listens. */
  accept(peer: Peer): SimSocket | undefined {
    const { process } = this;
    if (process === undefined || !process.alive || this.#house === undefined || this.#doors === undefined)
      return undefined;
    const socket = new SimSocket(process, this.world.scheduler, this.world.chance, peer);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    process.reach(0.1, () => {
      const [house, doors] = [this.#house, this.#doors];
      if (house === undefined || doors === undefined) socket.destroy();
      else house.turns.run(() => arrive(socket.asSocket, ADDRESS, house, doors));
    });
    return socket;
  }
}
