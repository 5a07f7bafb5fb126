/** Session-level messages out, and the ways a session ends. */

import { REASON_TEXT } from '../dictionary/verdict.ts';
import type { BodyWriter, Encoder } from '../encoder.ts';
import type { Message } from '../message.ts';
import { MsgType, Tag } from '../tags.ts';
import { LOGOUT_WAIT_MS, TEXT_BYTES } from './limits.ts';
import { enter } from './phases.ts';
import type { CloseCause, Instant } from './ports.ts';
import { type Live, type SessionRecord, saysLastProcessed, saysSessionStatus } from './record.ts';
import { SessionStatus } from './session-status.ts';
import { businessReason, hasLocationIds, hasRejectReason, isBefore42 } from './versions.ts';

/** SessionRejectReason (373) that the session layer itself finds; the dictionary's are in dictionary/verdict.ts. */
export const COMP_ID_PROBLEM = 9;
export const SENDING_TIME_PROBLEM = 10;
export const REQUIRED_TAG_MISSING = 1;
export const VALUE_INCORRECT = 5;

const NO_STATUS: number = SessionStatus.None;

const TEXTS: Readonly<Record<number, string>> = {
  ...REASON_TEXT,
  [COMP_ID_PROBLEM]: 'CompID problem',
  [SENDING_TIME_PROBLEM]: 'SendingTime accuracy problem',
};

/** Text (58) of a SessionRejectReason. */
export const reasonText = (reason: number): string => TEXTS[reason] ?? '';

/** Begins a session-level message with the next number. */
export function start(s: SessionRecord, live: Live, msgType: number, now: Instant): Encoder {
  const encoder = live.output.encoder;
  encoder.begin(s.header, msgType, s.store.nextOut, now.epochMs);
  if (saysLastProcessed(s)) encoder.uint(Tag.LastMsgSeqNumProcessed, s.lastProcessed);
  return encoder;
}

/** Ends it: the number is used, the message is not kept. */
export function finish(s: SessionRecord, live: Live, now: Instant): void {
  live.output.encoder.end();
  s.store.setNextOut(s.store.nextOut + 1);
  live.lastSent = now.monoMs;
}

/** Heartbeat (35=0); answers a TestRequest with its TestReqID (112), byte for byte. */
export function sendHeartbeat(s: SessionRecord, live: Live, now: Instant, testRequest?: Message): void {
  const encoder = start(s, live, MsgType.Heartbeat, now);
  if (testRequest !== undefined) encoder.copy(testRequest, testRequest.index(Tag.TestReqID));
  finish(s, live, now);
}

export function sendTestRequest(s: SessionRecord, live: Live, now: Instant): void {
  start(s, live, MsgType.TestRequest, now).text(Tag.TestReqID, 'TEST');
  finish(s, live, now);
}

export function sendResendRequest(s: SessionRecord, live: Live, from: number, to: number, now: Instant): void {
  start(s, live, MsgType.ResendRequest, now).uint(Tag.BeginSeqNo, from).uint(Tag.EndSeqNo, to);
  finish(s, live, now);
}

/** A reply goes back the way its cause came: OnBehalfOf (115, 116, 144) becomes DeliverTo (128, 129, 145) and back. */
function reverseRoute(s: SessionRecord, encoder: BodyWriter, m: Message): void {
  const copy = (i: number, tag: number) => {
    if (m.length(i) > 0) encoder.copy(m, i, tag);
  };
  copy(m.deliverToCompId, Tag.OnBehalfOfCompID);
  copy(m.deliverToSubId, Tag.OnBehalfOfSubID);
  copy(m.onBehalfOfCompId, Tag.DeliverToCompID);
  copy(m.onBehalfOfSubId, Tag.DeliverToSubID);
  if (!hasLocationIds(s.identity.beginString)) return;
  copy(m.deliverToLocationId, Tag.OnBehalfOfLocationID);
  copy(m.onBehalfOfLocationId, Tag.DeliverToLocationID);
}

/** What a Reject says. `refTag` undefined: no 371. `reason` -1: no 373. */
export interface RejectDetail {
  readonly reason: number;
  readonly refTag?: number | undefined;
  readonly text?: string;
}

/** Reject (35=3). In FIX.4.0 and 4.1 it has RefSeqNum and Text only, and the tag goes into the Text. */
export function sendReject(s: SessionRecord, live: Live, message: Message, detail: RejectDetail, now: Instant): void {
  const { beginString } = s.identity;
  const { reason, refTag } = detail;
  const text = detail.text ?? reasonText(reason);
  const encoder = start(s, live, MsgType.Reject, now);
  reverseRoute(s, encoder, message);
  encoder.uint(Tag.RefSeqNum, Math.max(0, message.uint(message.msgSeqNum)));
  if (isBefore42(beginString)) {
    encoder.text(Tag.Text, refTag === undefined ? text : `${text} (${refTag})`);
  } else {
    if (text !== '') encoder.text(Tag.Text, text);
    if (refTag !== undefined) encoder.int(Tag.RefTagID, refTag);
    if (message.length(message.msgTypeField) > 0) encoder.copy(message, message.msgTypeField, Tag.RefMsgType);
    if (hasRejectReason(beginString, reason)) encoder.uint(Tag.SessionRejectReason, reason);
  }
  finish(s, live, now);
}

/** Writes the body of a BusinessMessageReject (35=j) for `message`. */
export function writeBusinessReject(
  s: SessionRecord,
  encoder: BodyWriter,
  message: Message,
  reason: number,
  refId: string,
  text: string,
): void {
  reverseRoute(s, encoder, message);
  encoder.uint(Tag.RefSeqNum, Math.max(0, message.uint(message.msgSeqNum)));
  if (text !== '') encoder.text(Tag.Text, text);
  encoder.copy(message, message.msgTypeField, Tag.RefMsgType);
  if (refId !== '') encoder.text(Tag.BusinessRejectRefID, refId);
  encoder.uint(Tag.BusinessRejectReason, businessReason(s.identity.beginString, reason));
}

/** @param status SessionStatus (1409), said where the profile wants it; -1: none */
export function sendLogout(s: SessionRecord, live: Live, text: string, now: Instant, status: number): void {
  const encoder = start(s, live, MsgType.Logout, now);
  if (status >= 0 && saysSessionStatus(s)) encoder.uint(Tag.SessionStatus, status);
  if (text !== '') encoder.text(Tag.Text, text.slice(0, TEXT_BYTES));
  finish(s, live, now);
}

/** Asks the connection to close. Both sides having said Logout is the normal end that reset_on_logout means. */
export function close(s: SessionRecord, live: Live, cause: CloseCause, text: string, now: Instant): void {
  enter(s, { state: 'ended', live, cause });
  if (s.profile.reset_on_logout && (cause === 'logout' || cause === 'logout_answered')) s.store.reset(now.epochMs);
  live.output.close(cause, text);
}

/** Logout, then a bounded wait for the answer (FIX 4.4 vol. 2, Logout). */
export function logoutAndWait(s: SessionRecord, live: Live, text: string, now: Instant, status = NO_STATUS): void {
  sendLogout(s, live, text, now, status);
  enter(s, { state: 'logout_sent', live, deadline: now.monoMs + LOGOUT_WAIT_MS });
}

/** Logout, then the end at once. */
export function logoutAndClose(
  s: SessionRecord,
  live: Live,
  cause: CloseCause,
  text: string,
  now: Instant,
  status = NO_STATUS,
): void {
  sendLogout(s, live, text, now, status);
  close(s, live, cause, text, now);
}
