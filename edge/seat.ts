/**
 * A live session at its connection. Handles application messages: the gate decides, admitted messages go to the venue, and a refusal
 * says why and how long to wait.
 */

import {
  ADMITTED,
  type Decision,
  REFUSED_CANCEL,
  REFUSED_MESSAGE,
  REFUSED_ORDER,
  REFUSED_STORE,
  WAIT,
} from '../core/limits/admission.ts';
import { CANCEL, type Kind, MESSAGE, ORDER } from '../core/limits/kinds.ts';
import type { GateSession } from '../core/sessions/api.ts';
import { Admitting } from './admitting.ts';
import { problemOf, refusalId, refuseId, usedId } from './cl-ord-ids.ts';
import { kindOf } from './classes.ts';
import { type Dictionary, Patterns, validate } from './fix/dictionary/index.ts';
import type { Encoder } from './fix/encoder.ts';
import { type Frame, GARBLED_CHECKSUM, GARBLED_ORDER } from './fix/framer.ts';
import { type Message, TOKENS_MISFRAMED, tokenise } from './fix/message.ts';
import {
  ANSWERED,
  type CloseCause,
  DELIVERED,
  type Delivery,
  type Fate,
  FED,
  type Fed,
  HOLD,
  type Instant,
  REFUSED,
  type SessionOutput,
  SUBMITTED,
  UNSUPPORTED,
  type UnprovedLogon,
  type Validator,
} from './fix/session/ports.ts';
import { Tag } from './fix/tags.ts';
import type { TagTraits } from './fix/traits.ts';
import type { House } from './house.ts';
import { Inquiries } from './inquiries.ts';
import type { JournalSession } from './journal/journal.ts';
import { OUTPUT_BYTES, TICK_MS, UNMETERED_PER_WINDOW, UNMETERED_WINDOW_MS, UNREAD_BYTES } from './limits.ts';
import { LogonAgain } from './logon-again.ts';
import { Notices } from './notices.ts';
import type { Entry } from './sessions.ts';
import type { SubmitContext } from './venue/venue.ts';
import { versionOf } from './venue/versions.ts';
import type { Wire } from './wire.ts';

/** BusinessRejectReason (380): application not available. */
const NOT_AVAILABLE = 4;
/** SessionRejectReason (373): other. */
const OTHER = 99;

/** Text for a client whose session has used all its reserved numbers. */
export const NO_NUMBERS = 'No numbers are left until the gateway reaches its store again: log on then';

/** What a seat needs of its connection. */
export interface SeatEvents {
  /** The gate has decided about the message that is held, or reading may go on: process further messages. */
  granted(): void;
  /** The session wants its connection closed. */
  close(cause: CloseCause, text: string): void;
  /** The client's certificate in TLS; see LogonRequest. */
  readonly certificate: string | undefined;
}

interface MutableContext extends SubmitContext {
  generation: number;
  msg_seq_num: number;
  dictionary: Dictionary;
  now: number;
}

export class Seat implements SessionOutput {
  readonly entry: Entry;
  readonly gate: GateSession;
  readonly admitting: Admitting;
  readonly validate: Validator;
  readonly traits: TagTraits;
  /** Of application messages that were delivered. */
  readonly patterns = new Patterns();
  readonly encoder: Encoder;
  /** Monotonic ms of the last application message. */
  lastApplicationAt: number;
  readonly since: number;
  /** Orders admitted in this batch. */
  #orders = 0;
  readonly #house: House;
  readonly #wire: Wire;
  readonly #events: SeatEvents;
  readonly #store: JournalSession;
  readonly #context: MutableContext;
  readonly #inquiries: Inquiries;
  /** News that is sent to the client. */
  readonly notices: Notices;
  /** The gate's decision about the message that waited. */
  #decided: Decision | undefined;
  #decidedFor = 0;
  #forget: (() => void) | undefined;
  /** Whether the session is not read for a while, because of too many messages that no limit applies to. */
  rests = false;
  #unmetered = 0;
  /** When that was counted anew, monotonic ms. */
  #unmeteredSince = Number.NEGATIVE_INFINITY;
  readonly #remembersIds: boolean;
  /** From the first Logon within the session on. */
  #again: LogonAgain | undefined;

