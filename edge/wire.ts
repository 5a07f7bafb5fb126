/** The output side of a connection: messages are encoded into one buffer, of which one write is under way at a time. */

import type { Socket } from 'node:net';
import type { Block } from './blocks.ts';
import { Encoder } from './fix/encoder.ts';
import { OUTPUT_BUFFER_BYTES, OUTPUT_INITIAL_BYTES, WRITE_STALL_MS } from './limits.ts';

/** Which output may leave: see Later in turn.ts. */
export interface Leave {
  /** The batch of the journal that everything encoded by now is in… */
  readonly ticket: number;
  /** …and the last batch that is durable. */
  readonly released: number;
}

/** Which of the bytes of an output buffer wait for which batch. */
class Marks {
  /** One for the batch under way and one for the next: rarely more. */
  readonly #tickets: number[] = [];
  readonly #ends: number[] = [];

  get none(): boolean {
    return this.#tickets.length === 0;
  }

  /** The bytes behind the last mark, up to `end`, wait for this batch. */
  add(ticket: number, end: number): void {
    const last = this.#ends.length - 1;
    if (last >= 0 && this.#ends[last] === end) return;
    if (last >= 0 && this.#tickets[last] === ticket) this.#ends[last] = end;
    else {
      this.#tickets.push(ticket);
      this.#ends.push(end);
    }
  }

  /** @returns how many bytes may leave */
  free(released: number): number {
    let end = 0;
    for (let i = 0; i < this.#ends.length && this.#tickets[i]! <= released; i++) end = this.#ends[i]!;
    return end;
  }

  /** So many bytes have been taken from the start. */
  taken(bytes: number): void {
    let gone = 0;
    for (let i = 0; i < this.#ends.length; i++) {
      this.#ends[i]! -= bytes;
      if (this.#ends[i]! <= 0) gone = i + 1;
    }
    this.#ends.splice(0, gone);
    this.#tickets.splice(0, gone);
  }
}

export class Wire {
  readonly encoder = new Encoder(OUTPUT_INITIAL_BYTES, OUTPUT_BUFFER_BYTES);
  readonly #socket: Socket;
  readonly #onDrained: () => void;
  readonly #onWritten: () => void;
  /** Bytes handed to the socket that it has not written yet. */
  #writing: Buffer | undefined;
  #writingBytes = 0;
  #since = 0;
  /** Made when something waits for the first time. */
  #marks: Marks | undefined;
  #bound = true;
  /** The session whose messages are written; undefined: none yet. */
  session: { readonly ahead: boolean; readonly nextOut: number } | undefined;
  /** The session's reserved block of numbers; undefined: it needs none. */
  block: Block | undefined;
  /** Encoded bytes that may not leave yet, as of the last {@link flush} or {@link end}. */
  withheld = 0;

  /** @param onDrained called when the last write is complete */
  constructor(socket: Socket, onDrained: () => void) {
    this.#socket = socket;
    this.#onDrained = onDrained;
    this.#onWritten = () => {
      const taken = this.#writing;
      this.#writing = undefined;
      this.#writingBytes = 0;
      if (taken === undefined) return;
      this.encoder.recycle(taken);
      this.#onDrained();
    };
  }

  /** For output to a client without a session: it is in no journal, and waits for none. */
  unbound(): Encoder {
    this.#bound = false;
    return this.encoder;
  }

  /** Bytes that the client's side has not taken. */
  get backlog(): number {
    return this.encoder.length + this.#writingBytes;
  }

  get writing(): boolean {
    return this.#writing !== undefined;
  }

  /** Monotonic ms after which the write under way has lasted too long; Infinity: there is none. */
  get stalledAt(): number {
    return this.#writing === undefined ? Number.POSITIVE_INFINITY : this.#since + WRITE_STALL_MS;
  }

  /** How long the write under way has lasted, ms; 0: there is none. */
  writingMs(monoMs: number): number {
    return this.#writing === undefined ? 0 : monoMs - this.#since;
  }

  /**
   * Writes what has been encoded and may leave, unless a write is under way: then it follows with the next.
   * @returns what went out
   */
  flush(monoMs: number, leave: Leave): Buffer | undefined {
    const bytes = this.#free(leave);
    return this.#writing !== undefined || bytes === 0 ? undefined : this.#write(bytes, monoMs);
  }

  #write(bytes: number, monoMs: number): Buffer {
    const taken = this.#take(bytes);
    this.#writing = taken;
    this.#writingBytes = bytes;
    this.#since = monoMs;
    this.#socket.write(taken, this.#onWritten);
    return taken;
  }

  /** Writes the rest and ends the connection. While some of it may not leave yet, writes only what may; then call it again. @returns what was written */
  end(monoMs: number, leave: Leave): Buffer | undefined {
    const bytes = this.#free(leave);
    if (bytes < this.encoder.length)
      return this.#writing !== undefined || bytes === 0 ? undefined : this.#write(bytes, monoMs);
    if (bytes === 0) {
      // Of a socket that has ended already it would make an error with a stack, for nobody.
      if (this.#socket.writable) this.#socket.end();
      return undefined;
    }
    const rest = this.#take(bytes);
    this.#socket.end(rest);
    return rest;
  }

  /** Forgets what has not been written. */
  discard(): void {
    this.encoder.clear();
    this.#marks = undefined;
    this.#socket.destroy();
  }

  /** Drops all output: it has numbers that another edge may use for something else. */
  get #overrun(): boolean {
    return this.block !== undefined && this.session !== undefined && this.session.nextOut > this.block.limit;
  }

  /** @returns how many of the bytes encoded may leave */
  #free({ ticket, released }: Leave): number {
    if (this.#overrun) {
      this.discard();
      return 0;
    }
    const { length } = this.encoder;
    if (!this.#bound || (ticket <= released && (this.#marks === undefined || this.#marks.none))) {
      this.withheld = 0;
      return length;
    }
    if (this.session?.ahead === true) {
      this.#marks = undefined;
      this.withheld = 0;
      return length;
    }
    this.#marks ??= new Marks();
    this.#marks.add(ticket, length);
    const free = this.#marks.free(released);
    this.withheld = length - free;
    return free;
  }

  #take(bytes: number): Buffer {
    this.#marks?.taken(bytes);
    return bytes === this.encoder.length ? this.encoder.take() : this.encoder.takeFirst(bytes);
  }
}
