/** The Logout that answers a refused Logon. It uses no sequence number on either side. */

import type { Encoder } from './fix/encoder.ts';
import { HeaderTemplate } from './fix/header.ts';
import type { Message } from './fix/message.ts';
import { writeRefusal } from './fix/session/session.ts';
import { decimalsFor, isFixt } from './fix/session/versions.ts';
import { Tag } from './fix/tags.ts';
import type { House } from './house.ts';
import { COMP_ID_BYTES } from './limits.ts';

/** The sender of the Logon, as the Logon says. */
export interface Sender {
  readonly begin_string: string;
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  readonly sender_sub_id: string;
}

/** What the Logout says. */
export interface Says {
  /** The session's next number; 1 for a sender that has not proved itself, to tell it nothing. */
  readonly msgSeqNum: number;
  readonly text: string;
  /** SessionStatus (1409), where the version has it; -1: none. */
  readonly status: number;
}

/** For closing without a Logout. */
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

/** Undefined: a name is missing or too long. */
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
