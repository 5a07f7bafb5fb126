/** The part of a session's headers that stays the same, as bytes. */

import type { TimestampDecimals } from './timestamp.ts';

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

export class HeaderTemplate {
  readonly beginString: string;
  /** `8=…|9=` */
  readonly head: Buffer;
  /** `|49=…|[50=…|][142=…|]52=` from the SOH after MsgSeqNum on. */
  readonly sender: Buffer;
  /** `|56=…|[57=…|][143=…|]` from the SOH after SendingTime on. */
  readonly target: Buffer;
  readonly decimals: TimestampDecimals;

  constructor(ids: HeaderIds, decimals: TimestampDecimals = 3) {
    const field = (tag: number, value: string | undefined) => (value ? `${tag}=${value}\x01` : '');
    this.beginString = ids.beginString;
    this.decimals = decimals;
    this.head = Buffer.from(`8=${ids.beginString}\x019=`, 'latin1');
    const sender = field(49, ids.senderCompId) + field(50, ids.senderSubId) + field(142, ids.senderLocationId);
    const target = field(56, ids.targetCompId) + field(57, ids.targetSubId) + field(143, ids.targetLocationId);
    this.sender = Buffer.from(`\x01${sender}52=`, 'latin1');
    this.target = Buffer.from(`\x01${target}`, 'latin1');
  }
}
