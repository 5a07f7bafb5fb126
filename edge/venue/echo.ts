/**
 * Sends NewOrderSingle (D) and SecurityDefinition (d) back as they came: body fields by rising tag, values byte for byte,
 * groups whole and in their order. What the session test cases of the field are written against.
 */

import { DATA_FIELDS } from '../fix/data-fields.ts';
import type { Dictionary } from '../fix/dictionary/index.ts';
import { ZONE_BODY } from '../fix/dictionary/rules.ts';
import { MAX_FIELDS, type Message } from '../fix/message.ts';
import { MsgType, Tag } from '../fix/tags.ts';
import { SEEN_BYTES, SEEN_IDS } from './limits.ts';
import { SeenIds } from './seen-ids.ts';
import type { SubmitContext, Venue, VenueSession, VenueSink } from './venue.ts';

/** Data field by its length field: the two stay together. */
const TRAITS = new Map(DATA_FIELDS);
/** Above this many parts of a message, sorting them one by one into their place would cost more than it saves. */
const FEW = 48;

/** Rules of a message body or of a group's entries, as the dictionary compiles them. */
type Rules = NonNullable<ReturnType<Dictionary['body']>>;

export class EchoVenue implements Venue {
  readonly name = 'echo';
  private readonly sink: VenueSink;
  /** ClOrdIDs since the last Logon, by session. */
  private readonly seen = new Map<string, SeenIds>();
  /** Parts of the message in hand: a field, or a count with its group, or a length with its data. */
  private readonly keys = new Float64Array(MAX_FIELDS);
  private readonly ends = new Int32Array(MAX_FIELDS);

  constructor(sink: VenueSink) {
    this.sink = sink;
  }

  supports(msgType: number): boolean {
    return msgType === MsgType.NewOrderSingle || msgType === MsgType.SecurityDefinition;
  }

  submit(message: Message, { session, dictionary }: SubmitContext): void {
    const possResend = message.flag(message.possResend);
    if (message.msgType === MsgType.NewOrderSingle) {
      const id = message.index(Tag.ClOrdID);
      const seen = this.seenBy(session.id);
      // PossResend of what has been seen in this session is ignored (test case 19.a), of anything else taken (19.b).
      if (id >= 0 && seen.add(message.buf, message.from[id]!, message.to[id]!) && possResend) return;
    }
    const body = this.sink.open(session, message.msgType);
    if (possResend) body.flag(Tag.PossResend, true);
    const parts = this.split(message, dictionary);
    for (let n = 0; n < parts; n++) {
      const first = this.keys[n]! % MAX_FIELDS;
      for (let i = first; i < this.ends[first]!; i++) body.copy(message, i);
    }
    this.sink.close();
  }

  sessionStarted(session: VenueSession): void {
    this.seen.delete(session.id);
  }

  sessionEnded(session: VenueSession): void {
    this.seen.delete(session.id);
  }

  /** Nothing rests here. */
  resting(): Iterable<VenueSession> {
    return [];
  }

  cancelAll(): void {}

  tick(): number {
    return Number.POSITIVE_INFINITY;
  }

  flush(): void {}

  async close(): Promise<void> {
    this.seen.clear();
  }

  private seenBy(sessionId: string): SeenIds {
    let seen = this.seen.get(sessionId);
    if (seen === undefined) {
      seen = new SeenIds(SEEN_IDS, SEEN_BYTES);
      this.seen.set(sessionId, seen);
    }
    return seen;
  }

  /** Finds the parts of the body and sorts them by tag, then by place. @returns how many there are */
  private split(message: Message, dictionary: Dictionary): number {
    const { keys, ends } = this;
    const { tags, count } = message;
    const rules = dictionary.body(message.msgType);
    let parts = 0;
    let i = 3; // 8, 9 and 35 come first in every message
    while (i < count) {
      const tag = tags[i]!;
      const slot = rules === undefined ? -1 : rules.slot(tag);
      // Header fields are the session's, trailer fields the encoder's.
      if (slot < 0 && dictionary.zone(tag) !== ZONE_BODY) {
        const hops = dictionary.header.groups[dictionary.header.slot(tag)];
        i = hops === undefined ? i + 1 : groupEnd(message, i, hops);
        continue;
      }
      const group = slot < 0 ? undefined : rules!.groups[slot];
      let end = i + 1;
      if (group !== undefined) end = groupEnd(message, i, group);
      else if (end < count && TRAITS.get(tag) === tags[end]) end++;
      const key = tag * MAX_FIELDS + i;
      ends[i] = end;
      i = end;
      let at = parts++;
      if (parts <= FEW) for (; at > 0 && keys[at - 1]! > key; at--) keys[at] = keys[at - 1]!;
      keys[at] = key;
    }
    if (parts > FEW) keys.subarray(0, parts).sort();
    return parts;
  }
}

/** Index of the field after the group that field `at` counts. The message is valid: each entry begins with one tag. */
function groupEnd(message: Message, at: number, rules: Rules): number {
  const { tags, count } = message;
  const entries = message.uint(at);
  const delimiter = tags[at + 1];
  let seen = 0;
  let i = at + 1;
  while (i < count) {
    const tag = tags[i]!;
    const slot = rules.slot(tag);
    if (slot < 0) break;
    if (tag === delimiter && ++seen > entries) break;
    const inner = rules.groups[slot];
    i = inner === undefined ? i + 1 : groupEnd(message, i, inner);
  }
  return i;
}
