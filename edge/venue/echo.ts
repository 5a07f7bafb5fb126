/**
 * Sends NewOrderSingle (D) and SecurityDefinition (d) back as they came: body fields by rising tag, values byte for byte,
 * groups whole and in their order. What the session test cases of the field are written against.
 */

import type { Dictionary } from '../fix/dictionary/index.ts';
import { ZONE_BODY } from '../fix/dictionary/rules.ts';
import type { BodyWriter } from '../fix/encoder.ts';
import { MAX_FIELDS, type Message } from '../fix/message.ts';
import { MsgType, Tag } from '../fix/tags.ts';
import { dataTagOf } from '../fix/traits.ts';
import { SEEN_BYTES, SEEN_IDS } from './limits.ts';
import { SeenIds } from './seen-ids.ts';
import type { SubmitContext, Venue, VenueSession, VenueSink } from './venue.ts';

/** Above this many parts of a message, sorting them one by one into their place would cost more than it saves. */
const FEW = 48;

/** Rules of a message body or of a group's entries, as the dictionary compiles them. */
type Rules = NonNullable<ReturnType<Dictionary['body']>>;

const NOBODY = { id: '', seen: new SeenIds(0, 0) };

export class EchoVenue implements Venue {
  readonly name = 'echo';
  /** Its answers are all there is of it, and they are in the journal with what they answer. */
  readonly mark = undefined;
  readonly pending = false;
  readonly sealed = false;
  private readonly sink: VenueSink;
  /** ClOrdIDs since the last Logon, by session. */
  private readonly seen = new Map<string, SeenIds>();
  /** The session asked about last: a batch is of one. */
  private last = NOBODY;
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
      if (id >= 0) {
        const seen = this.seenBy(session.id);
        const from = message.from(id);
        const to = message.to(id);
        // PossResend of what has been seen in this session is ignored (test case 19.a), of anything else taken (19.b).
        if (possResend && seen.has(message.buf, from, to)) return;
        seen.note(message.view, from, to);
      }
    }
    const body = this.sink.open(session, message.msgType);
    if (possResend) body.flag(Tag.PossResend, true);
    // Most bodies are plain fields by rising tag as they come.
    if (message.bodyFrom >= 0) body.copyFields(message, message.bodyFrom, message.bodyTo);
    else this.copyParts(body, message, dictionary);
    this.sink.close();
  }

  /** Copies the body part by part, by rising tag. */
  private copyParts(body: BodyWriter, message: Message, dictionary: Dictionary): void {
    const parts = this.split(message, dictionary);
    for (let n = 0; n < parts; n++) {
      const first = this.keys[n]! % MAX_FIELDS;
      for (let i = first; i < this.ends[first]!; i++) body.copy(message, i);
    }
  }

  sessionStarted(session: VenueSession): void {
    this.forget(session);
  }

  sessionEnded(session: VenueSession): void {
    this.forget(session);
  }

  /** Nothing rests here. */
  resting(): Iterable<VenueSession> {
    return [];
  }

  cancelAll(): void {}

  massCancel(): void {}

  tick(): number {
    return Number.POSITIVE_INFINITY;
  }

  flush(): void {}

  seal(): void {}

  async close(): Promise<void> {
    this.seen.clear();
  }

  private forget(session: VenueSession): void {
    this.seen.delete(session.id);
    this.last = NOBODY;
  }

  private seenBy(sessionId: string): SeenIds {
    if (sessionId === this.last.id) return this.last.seen;
    let seen = this.seen.get(sessionId);
    if (seen === undefined) {
      seen = new SeenIds(SEEN_IDS, SEEN_BYTES);
      this.seen.set(sessionId, seen);
    }
    this.last = { id: sessionId, seen };
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
        const place = dictionary.header.slot(tag);
        const hops = place < 0 ? undefined : dictionary.header.groups[place];
        i = hops === undefined ? i + 1 : groupEnd(message, i, hops);
        continue;
      }
      const group = slot < 0 ? undefined : rules!.groups[slot];
      let end = i + 1;
      if (group !== undefined) end = groupEnd(message, i, group);
      else if (end < count && dataTagOf(tag, message.traits) === tags[end]) end++;
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
