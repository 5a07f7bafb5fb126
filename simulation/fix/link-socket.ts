/** The connection between an edge and the venue that edges share: two ends, each in its process, as far as a link uses sockets. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { SOCKET_BYTES } from '../../edge/venue/link/limits.ts';
import type { Process } from '../process.ts';
import type { Chance, Scheduler } from '../scheduler.ts';

/** One way on a machine, ms. */
const WAY_MS = [0.02, 0.5] as const;

export class LinkEnd extends EventEmitter {
  destroyed = false;
  readonly #process: Process;
  readonly #scheduler: Scheduler;
  readonly #chance: Chance;
  #other: LinkEnd | undefined;
  /** Until it is joined, and has been accepted, nobody reads. */
  #paused = true;
  readonly #unread: (Buffer | 'end')[] = [];
  /** What this end has written and the other has not read, bytes; and from how much on it is told to wait. */
  #unsent = 0;
  readonly #room: number;
  /** When the last byte to this end arrives: none overtakes another. */
  #arrivesAt = 0;

  constructor(process: Process, scheduler: Scheduler, chance: Chance, room = Number.POSITIVE_INFINITY) {
    super();
    this.#room = room;
    this.#process = process;
    this.#scheduler = scheduler;
    this.#chance = chance;
  }

  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  get writableLength(): number {
    return this.#unsent < this.#room ? 0 : SOCKET_BYTES;
  }

  /** From now on the two hear each other. */
  join(other: LinkEnd): void {
    this.#other = other;
    other.#other = this;
  }

  setNoDelay(): this {
    return this;
  }

  write(bytes: Uint8Array): boolean {
    if (this.destroyed || !this.#process.speaks) return false;
    const copy = Buffer.from(bytes);
    this.#unsent += copy.length;
    this.#other?.later((end) => end.#arrived(copy));
    return true;
  }

  end(): this {
    if (!this.destroyed && this.#process.speaks) this.#other?.later((end) => end.#arrived('end'));
    return this;
  }

  destroy(): this {
    this.lose();
    this.#other?.later((end) => end.lose());
    return this;
  }

  pause(): this {
    this.#paused = true;
    return this;
  }

  resume(): this {
    if (this.#paused) this.#process.reach(0, () => this.#read());
    this.#paused = false;
    return this;
  }

  /** Nobody listens there. */
  refused(): void {
    this.#process.reach(0, () => {
      this.emit('error', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      this.lose();
    });
  }

  /** What is on its way is lost, and either end is told. */
  cut(): void {
    const other = this.#other;
    this.lose();
    other?.lose();
  }

  /** The process of this end is gone: what it had sent arrives, or not. */
  died(): void {
    this.destroyed = true;
    const other = this.#other;
    if (this.#chance.hit(0.5)) other?.later((end) => end.lose());
    else other?.lose();
  }

  /** It is over, and its process hears so. */
  lose(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#process.reach(0, () => this.emit('close'));
  }

  /** Not before what is on its way to this end already. */
  later(what: (end: LinkEnd) => void): void {
    const { now } = this.#scheduler;
    this.#arrivesAt = Math.max(this.#arrivesAt + 1e-3, now + this.#chance.between(...WAY_MS));
    this.#scheduler.after(this.#arrivesAt - now, () => what(this));
  }

  #arrived(what: Buffer | 'end'): void {
    // The system takes it, in order, whatever the process does meanwhile.
    this.#unread.push(what);
    this.#process.reach(0, () => this.#read());
  }

  #read(): void {
    while (!this.#paused && !this.destroyed) {
      const next = this.#unread.shift();
      if (next === undefined) return;
      if (next === 'end') this.emit('end');
      else {
        const other = this.#other;
        if (other !== undefined) other.#taken(next.length);
        this.emit('data', next);
      }
    }
  }

  #taken(bytes: number): void {
    const waited = this.writableLength > 0;
    this.#unsent -= bytes;
    if (waited && this.writableLength === 0 && !this.destroyed) this.#process.reach(0, () => this.emit('drain'));
  }
}
