/** What may stand in a header, a body, a trailer or an entry of a group, as integer tables. */

import type { Member } from './source.ts';
import { Kind, type ValueSet } from './types.ts';

/** The sections of a message, in their order. */
export const ZONE_HEADER = 0;
export const ZONE_BODY = 1;
export const ZONE_TRAILER = 2;

/** Groups nest at most six deep in every version; what a deployer brings is bounded too, for validation recurses. */
export const MAX_GROUP_DEPTH = 16;
/** Components nest less than ten deep in every version. */
export const MAX_COMPONENT_DEPTH = 32;

/** What a dictionary says of a field, wherever it stands. */
export interface Fields {
  /** The form of its values (types.ts). */
  kind(tag: number): number;
  /** The values it may have; undefined: any. */
  values(tag: number): ValueSet | undefined;
  /** Whether messages of this type, packed (tags.ts), can have it at all. */
  knowsTagIn(msgType: number, tag: number): boolean;
}

/** A member after components have been written out. */
export interface FlatMember {
  readonly tag: number;
  readonly required: boolean;
  /** The group's source, for the count of one: the key of its compiled rules. */
  readonly group: readonly Member[] | undefined;
}

/**
 * Members in the order of the specification (slots), found by tag through an open hash. `seen` marks by generation which
 * slots the message in hand has filled, so that nothing is cleared between messages.
 */
export class Rules {
  /** Tag by slot. */
  readonly tags: Int32Array;
  /** Slots that must be filled, in order. */
  readonly required: Int32Array;
  /** Rules of a group's entries, by the slot of its count. */
  readonly groups: readonly (Rules | undefined)[];
  /** Form (types.ts) and allowed values by slot. */
  readonly kinds: Uint8Array;
  readonly values: readonly (ValueSet | undefined)[];
  /** 1 for a slot whose value needs no check but that there is one, and that counts no group. */
  readonly plain: Uint8Array;
  readonly seen: Int32Array;
  private generation = 0;
  private readonly keys: Int32Array;
  private readonly slots: Int32Array;
  private readonly mask: number;

  constructor(
    members: readonly FlatMember[],
    fields: Pick<Fields, 'kind' | 'values'>,
    groupRules: (group: readonly Member[]) => Rules,
  ) {
    this.tags = Int32Array.from(members, (member) => member.tag);
    this.seen = new Int32Array(members.length);
    this.kinds = Uint8Array.from(members, (member) => fields.kind(member.tag));
    this.values = members.map((member) => fields.values(member.tag));
    this.plain = Uint8Array.from(members, (member, slot) =>
      this.kinds[slot] === Kind.Any && !this.values[slot] && !member.group ? 1 : 0,
    );
    this.groups = members.map((member) => member.group && groupRules(member.group));
    const required: number[] = [];
    let size = 4;
    while (size < members.length * 2) size *= 2;
    this.keys = new Int32Array(size);
    this.slots = new Int32Array(size);
    this.mask = size - 1;
    for (const [slot, member] of members.entries()) {
      if (member.required) required.push(slot);
      let at = member.tag & this.mask;
      while (this.keys[at] !== 0) at = (at + 1) & this.mask;
      this.keys[at] = member.tag;
      this.slots[at] = slot;
    }
    this.required = Int32Array.from(required);
  }

  /** The slot of `tag`, or -1 when it does not belong here. */
  slot(tag: number): number {
    const keys = this.keys;
    const mask = this.mask;
    for (let at = tag & mask; ; at = (at + 1) & mask) {
      const key = keys[at]!;
      if (key === tag) return key === 0 ? -1 : this.slots[at]!;
      if (key === 0) return -1;
    }
  }

  /** Begins a message or an entry: every slot is empty again. @returns the mark of a filled slot */
  begin(): number {
    if (this.generation === 0x3fffffff) {
      this.generation = 0;
      this.seen.fill(0);
    }
    return ++this.generation;
  }

  /** The tag of the first required slot that is empty, or 0. */
  missing(generation: number): number {
    const { required, seen } = this;
    for (let i = 0; i < required.length; i++) {
      if (seen[required[i]!] !== generation) return this.tags[required[i]!]!;
    }
    return 0;
  }
}

/**
 * Writes out components. What is required in an optional component is optional. A tag that comes twice keeps its first
 * place, and is required when one of the two is.
 */
export function flatten(
  members: readonly Member[],
  components: Readonly<Record<string, readonly Member[]>>,
): FlatMember[] {
  const flat = new Map<number, FlatMember>();
  const walk = (list: readonly Member[], mayRequire: boolean, depth: number) => {
    if (depth > MAX_COMPONENT_DEPTH) throw new RangeError('components contain each other');
    for (const member of list) {
      if (typeof member === 'string') {
        const required = member.startsWith('!');
        const inner = components[required ? member.slice(1) : member];
        if (inner === undefined) throw new RangeError(`unknown component ${member}`);
        walk(inner, mayRequire && required, depth + 1);
        continue;
      }
      const signed = typeof member === 'number' ? member : member[0];
      const tag = Math.abs(signed);
      const before = flat.get(tag);
      const required = (signed < 0 && mayRequire) || before?.required === true;
      const group = before?.group ?? (typeof member === 'number' ? undefined : member[1]);
      flat.set(tag, { tag, required, group });
    }
  };
  walk(members, true, 0);
  return [...flat.values()];
}
