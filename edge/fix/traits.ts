/** What the tokeniser has to know of a tag before it knows the message. */

import { DATA_FIELDS } from './data-fields.ts';
import { Tag } from './tags.ts';

/** Tags below this are looked up in {@link TRAITS}; no slot and no data length field lies above. */
export const LOOKUP = 65_536;

/** The header's fields, and the trailer's, that a message knows by a slot of their own. */
export const SLOT_TAGS = [
  Tag.BeginString,
  Tag.BodyLength,
  Tag.MsgType,
  Tag.MsgSeqNum,
  Tag.SenderCompID,
  Tag.TargetCompID,
  Tag.SendingTime,
  Tag.PossDupFlag,
  Tag.PossResend,
  Tag.OrigSendingTime,
  Tag.SenderSubID,
  Tag.TargetSubID,
  Tag.SenderLocationID,
  Tag.TargetLocationID,
  Tag.OnBehalfOfCompID,
  Tag.OnBehalfOfSubID,
  Tag.OnBehalfOfLocationID,
  Tag.DeliverToCompID,
  Tag.DeliverToSubID,
  Tag.DeliverToLocationID,
  Tag.ApplVerID,
  Tag.LastMsgSeqNumProcessed,
  Tag.CheckSum,
] as const;

/** What the tokeniser has to know of a tag; 0 of most. Low byte: slot number + 1; above it: the data field it measures. */
export type TagTraits = Int32Array;

export const SLOT_BITS = 8;
export const SLOT_MASK = 0xff;

/** By the standard, all versions. */
export const TRAITS: TagTraits = new Int32Array(LOOKUP);
for (const [slot, tag] of SLOT_TAGS.entries()) TRAITS[tag] = slot + 1;
for (const [length, data] of DATA_FIELDS) measure(TRAITS, length, data);

function measure(traits: TagTraits, length: number, data: number): void {
  traits[length] = (traits[length]! & SLOT_MASK) | (data << SLOT_BITS);
}

/** The standard's with more data fields. @param pairs of tags below {@link LOOKUP} */
export function traitsWith(pairs: readonly (readonly [lengthTag: number, dataTag: number])[]): TagTraits {
  if (pairs.length === 0) return TRAITS;
  const traits = TRAITS.slice();
  for (const [length, data] of pairs) measure(traits, length, data);
  return traits;
}

/** The tag of the data field that a length field of `tag` measures, 0 when it measures none. */
export const dataTagOf = (tag: number, traits: TagTraits = TRAITS): number =>
  tag > 0 && tag < LOOKUP ? traits[tag]! >>> SLOT_BITS : 0;
