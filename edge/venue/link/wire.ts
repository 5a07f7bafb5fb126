/** One connection of a link: frames in, and out of a mailbox as fast as the other side takes them. */

import type { Socket } from 'node:net';
import { type Frame, frameOf, Unframer } from './frames.ts';
import { SOCKET_BYTES } from './limits.ts';
import type { Mailbox } from './mailroom.ts';

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
  #why = 'the other side closed it';

  constructor(socket: Socket, events: WireEvents) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      try {
        events.onFrames([...this.#unframer.add(chunk)]);
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
    this.#socket.pause();
  }

  resume(): void {
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
    for (const { number, frame } of box.after(this.#sent)) {
      if (number > box.sendable || !this.flows) return;
      this.#sent = number;
      this.#socket.write(frame);
    }
  }
}
