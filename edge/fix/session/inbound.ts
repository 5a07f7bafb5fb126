/** What comes in: the checks of every message, its place in the sequence, and one handler for each MsgType. */

import { Reason } from '../dictionary/verdict.ts';
import { type Message, TOKENS_GARBLED, TOKENS_MISFRAMED, tokenise } from '../message.ts';
import { MsgType, Tag } from '../tags.ts';
import { businessReject } from './application.ts';
import { clearGap, noteAhead, noteGapFill, settleGap } from './gap.ts';
import { MAX_MSG_SEQ_NUM } from './limits.ts';
import { acceptLogon, readLogon } from './logon.ts';
import {
  COMP_ID_PROBLEM,
  close,
  logoutAndClose,
  logoutAndWait,
  REQUIRED_TAG_MISSING,
  SENDING_TIME_PROBLEM,
  sendHeartbeat,
  sendLogout,
  sendReject,
  VALUE_INCORRECT,
} from './outbound.ts';
import {
  AGAIN,
  type Delivery,
  ENDED,
  FED,
  type Fed,
  HELD,
  HOLD,
  INVALID,
  type Instant,
  QUIET,
  UNSUPPORTED,
} from './ports.ts';
import type { Live, SessionRecord } from './record.ts';
import { goOn, requestResend } from './resend.ts';
import { isOrigSendingTimeGood, isSendingTimeGood } from './sending-time.ts';
import { SessionStatus } from './session-status.ts';
import { isOpenEnd } from './versions.ts';

/** BusinessRejectReason (380): unsupported message type. */
const UNSUPPORTED_MESSAGE_TYPE = 3;

const NO_NEW_PASSWORD = 'NewPassword (925) is taken in the first Logon of a connection only, log on again with it';

/** A handler sees valid messages only; `n` is their MsgSeqNum, the next expected one unless {@link actsOutOfTurn}. */
type Handler = (s: SessionRecord, live: Live, message: Message, n: number, now: Instant) => Fed;

/** By packed MsgType; what is not here is the application's. */
const HANDLERS: readonly (Handler | undefined)[] = Object.assign(new Array<Handler | undefined>(128).fill(undefined), {
  [MsgType.Heartbeat]: onHeartbeat,
  [MsgType.TestRequest]: onTestRequest,
  [MsgType.ResendRequest]: onResendRequest,
  [MsgType.Reject]: onReject,
  [MsgType.SequenceReset]: onSequenceReset,
  [MsgType.Logout]: onLogout,
  [MsgType.Logon]: onLogonAgain,
});

/** One message of a client that is logged on, from framing to effect. */
export function receive(s: SessionRecord, message: Message, tokens: number, now: Instant): Fed {
  const { phase } = s;
  if (phase.state !== 'active' && phase.state !== 'logout_sent') return ENDED;
  const { live } = phase;
  if (live.held) return AGAIN;
  // A tag that is no number: garbled, dropped without using a number (test case 3.c), unless the profile wants a Reject.
  if (tokens === TOKENS_GARBLED && !s.profile.reject_garbled_message) return FED;
  if (tokens === TOKENS_MISFRAMED) return receiveMisframed(s, message, now);
  if (phase.state === 'logout_sent') return receiveAfterLogout(s, live, message, tokens, now);
  if (message.like === undefined && !message.holds(message.beginString, s.names.begin)) {
    logoutAndWait(s, live, 'Incorrect BeginString', now); // test case 2.i
    return FED;
  }
  const n = message.sequenceNumber();
  if (n < 0) {
    logoutAndClose(s, live, 'msg_seq_num_missing', 'MsgSeqNum (34) is missing or no number', now);
    return ENDED;
  }
  const isOfThisTurn = live.lastReceived === now.monoMs;
  if (!isOfThisTurn) s.timely = 0;
  if (!isFromTheClient(s, live, message, n, now)) return FED;
  if (!isOfThisTurn) live.lastReceived = now.monoMs; // a write of what is young costs more
  // Our own Heartbeat is put off while the answer to a TestRequest is waited for: with it the next timer is nearer.
  let follows = live.testRequestedAt >= 0;
  live.testRequestedAt = -1;
  const next = s.store.nextIn;
  const fed = n === next ? inTurn(s, live, message, n, tokens, now) : outOfTurn(s, live, message, n, tokens, now);
  if (fed === AGAIN) return AGAIN;
  const drained = s.highest === 0 || s.store.nextIn === next ? fed : drain(s, live, now);
  // Whoever has missed something says so first; anything else means that pending messages may go.
  if (live.pendingFrom !== 0 && message.msgType !== MsgType.ResendRequest && isActive(s)) {
    live.pendingFrom = 0;
    goOn(s, live, now);
    follows = true;
  }
  if (s.phase !== phase && isEnded(s)) return ENDED;
  return follows && drained === QUIET ? FED : drained;
}

