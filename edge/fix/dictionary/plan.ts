/**
 * The rules of one message type in one table by tag, over header, body and trailer together: what a message that is as it
 * should be is held against. It answers nothing but "fine" and "not plainly fine"; the rules have the last word.
 */

import { Tag } from '../tags.ts';
import { type Rules, ZONE_BODY, ZONE_HEADER, ZONE_TRAILER } from './rules.ts';
import type { ValueSet } from './types.ts';

/**
 * An entry has, from its lowest bit on: form (types.ts), section, whether it is required, whether its values are listed,
 * whether it counts a group, and its place + 1, so that no entry is 0.
 */
export const FORM_MASK = 0xf;
export const ZONE_SHIFT = 4;
export const ZONE_MASK = 0x3;
export const REQUIRED = 1 << 6;
export const LISTED = 1 << 7;
export const GROUP = 1 << 8;
export const PLACE_SHIFT = 9;

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
          (place << PLACE_SHIFT);
      }
    }
    this.values = values;
    this.groups = groups;
    this.required = required;
    this.seen = new Int32Array(values.length);
  }

  /** Whether `tag` is a field of that section and of no other, and counts no group. */
  isPlain(tag: number, zone: number): boolean {
    const entry = tag < this.entries.length ? this.entries[tag]! : 0;
    return entry !== 0 && (entry & (GROUP | (ZONE_MASK << ZONE_SHIFT))) === zone << ZONE_SHIFT;
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

/** They are the first three fields of every message, and are met again by mistake only. */
const PROVED: ReadonlySet<number> = new Set([Tag.BeginString, Tag.BodyLength, Tag.MsgType]);
