/** The writing half of a connection: one buffer that messages are encoded into, one write of it at a time. */

import type { Socket } from 'node:net';
import { Encoder } from './fix/encoder.ts';
import { OUTPUT_BUFFER_BYTES, OUTPUT_INITIAL_BYTES, WRITE_STALL_MS } from './limits.ts';

export class Wire {
  readonly encoder = new Encoder(OUTPUT_INITIAL_BYTES, OUTPUT_BUFFER_BYTES);
  readonly #socket: Socket;
  readonly #onDrained: () => void;
  readonly #onWritten: () => void;
  /** What the socket has and has not taken yet. */
  #writing: Buffer | undefined;
  #since = 0;

  /** @param onDrained the last write was taken: there is room again */
  constructor(socket: Socket, onDrained: () => void) {
    this.#socket = socket;
    this.#onDrained = onDrained;
    this.#onWritten = () => {
      const taken = this.#writing;
      this.#writing = undefined;
      if (taken === undefined) return;
      this.encoder.recycle(taken);
      this.#onDrained();
    };
  }

  /** Bytes that the client's side has not taken. */
  get backlog(): number {
    return this.encoder.length + (this.#writing === undefined ? 0 : this.#writing.length);
  }

  get writing(): boolean {
    return this.#writing !== undefined;
  }

  /** Monotonic ms when the write under way has lasted too long; Infinity: none is. */
  get stalledAt(): number {
    return this.#writing === undefined ? Number.POSITIVE_INFINITY : this.#since + WRITE_STALL_MS;
  }

  /** Writes what has been encoded, unless a write is under way: then it follows with the next. @returns what went out */
  flush(monoMs: number): Buffer | undefined {
    if (this.#writing !== undefined || this.encoder.length === 0) return undefined;
    const bytes = this.encoder.take();
    this.#writing = bytes;
    this.#since = monoMs;
    this.#socket.write(bytes, this.#onWritten);
    return bytes;
  }

  /** Writes the rest, then says FIN. @returns what went out */
  end(): Buffer | undefined {
    if (this.encoder.length === 0) {
      this.#socket.end();
      return undefined;
    }
    const bytes = this.encoder.take();
    this.#socket.end(bytes);
    return bytes;
  }

  /** Forgets what has not been written. */
  discard(): void {
    this.encoder.clear();
    this.#socket.destroy();
  }
}
