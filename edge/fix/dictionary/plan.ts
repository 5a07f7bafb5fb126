/**
 * The rules of one message type in one table by tag, over header, body and trailer together: what a message that is as it
 * should be is held against. It answers nothing but "fine" and "not plainly fine"; the rules have the last word.
 */

import { isDecimal, MAX_DIGITS } from '../integers.ts';
import type { Message } from '../message.ts';
import { Tag } from '../tags.ts';
import { checkGroup } from './field-rules.ts';
import { type Fields, type Rules, ZONE_BODY, ZONE_HEADER, ZONE_TRAILER } from './rules.ts';
import { hasForm, hasSeveral, Kind, type ValueSet } from './types.ts';
import { Reason, type ValidationOptions, type Verdict } from './verdict.ts';

/**
 * An entry has, from its lowest bit on: form (types.ts), section, whether it is required, whether its values are listed,
 * whether it counts a group, whether it has several values, and its place from 1 on, so that no entry is 0.
 */
const FORM_MASK = 0xf;
const ZONE_SHIFT = 4;
const ZONE_MASK = 0x3;
const REQUIRED = 1 << 6;
const LISTED = 1 << 7;
const GROUP = 1 << 8;
const PLACE_SHIFT = 10;

const MULTIPLE = 1 << 9;

/** Fields of a message whose shape is remembered; orders have fewer. */
export const SHAPE_FIELDS = 64;

/** Tags from here on have no entry. */
const HIGHEST = 65_536;

export class Plan {
  /** By tag; 0 for one that the rules must judge: not of this message, in two sections of it, or 8, 9, 35. */
  readonly entries: Int32Array;
  /** By place: the values it may have, and its group's rules. */
  readonly values: readonly (ValueSet | undefined)[];
  readonly groups: readonly (Rules | undefined)[];
  /** Required fields but 8, 9 and 35, which the framer has proved to be there. */
  readonly required: number;
  /** By place, the generation of the message in which it was met last. */
  readonly seen: Int32Array;
  private generation = 0;
  /** The tags of the last message that was plainly fine and had no group, their entries, and what was found of its body. */
  readonly shape = new Int32Array(SHAPE_FIELDS);
  readonly shapeEntries = new Int32Array(SHAPE_FIELDS);
  /** 0: there is none. */
  shapeCount = 0;
  bodyFrom = -1;
  bodyTo = -1;

  constructor(header: Rules, body: Rules, trailer: Rules) {
    const sections = [
      [ZONE_HEADER, header],
      [ZONE_BODY, body],
      [ZONE_TRAILER, trailer],
    ] as const;
    const tags = sections.flatMap(([, rules]) => [...rules.tags]).filter((tag) => tag < HIGHEST);
    const twice = new Set(tags.filter((tag, i) => tags.indexOf(tag) !== i));
    const values: (ValueSet | undefined)[] = [undefined];
    const groups: (Rules | undefined)[] = [undefined];
    this.entries = new Int32Array(Math.max(0, ...tags) + 1);
    let required = 0;
    for (const [zone, rules] of sections) {
      const musts = new Set(rules.required);
      for (const [slot, tag] of rules.tags.entries()) {
        const must = musts.has(slot) && !PROVED.has(tag);
        if (must) required++;
        if (tag >= HIGHEST || twice.has(tag) || PROVED.has(tag)) continue;
        const place = values.push(rules.values[slot]) - 1;
        groups.push(rules.groups[slot]);
        this.entries[tag] =
          rules.kinds[slot]! |
          (zone << ZONE_SHIFT) |
          (must ? REQUIRED : 0) |
          (rules.values[slot] === undefined ? 0 : LISTED) |
          (rules.groups[slot] === undefined ? 0 : GROUP) |
          (hasSeveral(rules.kinds[slot]!) ? MULTIPLE : 0) |
          (place << PLACE_SHIFT);
      }
    }
    this.values = values;
    this.groups = groups;
    this.required = required;
    this.seen = new Int32Array(values.length);
  }

  /** Remembers the shape of a message whose entries are in {@link shapeEntries}, as far as they fit. */
  remember(message: Message): void {
    const { tags, count } = message;
    this.shapeCount = count <= SHAPE_FIELDS ? count : 0;
    for (let i = 0; i < this.shapeCount; i++) this.shape[i] = tags[i]!;
    this.bodyFrom = message.bodyFrom;
    this.bodyTo = message.bodyTo;
  }

  /** Whether `message` is of the shape remembered. */
  isShapeOf({ tags, count }: Message): boolean {
    if (count !== this.shapeCount) return false;
    for (let i = 0; i < count; i++) if (tags[i] !== this.shape[i]) return false;
    return true;
  }

  /** Begins a message. @returns the mark of a place that has been met */
  begin(): number {
    if (this.generation === 0x3fffffff) {
      this.generation = 0;
      this.seen.fill(0);
    }
    return ++this.generation;
  }
}

/** Whether an entry is one of the body. */
export const isOfBody = (entry: number): boolean => ((entry >>> ZONE_SHIFT) & ZONE_MASK) === BODY;

/** 8, 9 and 35: how many they are. */
const FIRST_FREE = 3;