/** What the framer dropped: rejected, and its number used, if the profile says so and it is the one that is due. */
function receiveMisframed(s: SessionRecord, message: Message, now: Instant): Fed {
  const n = message.uint(message.msgSeqNum);
  if (s.phase.state !== 'active' || !s.profile.reject_garbled_message || n !== s.store.nextIn) return FED;
  advance(s, n);
  sendReject(s, s.phase.live, message, { reason: -1, text: 'Message is garbled' }, now);
  return drain(s, s.phase.live, now);
}

const isEnded = (s: SessionRecord): boolean => s.phase.state === 'ended' || s.phase.state === 'away';
const isActive = (s: SessionRecord): boolean => s.phase.state === 'active';

/** SendingTime within bounds (test case 2.o) and the CompIDs of the Logon (2.k): else Reject, Logout and the end. */
function isFromTheClient(s: SessionRecord, live: Live, message: Message, n: number, now: Instant): boolean {
  let reason = -1;
  if (!isInTime(s, message, now)) reason = SENDING_TIME_PROBLEM;
  else if (message.like !== undefined) return true;
  else if (message.length(message.senderCompId) > 0 && !message.holds(message.senderCompId, s.names.sender)) {
    reason = COMP_ID_PROBLEM;
  } else if (message.length(message.targetCompId) > 0 && !message.holds(message.targetCompId, s.names.target)) {
    reason = COMP_ID_PROBLEM;
  }
  if (reason < 0) return true;
  recordInvalid(s, message, n, now);
  if (n === s.store.nextIn) advance(s, n);
  sendReject(s, live, message, { reason }, now);
  logoutAndWait(s, live, '', now);
  return false;
}

/** SendingTime; of one that is the same at the same time it is known. */
function isInTime(s: SessionRecord, message: Message, now: Instant): boolean {
  if (message.timeOf !== 0 && message.timeOf === s.timely) return true;
  if (!isSendingTimeGood(message, s.profile, now)) return false;
  s.timely = message.timeOf;
  return true;
}

/** After our Logout: the answer, and requests for what the client missed. Orders are not taken: they come again later. */
function receiveAfterLogout(s: SessionRecord, live: Live, message: Message, tokens: number, now: Instant): Fed {
  const n = message.uint(message.msgSeqNum);
  if (message.msgType === MsgType.Logout) {
    if (n === s.store.nextIn) pass(s, n);
    close(s, live, 'logout_answered', message.text(message.index(Tag.Text)), now);
    return ENDED;
  }
  if (message.msgType === MsgType.ResendRequest && n >= 0 && isValid(s, live, message, tokens)) {
    serveRequest(s, live, message, now);
  }
  return FED;
}

/** The number has been used. */
function advance(s: SessionRecord, n: number): void {
  s.lastProcessed = n;
  s.store.setNextIn(n + 1);
}

/** By a session-level message in order, of which nothing follows that would not follow when its gap is filled. */
function pass(s: SessionRecord, n: number): void {
  s.lastProcessed = n;
  s.store.noteNextIn(n + 1);
}

/** Structure and dictionary; the mistake is in `s.verdict`. */
function isValid(s: SessionRecord, live: Live, message: Message, tokens: number): boolean {
  if (tokens !== TOKENS_GARBLED) return live.output.validate(message, tokens, s.verdict);
  s.verdict.reason = Reason.InvalidTagNumber;
  s.verdict.refTagId = message.badTag;
  return false;
}

function rejectByVerdict(s: SessionRecord, live: Live, message: Message, now: Instant): void {
  const { verdict } = s;
  const refTag = verdict.namesTag ? verdict.refTagId : undefined;
  sendReject(s, live, message, { reason: verdict.reason, refTag, text: verdict.text }, now);
}

/** Undefined: the application's. */
const handlerOf = ({ msgType }: Message): Handler | undefined =>
  msgType < HANDLERS.length ? HANDLERS[msgType] : undefined;

/** An application message that is due and does not get to the application is on record all the same. */
function recordInvalid(s: SessionRecord, message: Message, n: number, now: Instant): void {
  if (n !== s.store.nextIn || handlerOf(message) !== undefined) return;
  s.store.received(n, message.buf, message.start, message.end, now.epochMs, INVALID, 0, 0);
}

