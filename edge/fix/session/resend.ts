/**
 * Messages of ours again: ResendRequests served in portions, and pending application messages sent for the first time.
 * One range at a time; what is asked meanwhile, or too often, waits in one slot.
 */

import { type Message, TOKENS_OK, tokenise } from '../message.ts';
import { MsgType, Tag } from '../tags.ts';
import {
  RESEND_BACKLOG_BYTES,
  RESEND_PORTION,
  RESEND_WINDOW_MS,
  RESENDS_PER_WINDOW,
  SAME_RESENDS_PER_WINDOW,
} from './limits.ts';
import { type Instant, KEEP, LOADING, type StoredMessage } from './ports.ts';
import { IDLE, type Live, type Recovery, type SessionRecord, saysLastProcessed } from './record.ts';

/** A range the client wants again, 1 ≤ from ≤ to < nextOut. Nothing asked for is forgotten, only put off. */
export function requestResend(s: SessionRecord, live: Live, from: number, to: number, now: Instant): void {
  const { resend, window } = s;
  // What is being sent already, and still ahead, need not be sent twice.
  if (resend.state === 'serving' && resend.next <= from && to <= resend.to) return;
  if (now.monoMs - window.since >= RESEND_WINDOW_MS) {
    window.since = now.monoMs;
    window.served = 0;
    window.same = 0;
  }
  window.same = window.from === from && window.to === to ? window.same + 1 : 1;
  window.from = from;
  window.to = to;
  const tooOften = window.served >= RESENDS_PER_WINDOW || window.same > SAME_RESENDS_PER_WINDOW;
  if (resend.state === 'serving' || tooOften || s.waiting !== undefined) {
    const earlier = s.waiting;
    const notBefore = tooOften ? window.since + RESEND_WINDOW_MS : now.monoMs;
    s.waiting = {
      from: Math.min(from, earlier?.from ?? from),
      to: Math.max(to, earlier?.to ?? to),
      notBefore: Math.max(notBefore, earlier?.notBefore ?? notBefore),
    };
    return;
  }
  serve(s, live, from, to, now);
}

/** Begins to send the range again, without asking whether it is too often. */
export function serve(s: SessionRecord, live: Live, from: number, to: number, now: Instant): void {
  const { recovery } = live;
  if (recovery !== undefined && recovery.served === 0 && now.monoMs >= recovery.beginsBy) live.recovery = undefined;
  s.window.served++;
  s.resend = { state: 'serving', next: from, to };
  goOn(s, live, now);
}

/** Sends what waits as far as the output has room: the present range, the waiting one, then pending messages. */
export function goOn(s: SessionRecord, live: Live, now: Instant): void {
  let portion = RESEND_PORTION;
  if (s.resend.state === 'serving') {
    portion = resendPortion(s, live, now, portion);
    if (isServing(s)) return;
    live.pendingFrom = 0; // the client has what it asked for
  }
  if (s.waiting !== undefined && now.monoMs >= s.waiting.notBefore) {
    const { from, to } = s.waiting;
    s.waiting = undefined;
    if (now.monoMs - s.window.since >= RESEND_WINDOW_MS) {
      s.window.since = now.monoMs;
      s.window.served = 0;
      s.window.same = 0;
    }
    s.window.served++;
    s.resend = { state: 'serving', next: from, to };
    portion = resendPortion(s, live, now, portion);
    if (isServing(s)) return;
  }
  if (live.pendingFrom === 0 && s.phase.state === 'active') sendPending(s, live, now, portion);
  if (live.recovery !== undefined) settleRecovery(s, live, live.recovery, now);
}

/** Tells once that what was missed has been sent. A client that asks in chunks has asked for the last one by then. */
function settleRecovery(s: SessionRecord, live: Live, recovery: Recovery, now: Instant): void {
  const { upTo, served, resent, delivered } = recovery;
  if (s.phase.state !== 'active' || s.waiting !== undefined || s.store.pending > 0 || live.pendingFrom !== 0) return;
  if (resent + delivered === 0 || (resent > 0 && served < upTo)) return;
  live.recovery = undefined;
  live.output.recovered(resent, delivered, now);
}

/** Our own News is not what a client waits for. */
function noteResent(recovery: Recovery, msgSeqNum: number, msgType: number): void {
  if (msgSeqNum > recovery.served && msgSeqNum <= recovery.upTo && msgType !== MsgType.News) recovery.resent++;
}

const isServing = (s: SessionRecord): boolean => s.resend.state === 'serving';

