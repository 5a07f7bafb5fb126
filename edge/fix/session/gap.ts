/** Messages of the client that have not come: one ResendRequest for a gap, and what to do as it fills. */

import type { Message } from '../message.ts';
import { GAP_RETRY_MS } from './limits.ts';
import { sendResendRequest } from './outbound.ts';
import type { Instant } from './ports.ts';
import { type Live, NO_GAP, type SessionRecord } from './record.ts';
import { openEnd } from './versions.ts';

/** Forgets the gap and all that came ahead of its turn. */
export function clearGap(s: SessionRecord): void {
  s.gap = NO_GAP;
  s.highest = 0;
  s.lastPossDup = 0;
  s.holeAsked = false;
  s.queue.clear();
}

/** Asks for what is missing from `from` on: by chunks, if the profile says so; else, and for the last chunk, with an open end. */
function ask(s: SessionRecord, live: Live, from: number, until: number, now: Instant): void {
  const chunk = s.profile.resend_request_chunk_size;
  const last = from + chunk - 1;
  const open = chunk === 0 || last >= until;
  s.gap = { state: 'open', until, asked: open ? Number.POSITIVE_INFINITY : last };
  s.gapMovedAt = now.monoMs;
  sendResendRequest(s, live, from, open ? openEnd(s.identity.beginString) : last, now);
}

/** A gap that the client fills by itself, for it has our NextExpectedMsgSeqNum (789): nothing is asked. */
export function expectGap(s: SessionRecord, until: number, now: Instant): void {
  s.gapMovedAt = now.monoMs;
  s.gap = { state: 'open', until, asked: Number.POSITIVE_INFINITY };
}

/**
 * The number `n` has come ahead of its turn; `message` is queued, or only its number when it has been acted on.
 * A hole in the client's own resend (PossDup ahead of its turn while the gap is open: one was lost or garbled) is asked
 * for again, once each pass, or the session would wait for ever.
 */
export function noteAhead(
  s: SessionRecord,
  live: Live,
  n: number,
  message: Message,
  actedOn: boolean,
  now: Instant,
): void {
  if (actedOn) s.queue.mark(n);
  else s.queue.add(n, message);
  if (n > s.highest) s.highest = n;
  if (s.gap.state === 'none') {
    ask(s, live, s.store.nextIn, n - 1, now);
    return;
  }
  if (now.monoMs - s.gapMovedAt >= GAP_RETRY_MS) {
    ask(s, live, s.store.nextIn, s.gap.until, now);
    return;
  }
  if (!message.flag(message.possDupFlag)) return;
  if (n <= s.lastPossDup) s.holeAsked = false;
  s.lastPossDup = n;
  if (s.holeAsked) return;
  s.holeAsked = true;
  ask(s, live, s.store.nextIn, Math.max(s.gap.until, s.store.nextIn), now);
}

/**
 * A gap fill has brought the client to `next`. Some engines say with NewSeqNo the last number filled, not the one after
 * it: one that ends on the last number of a chunk has ended it, or both sides would wait.
 */
export function noteGapFill(s: SessionRecord, next: number): void {
  if (s.gap.state === 'open' && next === s.gap.asked) s.gap = { ...s.gap, asked: next - 1 };
}

/** Numbers have moved on: the next chunk, the end of the gap, or the next gap behind it. */
export function settleGap(s: SessionRecord, live: Live, now: Instant): void {
  const next = s.store.nextIn;
  if (s.gap.state === 'open') {
    if (next <= s.gap.until) {
      s.gapMovedAt = now.monoMs;
      if (next > s.gap.asked) ask(s, live, next, s.gap.until, now);
      return;
    }
    s.gap = NO_GAP;
    s.lastPossDup = 0;
    s.holeAsked = false;
  }
  // Further messages are missing between those that were queued, or did not fit into the queue.
  if (s.highest >= next) ask(s, live, next, Math.min(s.queue.lowest() - 1, s.highest), now);
}
