/**
 * A FIX session of an acceptor: one BeginString, SenderCompID, SenderSubID and TargetCompID, over all its connections.
 * The door of this folder; rules are in inbound.ts, logon.ts, gap.ts, resend.ts and timers.ts.
 */

import { Verdict } from '../dictionary/verdict.ts';
import { type BodyWriter, type Encoder, HeaderTemplate } from '../encoder.ts';
import { Message } from '../message.ts';
import { MsgType, Tag } from '../tags.ts';
import { Name } from '../words.ts';
import { begin, businessReject, cancel, commit } from './application.ts';
import { clearGap } from './gap.ts';
import { drain, receive } from './inbound.ts';
import { TEXT_BYTES } from './limits.ts';
import { ACTIVE, acceptLogon, readLogon } from './logon.ts';
import { close, logoutAndClose, logoutAndWait, sendReject, sendTestRequest } from './outbound.ts';
import { enter } from './phases.ts';
import {
  ENDED,
  FED,
  type Fed,
  type FixSession,
  type Greeting,
  type Instant,
  type LogonResult,
  type RefusedLogon,
  type SessionIdentity,
  type SessionOutput,
  type SessionStore,
  type Validator,
} from './ports.ts';
import type { SessionProfile } from './profile.ts';
import { InboundQueue } from './queue.ts';
import { AWAY, IDLE, type Live, NO_DRAFT, NO_GAP, type SessionRecord } from './record.ts';
import { goOn } from './resend.ts';
import { SessionStatus } from './session-status.ts';
import { nextTimerAt, onTimer } from './timers.ts';
import { decimalsFor } from './versions.ts';

/** Used within one call only, so that one of each serves all sessions of the process. */
const VIEW = new Message();
const STORED = new Message();
const VERDICT = new Verdict();

const headerOf = (identity: SessionIdentity, profile: SessionProfile): HeaderTemplate =>
  new HeaderTemplate(
    {
      beginString: identity.beginString,
      senderCompId: identity.targetCompId,
      targetCompId: identity.senderCompId,
      targetSubId: identity.senderSubId,
    },
    decimalsFor(identity.beginString, profile.timestamp_precision),
  );

/** Before anything has been begun. */
const NEVER: Instant = { epochMs: 0, monoMs: 0 };

export class Session implements FixSession {
  private readonly s: SessionRecord;

  constructor(identity: SessionIdentity, profile: SessionProfile, store: SessionStore) {
    this.s = {
      identity,
      names: {
        begin: new Name(identity.beginString),
        sender: new Name(identity.senderCompId),
        target: new Name(identity.targetCompId),
      },
      profile,
      store,
      header: headerOf(identity, profile),
      decimals: decimalsFor(identity.beginString, profile.timestamp_precision),
      phase: AWAY,
      gap: NO_GAP,
      highest: 0,
      lastPossDup: 0,
      holeAsked: false,
      gapMovedAt: 0,
      queue: new InboundQueue(),
      resend: IDLE,
      waiting: undefined,
      window: { since: Number.NEGATIVE_INFINITY, served: 0, from: 0, to: 0, same: 0 },
      lastProcessed: store.nextIn - 1,
      timely: 0,
      verdict: VERDICT,
      view: VIEW,
      stored: STORED,
      scratch: undefined,
      draft: NO_DRAFT,
      draftNow: NEVER,
      draftHow: 0,
    };
  }

  get identity(): SessionIdentity {
    return this.s.identity;
  }

  get active(): boolean {
    return this.s.phase.state === 'active';
  }

  get held(): boolean {
    return this.s.phase.state === 'active' && this.s.phase.live.held;
  }

  get resending(): boolean {
    const { phase, resend, store } = this.s;
    if (phase.state === 'logout_sent') return resend.state === 'serving';
    if (phase.state !== 'active') return false;
    return resend.state === 'serving' || (store.pending > 0 && phase.live.pendingFrom === 0);
  }

  configure(profile: SessionProfile): void {
    const { s } = this;
    if (s.profile === profile) return;
    if (s.phase.state !== 'away') throw new Error('the session has a connection: its profile is settled');
    s.profile = profile;
    s.header = headerOf(s.identity, profile);
    s.decimals = decimalsFor(s.identity.beginString, profile.timestamp_precision);
  }

  judge(message: Message, profile: SessionProfile, validate: Validator, now: Instant): RefusedLogon | undefined {
    const logon = readLogon({ ...this.s, profile }, message, validate, now);
    return 'refusal' in logon ? logon : undefined;
  }