/** @returns what is left of the portion; the range is done when the state is idle */
function resendPortion(s: SessionRecord, live: Live, now: Instant, portion: number): number {
  const range = s.resend;
  if (range.state !== 'serving') return portion;
  const { output } = live;
  let left = portion;
  while (range.next <= range.to) {
    if (left === 0 || output.backlog() > RESEND_BACKLOG_BYTES) return left;
    const found = s.profile.persist_messages ? s.store.next(range.next, range.to) : undefined;
    if (found === LOADING) return left;
    const upTo = found === undefined ? range.to + 1 : found.msgSeqNum;
    if (upTo > range.next) sendGapFill(s, live, range.next, upTo, now);
    range.next = upTo;
    if (found !== undefined) {
      readStored(s, live, found);
      output.encoder.resend(s.stored, now.epochMs, s.decimals);
      s.store.resent(upTo, now.epochMs);
      range.next = upTo + 1;
      if (live.recovery !== undefined) noteResent(live.recovery, upTo, s.stored.msgType);
    }
    if (live.recovery !== undefined) live.recovery.served = Math.max(live.recovery.served, range.next - 1);
    live.lastSent = now.monoMs;
    left--;
  }
  s.resend = IDLE;
  return left;
}

/** One SequenceReset for a run of numbers without application messages, cost independent of its length. Uses no number. */
function sendGapFill(s: SessionRecord, live: Live, from: number, newSeqNo: number, now: Instant): void {
  const encoder = live.output.encoder;
  encoder.begin(s.header, MsgType.SequenceReset, from, now.epochMs).flag(Tag.PossDupFlag, true);
  encoder.utc(Tag.OrigSendingTime, now.epochMs);
  if (saysLastProcessed(s)) encoder.uint(Tag.LastMsgSeqNumProcessed, s.lastProcessed);
  encoder.uint(Tag.NewSeqNo, newSeqNo).flag(Tag.GapFillFlag, true).end();
}

/** Header fields that a pending message gets anew when it is sent. */
const RENEWED: ReadonlySet<number> = new Set<number>([
  Tag.BeginString,
  Tag.BodyLength,
  Tag.MsgType,
  Tag.MsgSeqNum,
  Tag.SenderCompID,
  Tag.SenderSubID,
  Tag.SendingTime,
  Tag.TargetCompID,
  Tag.TargetSubID,
  Tag.CheckSum,
]);

/** Pending messages get numbers and go out, in order; the store forgets each in the change that keeps it as sent. */
function sendPending(s: SessionRecord, live: Live, now: Instant, portion: number): void {
  const { store } = s;
  const { encoder } = live.output;
  for (let left = portion; left > 0 && store.pending > 0; left--) {
    if (live.output.backlog() > RESEND_BACKLOG_BYTES) return;
    const found = store.peek();
    if (found === undefined || found === LOADING) return;
    readStored(s, live, found);
    const { stored } = s;
    const msgSeqNum = store.nextOut;
    encoder.begin(s.header, stored.msgType, msgSeqNum, now.epochMs);
    if (mayHaveLeft(store.lostAt, stored)) encoder.flag(Tag.PossResend, true);
    if (saysLastProcessed(s)) encoder.uint(Tag.LastMsgSeqNumProcessed, s.lastProcessed);
    for (let i = 0; i < stored.count; i++) if (!RENEWED.has(stored.tags[i]!)) encoder.copy(stored, i);
    const start = encoder.end();
    if (live.recovery !== undefined && stored.msgType !== MsgType.News) live.recovery.delivered++;
    const how = s.profile.persist_messages ? KEEP : 0;
    store.promote(msgSeqNum, encoder.buf, start, encoder.length, now.epochMs, how);
    live.lastSent = now.monoMs;
  }
}

/** One that was made before something was lost may have been sent under a number that was lost with that: and says so, once. */
const mayHaveLeft = (lostAt: number, stored: Message): boolean =>
  lostAt > 0 && !stored.flag(stored.possResend) && !(stored.utc(stored.sendingTime) > lostAt);

/** The store's messages are our own: one that does not parse means that the store is damaged. */
function readStored(s: SessionRecord, live: Live, found: StoredMessage): void {
  s.stored.traits = live.output.traits;
  const tokens = tokenise(found.buf, found.start, found.end, s.stored);
  if (tokens !== TOKENS_OK) throw new Error(`stored message ${found.msgSeqNum} is damaged (${tokens})`);
}