/** They are the first three fields of every message, and are met again by mistake only. */
const PROVED: ReadonlySet<number> = new Set([Tag.BeginString, Tag.BodyLength, Tag.MsgType]);

const HEADER = ZONE_HEADER;
const BODY = ZONE_BODY;
const ANY = Kind.Any;
const DECIMAL = Kind.Decimal;
const UTC_TIMESTAMP = Kind.UtcTimestamp;
/** Above every tag. */
const NO_TAG = 0x7fffffff;

/**
 * One look at each field. What is not plainly fine has to be judged anew by the rules: it may be fine all the same, by an
 * option or by being in two sections, and if not they know the precedence. Finds, by the way, where the body is.
 */
export function isPlainlyFine(
  plan: Plan,
  fields: Fields,
  message: Message,
  options: ValidationOptions,
  verdict: Verdict,
): boolean {
  return isOfShape(plan, message) || isByPlan(plan, fields, message, options, verdict);
}

/** Most messages have the fields that the last one of their type had: then only their values are to be looked at. */
function isOfShape(plan: Plan, message: Message): boolean {
  const { tags, count } = message;
  const { shape, shapeEntries } = plan;
  if (count !== plan.shapeCount) return false;
  for (let i = 0; i < count; i++) {
    if (tags[i] !== shape[i] || !isFieldFine(plan, shapeEntries[i]!, message, i)) return false;
  }
  message.bodyFrom = plan.bodyFrom;
  message.bodyTo = plan.bodyTo;
  return true;
}

/** Whether the value of this entry may be anything but nothing. */
export const isAnything = (entry: number): boolean => (entry & LISTED) === 0 && (entry & FORM_MASK) === ANY;

/**
 * Whether a value of `length` bytes that is fine by this entry is so with other digits in place of its last bytes: what is before them is the
 * beginning of a number, and of not too many digits.
 */
export function takesDigits(entry: number, length: number): boolean {
  const form = entry & FORM_MASK;
  return (
    (entry & LISTED) === 0 &&
    (form === Kind.Decimal || ((form === Kind.Int || form === Kind.UInt) && length <= MAX_DIGITS))
  );
}

/** Whether the value [start, end) is not empty and may be that of its entry; 0 is the entry of a field that is not looked at. */
export function isValueFine(plan: Plan, entry: number, message: Message, start: number, end: number): boolean {
  const { buf } = message;
  const form = entry & FORM_MASK;
  if ((entry & LISTED) !== 0) {
    const listed = plan.values[entry >>> PLACE_SHIFT]!;
    // An empty value is none of the list.
    return (entry & MULTIPLE) === 0 ? listed.has(buf, start, end) : listed.hasAll(buf, start, end);
  }
  if (form === ANY) return start !== end || entry === 0;
  if (form === UTC_TIMESTAMP) return message.isUtcAt(start, end);
  if (form === DECIMAL) return isDecimal(buf, start, end);
  return start !== end && hasForm(form, buf, start, end);
}

const isFieldFine = (plan: Plan, entry: number, message: Message, i: number): boolean =>
  isValueFine(plan, entry, message, message.from(i), message.to(i));

/** The same for a message of any shape; remembers that of one without groups. */
function isByPlan(plan: Plan, fields: Fields, message: Message, options: ValidationOptions, verdict: Verdict): boolean {
  const { tags, count } = message;
  if (tags[0] !== Tag.BeginString || tags[1] !== Tag.BodyLength || tags[2] !== Tag.MsgType) return false;
  const { entries, seen, shapeEntries } = plan;
  const generation = plan.begin();
  plan.shapeCount = 0; // its entries are overwritten
  let zone = HEADER;
  let missing = plan.required;
  let bodyFrom = -1;
  let bodyTo = -1;
  let last = 0; // the tag before in the body; above all of them when the body is no run of plain fields
  let grouped = 0;
  for (let i = FIRST_FREE; i < count; i++) {
    const tag = tags[i]!;
    const entry = tag < entries.length ? entries[tag]! : 0;
    const place = entry >>> PLACE_SHIFT;
    const here = (entry >>> ZONE_SHIFT) & ZONE_MASK;
    // No entry has place 0, whose mark no message has.
    if (place === 0 || seen[place] === generation || here < zone || !isFieldFine(plan, entry, message, i)) return false;
    seen[place] = generation;
    zone = here;
    if ((entry & REQUIRED) !== 0) missing--;
    if (here === BODY) {
      if (last === 0) bodyFrom = i;
      bodyTo = i + 1;
      last = tag > last && (entry & GROUP) === 0 ? tag : NO_TAG;
    }
    if (i < SHAPE_FIELDS) shapeEntries[i] = entry;
    grouped |= entry & GROUP;
    if ((entry & GROUP) === 0) continue;
    i = (checkGroup(fields, plan.groups[place]!, message, i, options, verdict) - 1) | 0;
    if (verdict.reason !== Reason.None) return false;
  }
  if (missing !== 0) return false;
  message.bodyFrom = last === NO_TAG ? -1 : bodyFrom;
  message.bodyTo = bodyTo;
  if (grouped === 0) plan.remember(message);
  return true;
}
