/**
 * Questions of clients to the gateway itself, about where their limits stand: LimitQuery (35=XLQ) in every version, and
 * UserRequest (35=BE) where the dictionary has it. A question draws on the message bucket like any other message. The answer is
 * an application message and is sent when the store has been read, perhaps after answers to later messages.
 */

import type { BucketUsage } from '../core/limits/usage.ts';
import type { GateSession, LimitState } from '../core/sessions/api.ts';
import type { Dictionary } from './fix/dictionary/index.ts';
import type { BodyWriter } from './fix/encoder.ts';
import type { Message } from './fix/message.ts';
import type { Instant } from './fix/session/ports.ts';
import { MsgType, Tag } from './fix/tags.ts';
import type { House } from './house.ts';
import { INQUIRIES_WAITING, REQUEST_ID_BYTES } from './limits.ts';
import type { Entry } from './sessions.ts';

/** SessionRejectReason (373): value is incorrect. */
const VALUE_INCORRECT = 5;
/** BusinessRejectReason (380): application not available. */
const NOT_AVAILABLE = 4;

/** UserRequestType (924). */
const USER_STATUS = 4;
const THROTTLE_LIMIT = 5;
/** UserStatus (926). */
const LOGGED_IN = 1;
const NOT_RECOGNISED = 3;
const OTHER = 6;

const NAMES = ['order', 'message', 'cancel'] as const;
/** LimitType (25004), in the order of the answer. */
const LIMIT_TYPES = { order: '1', message: '2', cancel: '3', session: '4' } as const;

const NOT_FRESH = 'By what this gateway knows; the store did not answer in time';

/** A question as it was asked, kept until it is answered. */
interface Inquiry {
  readonly msgType: number;
  readonly write: (body: BodyWriter, state: LimitState, dictionary: Dictionary) => void;
}

/** Reads a question. Undefined: it was malformed and has been refused. */
type Reader = (desk: Inquiries, message: Message, now: Instant) => Inquiry | undefined;

/** By packed MsgType. */
const READERS: ReadonlyMap<number, Reader> = new Map([
  [MsgType.LimitQuery, readLimitQuery],
  [MsgType.UserRequest, readUserRequest],
]);

/** The questions of one connection. */
export class Inquiries {
  readonly entry: Entry;
  readonly #house: House;
  readonly #gate: GateSession;
  readonly #dictionary: Dictionary;
  #waiting = 0;
  #over = false;

  /** @param dictionary of the session: answers are in its version, even if a message names another */
  constructor(house: House, entry: Entry, gate: GateSession, dictionary: Dictionary) {
    this.#house = house;
    this.entry = entry;
    this.#gate = gate;
    this.#dictionary = dictionary;
  }

