/**
 * What a live session does with application messages: the gate decides, the venue gets what is admitted, and a refusal
 * says why and for how long.
 */

import {
  ADMITTED,
  CANCEL,
  type Decision,
  type Kind,
  ORDER,
  REFUSED_CANCEL,
  REFUSED_MESSAGE,
  REFUSED_ORDER,
  REFUSED_STORE,
  WAIT,
} from '../core/limits/admission.ts';
import type { GateSession } from '../core/sessions/api.ts';
import { kindOf } from './classes.ts';
import { type Dictionary, type DictionarySet, validate } from './fix/dictionary/index.ts';
import type { Message } from './fix/message.ts';
import {
  DELIVERED,
  type Delivery,
  HOLD,
  type Instant,
  type SessionStore,
  UNSUPPORTED,
  type Validator,
} from './fix/session/ports.ts';
import type { SessionProfile } from './fix/session/profile.ts';
import { Tag } from './fix/tags.ts';
import type { Metrics } from './metrics.ts';
import type { Entry } from './sessions.ts';
import type { SubmitContext, Venue } from './venue/venue.ts';

/** BusinessRejectReason (380): application not available. */
const NOT_AVAILABLE = 4;
/** SessionRejectReason (373): other. */
const OTHER = 99;

export interface SeatParts {
  readonly entry: Entry;
  readonly gate: GateSession;
  readonly venue: Venue;
  readonly metrics: Metrics;
  readonly profile: SessionProfile;
  readonly dictionaries: DictionarySet;
  /** 380 of an order over its limit. */
  readonly orderLimitReason: number;
  /** The gate has decided about the message that is held: feed it again. */
  readonly onGranted: () => void;
}

interface MutableContext extends SubmitContext {
  generation: number;
  msg_seq_num: number;
  dictionary: Dictionary;
  now: number;
}

export class Seat {
  readonly entry: Entry;
  readonly gate: GateSession;
  readonly validate: Validator;
  /** Monotonic ms of the last application message. */
  lastApplicationAt: number;
  readonly since: number;
  /** Orders admitted in this batch. */
  orders = 0;
  readonly #parts: SeatParts;
  readonly #store: SessionStore;
  readonly #context: MutableContext;
  /** The gate's word on the message that waited. */
  #decided: Decision | undefined;
  #decidedFor = 0;
  #forget: (() => void) | undefined;

  /** @throws RangeError when there is no dictionary for the session */
  constructor(parts: SeatParts, now: Instant) {
    const { entry, dictionaries, profile } = parts;
    this.#parts = parts;
    this.entry = entry;
    this.gate = parts.gate;
    this.#store = entry.store;
    this.lastApplicationAt = now.monoMs;
    this.since = now.monoMs;
    const { begin_string, appl_ver_id } = entry.venue;
    const dictionary = dictionaries.get(begin_string, appl_ver_id);
    if (dictionary === undefined) throw new RangeError(`no dictionary for ${begin_string} ${appl_ver_id}`);
    this.#context = { session: entry.venue, generation: 0, msg_seq_num: 0, dictionary, now: 0 };
    const dictionaryOf = (message: Message): Dictionary => {
      // Over FIXT.1.1 a message may name its own application version (ApplVerID).
      if (appl_ver_id === '' || message.applVerId < 0) return dictionary;
      return dictionaries.get(begin_string, message.text(message.applVerId)) ?? dictionary;
    };
    this.validate = (message, tokens, verdict) => {
      const rules = dictionaryOf(message);
      this.#context.dictionary = rules;
      return validate(rules, message, profile, verdict, tokens);
    };
  }

  /** An application message in sequence and valid. */
  deliver(message: Message, msgSeqNum: number, now: Instant): Delivery {
    const kind = kindOf(message.msgType);
    let decision = this.#decidedFor === msgSeqNum ? this.#decided : undefined;
    this.#decided = undefined;
    if (decision === undefined) {
      const admission = this.gate.admit(kind, now.epochMs);
      if (admission === WAIT) return this.#wait(kind, msgSeqNum);
      decision = admission;
    }
    this.lastApplicationAt = now.monoMs;
    if (decision !== ADMITTED) {
      this.#refuse(message, kind, decision, now);
      return DELIVERED;
    }
    const { venue } = this.#parts;
    if (!venue.supports(message.msgType)) return UNSUPPORTED;
    if (kind === ORDER) this.orders++;
    const context = this.#context;
    context.generation = this.#store.generation;
    context.msg_seq_num = msgSeqNum;
    context.now = now.epochMs;
    venue.submit(message, context);
    return DELIVERED;
  }

  /** The connection is gone: what waits is forgotten. */
  leave(): void {
    this.#forget?.();
    this.#forget = undefined;
  }

  #wait(kind: Kind, msgSeqNum: number): Delivery {
    this.#forget = this.gate.onGrant(kind, (decision) => {
      this.#forget = undefined;
      this.#decided = decision;
      this.#decidedFor = msgSeqNum;
      this.#parts.onGranted();
    });
    return HOLD;
  }

  /** The message has used up its number, and the client learns when to try again. */
  #refuse(message: Message, kind: Kind, decision: Decision, now: Instant): void {
    const { metrics, orderLimitReason } = this.#parts;
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
