/** A SessionStore in memory, with the questions tests ask of it. */

import { type Fate, KEEP, LOADING, type SessionStore, type StoredMessage } from '../../../../edge/fix/session/ports.ts';

export class MemorySessionStore implements SessionStore {
  nextIn = 1;
  nextOut = 1;
  generation = 0;
  createdAt = 0;
  lostAt = 0;
  /** As if the messages lay on disk and were not at hand. */
  loading = false;
  /** Calls of next(): what a resend costs. */
  lookups = 0;
  private sent: StoredMessage[] = [];
  private waiting: Buffer[] = [];

  setNextIn(next: number): void {
    this.nextIn = next;
  }

  noteNextIn(next: number): void {
    this.setNextIn(next);
  }

  setNextOut(next: number): void {
    this.nextOut = next;
  }

  reset(epochMs: number): void {
    this.nextIn = 1;
    this.nextOut = 1;
    this.generation++;
    this.createdAt = epochMs;
    this.sent = [];
  }

  append(msgSeqNum: number, buf: Buffer, start: number, end: number, _epochMs: number, how: number): void {
    if (msgSeqNum !== this.nextOut) throw new Error(`${msgSeqNum} is not the next number`);
    this.nextOut = msgSeqNum + 1;
    if ((how & KEEP) === 0) return;
    const copy = Buffer.copyBytesFrom(buf, start, end - start);
    this.sent.push({ msgSeqNum, buf: copy, start: 0, end: copy.length });
  }

  next(from: number, to: number): StoredMessage | undefined | typeof LOADING {
    this.lookups++;
    if (this.loading) return LOADING;
    return this.sent.find(({ msgSeqNum }) => msgSeqNum >= from && msgSeqNum <= to);
  }

  get pending(): number {
    return this.waiting.length;
  }

  enqueue(buf: Buffer, start: number, end: number): void {
    this.waiting.push(Buffer.copyBytesFrom(buf, start, end - start));
  }

  peek(): StoredMessage | undefined {
    const buf = this.waiting[0];
    return buf === undefined ? undefined : { msgSeqNum: 0, buf, start: 0, end: buf.length };
  }

  promote(msgSeqNum: number, buf: Buffer, start: number, end: number, epochMs: number, how: number): void {
    this.waiting.shift();
    this.append(msgSeqNum, buf, start, end, epochMs, how);
  }

  /** What was received, with its fate. */
  readonly inbound: { readonly msgSeqNum: number; readonly fate: Fate; readonly text: string }[] = [];

  received(msgSeqNum: number, buf: Buffer, start: number, end: number, _epochMs: number, fate: Fate): void {
    this.inbound.push({ msgSeqNum, fate, text: buf.toString('latin1', start, end) });
  }

  /** Numbers that were sent again. */
  readonly again: number[] = [];

  resent(msgSeqNum: number): void {
    this.again.push(msgSeqNum);
  }

  knowsId(): boolean {
    return false;
  }
}
