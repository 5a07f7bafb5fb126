/** SendingTime (52) against the clock, OrigSendingTime (122) against SendingTime. */

import type { Message } from '../message.ts';
import type { Instant } from './ports.ts';
import type { SessionProfile } from './profile.ts';

/** YYYYMMDD-HH:MM:SS */
const WHOLE_SECONDS = 17;

/**
 * Whether SendingTime is at most max_latency seconds off, either way (test case 2.o). One that is absent or no timestamp
 * is the dictionary's to reject.
 */
export function isSendingTimeGood(
  message: Message,
  profile: Pick<SessionProfile, 'check_latency' | 'max_latency'>,
  now: Instant,
): boolean {
  if (!profile.check_latency) return true;
  const sent = message.utc(message.sendingTime);
  return Number.isNaN(sent) || isLatencyGood(sent, profile, now.epochMs);
}

/** The same for a message that was sent and received at these times, epoch ms. */
export function isLatencyGood(
  sent: number,
  profile: Pick<SessionProfile, 'check_latency' | 'max_latency'>,
  received: number,
): boolean {
  return !profile.check_latency || Math.abs(received - sent) <= profile.max_latency * 1000;
}

/**
 * Whether OrigSendingTime is not after SendingTime (test case 2.f). Compared in whole seconds when either has no
 * decimals: some clients resend with coarser times than they sent with.
 */
export function isOrigSendingTimeGood(message: Message): boolean {
  let sent = message.utc(message.sendingTime);
  let first = message.utc(message.origSendingTime);
  if (
    message.length(message.sendingTime) === WHOLE_SECONDS ||
    message.length(message.origSendingTime) === WHOLE_SECONDS
  ) {
    sent = Math.floor(sent / 1000);
    first = Math.floor(first / 1000);
  }
  return !(first > sent);
}