  /** @throws RangeError when there is no dictionary for the session */
  constructor(house: House, entry: Entry, gate: GateSession, wire: Wire, events: SeatEvents) {
    const { dictionaries, turns } = house;
    this.#house = house;
    this.#wire = wire;
    this.#events = events;
    this.entry = entry;
    this.gate = gate;
    this.admitting = new Admitting(gate);
    this.encoder = wire.encoder;
    wire.session = entry.store;
    wire.block = house.blocks.of(entry.venue.id);
    this.#store = entry.store;
    this.since = turns.now.monoMs;
    this.lastApplicationAt = this.since;
    const { begin_string, appl_ver_id } = entry.venue;
    const { profile } = entry;
    const chosen = dictionaries.of(profile);
    if (!chosen.known) throw new RangeError(chosen.problem);
    const rules = chosen.dictionaries;
    const dictionary = rules.get(begin_string, appl_ver_id);
    if (dictionary === undefined) throw new RangeError(`no dictionary for ${begin_string} ${appl_ver_id}`);
    this.traits = rules.traits(begin_string);
    this.#inquiries = new Inquiries(house, entry, gate, dictionary);
    this.notices = new Notices(house, entry, gate, dictionary);
    this.#context = { session: entry.venue, generation: 0, msg_seq_num: 0, dictionary, now: 0, recovered: false };
    this.#remembersIds = profile.cl_ord_id.policy === 'reject';
    const dictionaryOf = (message: Message): Dictionary => {
      // Over FIXT.1.1 a message may name its own application version (ApplVerID).
      if (appl_ver_id === '' || message.applVerId < 0) return dictionary;
      return rules.get(begin_string, message.text(message.applVerId)) ?? dictionary;
    };
    this.validate = (message, tokens, verdict) => {
      const own = dictionaryOf(message);
      this.#context.dictionary = own;
      if (validate(own, message, profile, verdict, tokens)) return true;
      this.#noteUnmetered();
      return false;
    };
  }

  /** Orders admitted since the last call. */
  takeOrders(): number {
    const orders = this.#orders;
    this.#orders = 0;
    return orders;
  }

