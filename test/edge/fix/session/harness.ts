/**
 * Speaks FIX with a session: `35=D|34=2|…` in, whole replies out, `|` for SOH. CompIDs, SendingTime, BodyLength and
 * CheckSum are filled in where a message does not say them. Time stands still unless a test moves it.
 */

import { type Dictionary, loadDictionaries, validate } from '../../../../edge/fix/dictionary/index.ts';
import { Encoder } from '../../../../edge/fix/encoder.ts';
import { Message, tokenise } from '../../../../edge/fix/message.ts';
import {
  type CloseCause,
  DELIVERED,
  type Delivery,
  type Fed,
  type Instant,
  type LogonResult,
  type SessionOutput,
  UNSUPPORTED,
} from '../../../../edge/fix/session/ports.ts';
import { DEFAULT_PROFILE, type SessionProfile } from '../../../../edge/fix/session/profile.ts';
import { Session } from '../../../../edge/fix/session/session.ts';
import { msgTypeCode } from '../../../../edge/fix/tags.ts';
import { TRAITS } from '../../../../edge/fix/traits.ts';
import { MemorySessionStore } from './memory-store.ts';

const dictionaries = await loadDictionaries(['FIX.4.0', 'FIX.4.2', 'FIX.4.4', 'FIXT.1.1']);

export const NOON = Date.UTC(2026, 0, 2, 12, 0, 0);

/** UTCTimestamp, `seconds` from noon. */
export const at = (seconds: number): string =>
  new Date(NOON + seconds * 1000).toISOString().replaceAll('-', '').replace('T', '-').slice(0, 21);

/** `8=…|9=…|…|10=…|` around the fields given, as bytes. */
export function wire(fields: string, beginString: string, sendingTime: string, ids = { 49: 'TW', 56: 'ISLD' }): Buffer {
  let body = fields.endsWith('|') ? fields : `${fields}|`;
  const has = (tag: number) => `|${body}`.includes(`|${tag}=`);
  const begin = /^8=([^|]*)\|/.exec(body);
  if (begin !== null) body = body.slice(begin[0].length);
  const extra = `${has(49) ? '' : `49=${ids[49]}|`}${has(56) ? '' : `56=${ids[56]}|`}${has(52) ? '' : `52=${sendingTime}|`}`;
  const type = /^35=[^|]*\|(34=[^|]*\|)?/.exec(body)![0];
  body = type + extra + body.slice(type.length);
  const head = `8=${begin?.[1] ?? beginString}|9=${body.length}|`;
  const bytes = Buffer.from((head + body).replaceAll('|', '\x01'), 'latin1');
  const sum = bytes.reduce((a, b) => a + b, 0) % 256;
  return Buffer.concat([bytes, Buffer.from(`10=${String(sum).padStart(3, '0')}\x01`)]);
}

export interface Options {
  readonly profile?: Partial<SessionProfile>;
  readonly beginString?: string;
  readonly store?: MemorySessionStore;
  readonly senderSubId?: string;
}

/** D and d are echoed by the application, everything else it does not do. */
export class Peer {
  readonly store: MemorySessionStore;
  readonly session: Session;
  readonly profile: SessionProfile;
  readonly beginString: string;
  /** `35=D|34=2` of what was delivered, with 11 when there. */
  readonly delivered: string[] = [];
  closed: { cause: CloseCause; text: string } | undefined;
  /** `resent+delivered` of each recovery that was completed. */
  readonly recovered: string[] = [];
  /** What the gate says of the next message; DELIVERED: the application takes it. */
  gate: () => Delivery = () => DELIVERED;
  /** What is wrong with the proof of a Logon within the session. */
  unproved: SessionOutput['unproved'] = () => undefined;
  echo = true;
  /** Bytes that the socket pretends not to have taken. */
  stuck = 0;
  time: { epochMs: number; monoMs: number } = { epochMs: NOON, monoMs: 1000 };
  private encoder = new Encoder();
  /** The message fed last. */
  readonly message = new Message();
  private readonly dictionary: Dictionary;

  constructor(options: Options = {}) {
    this.store = options.store ?? new MemorySessionStore();
    this.profile = { ...DEFAULT_PROFILE, ...options.profile };
    this.beginString = options.beginString ?? 'FIX.4.4';
    this.dictionary =
      this.beginString === 'FIXT.1.1' ? dictionaries.get('FIXT.1.1', '9')! : dictionaries.get(this.beginString)!;
    const identity = {
      beginString: this.beginString,
      senderCompId: 'TW',
      targetCompId: 'ISLD',
      senderSubId: options.senderSubId ?? '',
    };
    this.session = new Session(identity, this.profile, this.store);
  }

