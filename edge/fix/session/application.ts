/** Application messages out: numbered and sent at once, or to the store when the client is away or behind. */

import { type BodyWriter, Encoder } from '../encoder.ts';
import type { Message } from '../message.ts';
import { MsgType, Tag } from '../tags.ts';
import { DIVERT_BACKLOG_BYTES } from './limits.ts';
import { sendReject, writeBusinessReject } from './outbound.ts';
import { BY_VENUE, type Instant, KEEP } from './ports.ts';
import { LIVE_DRAFT, type Live, NO_DRAFT, PENDING_DRAFT, type SessionRecord, saysLastProcessed } from './record.ts';
import { isBefore42 } from './versions.ts';

/** Most application messages fit; the buffer grows for others. */
const SCRATCH_BYTES = 512;

/** Whom a message may go to now: nobody while one that was made before it waits, or the client does not read. */
function liveNow(s: SessionRecord): Live | undefined {
  if (s.phase.state !== 'active' || s.resend.state === 'serving' || s.store.pending > 0) return undefined;
  const { live } = s.phase;
  return live.output.backlog() > DIVERT_BACKLOG_BYTES ? undefined : live;
}

/** @param how {@link BY_VENUE}, or 0 for what the gateway says itself */
export function begin(s: SessionRecord, msgType: number, now: Instant, how: number): BodyWriter {
  const live = liveNow(s);
  s.draftHow = how;
  if (s.draftNow !== now) s.draftNow = now; // to write a pointer costs more than to look
  if (live === undefined) {
    s.draft = PENDING_DRAFT;
    s.scratch ??= new Encoder(SCRATCH_BYTES);
    return s.scratch.begin(s.header, msgType, 0, now.epochMs);
  }
  s.draft = LIVE_DRAFT;
  const encoder = live.output.encoder.begin(s.header, msgType, s.store.nextOut, now.epochMs);
  return saysLastProcessed(s) ? encoder.uint(Tag.LastMsgSeqNumProcessed, s.lastProcessed) : encoder;
}

export function commit(s: SessionRecord): void {
  const { draft, store, scratch, phase } = s;
  s.draft = NO_DRAFT;
  if (draft === LIVE_DRAFT && phase.state === 'active') {
    const { encoder } = phase.live.output;
    const msgSeqNum = store.nextOut;
    const start = encoder.end();
    const how = s.profile.persist_messages ? s.draftHow | KEEP : s.draftHow;
    store.append(msgSeqNum, encoder.buf, start, encoder.length, s.draftNow.epochMs, how);
    const { monoMs } = s.draftNow;
    if (phase.live.lastSent !== monoMs) phase.live.lastSent = monoMs;
  } else if (draft === PENDING_DRAFT && scratch !== undefined) {
    scratch.end();
    store.enqueue(scratch.buf, 0, scratch.length, s.draftNow.epochMs, s.draftHow & BY_VENUE);
    scratch.clear();
  } else throw new RangeError('no application message has been begun');
}

export function cancel(s: SessionRecord): void {
  if (s.draft === PENDING_DRAFT) s.scratch?.cancel();
  else if (s.draft === LIVE_DRAFT && s.phase.state === 'active') s.phase.live.output.encoder.cancel();
  s.draft = NO_DRAFT;
}

/** BusinessMessageReject (35=j), an application message like any other; FIX.4.0 and 4.1 have Reject (35=3) only. */
export function businessReject(
  s: SessionRecord,
  message: Message,
  reason: number,
  refId: string,
  text: string,
  now: Instant,
): void {
  if (isBefore42(s.identity.beginString)) {
    if (s.phase.state === 'active') sendReject(s, s.phase.live, message, { reason: -1, text }, now);
    return;
  }
  const encoder = begin(s, MsgType.BusinessMessageReject, now, 0);
  writeBusinessReject(s, encoder, message, reason, refId, text);
  commit(s);
}
