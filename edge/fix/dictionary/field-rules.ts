/**
 * Checks one field of a message against the rules of the section or group entry it stands in, and the entries of a group
 * behind their count. The order in which mistakes count is judge.ts's. Allocates nothing.
 */

import type { Message } from '../message.ts';
import { MsgType, Tag } from '../tags.ts';
import type { Fields, Rules } from './rules.ts';
import { hasForm, hasSeveral, Kind, type ValueSet } from './types.ts';
import { Reason, type ValidationOptions, type Verdict } from './verdict.ts';

/** User-defined tags begin here (FIX 4.4 vol. 1, "User defined fields"). */
const USER_DEFINED = 5000;

/** Taken in a Logon of every version, whatever its dictionary says: clients of 4.0 to 4.3 prove themselves with them. */
function allowedInLogon(tag: number): boolean {
  switch (tag) {
    case Tag.RawDataLength:
    case Tag.RawData:
    case Tag.ResetSeqNumFlag:
    case Tag.MaxMessageSize:
    case Tag.NoMsgTypes:
    case Tag.RefMsgType:
    case Tag.MsgDirection:
    case Tag.Username:
    case Tag.Password:
    case Tag.NextExpectedMsgSeqNum:
    case Tag.NewPassword:
    case Tag.DefaultApplVerID:
      return true;
    default:
      return false;
  }
}

/** Writes a mistake down. @returns false, for the caller to return */
export function fail(verdict: Verdict, reason: number, tag: number): false {
  verdict.reason = reason;
  verdict.refTagId = tag;
  return false;
}

/**
 * Checks field i, which fills `slot` of `rules` (-1: it does not belong there), and the entries of the group it counts.
 * @returns the index of the field after it
 */
export function checkField(
  fields: Fields,
  rules: Rules,
  slot: number,
  generation: number,
  message: Message,
  i: number,
  options: ValidationOptions,
  verdict: Verdict,
): number {
  if (slot < 0) {
    checkForeign(fields, message, i, options, verdict);
    return i + 1;
  }
  if (rules.seen[slot] === generation) {
    fail(verdict, Reason.TagAppearsMoreThanOnce, message.tags[i]!);
    return i + 1;
  }
  rules.seen[slot] = generation;
  const from = message.from(i);
  const to = message.to(i);
  if (from === to) {
    if (options.validate_fields_have_values) fail(verdict, Reason.TagWithoutValue, message.tags[i]!);
    return i + 1;
  }
  if (rules.plain[slot] === 1) return i + 1;
  if (!checkValue(rules.kinds[slot]!, rules.values[slot], message, i, verdict)) return i + 1;
  const group = rules.groups[slot];
  return group === undefined ? i + 1 : checkGroup(fields, group, message, i, options, verdict);
}

/** Checks field i, which its message does not have. */
function checkForeign(fields: Fields, message: Message, i: number, options: ValidationOptions, verdict: Verdict): void {
  const tag = message.tags[i]!;
  const known = fields.knowsTagIn(message.msgType, tag);
  if (message.from(i) === message.to(i)) {
    if (options.validate_fields_have_values) {
      fail(verdict, Reason.TagWithoutValue, tag);
      return;
    }
  } else if (known && !checkValue(fields.kind(tag), fields.values(tag), message, i, verdict)) return;
  if (mayBeForeign(message, tag, options)) return;
  fail(verdict, known ? Reason.TagNotDefinedForMessage : Reason.InvalidTagNumber, tag);
}

/** Whether a field that its message does not have is let through. */
function mayBeForeign(message: Message, tag: number, options: ValidationOptions): boolean {
  if (message.msgType === MsgType.Logon && allowedInLogon(tag)) return true;
  return tag >= USER_DEFINED ? !options.validate_user_defined_fields : options.allow_unknown_msg_fields;
}

/** Whether a field that no part of a message has is let through: it ends no entry that it stands in. */
function isNobodys(fields: Fields, message: Message, tag: number, options: ValidationOptions): boolean {
  return !fields.knowsTagIn(message.msgType, tag) && mayBeForeign(message, tag, options);
}

/** Form and value of field i, which is not empty. */
function checkValue(
  kind: number,
  values: ValueSet | undefined,
  message: Message,
  i: number,
  verdict: Verdict,
): boolean {
  const from = message.from(i);
  const to = message.to(i);
  if (values !== undefined) {
    // A value the dictionary lists has its form; only one that is not listed must be asked which mistake it is.
    if (hasSeveral(kind) ? values.hasAll(message.buf, from, to) : values.has(message.buf, from, to)) return true;
  }
  if (kind !== Kind.Any && !hasForm(kind, message.buf, from, to)) {
    return fail(verdict, Reason.IncorrectFormat, message.tags[i]!);
  }
  return values === undefined || fail(verdict, Reason.ValueIncorrect, message.tags[i]!);
}

/**
 * Checks the entries after the count at index `at`. Each begins with the group's first field (15 for the first that does
 * not); the group ends at the first field that is none of its own. Loops over the fields that are there, never over the
 * count that is claimed.
 * @returns the index of the field after the group, or where the mistake in `verdict` was found
 */
export function checkGroup(
  fields: Fields,
  group: Rules,
  message: Message,
  at: number,
  options: ValidationOptions,
  verdict: Verdict,
): number {
  const { tags, count } = message;
  const claimed = message.int(at);
  let entries = 0;
  let generation = 0;
  let last = -1;
  let i = at + 1;
  while (i < count) {
    const tag = tags[i]!;
    const slot = group.slot(tag);
    if (slot < 0) {
      if (entries === 0 || !isNobodys(fields, message, tag, options)) break;
      checkForeign(fields, message, i, options, verdict);
      if (verdict.reason !== Reason.None) return i;
      i++;
      continue;
    }
    if (slot === 0) {
      if (entries > 0 && !complete(group, generation, verdict)) return i;
      entries++;
      generation = group.begin();
      last = -1;
    } else if (entries === 0) {
      if (claimed > 0) fail(verdict, Reason.GroupFieldsOutOfOrder, tag);
      return i;
    }
    if (options.validate_unordered_group_fields && slot <= last) {
      fail(verdict, Reason.GroupFieldsOutOfOrder, tag);
      return i;
    }
    last = slot;
    i = checkField(fields, group, slot, generation, message, i, options, verdict);
    if (verdict.reason !== Reason.None) return i;
  }
  if (entries > 0 && !complete(group, generation, verdict)) return i;
  if (claimed !== entries) fail(verdict, Reason.IncorrectNumInGroup, tags[at]!);
  return i;
}

/** Whether an entry has its required fields. */
function complete(group: Rules, generation: number, verdict: Verdict): boolean {
  const missing = group.missing(generation);
  return missing === 0 || fail(verdict, Reason.RequiredTagMissing, missing);
}
