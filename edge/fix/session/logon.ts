/** The Logon: what it must say, and what follows when it is accepted. */

import { type Message, TOKENS_OK } from '../message.ts';
import { MsgType, Tag } from '../tags.ts';
import { clearGap, expectGap, noteAhead } from './gap.ts';
import { PENDING_GRACE_MS, RECOVERY_BEGINS_MS, TEXT_BYTES } from './limits.ts';
import { finish, start } from './outbound.ts';
import { enter } from './phases.ts';
import type { Greeting, Instant, LogonRefusal, RefusedLogon, Validator } from './ports.ts';
import { IDLE, type Live, type SessionRecord, saysSessionStatus } from './record.ts';
import { goOn, serve } from './resend.ts';
import { periodAt } from './schedule.ts';
import { isSendingTimeGood } from './sending-time.ts';
import { SessionStatus } from './session-status.ts';
import { hasNextExpected, isFixt } from './versions.ts';

export interface Logon {
  readonly msgSeqNum: number;
  /** Seconds. */
  readonly heartBtInt: number;
  /** 141=Y; an explicit 141=N is none. */
  readonly resetSeqNumFlag: boolean;
  /** Whether both numbers start at 1, by the client's wish or by the profile. */
  readonly reset: boolean;
  /** NextExpectedMsgSeqNum (789), -1 when absent. */
  readonly nextExpected: number;
  /** When the session period is over, epoch ms. */
  readonly endsAt: number;
}

const refused = (refusal: LogonRefusal, text: string): RefusedLogon => ({ refusal, text });

/** There is nothing to be said. */
export const ACTIVE: Greeting = { status: SessionStatus.Active, text: '' };

/** Reads and judges a Logon; changes nothing. */
export function readLogon(s: SessionRecord, message: Message, validate: Validator, now: Instant): Logon | RefusedLogon {
  const { profile, identity, store } = s;
  if (
    !message.equals(message.beginString, identity.beginString) ||
    !profile.begin_strings.some((allowed) => allowed === identity.beginString)
  ) {
    return refused('begin_string', 'Incorrect BeginString');
  }
  if (!isSendingTimeGood(message, profile, now)) return refused('sending_time', 'SendingTime accuracy problem');
  const period = periodAt(profile, now.epochMs);
  if (period.state === 'closed') return refused('outside_session_time', closedText(period.opens));
  if (!validate(message, TOKENS_OK, s.verdict)) {
    return refused('invalid', s.verdict.namesTag ? `${s.verdict.text} (${s.verdict.refTagId})` : s.verdict.text);
  }
  const msgSeqNum = message.uint(message.msgSeqNum);
  if (msgSeqNum < 1) return refused('invalid', 'MsgSeqNum (34) must be a number from 1');
  if (message.uint(message.index(Tag.EncryptMethod)) !== 0) {
    return refused('encrypt_method', 'EncryptMethod (98) must be 0');
  }
  const heartBtInt = message.uint(message.index(Tag.HeartBtInt));
  const { min, max } = profile.heartbeat_interval;
  if (heartBtInt < min || heartBtInt > max) {
    return refused('heartbeat_interval', `HeartBtInt (108) must be from ${min} to ${max}`);
  }
  const resetSeqNumFlag = message.flag(message.index(Tag.ResetSeqNumFlag));
  // Numbers are those of one session period: the first Logon of the next begins anew.
  const reset = resetSeqNumFlag || profile.reset_on_logon || store.createdAt < period.from;
  const endsAt = period.to;
  const nextIn = reset ? 1 : store.nextIn;
  if (msgSeqNum < nextIn && !message.flag(message.possDupFlag)) {
    return refused('msg_seq_num_too_low', `MsgSeqNum too low, expecting ${nextIn} but received ${msgSeqNum}`);
  }
  const nextExpectedField = message.index(Tag.NextExpectedMsgSeqNum);
  // After a reset there is nothing to resend, whatever the client still expected.
  if (nextExpectedField < 0 || reset) {
    const nextExpected = reset && nextExpectedField >= 0 ? 1 : -1;
    return { msgSeqNum, heartBtInt, resetSeqNumFlag, reset, nextExpected, endsAt };
  }
  const nextExpected = message.uint(nextExpectedField);
  // quickfixgo says one more than it expects, having counted our answer already.
  if (nextExpected < 1 || nextExpected > store.nextOut + 1) {
    return refused(
      'next_expected_msg_seq_num',
      `NextExpectedMsgSeqNum (789) is wrong, next to send is ${store.nextOut} but received ${message.text(nextExpectedField)}`,
    );
  }
  return { msgSeqNum, heartBtInt, resetSeqNumFlag, reset, nextExpected, endsAt };
}