  onLogon(message: Message, output: SessionOutput, now: Instant, greeting: Greeting = ACTIVE): LogonResult {
    const { s } = this;
    if (s.phase.state !== 'away') throw new Error('the session has a connection: it must be closed first');
    const logon = readLogon(s, message, output.validate, now);
    if ('refusal' in logon) return { accepted: false, ...logon };
    const live: Live = {
      output,
      heartBtMs: 0,
      lastSent: now.monoMs,
      lastReceived: now.monoMs,
      testRequestedAt: -1,
      pendingFrom: 0,
      recovery: undefined,
      held: false,
      endsAt: Number.POSITIVE_INFINITY,
      endCheckAt: Number.POSITIVE_INFINITY,
    };
    acceptLogon(s, live, logon, message, now, greeting);
    return { accepted: true };
  }

  refuse(text: string, output: SessionOutput, now: Instant): void {
    const says = { msgSeqNum: this.s.store.nextOut, text, status: SessionStatus.None };
    writeRefusal(output.encoder, this.s.header, says, now);
    output.close('logon_refused', text);
  }

  onMessage(message: Message, tokens: number, now: Instant): Fed {
    return receive(this.s, message, tokens, now);
  }

  resume(now: Instant): Fed {
    const { phase } = this.s;
    if (phase.state === 'away' || phase.state === 'ended') return ENDED;
    phase.live.held = false;
    return phase.state === 'active' ? drain(this.s, phase.live, now) : FED;
  }

  resumeResend(now: Instant): void {
    const { phase } = this.s;
    if (phase.state === 'active' || phase.state === 'logout_sent') goOn(this.s, phase.live, now);
  }

  onTimer(now: Instant): void {
    onTimer(this.s, now);
  }

  nextTimerAt(): number {
    return nextTimerAt(this.s);
  }

  begin(msgType: number, now: Instant, how = 0): BodyWriter {
    return begin(this.s, msgType, now, how);
  }

  commit(): void {
    commit(this.s);
  }

  cancel(): void {
    cancel(this.s);
  }

  businessReject(message: Message, reason: number, refId: string, text: string, now: Instant): void {
    businessReject(this.s, message, reason, refId, text, now);
  }

  reject(message: Message, reason: number, refTag: number, text: string, now: Instant): void {
    const { phase } = this.s;
    if (phase.state !== 'active') return; // nobody to tell; session-level messages are not kept
    sendReject(this.s, phase.live, message, { reason, refTag: refTag > 0 ? refTag : undefined, text }, now);
  }

  testRequest(now: Instant): void {
    const { phase } = this.s;
    if (phase.state !== 'active' || phase.live.testRequestedAt >= 0) return;
    phase.live.testRequestedAt = now.monoMs;
    sendTestRequest(this.s, phase.live, now);
  }

  logout(text: string, now: Instant, status: number = SessionStatus.None): void {
    const { phase } = this.s;
    if (phase.state === 'active') logoutAndWait(this.s, phase.live, text, now, status);
  }

  end(text: string, now: Instant, status: number = SessionStatus.None): void {
    const { phase } = this.s;
    if (phase.state === 'active') logoutAndClose(this.s, phase.live, 'ended', text, now, status);
    else if (phase.state === 'logout_sent') close(this.s, phase.live, 'ended', text, now);
  }

  onDisconnect(output: SessionOutput, now: Instant): void {
    const { s } = this;
    if (s.phase.state === 'away' || s.phase.live.output !== output) return;
    enter(s, AWAY);
    s.resend = IDLE;
    s.waiting = undefined;
    clearGap(s);
    if (s.profile.reset_on_disconnect) s.store.reset(now.epochMs);
  }

  resetNumbers(now: Instant): boolean {
    if (this.s.phase.state !== 'away') return false;
    this.s.store.reset(now.epochMs);
    return true;
  }
}

/**
 * A Logout that uses no number, for a Logon that was refused: neither side counts it.
 * `msgSeqNum` is the next one of the session; 1 for somebody who has not proved who he is, so that the number tells nothing.
 * `status` is -1 where the version has no SessionStatus (1409).
 */
export function writeRefusal(
  encoder: Encoder,
  header: HeaderTemplate,
  { msgSeqNum, text, status }: { readonly msgSeqNum: number; readonly text: string; readonly status: number },
  now: Instant,
): void {
  encoder.begin(header, MsgType.Logout, msgSeqNum, now.epochMs);
  if (status >= 0) encoder.uint(Tag.SessionStatus, status);
  if (text !== '') encoder.text(Tag.Text, text.slice(0, TEXT_BYTES));
  encoder.end();
}
