/**
 * A TCP connection between a client and an edge, as far as the edge uses a socket: bytes arrive in order and late, what a
 * slow client does not take is not taken, and either end may be gone at any time.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { FixMessage } from '../../local/fix-client.ts';
import type { Process } from '../process.ts';
import type { Chance, Scheduler } from '../scheduler.ts';

/** The client's end. */
export interface Peer {
  received(bytes: Buffer): void;
  /** The other end has closed, or is gone. */
  lost(): void;
}

/** One way, ms. */
const WAY_MS = [0.1, 3] as const;
/** What the system takes of a write although the client does not read. */
const SYSTEM_BYTES = 4_096;

/** What becomes of each message, and who sees it: as it is, or with a defect that is put in. */
export type Pass = (message: FixMessage) => string;

/** Whole messages: neither side writes others. */
function passed(bytes: Buffer, pass: Pass): Buffer {
  const messages = bytes.toString('latin1').split(/(?<=\x0110=\d{3}\x01)/);
  return Buffer.from(messages.map((raw) => pass(new FixMessage(raw))).join(''), 'latin1');
}

export class SimSocket extends EventEmitter {
  destroyed = false;
  bytesRead = 0;
  readonly #process: Process;
  readonly #scheduler: Scheduler;
  readonly #chance: Chance;
  #peer: Peer | undefined;
  /** Until it has been accepted nobody reads. */
  #paused = true;
  #closed = false;
  /** When the last byte each way arrives: none overtakes another. */
  #towardsEdge = 0;
  #towardsClient = 0;
  /** Arrived and not read, for the edge has paused. */
  readonly #unread: (Buffer | 'end')[] = [];
  /** Sent while the client does not read. */
  #untaken: { readonly bytes: Buffer; readonly taken: (() => void) | undefined }[] = [];
  #slowUntil = 0;
  #vanished = false;
  readonly #pass: Pass;
  readonly #hears: Pass | undefined;

  constructor(process: Process, scheduler: Scheduler, chance: Chance, peer: Peer, pass: Pass, hears?: Pass) {
    super();
    this.#pass = pass;
    this.#hears = hears;
    this.#process = process;
    this.#scheduler = scheduler;
    this.#chance = chance;
    this.#peer = peer;
  }

  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  // The edge's end

  write(bytes: Buffer, taken?: () => void): boolean {
    if (this.destroyed || !this.#process.speaks) return false;
    const copy = passed(bytes, this.#pass);
    if (this.#slowUntil > this.#scheduler.now && copy.length > SYSTEM_BYTES) {
      this.#untaken.push({ bytes: copy, taken });
      return false;
    }
    this.#carry(copy);
    if (taken !== undefined) this.#process.reach(0.01, taken);
    return true;
  }

  end(bytes?: Buffer): void {
    if (this.destroyed || this.#closed || !this.#process.speaks) return;
    if (bytes !== undefined) this.write(bytes);
    this.#closed = true;
    this.#towards('client', () => this.#gone());
  }

  destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.#towards('client', () => this.#gone());
    this.#process.reach(0, () => this.emit('close'));
    return this;
  }

  pause(): this {
    this.#paused = true;
    return this;
  }

  resume(): this {
    if (!this.#paused) return this;
    this.#paused = false;
    this.#process.reach(0, () => this.#read());
    return this;
  }

  #read(): void {
    while (!this.#paused && !this.destroyed) {
      const next = this.#unread.shift();
      if (next === undefined) return;
      if (next !== 'end') {
        this.bytesRead += next.length;
        this.emit('data', next);
        continue;
      }
      this.emit('end');
      this.end();
      this.#process.reach(0, () => this.destroy());
    }
  }

  // The client's end

  /** What the client sends. */
  feed(text: string): void {
    const sent = Buffer.from(text, 'latin1');
    const bytes = this.#hears === undefined ? sent : passed(sent, this.#hears);
    this.#towards('edge', () => this.#vanished || this.#arrived(bytes));
  }

  /** The client goes: it does not hear what is on its way to it. */
  leave(): void {
    this.#peer = undefined;
    this.#towards('edge', () => this.#arrived('end'));
  }

  /** The client's machine is gone from the net: the edge hears nothing more, not even that. */
  vanish(): void {
    this.#peer = undefined;
    this.#vanished = true;
  }

  /** The client does not read for so long. */
  sleep(ms: number): void {
    this.#slowUntil = this.#scheduler.now + ms;
    this.#scheduler.after(ms, () => {
      for (const { bytes, taken } of this.#untaken.splice(0)) {
        this.#carry(bytes);
        if (taken !== undefined) this.#process.reach(0.01, taken);
      }
    });
  }

  /** The edge's process is gone. @param all whether what it had sent still arrives */
  cut(all: boolean): void {
    this.destroyed = true;
    if (all) this.#towards('client', () => this.#gone());
    else this.#scheduler.after(0.1, () => this.#gone());
  }

  #arrived(what: Buffer | 'end'): void {
    if (this.destroyed) return;
    // The system takes it, in order, whatever the process does meanwhile.
    this.#unread.push(what);
    this.#process.reach(0, () => this.#read());
  }

  #carry(bytes: Buffer): void {
    this.#towards('client', () => this.#peer?.received(bytes));
  }

  #gone(): void {
    const peer = this.#peer;
    this.#peer = undefined;
    peer?.lost();
    if (!this.destroyed) this.destroy();
  }

  #towards(end: 'edge' | 'client', arrive: () => void): void {
    const { now } = this.#scheduler;
    const at = now + this.#chance.between(...WAY_MS);
    if (end === 'edge') {
      this.#towardsEdge = Math.max(this.#towardsEdge + 1e-3, at);
      this.#scheduler.after(this.#towardsEdge - now, arrive);
    } else {
      this.#towardsClient = Math.max(this.#towardsClient + 1e-3, at);
      this.#scheduler.after(this.#towardsClient - now, arrive);
    }
  }
}
