/**
 * Speaks FIX with a venue: `35=D|11=A|…` in, the replies out without their headers, `|` for SOH. Every message in either
 * direction is held against the dictionary of its session.
 */

import {
  DEFAULT_VALIDATION,
  type Dictionary,
  loadDictionaries,
  Verdict,
  validate,
} from '../../../edge/fix/dictionary/index.ts';
import { type BodyWriter, Encoder, HeaderTemplate } from '../../../edge/fix/encoder.ts';
import { msgTypeText } from '../../../edge/fix/tags.ts';
import type { Venue, VenueSession, VenueSink } from '../../../edge/venue/venue.ts';
import { framed, shown, viewOf } from '../fix/wire.ts';

const dictionaries = await loadDictionaries();
const OPTIONS = { ...DEFAULT_VALIDATION, validate_user_defined_fields: false };

/** 2026-01-02 12:00:00 UTC. */
export const NOON = Date.UTC(2026, 0, 2, 12, 0, 0);

export function sessionOf(id: string, beginString = 'FIX.4.4', applVerId = '', user = id): VenueSession {
  return {
    id,
    user_id: user,
    begin_string: beginString,
    appl_ver_id: applVerId,
    sender_comp_id: id,
    sender_sub_id: '',
    target_comp_id: 'GATEWAY',
  };
}

export const dictionaryOf = (session: VenueSession): Dictionary =>
  dictionaries.get(session.begin_string, session.appl_ver_id)!;

export interface Heard {
  readonly to: string;
  readonly bytes: Buffer;
  /** `35=8|37=…|…`, header and trailer left out. */
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Collects what a venue sends, and checks it. */
export class TestSink implements VenueSink {
  readonly heard: Heard[] = [];
  /** Ids of sessions whose clients are away. */
  readonly away = new Set<string>();
  private readonly encoder = new Encoder();
  private to: VenueSession | undefined;
  now = NOON;
  /** Off for messages by the ten thousand: they are neither checked nor collected. */
  listening = true;

  open(session: VenueSession, msgType: number): BodyWriter {
    if (this.to !== undefined) throw new Error('a message has been begun and not ended');
    this.to = session;
    const header = new HeaderTemplate({ beginString: session.begin_string, senderCompId: 'GW', targetCompId: 'C' });
    return this.encoder.begin(header, msgType, 1, this.now);
  }

  turn(work: () => void): void {
    work();
  }

  close(): void {
    const session = this.to!;
    this.to = undefined;
    this.encoder.end();
    if (!this.listening) {
      this.encoder.clear();
      return;
    }
    const bytes = Buffer.from(this.encoder.take());
    this.encoder.recycle(bytes);
    check(session, bytes);
    const type = msgTypeText(viewOf(bytes).message.msgType);
    const text = `35=${type}|${shown(bytes)
      .replace(/^.*?\|56=C\|/, '')
      .replace(/10=\d+\|$/, '')}`.slice(0, -1);
    const fields = Object.fromEntries(text.split('|').map((field) => field.split('=', 2) as [string, string]));
    this.heard.push({ to: session.id, bytes, text, fields });
  }

  live(session: VenueSession): boolean {
    return !this.away.has(session.id);
  }

  take(): Heard[] {
    return this.heard.splice(0);
  }
}

/** Throws for a message that its session's dictionary does not allow. */
function check(session: VenueSession, bytes: Buffer): void {
  const { message, result } = viewOf(bytes);
  const verdict = new Verdict();
  if (validate(dictionaryOf(session), message, OPTIONS, verdict, result)) return;
  // FIX.5.0SP2 has 779 required in a snapshot; clients want it left out.
  if (verdict.reason === 1 && verdict.refTagId === 779) return;
  throw new Error(`${verdict.text} (${verdict.refTagId}) in ${session.begin_string} ${shown(bytes)}`);
}

/** Each client begins its numbers anew. */
let generations = 0;

export class Client {
  readonly generation = ++generations;
  readonly session: VenueSession;
  private readonly venue: Venue;
  private readonly sink: TestSink;
  private seq = 1;

  constructor(venue: Venue, sink: TestSink, session: VenueSession) {
    this.venue = venue;
    this.sink = sink;
    this.session = session;
    venue.sessionStarted(session, sink.now);
  }

  /** Sends `35=D|11=A|…`; SendingTime and TransactTime are filled in. `header` may hold `97=Y|`. */
  say(fields: string, header = ''): void {
    const time = utc(this.sink.now);
    const type = /^35=[^|]*\|/.exec(`${fields}|`)![0];
    const body = fields.slice(type.length);
    const bytes = framed(
      `${type}34=${++this.seq}|49=${this.session.id}|52=${time}|56=GATEWAY|${header}${body === '' ? '' : `${body}|`}`,
      this.session.begin_string,
    );
    if (this.sink.listening) check(this.session, bytes);
    const { message } = viewOf(bytes);
    if (!this.venue.supports(message.msgType)) throw new Error(`${type} is not supported`);
    const context = { session: this.session, generation: this.generation, msg_seq_num: this.seq };
    this.venue.submit(message, {
      ...context,
      dictionary: dictionaryOf(this.session),
      now: this.sink.now,
      recovered: false,
    });
    // What a venue keeps must not be a view of the connection's buffer.
    bytes.fill(0x21);
  }

  /** The edge has lost the last messages: they come again, under their numbers. */
  back(count: number): void {
    this.seq -= count;
  }

  /** Sends, and returns what came to anyone since, each with the fields in `only` in the order of the message. */
  ask(fields: string, only?: readonly number[], header = ''): string[] {
    this.say(fields, header);
    return this.sink.take().map((one) => pick(one, only));
  }
}

export function pick(heard: Heard, only?: readonly number[]): string {
  if (only === undefined) return heard.text;
  const wanted = new Set(only.map(String));
  return heard.text
    .split('|')
    .filter((field) => field.startsWith('35=') || wanted.has(field.slice(0, field.indexOf('='))))
    .join('|');
}

export const utc = (ms: number): string =>
  new Date(ms).toISOString().replaceAll('-', '').replace('T', '-').replace('Z', '');
