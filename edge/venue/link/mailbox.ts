/** Frames that wait for one peer, numbered, and how far the peer's have been done. */

import { frameOf, NOTHING, setNumber } from './frames.ts';

export interface Waiting {
  readonly number: number;
  frame: Buffer;
  /** Which session it is about; undefined: none, or it does not matter. */
  session: string | undefined;
}

export class Mailbox {
  /** Of the peer: another one means that it has forgotten everything. '': nothing is known of it. */
  theirLog = '';
  /** Of the last of the peer's frames whose effects are here. */
  received = 0;
  /** Of the next frame to the peer. */
  next = 1;
  /** What of the two is on disk: so far frames may leave, and be acknowledged. */
  sendable = 0;
  acknowledgeable = 0;
  /** The same, of a flush that has been sealed. */
  #sealedNext = 0;
  #sealedReceived = 0;
  /** Of the first frame that the peer has not acknowledged. Those between it and the oldest that waits were dropped. */
  due = 1;
  bytes = 0;
  #waiting: Waiting[] = [];
  #head = 0;

  get count(): number {
    return this.#waiting.length - this.#head;
  }

  /** Of the oldest that waits; of the next, when none does. */
  get first(): number {
    return this.#waiting[this.#head]?.number ?? this.next;
  }

  add(frame: Buffer, session?: string): number {
    const number = this.next++;
    setNumber(frame, number);
    this.#waiting.push({ number, frame, session });
    this.bytes += frame.length;
    return number;
  }

  /** Those after this number, oldest first. */
  *after(number: number): Generator<Waiting> {
    const { first } = this;
    for (let i = this.#head + Math.max(0, number + 1 - first); i < this.#waiting.length; i++) yield this.#waiting[i]!;
  }

  /** The frame of this number is nothing from now on. @returns what it was */
  void(number: number): Waiting | undefined {
    const { first } = this;
    const waiting = this.#waiting[this.#head + number - first];
    if (waiting === undefined || number < first) return undefined;
    const was = { ...waiting };
    this.bytes -= waiting.frame.length;
    // A new one: the socket may have what it was.
    waiting.frame = frameOf(NOTHING, '{}');
    setNumber(waiting.frame, number);
    waiting.session = undefined;
    this.bytes += waiting.frame.length;
    return was;
  }

  acked(number: number): void {
    this.due = Math.max(this.due, Math.min(number + 1, this.next));
    this.dropTo(number);
  }

  /** Forgets all up to this number. */
  dropTo(number: number): void {
    while (this.count > 0 && this.first <= number) this.drop();
  }

  /** Forgets the oldest. @returns what it was; there has to be one */
  drop(): Waiting {
    const oldest = this.#waiting[this.#head++]!;
    this.bytes -= oldest.frame.length;
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return oldest;
  }

  seal(): void {
    this.#sealedNext = this.next - 1;
    this.#sealedReceived = this.received;
  }

  /** What was sealed is on disk. */
  flushed(): void {
    this.sendable = this.#sealedNext;
    this.acknowledgeable = this.#sealedReceived;
  }

  /** The peer knows nothing of what was: what waits is numbered anew. */
  begin(theirLog: string): void {
    const frames = [...this.after(0)];
    this.theirLog = theirLog;
    this.received = 0;
    this.next = 1;
    this.due = 1;
    this.sendable = 0;
    this.acknowledgeable = 0;
    this.seal();
    this.bytes = 0;
    this.#waiting = [];
    this.#head = 0;
    for (const { frame, session } of frames) this.add(frame, session);
  }
}
