/** The one Logout that a refused Logon gets, written for whoever sent it. It uses no number on either side. */

import type { Encoder } from './fix/encoder.ts';
import { HeaderTemplate } from './fix/header.ts';
import type { Instant } from './fix/session/ports.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import { writeRefusal } from './fix/session/session.ts';
import { decimalsFor } from './fix/session/versions.ts';

/** Who sent the Logon, by its own words. */
export interface Sender {
  readonly begin_string: string;
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  readonly sender_sub_id: string;
}

/** @param msgSeqNum the session's next number, or 1 for who has not proved itself: it tells nothing then */
export function refusalOf(
  encoder: Encoder,
  sender: Sender,
  msgSeqNum: number,
  text: string,
  profile: SessionProfile,
  now: Instant,
): void {
  const { begin_string, sender_comp_id, target_comp_id, sender_sub_id } = sender;
  const header = new HeaderTemplate(
    {
      beginString: begin_string,
      senderCompId: target_comp_id,
      targetCompId: sender_comp_id,
      targetSubId: sender_sub_id,
    },
    decimalsFor(begin_string, profile.timestamp_precision),
  );
  writeRefusal(encoder, header, msgSeqNum, text, now);
}