/** The message that is due. One like another is valid and the application's, as that was. */
function inTurn(s: SessionRecord, live: Live, message: Message, n: number, tokens: number, now: Instant): Fed {
  if (message.possDupFlag >= 0 && !possDupIsGood(s, live, message, n, now)) return FED;
  if (message.like !== undefined) return deliver(s, live, message, n, now);
  if (!isValid(s, live, message, tokens)) {
    recordInvalid(s, message, n, now);
    advance(s, n);
    rejectByVerdict(s, live, message, now);
    return FED;
  }
  const handler = handlerOf(message);
  return handler === undefined ? deliver(s, live, message, n, now) : handler(s, live, message, n, now);
}

/** PossDup wants OrigSendingTime (test case 2.g), not after SendingTime (2.f). A rejected message in turn uses its number. */
function possDupIsGood(s: SessionRecord, live: Live, message: Message, n: number, now: Instant): boolean {
  if (!message.flag(message.possDupFlag) || message.msgType === MsgType.SequenceReset) return true;
  if (message.origSendingTime < 0) {
    if (!s.profile.requires_orig_sending_time) return true;
    recordInvalid(s, message, n, now);
    if (n === s.store.nextIn) advance(s, n);
    sendReject(s, live, message, { reason: REQUIRED_TAG_MISSING, refTag: Tag.OrigSendingTime }, now);
    return false;
  }
  if (isOrigSendingTimeGood(message)) return true;
  recordInvalid(s, message, n, now);
  if (n === s.store.nextIn) advance(s, n);
  sendReject(s, live, message, { reason: SENDING_TIME_PROBLEM }, now);
  logoutAndWait(s, live, '', now);
  return false;
}

/** Messages that are acted on whatever their number. */
function actsOutOfTurn(message: Message): boolean {
  switch (message.msgType) {
    case MsgType.Logout:
    case MsgType.ResendRequest:
      return true;
    case MsgType.SequenceReset:
      return !message.flag(message.index(Tag.GapFillFlag));
    case MsgType.Logon:
      return message.flag(message.index(Tag.ResetSeqNumFlag));
    default:
      return false;
  }
}

/** A number too high or too low. */
function outOfTurn(s: SessionRecord, live: Live, message: Message, n: number, tokens: number, now: Instant): Fed {
  if (actsOutOfTurn(message)) {
    if (isValid(s, live, message, tokens)) return HANDLERS[message.msgType]!(s, live, message, n, now);
    if (message.msgType === MsgType.SequenceReset) {
      rejectByVerdict(s, live, message, now); // its number means nothing
      return FED;
    }
  }
  const next = s.store.nextIn;
  if (n > next) {
    noteAhead(s, live, n, message, false, now);
    return FED;
  }
  if (message.flag(message.possDupFlag)) {
    possDupIsGood(s, live, message, n, now); // and dropped in any case: it has been processed (test case 2.e)
    return FED;
  }
  logoutAndClose(s, live, 'msg_seq_num_too_low', `MsgSeqNum too low, expecting ${next} but received ${n}`, now);
  return ENDED;
}

/** Queued messages whose turn has come. */
export function drain(s: SessionRecord, live: Live, now: Instant): Fed {
  while (s.phase.state === 'active') {
    const n = s.store.nextIn;
    const copy = s.queue.get(n);
    if (copy === undefined) {
      if (s.highest < n) s.highest = 0;
      settleGap(s, live, now);
      return FED;
    }
    if (copy.length === 0) pass(s, n);
    else {
      s.view.traits = live.output.traits;
      const tokens = tokenise(copy, 0, copy.length, s.view);
      if (inTurn(s, live, s.view, n, tokens, now) === AGAIN) {
        live.held = true;
        return HELD;
      }
    }
    s.queue.remove(n); // also when it did not move the number on: a bad gap fill would be found here for ever
  }
  return isEnded(s) ? ENDED : FED;
}

/** To the application, exactly once. Its number is used also when the application throws: an order is never placed twice. */
function deliver(s: SessionRecord, live: Live, message: Message, n: number, now: Instant): Fed {
  const { generation } = s.store;
  const before = s.lastProcessed;
  let delivery: Delivery;
  s.lastProcessed = n;
  try {
    delivery = live.output.deliver(message, n, now);
  } catch (error) {
    if (s.store.generation === generation) s.store.setNextIn(n + 1);
    throw error;
  }
  if (delivery === HOLD) {
    s.lastProcessed = before;
    return AGAIN;
  }
  if (s.store.generation === generation) s.store.setNextIn(n + 1);
  if (delivery === UNSUPPORTED && isActive(s))
    businessReject(s, message, UNSUPPORTED_MESSAGE_TYPE, '', 'Unsupported Message Type', now);
  return FED;
}

