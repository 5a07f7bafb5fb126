/** One connection of a link: frames in, and out of a mailbox as fast as the other side takes them. */

import type { Socket } from 'node:net';
import { Alive } from './alive.ts';
import { ALIVE, droppedFrame, type Frame, frameOf, Unframer } from './frames.ts';
import { SOCKET_BYTES, STANDSTILL_MS } from './limits.ts';
import type { Mailbox } from './mailbox.ts';

export interface WireEvents {
  /** All frames of one read. Throwing ends the connection. */
  onFrames(frames: readonly Frame[]): void;
  /** Once. */
  onGone(why: string): void;
}

export class LinkWire {
  readonly #socket: Socket;
  readonly #unframer = new Unframer();
  #box: Mailbox | undefined;
  /** Number of the last frame out of the box that went to the socket. */
  #sent = 0;
  #told = 0;
  #paused = false;
  #why = 'the other side closed it';
  /** Undefined: the other side knows nothing of it. */
  #alive: Alive | undefined;

  constructor(socket: Socket, events: WireEvents) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#alive?.heard();
      try {
        events.onFrames([...this.#unframer.add(chunk)].filter(({ type }) => type !== ALIVE));
      } catch (error) {
        this.end((error as Error).message);
      }
    });
    socket.on('drain', () => this.#pump());
    socket.on('error', (error) => {
      this.#why = error.message;
    });
    socket.on('end', () => socket.destroy());
    socket.once('close', () => events.onGone(this.#why));
  }

  /** Whether the other side takes what it is given. */
  get flows(): boolean {
    return !this.#socket.destroyed && this.#socket.writableLength < SOCKET_BYTES;
  }

  /** How long the other side had been away with its connection there; 0: it did not hang. */
  get hungMs(): number {
    return this.#alive?.gone ? STANDSTILL_MS : 0;
  }

  /** The other side beats: from now on this one does, and {@link look} ends the connection when nothing comes. */
  beat(): void {
    this.#alive = new Alive();
  }

  /** Called many times a second. @param monoMs now, monotonic ms */
  look(monoMs: number): void {
    if (this.#alive === undefined) return;
    if (this.#paused) this.#alive.skip(monoMs);
    else if (this.#alive.look(monoMs)) this.say(ALIVE, {});
    if (this.#alive.gone) this.end('it is silent: it hangs, or nothing gets through');
  }

  say(type: number, head: unknown, body?: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(frameOf(type, JSON.stringify(head), body));
  }

  /** A frame that is made already. */
  pass(frame: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(frame);
  }

  /** From now on what waits in the box goes out, beginning after this number. */
  attach(box: Mailbox, after: number): void {
    this.#box = box;
    this.#sent = after;
  }

  /** More of the box may be on disk by now: it leaves. */
  release(): void {
    this.#pump();
  }

  /** Tells how far the peer's frames are on disk here, up to `most`, when that is news. */
  acknowledge(type: number, most: number = Number.POSITIVE_INFINITY): void {
    const received = Math.min(this.#box?.acknowledgeable ?? 0, most);
    if (received === this.#told) return;
    this.#told = received;
    this.say(type, { received });
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Says no more, once what has been said is out. */
  finish(): void {
    this.#socket.end();
  }

  end(why: string): void {
    this.#why = why;
    this.#socket.destroy();
  }

  #pump(): void {
    const box = this.#box;
    if (box === undefined || this.#sent >= box.sendable) return;
    const { due, sendable } = box;
    // What is missing before the oldest was dropped, but for what the other side has: numbers are to have no gap.
    if (this.#sent < due - 1) this.#sent = due - 1;
    for (const { number, frame } of box.after(this.#sent)) {
      this.#fill(Math.min(number - 1, sendable));
      if (number > sendable || !this.flows) return;
      this.#sent = number;
      this.#socket.write(frame);
    }
  }

  /** Says that those up to this number are missing. */
  #fill(number: number): void {
    while (this.#sent < number && this.flows) {
      this.#sent += 1;
      this.#socket.write(droppedFrame(this.#sent));
    }
  }
}
