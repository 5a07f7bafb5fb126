/** The one Logout that a refused Logon gets, written for whoever sent it. It uses no number on either side. */

import type { Encoder } from './fix/encoder.ts';
import { HeaderTemplate } from './fix/header.ts';
import type { Message } from './fix/message.ts';
import { writeRefusal } from './fix/session/session.ts';
import { decimalsFor, isFixt } from './fix/session/versions.ts';
import { Tag } from './fix/tags.ts';
import type { House } from './house.ts';
import { COMP_ID_BYTES } from './limits.ts';

/** Who sent the Logon, by its own words. */
export interface Sender {
  readonly begin_string: string;
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  readonly sender_sub_id: string;
}

/** What the Logout says. */
export interface Says {
  /** The session's next number, or 1 for who has not proved itself: it tells nothing then. */
  readonly msgSeqNum: number;
  readonly text: string;
  /** SessionStatus (1409), where the version has it; -1: none. */
  readonly status: number;
}

/** Nobody is told anything. */
export const SILENT: Says = { msgSeqNum: 1, text: '', status: -1 };

/** Writes it, by the gateway's own settings. */
export function refusalOf(
  encoder: Encoder,
  sender: Sender,
  { msgSeqNum, text, status }: Says,
  { config, turns }: Pick<House, 'config' | 'turns'>,
): void {
  const { begin_string, sender_comp_id, target_comp_id, sender_sub_id } = sender;
  const header = new HeaderTemplate(
    {
      beginString: begin_string,
      senderCompId: target_comp_id,
      targetCompId: sender_comp_id,
      targetSubId: sender_sub_id,
    },
    decimalsFor(begin_string, config.session_profile.timestamp_precision),
  );
  const told = isFixt(begin_string) ? status : -1;
  writeRefusal(encoder, header, { msgSeqNum, text, status: told }, turns.now);
}

/** Undefined: it does not say who it is, or at too great a length. */
export function senderOf(message: Message): Sender | undefined {
  const named = (i: number): boolean => message.length(i) > 0 && message.length(i) <= COMP_ID_BYTES;
  const { senderCompId, targetCompId } = message;
  const sub = message.index(Tag.SenderSubID);
  if (!named(senderCompId) || !named(targetCompId) || message.length(sub) > COMP_ID_BYTES) return undefined;
  return {
    begin_string: message.text(message.beginString),
    sender_comp_id: message.text(senderCompId),
    target_comp_id: message.text(targetCompId),
    sender_sub_id: message.text(sub),
  };
}