  /** Takes an admitted message that is a question to the gateway. @returns false: it is none */
  ask(message: Message, now: Instant): boolean {
    const read = READERS.get(message.msgType);
    if (read === undefined) return false;
    if (message.msgType === MsgType.UserRequest && !this.#dictionary.knows(MsgType.UserResponse)) return false;
    const { fix } = this.entry;
    if (this.#waiting >= INQUIRIES_WAITING) {
      fix.businessReject(message, NOT_AVAILABLE, '', 'Earlier questions are not answered yet, try again', now);
      return true;
    }
    const inquiry = read(this, message, now);
    if (inquiry === undefined) return true;
    this.#waiting++;
    // Never rejects: if the store is away, the answer says so.
    void this.#gate.limits().then((state) => this.#answer(inquiry, state));
    return true;
  }

  /** The connection has gone: open questions are dropped. */
  leave(): void {
    this.#over = true;
  }

  #answer({ msgType, write }: Inquiry, state: LimitState): void {
    this.#waiting--;
    if (this.#over || !this.entry.fix.active) return;
    const { turns, sessions, log } = this.#house;
    turns.run(() => {
      try {
        write(sessions.open(this.entry.venue, msgType, 0), state, this.#dictionary);
        sessions.close();
      } catch (error) {
        sessions.abandon();
        log.error({ error, session: this.entry.venue.id }, 'a question of a client could not be answered');
      }
    });
  }
}

function readLimitQuery({ entry }: Inquiries, message: Message, now: Instant): Inquiry | undefined {
  const reqId = message.text(message.index(Tag.ReqID));
  if (reqId.length > REQUEST_ID_BYTES) {
    const text = `ReqID is longer than ${REQUEST_ID_BYTES} characters`;
    entry.fix.reject(message, VALUE_INCORRECT, Tag.ReqID, text, now);
    return undefined;
  }
  return {
    msgType: MsgType.LimitResponse,
    write: (body, state) => {
      body.text(Tag.ReqID, reqId);
      if (!state.fresh) body.text(Tag.Text, NOT_FRESH);
      body.uint(Tag.NoLimitIndicators, NAMES.length + 1);
      for (const name of NAMES) writeBucket(body, LIMIT_TYPES[name], state[name]);
      const { used, max } = state.sessions;
      body.text(Tag.LimitType, LIMIT_TYPES.session).uint(Tag.LimitCount, used).uint(Tag.LimitMax, max);
    },
  };
}

function writeBucket(body: BodyWriter, type: string, { rate, capacity, left, next_ms, full_ms }: BucketUsage): void {
  body
    .text(Tag.LimitType, type)
    .uint(Tag.LimitCount, Math.max(0, capacity - left))
    .uint(Tag.LimitMax, capacity);
  // The time in which an empty bucket fills up.
  body.uint(Tag.LimitResetInterval, Math.max(1, Math.ceil(capacity / rate)));
  body.text(Tag.LimitResetIntervalResolution, 's');
  body.decimal(Tag.LimitRate, Math.round(rate * 1000), 3);
  body.uint(Tag.LimitNextMs, next_ms).uint(Tag.LimitFullMs, full_ms);
}

function readUserRequest({ entry }: Inquiries, message: Message, now: Instant): Inquiry | undefined {
  const requestId = message.text(message.index(Tag.UserRequestID));
  const username = message.text(message.index(Tag.Username));
  if (requestId.length > REQUEST_ID_BYTES || username.length > REQUEST_ID_BYTES) {
    const tag = requestId.length > REQUEST_ID_BYTES ? Tag.UserRequestID : Tag.Username;
    entry.fix.reject(message, VALUE_INCORRECT, tag, `Longer than ${REQUEST_ID_BYTES} characters`, now);
    return undefined;
  }
  const type = message.uint(message.index(Tag.UserRequestType));
  const own = username === entry.venue.sender_comp_id;
  return {
    msgType: MsgType.UserResponse,
    write: (body, state, dictionary) => {
      body.text(Tag.UserRequestID, requestId).text(Tag.Username, username);
      if (!own) {
        body.uint(Tag.UserStatus, NOT_RECOGNISED).text(Tag.UserStatusText, 'Username is not the SenderCompID');
        return;
      }
      if (type !== USER_STATUS && type !== THROTTLE_LIMIT) {
        body.uint(Tag.UserStatus, OTHER).text(Tag.UserStatusText, 'Only the status may be asked for (924=4)');
        return;
      }
      body.uint(Tag.UserStatus, LOGGED_IN);
      writeThrottles(body, state, dictionary);
      body.text(Tag.UserStatusText, inWords(state));
    },
  };
}

/** ThrottleParamsGrp, where UserResponse has it (FIX.5.0SP2): what a bucket may take at once, and how fast it fills. */
function writeThrottles(body: BodyWriter, state: LimitState, dictionary: Dictionary): void {
  const rules = dictionary.body(MsgType.UserResponse);
  if (rules === undefined || rules.slot(Tag.NoThrottles) < 0) return;
  const REJECT = 2;
  const INBOUND_RATE = 0;
  const MILLISECONDS = 3;
  body.uint(Tag.NoThrottles, NAMES.length);
  for (const name of NAMES) {
    const { rate, capacity } = state[name];
    body.uint(Tag.ThrottleAction, REJECT).uint(Tag.ThrottleType, INBOUND_RATE).uint(Tag.ThrottleNoMsgs, capacity);
    body.uint(Tag.ThrottleTimeInterval, Math.max(1, Math.ceil((capacity * 1000) / rate)));
    body.uint(Tag.ThrottleTimeUnit, MILLISECONDS);
  }
}

/** `orders 38 of 40 left, 20/s, full in 100 ms; …; sessions 1 of 3` */
function inWords(state: LimitState): string {
  const buckets = NAMES.map((name) => {
    const { left, capacity, rate, next_ms, full_ms } = state[name];
    const next = next_ms > 0 ? `, next in ${next_ms} ms` : '';
    return `${name}s ${left} of ${capacity} left, ${rate}/s${next}, full in ${full_ms} ms`;
  });
  const { used, max } = state.sessions;
  return [...buckets, `sessions ${used} of ${max}`, ...(state.fresh ? [] : [NOT_FRESH])].join('; ');
}
