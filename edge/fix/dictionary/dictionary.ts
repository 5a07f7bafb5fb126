/** A dictionary compiled for validation: fields by tag, and the rules of a message, made when its type is first seen. */

import { msgTypeCode } from '../tags.ts';
import { Plan } from './plan.ts';
import { type Fields, flatten, Rules, ZONE_BODY, ZONE_HEADER, ZONE_TRAILER } from './rules.ts';
import type { DictionarySource, Member, MessageSource } from './source.ts';
import { Kind, kindOf, ValueSet } from './types.ts';

/** Tags below this are found in an array, the others in a map; standard tags reach 50,003 (FIX 5.0SP2 EP). */
const DIRECT = 65_536;

export class Dictionary implements Fields {
  /** FIX.4.0 to FIX.4.4, or FIXT.1.1. */
  readonly version: string;
  readonly header: Rules;
  readonly trailer: Rules;
  /** By field number: the form of its values (types.ts), those it may have, and where it belongs. */
  private readonly kinds: Uint8Array;
  private readonly valueSets: readonly (ValueSet | undefined)[];
  private readonly zones: Uint8Array;
  /** Field number + 1 by tag. */
  private readonly direct: Uint16Array;
  private readonly others = new Map<number, number>();
  private readonly source: DictionarySource;
  private readonly messages = new Map<number, MessageSource>();
  private readonly rules = new Map<number, Rules>();
  private readonly groups = new Map<readonly Member[], Rules>();
  private readonly plans = new Map<number, Plan>();
  /** Plans of types of one character, which nearly all messages have. */
  private readonly short: (Plan | undefined)[] = new Array(128).fill(undefined);
  /** What the session layer's own dictionary has, where it is another one: packed types, tags. */
  private readonly transport: { readonly types: ReadonlySet<number>; readonly tags: ReadonlySet<number> } | undefined;

  constructor(source: DictionarySource) {
    this.source = source;
    this.version = source.version;
    const fields = source.fields;
    const highest = fields.reduce((most, field) => (field[0] < DIRECT ? Math.max(most, field[0]) : most), 0);
    this.direct = new Uint16Array(highest + 1);
    for (const [number, field] of fields.entries()) {
      if (field[0] < DIRECT) this.direct[field[0]] = number + 1;
      else this.others.set(field[0], number);
    }
    this.kinds = Uint8Array.from(fields, (field) => kindOf(field[2], source.version) ?? Kind.Any);
    this.valueSets = fields.map((field) => (field[3] && !field[4] ? new ValueSet(field[3]) : undefined));
    this.zones = new Uint8Array(fields.length).fill(ZONE_BODY);
    this.header = this.compile(source.header);
    this.trailer = this.compile(source.trailer);
    for (const tag of this.header.tags) this.zones[this.field(tag)] = ZONE_HEADER;
    for (const tag of this.trailer.tags) this.zones[this.field(tag)] = ZONE_TRAILER;
    for (const message of source.messages) this.messages.set(msgTypeCode(message[0]), message);
    this.transport = source.transport && {
      types: new Set(source.transport.messages.map((message) => msgTypeCode(message[0]))),
      tags: new Set(source.transport.fields.map((field) => field[0])),
    };
  }

  /** The number of the field with `tag`, or -1 when the dictionary does not have it. */
  private field(tag: number): number {
    if (tag > 0 && tag < this.direct.length) return this.direct[tag]! - 1;
    return tag >= DIRECT ? (this.others.get(tag) ?? -1) : -1;
  }

  /** Where `tag` belongs; an unknown one to the body. */
  zone(tag: number): number {
    const field = this.field(tag);
    return field < 0 ? ZONE_BODY : this.zones[field]!;
  }

  /** The form of `tag` (types.ts). */
  kind(tag: number): number {
    return this.kinds[this.field(tag)] ?? Kind.Any;
  }

  /** The values `tag` may have; undefined when any. */
  values(tag: number): ValueSet | undefined {
    return this.valueSets[this.field(tag)];
  }

  /** Whether the dictionary has a field `tag`. */
  knowsTag(tag: number): boolean {
    return this.field(tag) >= 0;
  }

  /** The same for a message of this type: over FIXT.1.1 session messages have the session layer's fields only. */
  knowsTagIn(msgType: number, tag: number): boolean {
    return this.transport?.types.has(msgType) ? this.transport.tags.has(tag) : this.knowsTag(tag);
  }

  /** Whether the dictionary has the message type, packed (tags.ts). */
  knows(msgType: number): boolean {
    return this.messages.has(msgType);
  }

  /** Name of a field, '' when unknown. */
  fieldName(tag: number): string {
    return this.source.fields[this.field(tag)]?.[1] ?? '';
  }

  /** Name of a message type, '' when unknown. */
  messageName(msgType: number): string {
    return this.messages.get(msgType)?.[1] ?? '';
  }

  /** Packed types of all messages. */
  messageTypes(): number[] {
    return [...this.messages.keys()];
  }

  /** Tags of the fields of a message in the order of the dictionary, counts of groups among them; [] when unknown. */
  memberTags(msgType: number): number[] {
    return [...(this.body(msgType)?.tags ?? [])];
  }

  /** The rules of a message's body, compiled at the first call; undefined for an unknown type. */
  body(msgType: number): Rules | undefined {
    const known = this.rules.get(msgType);
    if (known !== undefined) return known;
    const message = this.messages.get(msgType);
    if (message === undefined) return undefined;
    const rules = this.compile(message[3]);
    this.rules.set(msgType, rules);
    return rules;
  }

  /** The plan of a message type, compiled at the first call; undefined for an unknown type. */
  plan(msgType: number): Plan | undefined {
    const known = msgType < 128 ? this.short[msgType] : this.plans.get(msgType);
    return known ?? this.makePlan(msgType);
  }

  private makePlan(msgType: number): Plan | undefined {
    const body = this.body(msgType);
    if (body === undefined) return undefined;
    const plan = new Plan(this.header, body, this.trailer);
    if (msgType < 128) this.short[msgType] = plan;
    else this.plans.set(msgType, plan);
    return plan;
  }

  private compile(members: readonly Member[]): Rules {
    return new Rules(flatten(members, this.source.components), this, (group) => {
      let rules = this.groups.get(group);
      if (rules === undefined) {
        rules = this.compile(group);
        this.groups.set(group, rules);
      }
      return rules;
    });
  }
}
