/** Frames that wait for one peer, numbered, and how far the peer's have been done. */

import { frameOf, NOTHING, setNumber } from './frames.ts';
import { Kept, type Waiting } from './kept.ts';

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
  /** Older than the others: where too much waited, these stayed. Between their numbers others are missing. */
  readonly #kept = new Kept();
  /** The others, without a gap. */
  #waiting: Waiting[] = [];
  #head = 0;

  get count(): number {
    return this.#kept.count + this.others;
  }

  /** How many there are but for those that stay in any case. */
  get others(): number {
    return this.#waiting.length - this.#head;
  }

  /** Number of the oldest of {@link others}; of the next frame, when there is none. */
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

  /** One that the log has, of this number: where some before it are missing, those that are there have stayed. */
  restore(number: number, frame: Buffer, session?: string): void {
    if (number !== this.next) while (this.others > 0) this.bytes -= this.#kept.add(this.#shift());
    this.next = number;
    this.add(frame, session);
  }

  /** Those after this number, oldest first. */
  *after(number: number): Generator<Waiting> {
    yield* this.#kept.after(number);
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
    this.bytes -= this.#kept.acked(number);
    while (this.others > 0 && this.first <= number) this.bytes -= this.#shift().frame.length;
  }

  /** The same as was done with these numbers before: see {@link drop}. */
  dropTo(number: number): void {
    while (this.others > 0 && this.first <= number) this.drop();
  }

  /**
   * Makes room: the oldest of {@link others} goes, unless the peer has to have it in any case (kept.ts).
   * @returns what is lost
   */
  drop(): Waiting | undefined {
    const oldest = this.#shift();
    const replaced = this.#kept.keep(oldest);
    this.bytes -= replaced ?? oldest.frame.length;
    return replaced === undefined ? oldest : undefined;
  }

  #shift(): Waiting {
    const oldest = this.#waiting[this.#head++]!;
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
    this.#kept.clear();
    this.#waiting = [];
    this.#head = 0;
    for (const { frame, session } of frames) this.add(frame, session);
  }
}
