/**
 * Checks a tokenised message against a dictionary. The precedence of mistakes is that of the field's engines: fields out
 * of their section (373=14), unknown MsgType (11), required fields (1, header first), then field by field: repeated (13),
 * empty (4), form (6), value (5), unknown (0), not in this message (2), groups (15, 16). Allocates nothing.
 */

import { type Message, TOKENS_BAD_DATA, TOKENS_INVALID_TAG, TOKENS_OK, TOKENS_TOO_MANY } from '../message.ts';
import type { Dictionary } from './dictionary.ts';
import { checkField, fail } from './field-rules.ts';
import { type Rules, ZONE_BODY, ZONE_HEADER } from './rules.ts';
import { Reason, type ValidationOptions, type Verdict } from './verdict.ts';

/** 8, 9 and 35 have been proved by the framer. */
const FIRST_FREE = 3;

/**
 * Holds the message that {@link tokenise} split, given what it returned, against the rules.
 * @returns true when the message is fine; otherwise `verdict` has reason and tag
 */
export function judge(
  dictionary: Dictionary,
  message: Message,
  options: ValidationOptions,
  verdict: Verdict,
  tokens: number,
): boolean {
  verdict.reason = Reason.None;
  verdict.refTagId = 0;
  if (tokens === TOKENS_TOO_MANY) return fail(verdict, Reason.Other, 0);
  const body = dictionary.body(message.msgType);
  if (body === undefined) return fail(verdict, Reason.InvalidMsgType, 0);

  const { header, trailer } = dictionary;
  const inHeader = header.begin();
  const inBody = body.begin();
  const inTrailer = trailer.begin();
  const { tags, count } = message;
  for (let i = 0; i < FIRST_FREE && i < count; i++) fill(header, header.slot(tags[i]!), inHeader);
  if (tokens !== TOKENS_OK) mark(verdict, tokens, message.badTag);

  let zone = ZONE_HEADER; // how far the message has come
  let current = ZONE_HEADER; // the section `rules` are of
  let rules = header;
  let generation = inHeader;
  let i = FIRST_FREE;
  while (i < count) {
    const tag = tags[i]!;
    let slot = rules.slot(tag);
    if (slot < 0) {
      const place = dictionary.zone(tag);
      if (place !== current) {
        if (place > zone) zone = place;
        else if (place < zone && options.validate_fields_out_of_order) {
          return fail(verdict, Reason.TagOutOfOrder, tag);
        }
        current = place;
        rules = place === ZONE_BODY ? body : place === ZONE_HEADER ? header : trailer;
        generation = place === ZONE_BODY ? inBody : place === ZONE_HEADER ? inHeader : inTrailer;
        slot = rules.slot(tag);
      }
    }
    if (verdict.reason !== Reason.None) {
      // A mistake is known; go on only to see whether one that goes before it is there.
      fill(rules, slot, generation);
      i++;
    } else i = checkField(dictionary, rules, slot, generation, message, i, options, verdict);
  }
  const missing = header.missing(inHeader) || trailer.missing(inTrailer) || body.missing(inBody);
  if (missing !== 0) return fail(verdict, Reason.RequiredTagMissing, missing);
  return verdict.reason === Reason.None;
}

/** What {@link tokenise} found wrong, as a reason. */
function mark(verdict: Verdict, tokens: number, tag: number): void {
  if (tokens === TOKENS_INVALID_TAG) fail(verdict, Reason.InvalidTagNumber, tag);
  else if (tokens === TOKENS_BAD_DATA) fail(verdict, Reason.IncorrectFormat, tag);
  else fail(verdict, Reason.Other, 0);
}

function fill(rules: Rules, slot: number, generation: number): void {
  if (slot >= 0) rules.seen[slot] = generation;
}
