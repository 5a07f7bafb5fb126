/** What surrounds a session under fuzzing, and watches that it keeps its promises. */

import {
  DEFAULT_VALIDATION,
  type Dictionary,
  loadDictionaries,
  Verdict,
  validate,
} from '../../../edge/fix/dictionary/index.ts';
import { Encoder } from '../../../edge/fix/encoder.ts';
import { QUEUE_BYTES, QUEUE_MESSAGES } from '../../../edge/fix/session/limits.ts';
import { DELIVERED, type Delivery, HOLD, type SessionOutput, UNSUPPORTED } from '../../../edge/fix/session/ports.ts';
import { DEFAULT_PROFILE, type SessionProfile } from '../../../edge/fix/session/profile.ts';
import type { SessionRecord } from '../../../edge/fix/session/record.ts';
import { Session } from '../../../edge/fix/session/session.ts';
import { msgTypeCode } from '../../../edge/fix/tags.ts';
import { TRAITS } from '../../../edge/fix/traits.ts';
import { MemorySessionStore } from '../../edge/fix/session/memory-store.ts';
import { hold } from '../target.ts';
import { Outbound } from './session-outbound.ts';

const NOON = Date.UTC(2026, 0, 2, 12);
/** Resends go on in portions; far more of them than any input can ask for. */
const PORTIONS = 500;

const dictionaries = await loadDictionaries(['FIX.4.0', 'FIX.4.2', 'FIX.4.4', 'FIXT.1.1']);

/** Numbers never go backwards except by a reset, and what was looked up is counted. */
class WatchedStore extends MemorySessionStore {
  readonly resets: number[] = [];
  /** Bytes in the output buffer. */
  written: () => number = () => 0;

  override setNextIn(next: number): void {
    hold(Number.isSafeInteger(next) && next >= this.nextIn, () => `nextIn goes from ${this.nextIn} to ${next}`);
    super.setNextIn(next);
  }

  override setNextOut(next: number): void {
    hold(next === this.nextOut + 1, () => `nextOut goes from ${this.nextOut} to ${next}`);
    super.setNextOut(next);
  }

  override reset(epochMs: number): void {
    super.reset(epochMs);
    this.resets.push(this.written());
  }
}

/** `FIX.4.2 reset_on_logon persist_messages=0`: the version, and settings of the profile. */
function profileOf(text: string): { beginString: string; profile: SessionProfile } {
  let beginString = 'FIX.4.4';
  const given: Record<string, unknown> = {};
  for (const word of text.split(' ')) {
    const [name = '', value] = word.split('=');
    if (dictionaries.has(name)) beginString = name;
    else if (Object.hasOwn(DEFAULT_PROFILE, name)) {
      const usual: unknown = DEFAULT_PROFILE[name as keyof SessionProfile];
      if (typeof usual === 'boolean') given[name] = value !== '0';
      if (typeof usual === 'number' && /^\d{1,6}$/.test(value ?? '')) given[name] = Number(value);
    }
  }
  return { beginString, profile: { ...DEFAULT_PROFILE, ...given, max_message_bytes: 65_536 } };
}

export class World {
  readonly beginString: string;
  readonly profile: SessionProfile;
  readonly store = new WatchedStore();
  readonly session: Session;
  now: { epochMs: number; monoMs: number } = { epochMs: NOON, monoMs: 1000 };
  gate: 'open' | 'hold' | 'unsupported' = 'open';
  /** Bytes that the socket pretends not to have taken. */
  stuck = 0;
  /** A connection is there; somebody is logged on over it; it is to be closed. */
  open = false;
  loggedOn = false;
  cut = false;
  output: SessionOutput;
  readonly #dictionary: Dictionary;
  readonly #outbound: Outbound;
  #encoder = new Encoder();
  #closed = false;
  #sent = 0;
  /** The last message delivered, and in which generation. */
  #delivered = { generation: 0, n: 0 };