  private readonly connect = (): SessionOutput => ({
    encoder: this.encoder,
    backlog: () => this.stuck,
    traits: TRAITS,
    validate: (message, tokens, verdict) => validate(this.dictionary, message, this.profile, verdict, tokens),
    close: (cause, text) => {
      if (this.closed !== undefined) throw new Error('closed twice');
      this.closed = { cause, text };
    },
    recovered: (resent, delivered) => void this.recovered.push(`${resent}+${delivered}`),
    deliver: (message, msgSeqNum, now) => this.deliver(message, msgSeqNum, now),
    unproved: (message) => this.unproved(message),
  });

  /** The connection that is open, or the next one. */
  output: SessionOutput = this.connect();

  private deliver(message: Message, msgSeqNum: number, now: Instant): Delivery {
    const verdict = this.gate();
    if (verdict !== DELIVERED) return verdict;
    const type = message.text(message.msgTypeField);
    if (type !== 'D' && type !== 'd') return UNSUPPORTED;
    this.delivered.push(`35=${type}|34=${msgSeqNum}|11=${message.text(message.index(11))}`);
    if (this.echo) this.send(`35=${type}|11=${message.text(message.index(11))}`, now);
    return DELIVERED;
  }

  /** The application sends: `35=8|37=1|…`. */
  send(fields: string, now: Instant = this.time): void {
    const [type, ...rest] = fields.split('|');
    const body = this.session.begin(msgTypeCode(type!.slice(3)), now);
    for (const field of rest) {
      const tag = field.slice(0, field.indexOf('='));
      body.text(Number(tag), field.slice(tag.length + 1));
    }
    this.session.commit();
  }

  parse(fields: string): number {
    const bytes = wire(fields, this.beginString, at((this.time.epochMs - NOON) / 1000));
    return tokenise(bytes, 0, bytes.length, this.message);
  }

  logon(fields = '35=A|34=1|98=0|108=30'): LogonResult {
    this.parse(fields);
    this.closed = undefined;
    return this.session.onLogon(this.message, this.output, this.time);
  }

  refuse(text: string): void {
    this.session.refuse(text, this.output, this.time);
  }

  feed(fields: string): Fed {
    const tokens = this.parse(fields);
    return this.session.onMessage(this.message, tokens, this.time);
  }

  /** Feeds one message and returns the replies. */
  say(fields: string): string[] {
    this.feed(fields);
    return this.heard();
  }

  /** What the session has written since the last call, without 8, 9, 10, 49, 52 and 56; 122 without its value. */
  heard(): string[] {
    const taken = this.encoder.take();
    const text = taken.toString('latin1').replaceAll('\x01', '|');
    this.encoder.recycle(taken);
    return text
      .split(/(?<=\|10=\d\d\d\|)/)
      .filter((one) => one !== '')
      .map((one) =>
        one
          .replace(/^8=[^|]*\|9=\d+\|/, '')
          .replace(/\|49=ISLD\|/, '|')
          .replace(/\|52=[^|]*\|/, '|')
          .replace(/\|56=TW\|/, '|')
          .replace(/\|122=[^|]+\|/, '|122=…|')
          .replace(/10=\d\d\d\|$/, ''),
      )
      .map((one) => one.slice(0, -1));
  }

  /** The bytes themselves, `|` for SOH. */
  raw(): string {
    return this.encoder.take().toString('latin1').replaceAll('\x01', '|');
  }

  /** Time passes; the session's timer runs whenever it asks to. */
  pass(ms: number): void {
    const until = this.time.monoMs + ms;
    for (;;) {
      const due = this.session.nextTimerAt();
      if (due > until) break;
      this.moveTo(Math.max(due, this.time.monoMs));
      this.session.onTimer(this.time);
      if (this.session.nextTimerAt() <= this.time.monoMs) throw new Error('the timer does not move on');
    }
    this.moveTo(until);
  }

  private moveTo(monoMs: number): void {
    this.time = { epochMs: this.time.epochMs + monoMs - this.time.monoMs, monoMs };
  }

  disconnect(output = this.output): void {
    this.session.onDisconnect(output, this.time);
    this.encoder = new Encoder();
    this.output = this.connect();
  }
}

/** A peer that is logged on with HeartBtInt 30, the answer taken. */
export function loggedOn(options: Options = {}, logon?: string): Peer {
  const peer = new Peer(options);
  const result = peer.logon(logon);
  if (!result.accepted) throw new Error(result.text);
  peer.heard();
  return peer;
}

/** A NewOrderSingle. */
export const order = (n: number, id = `ID${n}`, more = ''): string =>
  `35=D|34=${n}|${more}11=${id}|21=1|38=100|40=1|54=1|55=INTC|60=${at(0)}`;
