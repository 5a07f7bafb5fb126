/** The part of a session's headers that stays the same, as bytes. */

import { type TimestampDecimals, TimestampWriter, timestampLength } from './timestamp.ts';
import { SLACK, sumWords, viewOf } from './words.ts';

/** What does not change in a session's headers, rendered once. CompIDs and sub IDs hold no SOH: provisioning sees to it. */
export interface HeaderIds {
  beginString: string;
  senderCompId: string;
  targetCompId: string;
  senderSubId?: string;
  targetSubId?: string;
  senderLocationId?: string;
  targetLocationId?: string;
}

/** The second is rendered once for all sessions. */
const CLOCK = new TimestampWriter();

export class HeaderTemplate {
  readonly beginString: string;
  readonly decimals: TimestampDecimals;
  /** `8=…|9=`, and its length. */
  readonly head: DataView;
  readonly headLength: number;
  /** `|49=…|[50=…|][142=…|]52=…|56=…|[57=…|][143=…|]` from the SOH after MsgSeqNum on, and its length. */
  readonly ids: DataView;
  readonly idsLength: number;
  /** Where SendingTime stands in `ids`, and which one it is. */
  private readonly timeAt: number;
  private timeMs = Number.NaN;
  /** Of the bytes of head and ids, see {@link at}; modulo 256 it is a part of the CheckSum. */
  sum = 0;
  private readonly fixedSum: number;

  constructor(ids: HeaderIds, decimals: TimestampDecimals = 3) {
    const field = (tag: number, value: string | undefined) => (value ? `${tag}=${value}\x01` : '');
    this.beginString = ids.beginString;
    this.decimals = decimals;
    const head = `8=${ids.beginString}\x019=`;
    const sender = field(49, ids.senderCompId) + field(50, ids.senderSubId) + field(142, ids.senderLocationId);
    const target = field(56, ids.targetCompId) + field(57, ids.targetSubId) + field(143, ids.targetLocationId);
    const before = `\x01${sender}52=`;
    const all = `${before}${'0'.repeat(timestampLength(decimals))}\x01${target}`;
    // Memory of its own: a piece of Node's pool would keep alive the room of dozens of buffers that are gone.
    const middle = head.length + SLACK;
    const bytes = Buffer.alloc(middle + all.length + SLACK);
    bytes.write(head, 0, 'latin1');
    bytes.write(all, middle, 'latin1');
    this.head = viewOf(bytes.subarray(0, middle));
    this.headLength = head.length;
    this.ids = viewOf(bytes.subarray(middle));
    this.idsLength = all.length;
    this.timeAt = before.length;
    this.fixedSum = sumWords(this.head, 0, head.length);
  }

  /** Sets SendingTime in {@link ids}: most messages are sent in the same millisecond as the one before. */
  at(epochMs: number): void {
    if (epochMs === this.timeMs) return;
    this.timeMs = epochMs;
    const end = this.timeAt + timestampLength(this.decimals);
    const behind = this.ids.getBigInt64(end, true);
    CLOCK.write(this.ids, this.timeAt, epochMs, this.decimals);
    this.ids.setBigInt64(end, behind, true);
    this.sum = this.fixedSum + sumWords(this.ids, 0, this.idsLength);
  }
}