  constructor(settings: string) {
    const { beginString, profile } = profileOf(settings);
    this.beginString = beginString;
    this.profile = profile;
    this.#dictionary = dictionaries.get(beginString, beginString === 'FIXT.1.1' ? '9' : '')!;
    const ids = { beginString, senderCompId: 'TW', targetCompId: 'ISLD', senderSubId: '' };
    this.session = new Session(ids, profile, this.store);
    this.store.written = () => this.#encoder.length;
    this.output = this.#connect();
    const verdict = new Verdict();
    this.#outbound = new Outbound(profile.persist_messages, (message) => {
      const fine = validate(this.#dictionary, message, DEFAULT_VALIDATION, verdict);
      return fine ? '' : `${verdict.text} (${verdict.refTagId})`;
    });
  }

  #connect(): SessionOutput {
    return {
      encoder: this.#encoder,
      backlog: () => this.stuck,
      traits: TRAITS,
      validate: (message, tokens, verdict) => validate(this.#dictionary, message, this.profile, verdict, tokens),
      deliver: (message, n) => this.#deliver(message.text(message.msgTypeField), n),
      recovered: () => {},
      unproved: () => (this.gate === 'hold' ? HOLD : undefined),
      close: () => {
        hold(!this.#closed, () => 'closed twice');
        this.#closed = true;
        this.cut = true;
      },
    };
  }

  #deliver(type: string, n: number): Delivery {
    const { generation } = this.store;
    hold(n === this.store.nextIn, () => `${n} is delivered, ${this.store.nextIn} is due`);
    hold(!'012345A'.includes(type) || type === '', () => `35=${type} is delivered`);
    if (this.gate === 'hold') return HOLD;
    const before = this.#delivered;
    hold(before.generation !== generation || n > before.n, () => `${n} is delivered after ${before.n}`);
    this.#delivered = { generation, n };
    if (this.gate === 'unsupported') return UNSUPPORTED;
    this.send();
    return DELIVERED;
  }

  /** The application sends a message that every version has, each with a number of its own in it. */
  send(): void {
    const body = this.session.begin(msgTypeCode('B'), this.now);
    if (this.beginString !== 'FIX.4.0') body.text(148, 'x');
    body.uint(33, 1).text(58, `news ${++this.#sent}`);
    this.session.commit();
  }

  refuse(text: string): void {
    const { nextOut } = this.store;
    this.session.refuse(text, this.output, this.now);
    const [start, end] = [0, this.#encoder.length];
    this.#outbound.proveRefusal(this.#encoder.buf.subarray(start, end), nextOut);
    this.#encoder.clear();
    hold(this.store.nextOut === nextOut, () => 'a refusal uses a number');
  }

  stamp(by: number): string {
    const text = new Date(this.now.epochMs + by).toISOString().replaceAll('-', '').replace('T', '-');
    return text.slice(0, this.beginString === 'FIX.4.0' ? 17 : 21);
  }

  /** Time passes; the timer runs whenever it asks to, and moves on each time. */
  pass(ms: number): void {
    const until = this.now.monoMs + ms;
    for (let due = this.session.nextTimerAt(); due <= until; due = this.session.nextTimerAt()) {
      this.#moveTo(Math.max(due, this.now.monoMs));
      this.session.onTimer(this.now);
      const stands = this.stuck > 0 && this.session.resending; // until the socket takes more
      hold(this.session.nextTimerAt() > this.now.monoMs || stands, () => 'the timer does not move on');
      if (stands) break;
      this.settle();
    }
    this.#moveTo(until);
  }

  #moveTo(monoMs: number): void {
    this.now = { epochMs: this.now.epochMs + monoMs - this.now.monoMs, monoMs };
  }

  /** After each step: what was written is looked at, resends go on, and a connection that is to be closed is. */
  settle(): void {
    this.#drain();
    for (let portions = 0; this.session.resending && this.stuck === 0 && !this.cut; portions++) {
      hold(portions < PORTIONS, () => 'a resend does not come to an end');
      this.session.resumeResend(this.now);
      hold(this.#drain() > 0 || !this.session.resending, () => 'a resend does not go on');
    }
    const { queue } = (this.session as unknown as { readonly s: SessionRecord }).s;
    const { bytes, messages } = queue as unknown as { readonly bytes: number; readonly messages: Map<number, Buffer> };
    let held = 0;
    for (const message of messages.values()) held += message.length;
    hold(bytes === held, () => `${bytes} bytes are queued by the count, ${held} are`);
    hold(
      !this.session.active || queue.lowest() >= this.store.nextIn,
      () => `${queue.lowest()} is queued, and ${this.store.nextIn} is due`,
    );
    hold(
      queue.size <= QUEUE_MESSAGES && bytes <= QUEUE_BYTES && bytes >= 0,
      () => `${queue.size} queued, ${bytes} bytes`,
    );
    if (this.cut) this.#disconnect();
  }

  /** @returns bytes written */
  #drain(): number {
    const taken = this.#encoder.take();
    this.#outbound.prove(taken, this.store);
    this.#encoder.recycle(taken);
    return taken.length;
  }

  #disconnect(): void {
    this.session.onDisconnect(this.output, this.now);
    hold(
      !this.session.active && this.session.nextTimerAt() === Number.POSITIVE_INFINITY,
      () => 'closed, and still active',
    );
    this.cut = false;
    this.open = false;
    this.loggedOn = false;
    this.#closed = false;
    this.stuck = 0;
    this.#encoder = new Encoder();
    this.output = this.#connect();
    this.#drain();
  }
}
