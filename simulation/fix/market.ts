/** The venue that edges share, as a process of its own: the shipped host of the link, its mailboxes and the simulator's orders on disk. */
import { randomUUID } from 'node:crypto';
import { type Dictionary, loadDictionaries } from '../../edge/fix/dictionary/index.ts';
import { openVenue, type Venue, type VenueSession } from '../../edge/venue/index.ts';
import { VenueHost } from '../../edge/venue/link/host.ts';
import { HOST_TICK_MS } from '../../edge/venue/link/limits.ts';
import { Mailroom } from '../../edge/venue/link/mailroom.ts';
import { welcome } from '../../edge/venue/link/server.ts';
import { over } from '../over.ts';
import { type Machine, Process } from '../process.ts';
import type { World } from '../world.ts';
import { Disk } from './disk.ts';
import { LinkEnd } from './link-socket.ts';
import { logOf } from './log.ts';

const MARKET_SEED = 1;
const NAME = 'venue';
/** How the venue says that something went wrong in itself. */
const DEFECT = /^the venue failed/;

let dictionary: Promise<Dictionary> | undefined;

/** Read once for all runs. */
export function marketDictionary(): Promise<Dictionary> {
  dictionary ??= loadDictionaries().then((all) => {
    const found = all.get('FIX.4.4', '');
    if (found === undefined) throw new RangeError('there is no dictionary of FIX.4.4');
    return found;
  });
  return dictionary;
}

interface Open {
  readonly host: VenueHost;
  readonly mailroom: Mailroom;
  readonly venue: Venue;
}

export class Market {
  readonly disk: Disk;
  readonly name: string = NAME;
  process: Process | undefined;
  readonly #world: World;
  readonly #machine: Machine;
  readonly #dictionary: Dictionary;
  readonly #links = new Map<LinkEnd, { readonly edge: string; readonly since: number | undefined }>();
  /** Edges that do not get here, and until when. */
  readonly #away = new Map<string, number>();
  #open: Open | undefined;

  constructor(world: World, machine: Machine, dictionary: Dictionary) {
    this.#world = world;
    this.#machine = machine;
    this.#dictionary = dictionary;
    this.disk = new Disk(world, NAME);
  }

  start(): void {
    if (this.process?.alive) return;
    const { scheduler, chance } = this.#world;
    const process = new Process(NAME, this.#machine, scheduler, chance.fork());
    this.process = process;
    process.reach(0, () => {
      this.#open = this.#begin(process);
      this.#world.trace(NAME, () => 'is open');
      process.timers.every(HOST_TICK_MS, () => process.alive && this.#open?.host.tick());
    });
  }

  #begin(process: Process): Open {
    const { clock } = process.machine;
    const directory = this.disk.boot(NAME);
    const parts: { mailroom?: Mailroom; venue?: Venue } = {};
    const written = (write: () => void): void => this.disk.written(process, true, (ms) => this.crash(ms), write);
    const host = new VenueHost({
      mailroom: (counts) => {
        const lost = (peer: string): void => this.#world.fail('venue', `reports for ${peer} were dropped`);
        const kept = new Mailroom({ directory, newId: randomUUID(), counts, onLost: lost });
        parts.mailroom = kept;
        const spoiled = this.#world.mutation?.mailroom?.(kept, process) ?? kept;
        return over(spoiled, {
          flush: (mark) => written(() => spoiled.flush(mark)),
          own: (session, edge, epoch, there) => {
            // A claim may come seconds after the Logon, and has its time from when it is heard.
            if (there === false) this.#world.absences.knocks(session);
            spoiled.own(session, edge, epoch, there);
          },
        });
      },
      venue: (sink) => {
        const warn = (problem: string): void => this.#world.fail('venue', problem);
        const opened = openVenue('simulator', { sink, seed: MARKET_SEED, now: clock.now(), directory, warn });
        const kept = this.#world.mutation?.exchange?.(opened, process) ?? opened;
        parts.venue = kept;
        return over(kept, {
          flush: () => (kept.pending ? written(() => kept.flush()) : kept.flush()),
          sessionStarted: (session, now) => {
            this.#world.absences.heard(session);
            kept.sessionStarted(session, now);
          },
          cancelAll: (session, now) => {
            this.#world.absences.cancelled(session, this);
            kept.cancelAll(session, now);
          },
        });
      },
      dictionaryOf: () => this.#dictionary,
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      log: logOf(this.#world, process, DEFECT),
    });
    const { mailroom, venue } = parts;
    if (mailroom === undefined || venue === undefined) throw new TypeError('the venue has begun without its parts');
    return { host, mailroom, venue };
  }

  crash(backAfterMs: number): void {
    if (!this.process?.alive) return;
    this.#world.trace(NAME, () => `crashes, back in ${backAfterMs.toFixed(0)} ms`);
    this.#world.detain(backAfterMs);
    this.#end();
    this.#world.scheduler.after(backAfterMs, () => this.start());
  }

  #end(): void {
    this.process?.kill();
    for (const end of this.#links.keys()) end.died();
    this.#links.clear();
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    this.disk.abandon(() => {
      void open.venue.close().catch(() => {});
      open.mailroom.close();
    });
  }

  /** The links of an edge are lost, with what is on them, and there are none for so long. */
  cut(edge: string, ms: number): void {
    this.#away.set(edge, this.#world.scheduler.now + ms);
    for (const [end, link] of [...this.#links]) if (link.edge === edge) end.cut();
  }

  /** True time since which this edge is linked; undefined: it is not. */
  since(edge: string): number | undefined {
    for (const [end, link] of this.#links) if (link.edge === edge && !end.destroyed) return link.since;
    return undefined;
  }

  /** Sessions that have orders here. */
  resting(): Iterable<VenueSession> {
    return this.#open?.venue.resting() ?? [];
  }

  /** An edge connects. @returns its end, which hears later whether somebody listens */
  connect(edge: Process): LinkEnd {
    const { scheduler, chance } = this.#world;
    // Little fits on the way there, too, where little may wait: what has left is not lost.
    const near = new LinkEnd(edge, scheduler, chance, this.#world.plan.fix?.narrow);
    edge.reach(chance.between(0.05, 1), () => {
      const { process } = this;
      const away = (this.#away.get(edge.name) ?? 0) > scheduler.now && !this.#world.calm;
      if (away || process === undefined || !process.alive || this.#open === undefined) {
        near.refused();
        return;
      }
      const far = new LinkEnd(process, scheduler, chance);
      near.join(far);
      // One that stands still has not taken it yet.
      this.#links.set(far, { edge: edge.name, since: undefined });
      far.once('close', () => this.#links.delete(far));
      process.reach(0, () => {
        if (this.#open === undefined) return;
        if (this.#links.has(far)) this.#links.set(far, { edge: edge.name, since: scheduler.now });
        const refused = (why: string): void =>
          this.#world.trace(NAME, () => `a connection of ${edge.name} ends: ${why}`);
        welcome(this.#open.host, far.asSocket, refused);
        far.resume();
        edge.reach(0, () => {
          if (near.destroyed) return;
          near.emit('connect');
          near.resume();
        });
      });
    });
    return near;
  }

  /** The run is over. */
  dispose(): void {
    if (this.process?.alive) this.#end();
  }
}
