/**
 * Heartbeats, TestRequests and waits, by monotonic time. Nothing ticks: the connection sleeps until the next time.
 * FIX 4.4 vol. 2, "Heartbeat": one when nothing was sent for HeartBtInt; a TestRequest when nothing came for HeartBtInt
 * and a reasonable transmission time; the end when it was not answered for as long again.
 */

import { TEST_REQUEST_FACTOR } from './limits.ts';
import { close, logoutAndWait, sendHeartbeat, sendTestRequest } from './outbound.ts';
import type { Instant } from './ports.ts';
import type { Live, SessionRecord } from './record.ts';
import { goOn } from './resend.ts';
import { SessionStatus } from './session-status.ts';

/** When the client's silence has the next consequence, and ours. */
const silenceAt = (live: Live): number => {
  const patience = live.heartBtMs * TEST_REQUEST_FACTOR;
  return (live.testRequestedAt < 0 ? live.lastReceived : live.testRequestedAt) + patience;
};

export function nextTimerAt(s: SessionRecord): number {
  const { phase } = s;
  if (phase.state === 'logout_sent') return phase.deadline;
  if (phase.state !== 'active') return Number.POSITIVE_INFINITY;
  const { live } = phase;
  let at = Number.POSITIVE_INFINITY;
  if (live.heartBtMs > 0) {
    at = silenceAt(live);
    if (live.testRequestedAt < 0) at = Math.min(at, live.lastSent + live.heartBtMs);
  }
  at = Math.min(at, live.endCheckAt);
  if (live.pendingFrom !== 0) at = Math.min(at, live.pendingFrom);
  if (s.waiting !== undefined && s.resend.state === 'idle') at = Math.min(at, s.waiting.notBefore);
  return at;
}

export function onTimer(s: SessionRecord, now: Instant): void {
  const { phase } = s;
  if (phase.state === 'logout_sent') {
    if (now.monoMs >= phase.deadline) close(s, phase.live, 'logout_timeout', 'Logout was not answered', now);
    return;
  }
  if (phase.state !== 'active') return;
  const { live } = phase;
  if (now.monoMs >= live.endCheckAt) {
    if (now.epochMs >= live.endsAt) {
      logoutAndWait(s, live, 'End of session hours', now, SessionStatus.LogonsNotAllowedNow);
      return;
    }
    live.endCheckAt = now.monoMs + live.endsAt - now.epochMs;
  }
  if (live.heartBtMs > 0 && !keepAlive(s, live, now)) return;
  if (live.pendingFrom !== 0 && now.monoMs >= live.pendingFrom) live.pendingFrom = 0;
  goOn(s, live, now);
}

/** @returns false when the client is gone */
function keepAlive(s: SessionRecord, live: Live, now: Instant): boolean {
  if (now.monoMs >= silenceAt(live)) {
    if (live.testRequestedAt >= 0) {
      close(s, live, 'heartbeat_timeout', 'TestRequest was not answered', now);
      return false;
    }
    live.testRequestedAt = now.monoMs;
    sendTestRequest(s, live, now);
  } else if (live.testRequestedAt < 0 && now.monoMs >= live.lastSent + live.heartBtMs) sendHeartbeat(s, live, now);
  return true;
}