  /** Whether the session may use more numbers. Called once a turn. */
  hasNumbers(): boolean {
    const { block } = this.#wire;
    return block === undefined || block.lasts(this.#store);
  }

  /** Its client has logged on. */
  begun(): void {
    this.gate.count();
    this.notices.begun();
  }

  /** A session-level message has been handled. */
  sessionLevel(): void {
    this.gate.count();
    this.#noteUnmetered();
  }

  /** Bounds messages that no limit applies to (session-level and invalid ones) in each second: further ones wait. */
  #noteUnmetered(): void {
    const { monoMs } = this.#house.turns.now;
    if (monoMs - this.#unmeteredSince >= UNMETERED_WINDOW_MS) {
      this.#unmeteredSince = monoMs;
      this.#unmetered = 0;
    }
    if (++this.#unmetered < UNMETERED_PER_WINDOW || this.rests) return;
    this.rests = true;
    this.#house.metrics.rested();
  }

  backlog(): number {
    return this.#wire.backlog;
  }

  recovered(resent: number, delivered: number, now: Instant): void {
    this.notices.recovered(resent, delivered, now);
  }

  unproved(message: Message): UnprovedLogon | undefined | typeof HOLD {
    this.#again ??= new LogonAgain(this.#house, this.gate, () => this.#events.granted());
    return this.#again.look(message, this.#events.certificate);
  }

  close(cause: CloseCause, text: string): void {
    this.#events.close(cause, text);
  }

  /** Bytes that wait for the client to read them above which it is not read. With messages behind them each further one would be kept as well, without end. */
  get unreadAtMost(): number {
    return this.entry.fix.resending ? UNREAD_BYTES : OUTPUT_BYTES;
  }

  /** When something is due even if nothing is received; monotonic ms. */
  nextWake(): number {
    const { config, turns } = this.#house;
    const { fix } = this.entry;
    let at = Math.min(fix.nextTimerAt(), this.#wire.stalledAt);
    if (config.idle_timeout_s > 0) at = Math.min(at, this.lastApplicationAt + config.idle_timeout_s * 1000);
    if (config.absolute_timeout_s > 0) at = Math.min(at, this.since + config.absolute_timeout_s * 1000);
    if (this.rests) at = Math.min(at, this.#unmeteredSince + UNMETERED_WINDOW_MS);
    // Messages that the store has to fetch first are asked for again.
    if (fix.resending && !this.#wire.writing) at = Math.min(at, turns.now.monoMs + TICK_MS);
    return at;
  }

  /** Does what is due. @returns why the session has to end; undefined: it need not */
  wake(): string | undefined {
    const { config, turns } = this.#house;
    const { now } = turns;
    const { fix } = this.entry;
    if (now.monoMs >= fix.nextTimerAt()) fix.onTimer(now);
    if (fix.resending) fix.resumeResend(now);
    if (this.rests && now.monoMs - this.#unmeteredSince >= UNMETERED_WINDOW_MS) {
      this.rests = false;
      // A message that waits for the gate is processed when the gate has decided.
      if (this.#forget === undefined) this.#events.granted();
    }
    const { idle_timeout_s, absolute_timeout_s } = config;
    if (idle_timeout_s > 0 && now.monoMs - this.lastApplicationAt >= idle_timeout_s * 1000)
      return 'Session was idle for too long';
    return absolute_timeout_s > 0 && now.monoMs - this.since >= absolute_timeout_s * 1000
      ? 'Session reached its time limit'
      : undefined;
  }

  /** A garbled message, about to be dropped. The profile may ask for a Reject. */
  garbled(buf: Buffer, { start, resume, reason, skipping }: Frame): Fed {
    const { fix, profile } = this.entry;
    const whole = reason === GARBLED_CHECKSUM || (reason === GARBLED_ORDER && !skipping);
    if (!whole || !profile.reject_garbled_message) return FED;
    const { message, turns } = this.#house;
    tokenise(buf, start, resume, message);
    return fix.onMessage(message, TOKENS_MISFRAMED, turns.now);
  }

  /** An application message in sequence and valid. */
  deliver(message: Message, msgSeqNum: number, now: Instant): Delivery {
    const context = this.#context;
    if (message.like === undefined) this.patterns.learn(message, context.dictionary);
    else if (context.dictionary !== this.patterns.dictionary) context.dictionary = this.patterns.dictionary!;
    const kind = kindOf(message.msgType);
    // What else is asked of an order has been asked of one in this turn where one is admitted ahead.
    if (kind !== ORDER || !this.admitting.took()) {
      const delivery = this.#admit(message, kind, msgSeqNum, now);
      if (delivery !== undefined) return delivery;
    }
    const { venue, sessions } = this.#house;
    if (!venue.supports(message.msgType)) {
      this.#record(message, msgSeqNum, REFUSED, now);
      return UNSUPPORTED;
    }
    const id = this.#remembersIds ? usedId(message) : -1;
    if (id >= 0 && this.#isRefusedFor(message, id, msgSeqNum, now)) return DELIVERED;
    if (kind === ORDER) this.#orders++;
    context.generation = this.#store.generation;
    context.msg_seq_num = msgSeqNum;
    // It may have been answered before, with numbers whose messages are lost.
    const again = this.#store.lostAt > 0 && message.flag(message.possDupFlag);
    this.#record(message, msgSeqNum, SUBMITTED, now, id);
    if (again) sessions.answeredAgain(this.entry);
    venue.submit(message, context);
    if (again) sessions.answeredAgain(undefined);
    return DELIVERED;
  }

  /** Asks the gate about a message. @returns what has become of one that the venue does not get, or not yet */
  #admit(message: Message, kind: Kind, msgSeqNum: number, now: Instant): Delivery | undefined {
    if (kind === ORDER && !(this.#house.turns.durable && (this.#house.venue.available ?? true))) {
      this.#record(message, msgSeqNum, REFUSED, now);
      this.#refuse(message, kind, REFUSED_STORE, now);
      return DELIVERED;
    }
    let decision = this.#decidedFor === msgSeqNum ? this.#decided : undefined;
    this.#decided = undefined;
    if (decision === undefined) {
      const admission = this.admitting.admit(kind, now.epochMs, this.#orders > 0);
      if (admission === WAIT) return this.#wait(kind, msgSeqNum);
      decision = admission;
    }
    // See instant() in turn.ts.
    if (this.lastApplicationAt !== now.monoMs) this.lastApplicationAt = now.monoMs;
    if (this.#context.now !== now.epochMs) this.#context.now = now.epochMs;
    if (decision !== ADMITTED) {
      this.#record(message, msgSeqNum, REFUSED, now);
      this.#refuse(message, kind, decision, now);
      return DELIVERED;
    }
    if (kind !== MESSAGE || !this.#inquiries.ask(message, now)) return undefined;
    this.#record(message, msgSeqNum, ANSWERED, now);
    return DELIVERED;
  }

  /** Records the message in the journal before anything else happens with it. */
  #record(message: Message, msgSeqNum: number, fate: Fate, now: Instant, id = -1): void {
    const { buf, start, end } = message;
    const idStart = id < 0 ? 0 : message.from(id);
    const idEnd = id < 0 ? 0 : message.to(id);
    this.#store.received(msgSeqNum, buf, start, end, now.epochMs, fate, idStart, idEnd);
  }

  /**
   * Whether the message is refused because of its ClOrdID; then answers it. A PossResend with a known ClOrdID is dropped: its sender
   * does not know whether the first one was accepted, and a refusal would say that it was not.
   */
  #isRefusedFor(message: Message, id: number, msgSeqNum: number, now: Instant): boolean {
    const problem = problemOf(this.#store, message, id, now);
    if (problem === undefined) return false;
    this.#record(message, msgSeqNum, REFUSED, now);
    if (problem === 'duplicate' && message.flag(message.possResend)) return true;
    const { fix, venue } = this.entry;
    const version = versionOf(venue.begin_string, venue.appl_ver_id);
    refuseId(fix, message, version, refusalId(version, this.#store.generation, msgSeqNum), problem, now);
    return true;
  }

  /** The connection has gone: forgets what waits. */
  leave(): void {
    this.#inquiries.leave();
    this.#again?.leave();
    this.notices.leave();
    this.#forget?.();
    this.#forget = undefined;
  }

  #wait(kind: Kind, msgSeqNum: number): Delivery {
    this.#forget = this.gate.onGrant(kind, (decision) => {
      this.#forget = undefined;
      this.#decided = decision;
      this.#decidedFor = msgSeqNum;
      this.#events.granted();
    });
    return HOLD;
  }

  /** Refuses a message because of a limit. Its number is used, and the client is told when to try again. */
  #refuse(message: Message, kind: Kind, decision: Decision, now: Instant): void {
    const { metrics, config } = this.#house;
    const orderLimitReason = config.order_limit_reason;
    const { fix } = this.entry;
    const { user_id } = this.gate.session;
    const wait = () => Math.max(1, Math.ceil(this.gate.retryAfterMs(kind, now.epochMs)));
    const clOrdId = () => message.text(message.index(Tag.ClOrdID));
    switch (decision) {
      case REFUSED_ORDER:
        metrics.limited(user_id, 'order');
        fix.businessReject(
          message,
          orderLimitReason,
          clOrdId(),
          `Order rate limit exceeded, retry in ${wait()} ms`,
          now,
        );
        return;
      case REFUSED_CANCEL:
        metrics.limited(user_id, 'cancel');
        fix.businessReject(
          message,
          orderLimitReason,
          clOrdId(),
          `Cancel rate limit exceeded, retry in ${wait()} ms`,
          now,
        );
        return;
      case REFUSED_MESSAGE:
        metrics.limited(user_id, 'message');
        fix.reject(message, OTHER, 0, `Message rate limit exceeded, retry in ${wait()} ms`, now);
        return;
      case REFUSED_STORE: {
        const what = kind === CANCEL ? 'Cancels are' : kind === ORDER ? 'Orders are' : 'Messages are';
        fix.businessReject(message, NOT_AVAILABLE, clOrdId(), `${what} not accepted for the moment, try again`, now);
        return;
      }
    }
  }
}