/** Text of a refusal outside the hours of {@link SessionProfile}. */
export const closedText = (opens: number): string =>
  `Outside of session hours, the next session begins at ${new Date(opens).toISOString()}`;

/**
 * Answers a Logon and brings both sides to the same numbers: ResendRequest for what we miss, resend of what the client
 * misses by 789, then pending messages. `message` is the Logon; `live` is what the session speaks through.
 */
export function acceptLogon(
  s: SessionRecord,
  live: Live,
  logon: Logon,
  message: Message,
  now: Instant,
  greeting: Greeting = ACTIVE,
): void {
  const { store, profile, identity } = s;
  clearGap(s);
  s.resend = IDLE;
  s.waiting = undefined;
  if (logon.reset) store.reset(now.epochMs);
  live.heartBtMs = logon.heartBtInt * 1000;
  live.lastReceived = now.monoMs;
  live.testRequestedAt = -1;
  live.endsAt = logon.endsAt;
  live.endCheckAt = now.monoMs + logon.endsAt - now.epochMs;
  enter(s, { state: 'active', live });
  const { msgSeqNum } = logon;
  if (msgSeqNum === store.nextIn) store.setNextIn(msgSeqNum + 1);
  s.lastProcessed = store.nextIn - 1;

  const ours = store.nextOut;
  const beginsBy = now.monoMs + RECOVERY_BEGINS_MS;
  live.recovery = { upTo: ours - 1, served: 0, resent: 0, delivered: 0, beginsBy };
  const says789 = profile.enable_next_expected_msg_seq_num && hasNextExpected(identity.beginString);
  const encoder = start(s, live, MsgType.Logon, now);
  encoder.uint(Tag.EncryptMethod, 0).uint(Tag.HeartBtInt, logon.heartBtInt);
  if (logon.resetSeqNumFlag) encoder.flag(Tag.ResetSeqNumFlag, true);
  if (says789) encoder.uint(Tag.NextExpectedMsgSeqNum, store.nextIn);
  if (isFixt(identity.beginString)) encoder.copy(message, message.index(Tag.DefaultApplVerID));
  if (saysSessionStatus(s)) {
    encoder.uint(Tag.SessionStatus, greeting.status);
    if (greeting.text !== '') encoder.text(Tag.Text, greeting.text.slice(0, TEXT_BYTES));
  }
  finish(s, live, now);

  if (msgSeqNum > store.nextIn) {
    // With both sides saying 789 the client resends by itself; asking as well would bring everything twice.
    if (says789 && logon.nextExpected >= 0) expectGap(s, msgSeqNum - 1, now);
    noteAhead(s, live, msgSeqNum, message, true, now);
  }
  const knows = logon.nextExpected >= 0;
  live.pendingFrom = knows || store.pending === 0 ? 0 : now.monoMs + PENDING_GRACE_MS;
  // Up to the number of our Logon, which some clients do not count while they miss what came before it.
  if (knows && logon.nextExpected < ours) serve(s, live, logon.nextExpected, ours, now);
  else if (live.pendingFrom === 0) goOn(s, live, now);
}
