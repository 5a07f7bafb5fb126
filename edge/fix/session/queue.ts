/**
 * Messages that came before their turn, copied, until the gap before them is filled. Bounded in number and bytes; what
 * does not fit is dropped and asked for again.
 */

import type { Message } from '../message.ts';
import { QUEUE_BYTES, QUEUE_MESSAGES } from './limits.ts';

/** Stands for a message that has been acted on already (Logon, ResendRequest): only its number is due. */
export const ACTED_ON: Buffer = Buffer.alloc(0);

/** Of those that wait for nothing, which nearly all are: never written to. */
const NONE = new Map<number, Buffer>();

export class InboundQueue {
  private messages = NONE;
  private bytes = 0;

  get size(): number {
    return this.messages.size;
  }

  /** Keeps a copy; the first message with a number stays. @returns false when there is no room */
  add(msgSeqNum: number, message: Message): boolean {
    const length = message.end - message.start;
    if (this.messages.has(msgSeqNum)) return true;
    if (this.messages.size >= QUEUE_MESSAGES || this.bytes + length > QUEUE_BYTES) return false;
    this.put(msgSeqNum, Buffer.copyBytesFrom(message.buf, message.start, length));
    this.bytes += length;
    return true;
  }

  /** Notes that the message with this number has been acted on out of turn; takes the place of a copy. */
  mark(msgSeqNum: number): void {
    this.remove(msgSeqNum);
    if (this.messages.size < QUEUE_MESSAGES) this.put(msgSeqNum, ACTED_ON);
  }

  get(msgSeqNum: number): Buffer | undefined {
    return this.messages.size === 0 ? undefined : this.messages.get(msgSeqNum);
  }

  remove(msgSeqNum: number): void {
    const copy = this.messages.get(msgSeqNum);
    if (copy === undefined) return;
    this.bytes -= copy.length;
    this.messages.delete(msgSeqNum);
  }

  /** Drops what lies below `next`: a SequenceReset passed over it. Costs what is queued, not what was passed over. */
  dropBelow(next: number): void {
    for (const msgSeqNum of this.messages.keys()) if (msgSeqNum < next) this.remove(msgSeqNum);
  }

  /** The lowest number queued; Infinity when empty. */
  lowest(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const msgSeqNum of this.messages.keys()) if (msgSeqNum < lowest) lowest = msgSeqNum;
    return lowest;
  }

  clear(): void {
    this.messages = NONE;
    this.bytes = 0;
  }

  private put(msgSeqNum: number, message: Buffer): void {
    if (this.messages === NONE) this.messages = new Map();
    this.messages.set(msgSeqNum, message);
  }
}