function onHeartbeat(s: SessionRecord, _live: Live, _message: Message, n: number): Fed {
  pass(s, n);
  return QUIET;
}

function onTestRequest(s: SessionRecord, live: Live, message: Message, n: number, now: Instant): Fed {
  pass(s, n);
  sendHeartbeat(s, live, now, message);
  return FED;
}

/** A Reject uses its number and nothing else (test case 7): what was rejected is not sent again. */
function onReject(s: SessionRecord, _live: Live, _message: Message, n: number): Fed {
  pass(s, n);
  return FED;
}

/** Served whatever its number, and before we ask for anything ourselves: else both sides would wait (test case 20). */
function onResendRequest(s: SessionRecord, live: Live, message: Message, n: number, now: Instant): Fed {
  if (n === s.store.nextIn) pass(s, n);
  serveRequest(s, live, message, now);
  if (n > s.store.nextIn) noteAhead(s, live, n, message, true, now);
  return FED;
}

function serveRequest(s: SessionRecord, live: Live, message: Message, now: Instant): void {
  const from = message.uint(message.index(Tag.BeginSeqNo));
  const end = message.uint(message.index(Tag.EndSeqNo));
  const last = s.store.nextOut - 1;
  const to = isOpenEnd(s.identity.beginString, end) || end > last ? last : end;
  if (from < 1 || end < 0 || (to === end && to < from)) {
    const refTag = from < 1 ? Tag.BeginSeqNo : Tag.EndSeqNo;
    sendReject(s, live, message, { reason: VALUE_INCORRECT, refTag }, now);
  } else if (from <= to) requestResend(s, live, from, to, now);
}

/**
 * Gap fill in its turn, or Reset whatever its number (test cases 10 and 11). NewSeqNo may not go back. Its size costs
 * nothing: no number in between is looked at.
 */
function onSequenceReset(s: SessionRecord, live: Live, message: Message, _n: number, now: Instant): Fed {
  const isGapFill = message.flag(message.index(Tag.GapFillFlag));
  const newSeqNo = message.uint(message.index(Tag.NewSeqNo));
  const next = s.store.nextIn;
  if (newSeqNo < next || newSeqNo > MAX_MSG_SEQ_NUM || (isGapFill && newSeqNo === next)) {
    sendReject(s, live, message, { reason: VALUE_INCORRECT }, now);
    return FED;
  }
  if (isGapFill) {
    s.queue.dropBelow(newSeqNo);
    noteGapFill(s, newSeqNo);
  } else clearGap(s); // the client begins anew there: what came before is void
  if (newSeqNo > next) {
    if (isGapFill) pass(s, newSeqNo - 1);
    else advance(s, newSeqNo - 1);
  }
  return FED;
}

function onLogout(s: SessionRecord, live: Live, message: Message, n: number, now: Instant): Fed {
  if (n === s.store.nextIn) pass(s, n);
  sendLogout(s, live, '', now, SessionStatus.LogoutComplete);
  close(s, live, 'logout', message.text(message.index(Tag.Text)), now);
  return ENDED;
}

/** A Logon in mid-session resets both sides if it says so (141=Y); any other is a mistake, which uses its number. */
function onLogonAgain(s: SessionRecord, live: Live, message: Message, n: number, now: Instant): Fed {
  if (!message.flag(message.index(Tag.ResetSeqNumFlag))) {
    advance(s, n);
    sendReject(s, live, message, { reason: Reason.Other, text: 'Logged on already' }, now);
    return FED;
  }
  if (message.index(Tag.NewPassword) >= 0) {
    // A Logon in answer would say that it is changed. Nobody who could change it is asked here.
    logoutAndClose(s, live, 'logon_refused', NO_NEW_PASSWORD, now, SessionStatus.NewPasswordDoesNotComply);
    return ENDED;
  }
  const logon = readLogon(s, message, live.output.validate, now);
  if ('refusal' in logon) {
    logoutAndClose(s, live, 'logon_refused', logon.text, now);
    return ENDED;
  }
  const unproved = live.output.unproved(message);
  if (unproved === HOLD) return AGAIN;
  if (unproved !== undefined) {
    logoutAndClose(s, live, 'logon_refused', unproved.text, now, unproved.status);
    return ENDED;
  }
  acceptLogon(s, live, logon, message, now);
  return FED;
}
